/** Stochastic pooling by its definition: the expectation, and the draw by the inverse distribution. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

const positive = (values: readonly number[]) => values.map((v) => Math.max(v, 0));
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** The expectation, sum x^2 / sum x. */
export function plainMean(x: Tensor, window: PoolWindow): Tensor {
  return poolPlain(x, window, ({ values }) => {
    const r = positive(values);
    const total = sum(r);
    return total === 0 ? 0 : sum(r.map((v) => (v / total) * v));
  });
}

/** The draw with one number of `u` for every output. */
export function plainDraw(x: Tensor, window: PoolWindow, u: ArrayLike<number>): Tensor {
  let next = 0;
  return poolPlain(x, window, ({ values }) => {
    const r = positive(values);
    const total = sum(r);
    let left = u[next++];
    for (const v of r) {
      left -= v / total;
      if (left < 0) return v;
    }
    return 0;
  });
}
