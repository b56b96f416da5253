/** Quantiles, linear between neighbours. */

/**
 * The quantile of numbers.
 * @param values numbers in any order
 * @param share from 0 to 1
 * @returns NaN of none
 */
export function quantile(values: ArrayLike<number>, share: number): number {
  return sortedQuantile(Float64Array.from(values).sort(), share);
}

/**
 * The quantile of ascending numbers.
 * @param sorted numbers, ascending
 * @param share from 0 to 1
 * @returns NaN of none
 */
export function sortedQuantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = share * (sorted.length - 1);
  const [low, high] = [Math.floor(at), Math.ceil(at)];
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** The median of numbers in any order; NaN of none. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}
