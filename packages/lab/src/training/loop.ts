/**
 * A training run: batches into the step, the state out of it, metrics and checkpoints into a directory.
 * What a run computes is a function of its settings: order and augmentation of the data, noise and initial
 * values come from the seed, so that a run that goes on from a checkpoint gives what it would have given.
 */
import type { ModelFile } from "@softpool/onnx/files";
import type { Dataset } from "../data/dataset.ts";
import { type Batch, type Broken, Loader } from "../data/loader.ts";
import { trainingTransform } from "../data/transforms.ts";
import { Failure } from "../errors.ts";
import { beginRun, type Progress } from "./begin.ts";
import { type CheckpointInfo, type Sums, saveCheckpoint } from "./checkpoint.ts";
import type { RunConfig } from "./config.ts";
import { evaluateHeldOut } from "./held-out.ts";
import { type EpochMetrics, testMetrics } from "./metrics.ts";
import { openTrainee } from "./open.ts";
import { appendLine, writeReport, writeResults } from "./output.ts";
import { rateAt } from "./schedule.ts";
import { openStepper, type Stepper } from "./stepper.ts";
import type { Trainee } from "./trainee.ts";

/** How a run is done, without influence on its result. */
export interface RunOptions {
  /** The ONNX file of the settings, when it was read already; the run changes its model. */
  readonly file?: ModelFile;
  /** The directory. */
  readonly folder: string;
  /** Whether to go on from the checkpoint that is there. */
  readonly resume: boolean;
  /** Steps between checkpoints within an epoch; default only after epochs. */
  readonly saveEvery?: number;
  /** Command, versions and machine, for the record. */
  readonly origin?: CheckpointInfo["origin"];
  /** Told after every step. */
  onStep?(step: number, steps: number, loss: number, accuracy: number): void;
  /** Told after every epoch. */
  onEpoch?(metrics: EpochMetrics): void;
  /** Told what should be known, a sentence each. */
  onNote?(note: string): void;
  /** Told of the pictures that were passed over, each once. */
  onBroken?(broken: readonly Broken[]): void;
  /** Asked before every step; true ends the run with a checkpoint. */
  stop?(): boolean;
}

/** What the steps of no epoch add up to. */
const NOTHING: Sums = { loss: 0, correct: 0, steps: 0, seconds: 0 };

/**
 * Trains.
 * @param config the settings
 * @param train pictures to learn from
 * @param test pictures held out, or `undefined`
 * @param options the directory, and who is told
 * @returns whether the run came to its end
 * @throws Failure when the loss is not finite (the last checkpoint stays), a checkpoint is of another run
 * or damaged, the network cannot be trained, or a file cannot be read or written
 */
export async function trainRun(
  config: RunConfig,
  train: Dataset,
  test: Dataset | undefined,
  options: RunOptions,
): Promise<boolean> {
  const { accumulate = 1, batch, seed, size, transform = trainingTransform(size) } = config;
  if (train.length < batch * accumulate) {
    throw new Failure(
      `a step takes ${batch * accumulate} pictures, more than the ${train.length} of ${train.title}: try a smaller batch`,
    );
  }
  const trainee = await openTrainee(config, options.file);
  for (const note of trainee.notes) options.onNote?.(note);
  const stepper = await openStepper(trainee, config);
  try {
    const loader = new Loader(train, { batch, transform, seed, dropLast: true });
    try {
      return await new Run(config, trainee, stepper, loader, test, options).go();
    } finally {
      await loader.close();
    }
  } finally {
    await stepper.dispose();
  }
}

/** The batches of updates, `count` of each, from a position on; what is left of an epoch is passed over. */
async function* updates(
  loader: Loader,
  from: { readonly epoch: number; readonly step: number; readonly epochs: number },
  count: number,
): AsyncGenerator<readonly Batch[], void, undefined> {
  const { epoch, step, epochs } = from;
  const used = Math.floor(loader.steps / count) * count;
  let batches: Batch[] = [];
  for await (const batch of loader.batches({ epoch, step: step * count, epochs })) {
    if (batch.step >= used) continue;
    batches.push(batch);
    if (batches.length < count) continue;
    yield batches;
    batches = [];
  }
}

/** A run at work. */
class Run {
  readonly #config: RunConfig;
  readonly #trainee: Trainee;
  readonly #stepper: Stepper;
  readonly #loader: Loader;
  readonly #test: Dataset | undefined;
  readonly #options: RunOptions;
  readonly #perEpoch: number;
  readonly #accumulate: number;
  #progress: Progress;
  readonly #told = new Set<number>();

  constructor(
    config: RunConfig,
    trainee: Trainee,
    stepper: Stepper,
    loader: Loader,
    test: Dataset | undefined,
    options: RunOptions,
  ) {
    this.#config = config;
    this.#trainee = trainee;
    this.#stepper = stepper;
    this.#loader = loader;
    this.#test = test;
    this.#options = options;
    this.#accumulate = config.accumulate ?? 1;
    this.#perEpoch = Math.floor(loader.steps / this.#accumulate);
    this.#progress = beginRun(config, trainee, stepper, options);
    if (this.#progress.step > this.#perEpoch) {
      throw new Failure(
        `the checkpoint is at step ${this.#progress.step} of an epoch, which has ${this.#perEpoch} now: the data are others`,
      );
    }
  }

  /** Trains to the end or until it is stopped; whether it came to the end. */
  async go(): Promise<boolean> {
    const { epochs } = this.#config;
    if (this.#progress.fresh) await this.#save();
    const done = () => this.#progress.epoch >= epochs;
    if (!done() && this.#progress.step === this.#perEpoch && !(await this.#endEpoch()))
      return false;
    if (!done() && !(await this.#steps(epochs))) return false;
    await writeResults(this.#options.folder, this.#trainee, this.#progress.state);
    await this.#report();
    return true;
  }

  async #steps(epochs: number): Promise<boolean> {
    const pictures = this.#config.batch * this.#accumulate;
    const { epoch, step } = this.#progress;
    let clock = performance.now();
    for await (const batches of updates(this.#loader, { epoch, step, epochs }, this.#accumulate)) {
      if (this.#options.stop?.()) return this.#stopped();
      const at = this.#progress;
      const number = at.epoch * this.#perEpoch + at.step;
      const rate = this.#rateAt(number);
      const update = await this.#stepper.run(at.state, batches, rate, number);
      if (!Number.isFinite(update.loss)) {
        throw new Failure(
          `the loss is ${update.loss} in epoch ${at.epoch + 1}, step ${at.step + 1}; the checkpoint before it stays: try a smaller rate`,
        );
      }
      const now = performance.now();
      const sums: Sums = {
        loss: at.sums.loss + update.loss,
        correct: at.sums.correct + update.correct,
        steps: at.sums.steps + 1,
        seconds: at.sums.seconds + (now - clock) / 1000,
      };
      clock = now;
      this.#progress = { ...at, state: update.state, step: at.step + 1, sums };
      const share = sums.correct / sums.steps / pictures;
      this.#options.onStep?.(number + 1, this.#perEpoch * epochs, update.loss, share);
      if (at.step + 1 < this.#perEpoch) {
        const every = this.#options.saveEvery;
        if (every !== undefined && (at.step + 1) % every === 0) await this.#save();
        continue;
      }
      if (!(await this.#endEpoch())) return false;
      clock = performance.now();
    }
    return true;
  }

  /** The learning rate of a step of the run. */
  #rateAt(number: number): number {
    const { schedule, epochs } = this.#config;
    return rateAt(schedule, number, this.#perEpoch * epochs, this.#perEpoch);
  }

  async #stopped(): Promise<false> {
    await this.#save();
    await this.#report();
    return false;
  }

  /** Evaluates, writes metrics, checkpoint and report; false when it was stopped in between. */
  async #endEpoch(): Promise<boolean> {
    const { epoch, sums } = this.#progress;
    const pictures = this.#config.batch * this.#accumulate;
    let test: EpochMetrics["test"];
    if (this.#test !== undefined) {
      // What was learned is kept, whatever becomes of the evaluation.
      await this.#save();
      const { state } = this.#progress;
      const stop = () => this.#options.stop?.() === true;
      const found = await evaluateHeldOut(this.#trainee, state, this.#config, this.#test, stop);
      if (found === undefined) {
        await this.#report();
        return false;
      }
      test = testMetrics(found);
    }
    const metrics: EpochMetrics = {
      epoch: epoch + 1,
      loss: sums.loss / sums.steps,
      accuracy: sums.correct / sums.steps / pictures,
      ...(test === undefined ? {} : { test }),
      rate: this.#rateAt((epoch + 1) * this.#perEpoch - 1),
      imagesPerSecond: (sums.steps * pictures) / sums.seconds,
    };
    const bytes = appendLine(this.#options.folder, JSON.stringify(metrics));
    this.#progress = {
      ...this.#progress,
      ...{ epoch: epoch + 1, step: 0, sums: NOTHING },
      metrics: this.#progress.metrics + bytes,
    };
    await this.#save();
    this.#options.onEpoch?.(metrics);
    const broken = this.#loader.broken.filter(({ index }) => !this.#told.has(index));
    if (broken.length > 0) this.#options.onBroken?.(broken);
    for (const { index } of broken) this.#told.add(index);
    await this.#report();
    return true;
  }

  #report(): Promise<void> {
    return writeReport(this.#options.folder, (note) => this.#options.onNote?.(note));
  }

  async #save(): Promise<void> {
    const { folder, origin } = this.#options;
    const { state, epoch, step, metrics, sums } = this.#progress;
    const config = { ...this.#config };
    await saveCheckpoint(folder, state, { epoch, step, metrics, sums }, { origin, config });
  }
}
