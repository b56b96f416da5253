/**
 * Batches of a set, prepared ahead of whoever takes them. What a batch holds is a function of the set,
 * the options, the epoch and the step alone: not of the number of threads, nor of where a run began.
 */
import { closeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Failure, quote } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { order } from "./draw.ts";
import { type Keep, openKeep } from "./keep.ts";
import { Pool } from "./pool.ts";
import { expectTransform, type Transform } from "./transforms.ts";

/** How a set is loaded. */
export interface LoaderOptions {
  /** Pictures of a batch, at least 1. */
  readonly batch: number;
  /** What is done to each picture. */
  readonly transform: Transform;
  /** Seed of order and augmentation, a whole number from 0 to 2^53 - 1; default 0. */
  readonly seed?: number;
  /** Whether each epoch has an order of its own; default true. False takes the set's order. */
  readonly shuffle?: boolean;
  /** Whether a last batch with fewer pictures is left out; default false. */
  readonly dropLast?: boolean;
  /**
   * What becomes of a picture that cannot be decoded: "replace" takes the next one of the set that can
   * be, so that batches stay full (default); "leave-out" makes the batch smaller, for evaluation.
   */
  readonly broken?: "replace" | "leave-out";
  /** Threads; default one less than there are cores, from 1 to 8. 0 prepares in this thread. */
  readonly threads?: number;
  /** Batches that are ready or in work at most, which bounds the memory; default threads + 1. */
  readonly ahead?: number;
  /**
   * Bytes of a scratch file in which small pictures (up to 128 x 128 pixels) are kept decoded from one
   * epoch to the next; default 512 MiB, 0 for none. The batches are the same.
   */
  readonly keep?: number;
}

/** A batch. */
export interface Batch {
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** Number of the batch in the epoch, from 0. */
  readonly step: number;
  /** Pictures, channels, size, size. */
  readonly shape: readonly [number, number, number, number];
  /** Normalised values of that shape. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Class number of each picture. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Number in the set of each picture. */
  readonly indices: Int32Array<ArrayBuffer>;
}

/** A picture that was passed over. */
export interface Broken {
  /** Its number in the set. */
  readonly index: number;
  /** Its name. */
  readonly name: string;
  /** Why it cannot be decoded. */
  readonly reason: string;
}

/** Where a run begins and ends. */
export interface Range {
  /** First epoch; default 0. */
  readonly epoch?: number;
  /** First step in it; default 0. */
  readonly step?: number;
  /** The run ends before this epoch; default the first one's successor. */
  readonly epochs?: number;
}

/** So many pictures broken one after another are no accident. */
const MOST_IN_A_ROW = 100;

function whole(name: string, value: number, low: number): number {
  if (Number.isSafeInteger(value) && value >= low) return value;
  throw new RangeError(
    `Loader: ${name}: expected a whole number of at least ${low}, received ${value}`,
  );
}

/** Loads batches of a set; closed when no longer needed, before the set is. */
export class Loader {
  readonly #dataset: Dataset;
  readonly #options: Required<LoaderOptions>;
  readonly #pool: Pool;
  readonly #keep: Keep | undefined;
  #closing: Promise<void> | undefined;
  readonly #broken = new Map<number, string>();
  /** Batches of an epoch. */
  readonly steps: number;

  /**
   * @param dataset the set
   * @param options how it is loaded
   * @throws RangeError for an option out of range
   */
  constructor(dataset: Dataset, options: LoaderOptions) {
    const threads = options.threads ?? Math.min(8, Math.max(1, availableParallelism() - 1));
    const { batch, transform, seed = 0, shuffle = true, dropLast = false } = options;
    const { broken = "replace", ahead = threads + 1, keep = 512 * 2 ** 20 } = options;
    whole("batch", batch, 1);
    whole("seed", seed, 0);
    whole("threads", threads, 0);
    whole("ahead", ahead, 1);
    whole("keep", keep, 0);
    expectTransform(transform);
    if (dropLast && batch > dataset.length) {
      throw new RangeError(
        `Loader: batch: expected at most the ${dataset.length} pictures of ${dataset.title} ` +
          `when the last batch is left out, received ${batch}`,
      );
    }
    this.#dataset = dataset;
    this.#options = { batch, transform, seed, shuffle, dropLast, broken, threads, ahead, keep };
    this.#keep = keep > 0 ? openKeep(dataset.length, keep) : undefined;
    this.#pool = new Pool(transform, seed, threads, this.#keep);
    const steps = dataset.length / batch;
    this.steps = dropLast ? Math.floor(steps) : Math.ceil(steps);
  }

  /** The pictures that were passed over so far, each once, in the order of their numbers. */
  get broken(): readonly Broken[] {
    return [...this.#broken]
      .sort(([a], [b]) => a - b)
      .map(([index, reason]) => ({ index, name: this.#dataset.name(index), reason }));
  }

  /**
   * The batches of a run, from any step of any epoch on, without a pause between epochs. Leaving the loop
   * early gives up what was prepared.
   * @param range where it begins and ends
   * @throws Failure when no picture can be read; RangeError for a range that is none
   */
  async *batches(range: Range = {}): AsyncGenerator<Batch, void, undefined> {
    const epoch = whole("epoch", range.epoch ?? 0, 0);
    const step = whole("step", range.step ?? 0, 0);
    const epochs = whole("epochs", range.epochs ?? epoch + 1, epoch);
    if (step > this.steps) {
      throw new RangeError(
        `Loader: step: expected at most the ${this.steps} of an epoch, received ${step}`,
      );
    }
    const places = this.#places(epoch, step, epochs);
    const pending: Promise<Batch>[] = [];
    let pictures = 0;
    for (;;) {
      while (pending.length < this.#options.ahead) {
        const place = places.next();
        if (place.done) break;
        const promise = this.#prepare(...place.value);
        // Who leaves the loop early does not hear of what fails later.
        promise.catch(() => {});
        pending.push(promise);
      }
      const first = pending.shift();
      if (first === undefined) break;
      const batch = await first;
      pictures += batch.labels.length;
      if (batch.labels.length > 0) yield batch;
      else if (pictures === 0 && this.#broken.size === this.#dataset.length) this.#refuse(0);
    }
  }

  /** Ends the threads; loops that still run fail. */
  close(): Promise<void> {
    this.#closing ??= this.#pool.close().then(() => {
      if (this.#keep !== undefined) closeSync(this.#keep.descriptor);
    });
    return this.#closing;
  }

  *#places(
    epoch: number,
    step: number,
    epochs: number,
  ): Generator<[epoch: number, step: number, indices: Int32Array<ArrayBuffer>]> {
    const { batch, seed, shuffle } = this.#options;
    const { length } = this.#dataset;
    let first = step;
    for (let e = epoch; e < epochs; e++, first = 0) {
      const taken = shuffle ? order(length, seed, e) : undefined;
      for (let s = first; s < this.steps; s++) {
        const count = Math.min(batch, length - s * batch);
        const at = (_: unknown, i: number) => taken?.[s * batch + i] ?? s * batch + i;
        yield [e, s, Int32Array.from({ length: count }, at)];
      }
    }
  }

  #refuse(index: number): never {
    const { title, length } = this.#dataset;
    const many = Math.min(length, MOST_IN_A_ROW);
    throw new Failure(
      `${title}: ${many} pictures one after another cannot be decoded, ` +
        `${quote(this.#dataset.name(index))} for one: ${this.#broken.get(index)}`,
    );
  }

  /** The next picture of the set that is not known to be broken. */
  #after(index: number): number {
    const { length } = this.#dataset;
    let next = index;
    for (let i = 0; i < Math.min(length, MOST_IN_A_ROW); i++) {
      if (!this.#broken.has(next)) return next;
      next = (next + 1) % length;
    }
    return this.#refuse(index);
  }

  async #prepare(epoch: number, step: number, indices: Int32Array<ArrayBuffer>): Promise<Batch> {
    const { transform, broken } = this.#options;
    const { size, channels = 3 } = transform;
    const one = channels * size ** 2;
    const wanted = indices.slice();
    const run = async (places: readonly number[]) => {
      const pictures = places.map((place) => {
        const index = indices[place];
        return { source: this.#dataset.source(index), index };
      });
      const result = await this.#pool.run({ epoch, pictures });
      for (const { place, reason } of result.broken) {
        this.#broken.set(indices[places[place]], reason);
      }
      return { data: result.data, left: result.broken.map(({ place }) => places[place]) };
    };
    const all = Array.from(indices, (_, place) => place);
    const { data, left } = await run(all);
    if (broken === "leave-out" && left.length > 0) {
      const kept = all.filter((place) => !left.includes(place));
      kept.forEach((from, to) => {
        data.copyWithin(to * one, from * one, (from + 1) * one);
      });
      const some = Int32Array.from(kept, (place) => indices[place]);
      return this.#batch(epoch, step, data.slice(0, kept.length * one), some);
    }
    for (let places = left; places.length > 0; ) {
      for (const place of places) indices[place] = this.#after(wanted[place]);
      const repaired = await run(places);
      places.forEach((place, i) => {
        data.set(repaired.data.subarray(i * one, (i + 1) * one), place * one);
      });
      places = repaired.left;
    }
    return this.#batch(epoch, step, data, indices);
  }

  #batch(
    epoch: number,
    step: number,
    data: Float32Array<ArrayBuffer>,
    indices: Int32Array<ArrayBuffer>,
  ): Batch {
    const { size, channels = 3 } = this.#options.transform;
    const labels = Int32Array.from(indices, (index) => this.#dataset.label(index));
    return { epoch, step, shape: [indices.length, channels, size, size], data, labels, indices };
  }
}
