/**
 * 95 % intervals: of a proportion, of the difference of two proportions on the same items, of a mean.
 *
 *     Wilson   p with |k/n - p| <= z sqrt(p (1 - p) / n)
 *     Tango    D with |b - c - n D| <= z sqrt(n (2 q + D (1 - D))), q the likeliest share of c given D
 *
 * Both are score intervals: they hold the values that their test does not reject. Tango's holds 0
 * exactly when McNemar's chi-square without correction does not reject at 5 %.
 * Sources: Wilson: Probable inference, the law of succession, and statistical inference, JASA 22, 1927;
 * Tango: Equivalence test and confidence interval for the difference in proportions for the
 * paired-sample design, Statistics in Medicine 17, 1998; Efron, Tibshirani: An introduction to the
 * bootstrap, 1993 (percentile intervals).
 */
import { uniforms } from "@softpool/poolings";
import { sortedQuantile } from "./quantile.ts";

/** The two-sided 95 % point of the normal distribution. */
const Z = 1.959963984540054;

/** An estimate between two bounds of 95 % confidence. */
export interface Interval {
  /** The estimate. */
  readonly value: number;
  /** The lower bound. */
  readonly low: number;
  /** The upper bound. */
  readonly high: number;
}

function count(caller: string, name: string, value: number, from: number): number {
  if (Number.isSafeInteger(value) && value >= from) return value;
  throw new RangeError(
    `${caller}: ${name}: expected a whole number from ${from}, received ${value}`,
  );
}

/**
 * Wilson's score interval of a proportion, such as an accuracy.
 * @param hits how many of the trials succeeded, a whole number from 0 to `trials`
 * @param trials a whole number from 1
 * @returns shares in [0, 1]; the interval never leaves them, nor is it empty at 0 or 1
 * @throws RangeError for counts out of range
 */
export function wilson(hits: number, trials: number): Interval {
  count("wilson", "trials", trials, 1);
  if (count("wilson", "hits", hits, 0) > trials) {
    throw new RangeError(
      `wilson: hits: expected at most trials = ${trials}, received ${hits}; are the arguments swapped?`,
    );
  }
  const square = Z * Z;
  const middle = (hits + square / 2) / (trials + square);
  const spread = Math.sqrt((hits * (trials - hits)) / trials + square / 4);
  const half = (Z * spread) / (trials + square);
  return {
    value: hits / trials,
    low: hits === 0 ? 0 : middle - half,
    high: hits === trials ? 1 : middle + half,
  };
}

/** Tango's score at the difference `d`: standard normal when d is the truth, falling with d. */
function tangoScore(onlyA: number, onlyB: number, n: number, d: number): number {
  // 2 n q^2 + s q + t = 0, its positive root.
  const s = (2 * n - onlyA + onlyB) * d - onlyA - onlyB;
  const t = -onlyB * d * (1 - d);
  const root = Math.sqrt(Math.max(0, s * s - 8 * n * t));
  const q = s > 0 ? (-2 * t) / (s + root) : (root - s) / (4 * n);
  const variance = n * (2 * q + d * (1 - d));
  const gap = onlyA - onlyB - n * d;
  return gap / Math.sqrt(Math.max(variance, Number.MIN_VALUE));
}

/**
 * The difference of two proportions on the same items, p(A) - p(B), with Tango's score interval.
 * @param onlyA items on which A alone succeeded, a whole number from 0
 * @param onlyB items on which B alone succeeded, a whole number from 0
 * @param items all items, a whole number from 1, at least `onlyA + onlyB`
 * @returns shares in [-1, 1]; without any disagreement still an interval around 0, of +-z^2 / (n + z^2)
 * @throws RangeError for counts out of range
 */
export function pairedDifference(onlyA: number, onlyB: number, items: number): Interval {
  count("pairedDifference", "items", items, 1);
  count("pairedDifference", "onlyA", onlyA, 0);
  count("pairedDifference", "onlyB", onlyB, 0);
  if (onlyA + onlyB > items) {
    throw new RangeError(
      `pairedDifference: items: expected at least onlyA + onlyB = ${onlyA + onlyB}, received ${items}`,
    );
  }
  const value = (onlyA - onlyB) / items;
  const bound = (end: -1 | 1): number => {
    // Between the estimate, whose score is 0, and the end, whose score is beyond z.
    let [inside, outside] = [value, end as number];
    for (let i = 0; i < 100; i++) {
      const middle = (inside + outside) / 2;
      if (middle === inside || middle === outside) break;
      if (Math.abs(tangoScore(onlyA, onlyB, items, middle)) <= Z) inside = middle;
      else outside = middle;
    }
    return value === end ? end : inside;
  };
  return { value, low: bound(-1), high: bound(1) };
}

/** How the bootstrap draws. */
export interface BootstrapOptions {
  /** Seed, a whole number from 0; default 0. Equal seeds give equal intervals. */
  readonly seed?: number;
  /** How many times the mean is drawn again, a whole number from 100; default 10000. */
  readonly resamples?: number;
}

/** Draws beyond this many are made again each time instead of being held. */
const MOST_HELD = 4_000_000;

/** Draws by seed, number of draws and of items: means over the same items share them. */
const held = new Map<string, Int32Array>();

function drawsOf(n: number, seed: number, resamples: number): Int32Array {
  const key = `${seed} ${resamples} ${n}`;
  const known = held.get(key);
  if (known !== undefined) return known;
  const draws = new Int32Array(n * resamples);
  for (let step = 0; step < resamples; step++) {
    const drawn = uniforms(n, { seed, step });
    for (let i = 0; i < n; i++) draws[step * n + i] = Math.floor(drawn[i] * n);
  }
  if (draws.length <= MOST_HELD) held.set(key, draws);
  return draws;
}

/**
 * The mean of numbers with its percentile bootstrap interval. For fewer than about ten numbers (seeds of
 * a training) it is too narrow: of three it lies between the smallest and the largest of them.
 * @param values numbers of any unit, at least 2, all finite
 * @param options seed and number of draws
 * @returns the mean and its bounds, in the unit of the values
 * @throws RangeError for fewer than 2 numbers, for one that is not finite, and for options out of range
 */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  const { seed = 0, resamples = 10_000 } = options;
  const n = values.length;
  if (n < 2) {
    throw new RangeError(
      `bootstrapMean: values: expected at least 2 numbers, received ${n}; one number has no spread`,
    );
  }
  count("bootstrapMean", "seed", seed, 0);
  count("bootstrapMean", "resamples", resamples, 100);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(values[i])) {
      throw new RangeError(
        `bootstrapMean: values: expected finite numbers, received ${values[i]} at ${i}; leave it out first`,
      );
    }
    sum += values[i];
  }
  const means = new Float64Array(resamples);
  const draws = drawsOf(n, seed, resamples);
  for (let step = 0, at = 0; step < resamples; step++) {
    let total = 0;
    for (let i = 0; i < n; i++) total += values[draws[at++]];
    means[step] = total / n;
  }
  means.sort();
  const [low, high] = [sortedQuantile(means, 0.025), sortedQuantile(means, 0.975)];
  return { value: sum / n, low, high };
}
