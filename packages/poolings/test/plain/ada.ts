/** AdaPool and its parts by their definitions. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

function weightedMean(values: readonly number[], exponents: readonly number[]): number {
  const shift = Math.max(...exponents);
  const weights = exponents.map((e) => Math.exp(e - shift));
  const total = weights.reduce((a, b) => a + b);
  return values.reduce((a, v, i) => a + (weights[i] / total) * v, 0);
}

/** eDSCW of one window. */
export function diceMean(values: readonly number[]): number {
  const mean = values.reduce((a, v) => a + v / values.length, 0);
  const dice = values.map((v) =>
    v === 0 && mean === 0 ? 1 : (2 * Math.abs(v * mean)) / (v * v + mean * mean),
  );
  return weightedMean(values, dice);
}

/** b eDSCW + (1 - b) eM; `b` for the layer or for each output position. */
export function plainAda(x: Tensor, window: PoolWindow, b: ArrayLike<number>): Tensor {
  return poolPlain(x, window, ({ values, output }) => {
    const share = b[output % b.length];
    return share * diceMean(values) + (1 - share) * weightedMean(values, values);
  });
}
