/**
 * Runs a model before and after the swap on the same random input: whether outputs are finite, whether
 * shapes are equal, how much outputs change, and what it costs.
 */
import type { RunTensor, Session } from "@softpool/onnx/session-node";
import { fromRun } from "@softpool/onnx/session-node";
import { median } from "../statistics/quantile.ts";

/** What two models do on one input. */
export interface Verification {
  /** Whether all numbers of the swapped model's outputs are finite. */
  readonly finite: boolean;
  /** Whether those of the original are. */
  readonly originalFinite: boolean;
  /** Outputs whose shapes differ, as sentences. */
  readonly shapeDifferences: readonly string[];
  /** The output that changes most, and by how much, beside its largest magnitude. */
  readonly change: {
    readonly output: string;
    readonly difference: number;
    readonly largest: number;
  };
}

/** Latency of both, in milliseconds. */
export interface Latency {
  /** Rounds that were timed, both models in each, in turns. */
  readonly rounds: number;
  /** Median of the original. */
  readonly original: number;
  /** Median of the swapped. */
  readonly swapped: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
}

/** Compares outputs. */
export function compareOutputs(
  before: Readonly<Record<string, RunTensor>>,
  after: Readonly<Record<string, RunTensor>>,
): Verification {
  let finite = true;
  let originalFinite = true;
  const shapeDifferences: string[] = [];
  let change = { output: "", difference: 0, largest: 0 };
  for (const [name, x] of Object.entries(before)) {
    const y = after[name];
    if (y === undefined || String(x.shape) !== String(y.shape)) {
      shapeDifferences.push(
        `${name} is ${x.shape.join("x")} before and ${y?.shape.join("x")} after`,
      );
      continue;
    }
    if (x.dtype === "string" || y.dtype === "string") continue;
    const [a, b] = [fromRun(x).data, fromRun(y).data];
    let difference = 0;
    let largest = 0;
    for (let i = 0; i < a.length; i++) {
      if (!Number.isFinite(b[i])) finite = false;
      if (!Number.isFinite(a[i])) originalFinite = false;
      difference = Math.max(difference, Math.abs(a[i] - b[i]) || 0);
      largest = Math.max(largest, Math.abs(a[i]) || 0);
    }
    if (change.output === "" || difference > change.difference) {
      change = { output: name, difference, largest };
    }
  }
  return { finite, originalFinite, shapeDifferences, change };
}

/**
 * Times both in turns, the order reversed every round.
 * @param stop asked between rounds
 */
export async function timeBoth(
  original: Session,
  swapped: Session,
  feeds: Readonly<Record<string, RunTensor>>,
  stop: () => boolean,
): Promise<Latency> {
  const time = async (session: Session): Promise<number> => {
    const begin = performance.now();
    await session.run(feeds);
    return performance.now() - begin;
  };
  const times: [original: number, swapped: number][] = [];
  const begin = performance.now();
  // About three seconds, between 3 and 50 rounds.
  while (times.length < 3 || (times.length < 50 && performance.now() - begin < 3000)) {
    if (stop() && times.length > 0) break;
    if (times.length % 2 === 0) {
      const first = await time(original);
      times.push([first, await time(swapped)]);
    } else {
      const first = await time(swapped);
      times.push([await time(original), first]);
    }
  }
  return {
    rounds: times.length,
    original: median(times.map(([a]) => a)),
    swapped: median(times.map(([, b]) => b)),
    ratio: median(times.map(([a, b]) => b / a)),
  };
}
