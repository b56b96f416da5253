/**
 * A training run: batches into the step, the state out of it, metrics and checkpoints into a directory.
 * What a run computes is a function of its settings: order and augmentation of the data, noise and initial
 * values come from the seed, so that a run that goes on from a checkpoint gives what it would have given.
 */
import { appendFileSync, existsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { elements, writeModel } from "@softpool/onnx";
import {
  createSession,
  type Provider,
  type RunTensor,
  type Session,
} from "@softpool/onnx/session-node";
import { uniforms } from "@softpool/poolings";
import {
  type BuiltNetwork,
  buildNetwork,
  type FileTensor,
  weightsOf,
  writeSafetensors,
} from "@softpool/zoo";
import type { Dataset } from "../data/dataset.ts";
import { Loader } from "../data/loader.ts";
import { evaluationTransform, trainingTransform } from "../data/transforms.ts";
import { Failure } from "../errors.ts";
import { writeWhole } from "../paths.ts";
import {
  hasCheckpoint,
  loadCheckpoint,
  type State,
  type Sums,
  saveCheckpoint,
} from "./checkpoint.ts";
import { rateAt, type Schedule } from "./schedule.ts";
import { type StepOptions, type TrainingStep, trainingStep } from "./step.ts";

/** The settings of a run: all that its result depends on. */
export interface RunConfig extends StepOptions {
  /** The network, by name. */
  readonly network: string;
  /** What pools where; default what is there originally. */
  readonly pool?: string;
  /** Height and width of the pictures. */
  readonly size: number;
  /** Number of classes. */
  readonly classes: number;
  /** Seed of everything. */
  readonly seed: number;
  /** Pictures of a step. */
  readonly batch: number;
  /** Epochs. */
  readonly epochs: number;
  /** The learning rate. */
  readonly schedule: Schedule;
  /** Where it runs. */
  readonly provider: Provider;
  /** Threads of ONNX Runtime. */
  readonly threads: number;
  /** What the data are, for the record. */
  readonly data: string;
}

/** What an epoch gave. */
export interface EpochMetrics {
  /** Its number, from 1. */
  readonly epoch: number;
  /** Mean loss of its steps, each before its update. */
  readonly loss: number;
  /** Share of its pictures that were right, each before the update. */
  readonly accuracy: number;
  /** Loss and accuracy of the pictures held out; `undefined` without. */
  readonly test?: { readonly loss: number; readonly accuracy: number; readonly pictures: number };
  /** The learning rate of its last step. */
  readonly rate: number;
  /** Pictures per second, evaluation left out. */
  readonly imagesPerSecond: number;
}

/** How a run is done, without influence on its result. */
export interface RunOptions {
  /** The directory. */
  readonly folder: string;
  /** Whether to go on from the checkpoint that is there. */
  readonly resume: boolean;
  /** Steps between checkpoints within an epoch; default only after epochs. */
  readonly saveEvery?: number;
  /** Told after every step. */
  onStep?(step: number, steps: number, loss: number, accuracy: number): void;
  /** Told after every epoch. */
  onEpoch?(metrics: EpochMetrics): void;
  /** Asked before every step; true ends the run with a checkpoint. */
  stop?(): boolean;
}

const METRICS = "metrics.jsonl";

const NOTHING: Sums = { loss: 0, correct: 0, steps: 0 };

/**
 * Trains.
 * @param config the settings
 * @param train pictures to learn from
 * @param test pictures held out, or `undefined`
 * @param options the directory, and who is told
 * @returns whether the run came to its end
 * @throws Failure when the loss is not finite (the last checkpoint stays), or a checkpoint is of another run
 */
export async function trainRun(
  config: RunConfig,
  train: Dataset,
  test: Dataset | undefined,
  options: RunOptions,
): Promise<boolean> {
  const { batch, seed, size } = config;
  const network = build(config);
  const step = trainingStep(network, config);
  const session = await createSession(writeModel(step.model), sessionOptions(config));
  const loader = new Loader(train, {
    batch,
    transform: trainingTransform(size),
    seed,
    dropLast: true,
  });
  try {
    return await run(config, network, step, session, loader, test, options);
  } finally {
    await loader.close();
    await session.dispose();
  }
}

const sessionOptions = ({ provider, threads }: RunConfig) => ({ provider, threads });

/** The network for training. With momentum 0 what goes out are the statistics of the batch, computed once. */
function build(config: RunConfig): BuiltNetwork {
  const { network, pool, classes, seed, size, batch } = config;
  return buildNetwork(network, { pool, classes, seed, size, batch, training: true, momentum: 0 });
}

async function run(
  config: RunConfig,
  network: BuiltNetwork,
  step: TrainingStep,
  session: Session,
  loader: Loader,
  test: Dataset | undefined,
  options: RunOptions,
): Promise<boolean> {
  const { folder } = options;
  const metricsFile = join(folder, METRICS);
  const begin = options.resume && hasCheckpoint(folder) ? resumed(folder, config, step) : undefined;
  let state = begin?.state ?? initialState(network, step);
  let metricsBytes = begin?.info.metrics ?? 0;
  if (begin === undefined || !existsSync(metricsFile)) writeFileSync(metricsFile, "");
  else truncateSync(metricsFile, metricsBytes);
  let sums: Sums = begin?.info.sums ?? NOTHING;
  const save = (epoch: number, next: number) =>
    saveCheckpoint(
      folder,
      state,
      { epoch, step: next, metrics: metricsBytes, sums },
      { ...config },
    );
  const perEpoch = loader.steps;
  const steps = perEpoch * config.epochs;
  let done = 0;
  let clock = performance.now();
  let [epoch, at] = [begin?.info.epoch ?? 0, begin?.info.step ?? 0];
  if (begin === undefined) await save(0, 0);
  if (epoch >= config.epochs) return finish(config, network, folder, state);
  for await (const taken of loader.batches({ epoch, step: at, epochs: config.epochs })) {
    ({ epoch, step: at } = taken);
    if (options.stop?.()) {
      await save(epoch, at);
      return false;
    }
    const number = epoch * perEpoch + at;
    const rate = rateAt(config.schedule, number, steps, perEpoch);
    const outputs = await session.run({
      ...state,
      ...noiseOf(network, config, number),
      input: { dtype: "float32", shape: taken.shape, data: taken.data },
      labels: {
        dtype: "int64",
        shape: [config.batch],
        data: BigInt64Array.from(taken.labels, BigInt),
      },
      rate: { dtype: "float32", shape: [], data: Float32Array.of(rate) },
    });
    const loss = Number(outputs.loss.data[0]);
    if (!Number.isFinite(loss)) {
      throw new Failure(
        `the loss is ${loss} in epoch ${epoch + 1}, step ${at + 1}; the checkpoint before it stays: try a smaller rate`,
      );
    }
    state = nextState(network, step, state, outputs, config.batch);
    sums = {
      loss: sums.loss + loss,
      correct: sums.correct + Number(outputs.correct.data[0]),
      steps: sums.steps + 1,
    };
    done++;
    options.onStep?.(number + 1, steps, loss, sums.correct / sums.steps / config.batch);
    if (at + 1 < perEpoch) {
      if (options.saveEvery !== undefined && (at + 1) % options.saveEvery === 0) {
        await save(epoch, at + 1);
      }
      continue;
    }
    const seconds = (performance.now() - clock) / 1000;
    const metrics: EpochMetrics = {
      epoch: epoch + 1,
      loss: sums.loss / sums.steps,
      accuracy: sums.correct / sums.steps / config.batch,
      ...(test === undefined ? {} : { test: await evaluate(config, network, state, test) }),
      rate,
      imagesPerSecond: (done * config.batch) / seconds,
    };
    const line = `${JSON.stringify(metrics)}\n`;
    appendFileSync(metricsFile, line);
    metricsBytes += Buffer.byteLength(line);
    sums = NOTHING;
    done = 0;
    await save(epoch + 1, 0);
    options.onEpoch?.(metrics);
    clock = performance.now();
  }
  return finish(config, network, folder, state);
}

/** The checkpoint of a directory, which must be of the same run. */
function resumed(folder: string, config: RunConfig, step: TrainingStep) {
  const loaded = loadCheckpoint(folder, [...step.weights, ...step.velocities]);
  const before = loaded.info.config;
  for (const [name, value] of Object.entries(JSON.parse(JSON.stringify(config)))) {
    if (JSON.stringify(before[name]) !== JSON.stringify(value)) {
      throw new Failure(
        `the checkpoint is of a run with another ${name}: ${JSON.stringify(before[name])} instead of ${JSON.stringify(value)}`,
      );
    }
  }
  return loaded;
}

/** Weights from their initial values, velocities 0. */
function initialState(network: BuiltNetwork, step: TrainingStep): State {
  const stored = weightsOf(network.model);
  const state: State = {};
  for (const { name, shape } of step.weights) {
    const bytes = stored.get(name)?.bytes;
    if (bytes === undefined) throw new Failure(`the network has no tensor ${name}`);
    state[name] = { dtype: "float32", shape, data: new Float32Array(bytes.slice().buffer) };
  }
  for (const { name, shape } of step.velocities) {
    state[name] = { dtype: "float32", shape, data: new Float32Array(elements(shape)) };
  }
  return state;
}

/**
 * What went out comes in next. Running statistics move a tenth of the way to those of the batch; a
 * variance is that of a sample, with divisor M - 1, as PyTorch has it.
 */
function nextState(
  network: BuiltNetwork,
  step: TrainingStep,
  before: State,
  outputs: Readonly<Record<string, RunTensor>>,
  batch: number,
): State {
  const state: State = {};
  for (const { name, next } of [...step.weights, ...step.velocities]) state[name] = outputs[next];
  for (const { name, perSample } of network.statistics) {
    const count = batch * perSample;
    const scale = name.endsWith("running_var") ? count / Math.max(1, count - 1) : 1;
    const [old, own] = [before[name].data, state[name].data] as [Float32Array, Float32Array];
    const data = own.map((value, i) => KEPT * old[i] + (1 - KEPT) * scale * value);
    state[name] = { ...state[name], data };
  }
  return state;
}

/** Share of the old running statistics in the next ones. */
const KEPT = 0.9;

/** The uniform numbers of a step's noise. */
function noiseOf(network: BuiltNetwork, config: RunConfig, step: number): State {
  return Object.fromEntries(
    network.noise.map(({ name, shape }, layer) => {
      const sizes = shape.map((size) => (typeof size === "number" ? size : config.batch));
      const data = Float32Array.from(uniforms(elements(sizes), { seed: config.seed, step, layer }));
      return [name, { dtype: "float32", shape: sizes, data }];
    }),
  );
}

/** The weights of a state, running statistics too, as a weight file has them. */
function weightFile(network: BuiltNetwork, state: State): Map<string, FileTensor> {
  return new Map(
    network.parameters.map(({ name }) => {
      const { shape, data } = state[name];
      const floats = data as Float32Array<ArrayBuffer>;
      const bytes = new Uint8Array(floats.slice().buffer);
      return [name, { dtype: "F32", shape, bytes }];
    }),
  );
}

/** The network for inference with the weights of a state. */
function trained(config: RunConfig, network: BuiltNetwork, state: State): BuiltNetwork {
  const { pool, classes, size } = config;
  return buildNetwork(config.network, { pool, classes, size, weights: weightFile(network, state) });
}

async function evaluate(
  config: RunConfig,
  network: BuiltNetwork,
  state: State,
  test: Dataset,
): Promise<NonNullable<EpochMetrics["test"]>> {
  const { model } = trained(config, network, state);
  const session = await createSession(writeModel(model), sessionOptions(config));
  const loader = new Loader(test, {
    batch: 100,
    transform: evaluationTransform(config.size),
    shuffle: false,
    broken: "leave-out",
  });
  try {
    let [loss, right, pictures] = [0, 0, 0];
    for await (const { shape, data, labels } of loader.batches()) {
      const { logits } = await session.run({ input: { dtype: "float32", shape, data } });
      const values = logits.data as Float32Array;
      const classes = logits.shape[1];
      for (const [i, label] of labels.entries()) {
        const row = values.subarray(i * classes, (i + 1) * classes);
        const most = Math.max(...row);
        loss += most + Math.log(row.reduce((sum, v) => sum + Math.exp(v - most), 0)) - row[label];
        if (row.indexOf(most) === label) right++;
        pictures++;
      }
    }
    return { loss: loss / pictures, accuracy: right / pictures, pictures };
  } finally {
    await loader.close();
    await session.dispose();
  }
}

/** Writes the trained network and its weights. */
async function finish(
  config: RunConfig,
  network: BuiltNetwork,
  folder: string,
  state: State,
): Promise<boolean> {
  const weights = writeSafetensors(weightFile(network, state));
  await writeWhole(join(folder, "weights.safetensors"), (file) => writeFileSync(file, weights));
  const bytes = writeModel(trained(config, network, state).model);
  await writeWhole(join(folder, "model.onnx"), (file) => writeFileSync(file, bytes));
  return true;
}
