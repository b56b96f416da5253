/** Does updates on ONNX Runtime: batches and a state in, the next state out. */
import { type ModelProto, OnnxError, writeModel } from "@softpool/onnx";
import {
  channelBlock,
  createSession,
  type RunTensor,
  type Session,
} from "@softpool/onnx/session-node";
import type { Batch } from "../data/loader.ts";
import { Failure } from "../errors.ts";
import type { State } from "./checkpoint.ts";
import type { RunConfig } from "./config.ts";
import { noiseOf } from "./noise.ts";
import { movedStatistics, renamed, zeros } from "./state.ts";
import {
  type StateTensor,
  type StepNames,
  type StepTarget,
  type TrainingStep,
  trainingParts,
  trainingStep,
} from "./step.ts";
import type { Trainee } from "./trainee.ts";

/** What an update gave. */
export interface Update {
  /** The state after it. */
  readonly state: State;
  /** The mean loss of its batches, before it. */
  readonly loss: number;
  /** How many of its pictures were right, before it. */
  readonly correct: number;
}

/** Does updates; disposed by whoever opened it. */
export interface Stepper {
  /** The weights, running statistics too. */
  readonly weights: readonly StateTensor[];
  /** The velocities. */
  readonly velocities: readonly StateTensor[];
  /**
   * One update.
   * @param state what comes in; it is not changed
   * @param batches the batches, as many as are accumulated
   * @param rate the learning rate
   * @param number the number of the update in the run, from 0
   */
  run(state: State, batches: readonly Batch[], rate: number, number: number): Promise<Update>;
  /** Frees what runs. */
  dispose(): Promise<void>;
}

/** Builds what an error of the graph or of the runtime becomes a sentence for. */
function building<T>(title: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof OnnxError ? new Failure(`${title}: ${error.message}`) : error;
  }
}

async function open(title: string, model: ModelProto, config: RunConfig): Promise<Session> {
  const { provider, threads } = config;
  try {
    return await createSession(writeModel(model), { provider, threads });
  } catch (error) {
    throw error instanceof OnnxError ? new Failure(`${title}: ${error.message}`) : error;
  }
}

/** Where a step runs: blocks are of the CPU provider alone. */
async function targetOf({ provider }: RunConfig): Promise<StepTarget> {
  return { block: provider === "cpu" ? await channelBlock() : undefined };
}

/**
 * Opens what does the updates of a run.
 * @param trainee the network
 * @param config batch, accumulation, optimiser, provider, threads
 * @throws Failure for an operator without a gradient, with the node, or when the runtime refuses the graph
 */
export async function openStepper(trainee: Trainee, config: RunConfig): Promise<Stepper> {
  const { accumulate = 1 } = config;
  const { title } = trainee;
  if (accumulate > 1) return openParts(trainee, config, accumulate);
  const target = await targetOf(config);
  const step = building(title, () => trainingStep(trainee, config, target));
  const session = await open(title, step.model, config);
  return {
    ...step,
    run: async (state, [batch], rate, number) => {
      const outputs = await session.run({
        ...state,
        ...noiseOf(trainee.noise, config.seed, number),
        ...fed(step.names, batch),
        [step.names.rate]: single(rate),
      });
      const next = renamed([...step.weights, ...step.velocities], outputs);
      const moved = movedStatistics(trainee, state, outputs, config.batch);
      return { state: { ...next, ...moved }, ...measured(step, outputs) };
    },
    dispose: () => session.dispose(),
  };
}

async function openParts(trainee: Trainee, config: RunConfig, count: number): Promise<Stepper> {
  const { title } = trainee;
  const target = await targetOf(config);
  const parts = building(title, () => trainingParts(trainee, config, count, target));
  const gradients = await open(title, parts.gradients, config);
  const update = await open(title, parts.update, config).catch(async (error: unknown) => {
    await gradients.dispose();
    throw error;
  });
  const { weights, velocities, names, sums } = parts;
  const statistics = new Set(trainee.statistics.map(({ name }) => name));
  const learned = weights.filter(({ name }) => !statistics.has(name));
  const pick = (state: State, tensors: readonly StateTensor[]): State =>
    Object.fromEntries(tensors.map(({ name }) => [name, state[name]]));
  return {
    weights,
    velocities,
    run: async (state, batches, rate, number) => {
      let [sum, moved] = [zeros(sums), pick(state, weights)];
      let [loss, correct] = [0, 0];
      for (const [i, batch] of batches.entries()) {
        const outputs = await gradients.run({
          ...moved,
          ...sum,
          ...noiseOf(trainee.noise, config.seed, number * count + i),
          ...fed(names, batch),
        });
        sum = renamed(sums, outputs);
        moved = { ...moved, ...movedStatistics(trainee, moved, outputs, config.batch) };
        const found = measured(parts, outputs);
        loss += found.loss / count;
        correct += found.correct;
      }
      const outputs = await update.run({
        ...pick(state, [...learned, ...velocities]),
        ...sum,
        [names.rate]: single(rate),
      });
      const next = renamed([...learned, ...velocities], outputs);
      return { state: { ...moved, ...next }, loss, correct };
    },
    dispose: async () => {
      await gradients.dispose();
      await update.dispose();
    },
  };
}

const single = (value: number): RunTensor => {
  return { dtype: "float32", shape: [], data: Float32Array.of(value) };
};

function fed(names: StepNames, { shape, data, labels }: Batch): State {
  return {
    [names.pictures]: { dtype: "float32", shape, data },
    [names.labels]: {
      dtype: "int64",
      shape: [labels.length],
      data: BigInt64Array.from(labels, BigInt),
    },
  };
}

function measured(
  { names }: Pick<TrainingStep, "names">,
  outputs: Readonly<Record<string, RunTensor>>,
): { loss: number; correct: number } {
  const [loss, correct] = [names.loss, names.correct].map((name) => Number(outputs[name].data[0]));
  return { loss, correct };
}
