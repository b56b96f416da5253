/** Learned coefficients of taps: one for every tap of the window, for all channels or for each. */
import { add, type Graph, mul, reshape, slice, type Value } from "@softpool/onnx";

/**
 * Coefficients as values that spread over an output.
 * @param g the graph
 * @param values `[..., K]` or `[C, ..., K]` in row-major order, K coefficients for all or for each channel
 * @param count how many coefficients there are, K
 * @param axes the number of spatial axes
 * @returns K values `[1, 1, 1, ...]` or `[1, C, 1, ...]`
 */
export function coefficients(g: Graph, values: Value, count: number, axes: number): Value[] {
  const ones = new Array<number>(axes - 1).fill(1);
  const rows = reshape(g, values, [1, -1, count, ...ones]);
  if (count === 1) return [rows];
  // Slices instead of one Split: GPUs bind a dozen outputs at most.
  return Array.from({ length: count }, (_, k) =>
    slice(g, rows, { axes: [2], starts: [k], ends: [k + 1] }),
  );
}

/** The sum of values times their coefficients. */
export function weightedSum(g: Graph, values: readonly Value[], factors: readonly Value[]): Value {
  return values.map((value, i) => mul(g, value, factors[i])).reduce((a, b) => add(g, a, b));
}
