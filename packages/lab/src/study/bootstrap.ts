/**
 * Bootstrap intervals of many means over the same items: the numbers of `bootstrapMean` with the same seed
 * and number of draws, with the draws made once for all of them.
 */
import { uniforms } from "@softpool/poolings";
import type { Interval } from "../statistics/intervals.ts";

/** How often means are drawn again. */
const RESAMPLES = 2000;

/** Draws beyond this many are made again each time instead of being held. */
const MOST_HELD = 4_000_000;

/** The number at a share of sorted numbers, linear between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** Draws by number of items. */
const held = new Map<number, Int32Array>();

function drawsOf(n: number): Int32Array {
  const known = held.get(n);
  if (known !== undefined) return known;
  const draws = new Int32Array(n * RESAMPLES);
  for (let step = 0; step < RESAMPLES; step++) {
    const drawn = uniforms(n, { seed: 0, step });
    for (let i = 0; i < n; i++) draws[step * n + i] = Math.floor(drawn[i] * n);
  }
  if (draws.length <= MOST_HELD) held.set(n, draws);
  return draws;
}

/**
 * The mean of numbers with its percentile bootstrap interval of 95 %: equal to
 * `bootstrapMean(values, { resamples: 2000 })`. Numbers that are not finite are left out; of a single one
 * there is no interval, and its bounds are NaN.
 */
export function interval(values: readonly number[]): Interval {
  const finite = Float64Array.from(values.filter(Number.isFinite));
  const n = finite.length;
  const value = finite.reduce((a, b) => a + b, 0) / n;
  if (n < 2) return { value, low: Number.NaN, high: Number.NaN };
  const draws = drawsOf(n);
  const means = new Float64Array(RESAMPLES);
  for (let step = 0, at = 0; step < RESAMPLES; step++) {
    let total = 0;
    for (let i = 0; i < n; i++) total += finite[draws[at++]];
    means[step] = total / n;
  }
  means.sort();
  return { value, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}
