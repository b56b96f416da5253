/** Average, maximum, sum and the norms, from their definitions. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** y = (1 / N) sum x */
export const plainAverage = (x: Tensor, window: PoolWindow): Tensor =>
  poolPlain(x, window, ({ values }) => total(values) / values.length);

/** y = max x */
export const plainMaximum = (x: Tensor, window: PoolWindow): Tensor =>
  poolPlain(x, window, ({ values }) => Math.max(...values));

/** y = sum x */
export const plainSum = (x: Tensor, window: PoolWindow): Tensor =>
  poolPlain(x, window, ({ values }) => total(values));

/** y = (sum |x|^p / M)^(1/p), M = N or 1, with one exponent per channel or one for all. */
export function plainNorm(
  x: Tensor,
  window: PoolWindow,
  p: readonly number[],
  normalized: boolean,
): Tensor {
  return poolPlain(x, window, ({ values, channel }) => {
    const q = p[channel % p.length];
    const sum = total(values.map((v) => Math.abs(v) ** q));
    return (sum / (normalized ? values.length : 1)) ** (1 / q);
  });
}
