/**
 * SoftPool with one temperature per channel, written from y = sum w x / sum w, w = e^(beta x), shifted
 * by the largest exponent.
 */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

/** Pools with the temperature of each channel; fewer temperatures than channels are repeated. */
export function plainSoftBeta(x: Tensor, window: PoolWindow, beta: ArrayLike<number>): Tensor {
  return poolPlain(x, window, ({ values, channel }) => {
    const b = beta[channel % beta.length];
    const shift = Math.max(...values.map((v) => b * v));
    let s = 0;
    let t = 0;
    for (const v of values) {
      const w = Math.exp(b * v - shift);
      s += w;
      t += w * v;
    }
    return t / s;
  });
}
