/** Ordinal pooling from its definition, by sorting. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

/** y = sum w_r x_(r) / sum w_r over the ranks that exist; weights `[C, K]`, negative ones are 0. */
export function plainOrdinal(x: Tensor, window: PoolWindow, weights: ArrayLike<number>): Tensor {
  const count = window.kernel.reduce((p, q) => p * q, 1);
  return poolPlain(x, window, ({ values, channel }) => {
    const sorted = [...values].sort((a, b) => b - a);
    const own = sorted.map((_, r) => Math.max(0, weights[channel * count + r]));
    const total = own.reduce((p, q) => p + q, 0);
    if (total === 0) return sorted.reduce((p, q) => p + q, 0) / sorted.length;
    return sorted.reduce((sum, v, r) => sum + own[r] * v, 0) / total;
  });
}
