/**
 * Timing: a method and average pooling in turns, round by round, in one process, so that whatever else the
 * machine does meets both. Who begins alternates. Short calls are repeated within a round, whose number is
 * the median of its calls: a program that takes the processor away for a moment spoils few of them. Beside
 * the time that passes, the processor time of this process is taken, all its threads together: it says what
 * a call costs where others take the processors away all the time.
 */
import { cpus } from "node:os";
import { median } from "../statistics/quantile.ts";
import type { Timed } from "./timed.ts";

/** How much is measured. */
export interface Effort {
  /** Rounds. */
  readonly rounds: number;
  /** Least milliseconds of warm-up, of each of the two. */
  readonly warmup: number;
  /** Least milliseconds of a method in a round. */
  readonly least: number;
  /** Milliseconds after which no further round begins, as long as there are three. */
  readonly most: number;
}

/** The rounds of a measurement, with what was before. */
export interface Rounds {
  /** Milliseconds of a call of the method, a number a round: the median of its calls. */
  readonly own: readonly number[];
  /** The same of average pooling. */
  readonly average: readonly number[];
  /** Milliseconds of processor time of a call, mean of a round's: of the method, of average pooling. */
  readonly processor: readonly [own: readonly number[], average: readonly number[]];
  /** Calls of a round. */
  readonly calls: readonly [own: number, average: number];
  /** How busy others kept the processors, 0 to 1. */
  readonly busy: number;
}

/** Rounds that there are at least, however long they take. */
const FEWEST = 3;
/** Calls of a round at most. */
const MOST_CALLS = 1000;

/** Milliseconds of a call. */
async function timeOne({ call }: Timed): Promise<number> {
  const begin = performance.now();
  const pending = call();
  if (pending instanceof Promise) await pending;
  return performance.now() - begin;
}

/** Milliseconds of processor time of this process. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Median milliseconds of so many calls, and their mean processor time. */
async function timeMany(timed: Timed, calls: number): Promise<[elapsed: number, used: number]> {
  const times: number[] = [];
  const before = processorTime();
  for (let i = 0; i < calls; i++) times.push(await timeOne(timed));
  return [median(times), (processorTime() - before) / calls];
}

/**
 * Calls until code is compiled and threads are awake: at least three times.
 * @returns milliseconds of every call
 */
export async function warmUp(timed: Timed, milliseconds: number): Promise<number[]> {
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < 3 || performance.now() - begin < milliseconds) {
    times.push(await timeOne(timed));
    // Results of calls that nobody holds any more are not memory that a call takes.
    if (times.length <= 3) {
      (globalThis as { gc?: () => void }).gc?.();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (times.length >= MOST_CALLS) break;
  }
  return times;
}

/** Milliseconds of processor time: of all processors, of their idleness, of this process. */
function processorTimes() {
  const all = cpus().map(({ times }) => times);
  return {
    idle: all.reduce((sum, t) => sum + t.idle, 0),
    total: all.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.irq + t.idle, 0),
    own: processorTime(),
  };
}

/** How busy others kept the processors since a moment. */
function busySince(before: ReturnType<typeof processorTimes>): number {
  const now = processorTimes();
  const total = now.total - before.total;
  if (total <= 0) return 0;
  const used = total - (now.idle - before.idle) - (now.own - before.own);
  return Math.min(1, Math.max(0, used / total));
}

/** Runs the rounds of a warm method and of warm average pooling. */
export async function runRounds(
  own: Timed,
  average: Timed,
  warm: readonly [own: readonly number[], average: readonly number[]],
  { rounds, least, most }: Effort,
): Promise<Rounds> {
  const calls = warm.map((times) => {
    const call = median(times.slice(-5));
    return Math.max(1, Math.min(MOST_CALLS, Math.ceil(least / Math.max(call, 1e-4))));
  });
  const both: [number[], number[]] = [[], []];
  const used: [number[], number[]] = [[], []];
  const before = processorTimes();
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    if (round >= FEWEST && performance.now() - begin > most) break;
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const [elapsed, processor] = await timeMany(i === 0 ? own : average, calls[i]);
      both[i].push(elapsed);
      used[i].push(processor);
    }
  }
  return {
    own: both[0],
    average: both[1],
    processor: used,
    calls: [calls[0], calls[1]],
    busy: busySince(before),
  };
}
