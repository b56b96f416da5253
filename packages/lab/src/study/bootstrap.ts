/** Bootstrap intervals as studies have them: of what is finite, and of single numbers none. */
import { bootstrapMean, type Interval } from "../statistics/intervals.ts";

/** How often means are drawn again. */
const RESAMPLES = 2000;

/**
 * The mean of numbers with its percentile bootstrap interval of 95 %: equal to
 * `bootstrapMean(values, { resamples: 2000 })`. Numbers that are not finite are left out; of a single one
 * there is no interval, and its bounds are NaN.
 */
export function interval(values: readonly number[]): Interval {
  const finite = values.filter(Number.isFinite);
  if (finite.length >= 2) return bootstrapMean(finite, { resamples: RESAMPLES });
  return { value: finite[0] ?? Number.NaN, low: Number.NaN, high: Number.NaN };
}
