/** Mixtures of maximum and average, from their definitions. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain, type Taps } from "./windows.ts";

const logistic = (z: number) => 1 / (1 + Math.exp(-z));

/** y = a max x + (1 - a) mean x with a share for every window. */
export function plainMixture(x: Tensor, window: PoolWindow, share: (taps: Taps) => number): Tensor {
  return poolPlain(x, window, (taps) => {
    const a = share(taps);
    const mean = taps.values.reduce((p, q) => p + q, 0) / taps.values.length;
    return a * Math.max(...taps.values) + (1 - a) * mean;
  });
}

/** The gate: a = sigmoid(sum omega x + b), omega and b for all channels or for each. */
export function plainGate(
  x: Tensor,
  window: PoolWindow,
  omega: ArrayLike<number>,
  bias: ArrayLike<number> = [0],
): Tensor {
  const count = window.kernel.reduce((p, q) => p * q, 1);
  return plainMixture(x, window, ({ values, places, channel }) => {
    const offset = (channel * count) % omega.length;
    let z = bias[channel % bias.length];
    for (const [i, value] of values.entries()) z += omega[offset + places[i]] * value;
    return logistic(z);
  });
}

/** A learned share: a = sigmoid(theta), for all channels or for each. */
export function plainMixed(x: Tensor, window: PoolWindow, theta: ArrayLike<number>): Tensor {
  return plainMixture(x, window, ({ channel }) => logistic(theta[channel % theta.length]));
}

/** The tree: a (v1 . x) + (1 - a) (v2 . x), a = sigmoid(omega . x), for all channels or for each. */
export function plainTree(
  x: Tensor,
  window: PoolWindow,
  v1: ArrayLike<number>,
  v2: ArrayLike<number>,
  omega: ArrayLike<number>,
): Tensor {
  const count = window.kernel.reduce((p, q) => p * q, 1);
  return poolPlain(x, window, ({ values, places, channel }) => {
    const dot = (filter: ArrayLike<number>) => {
      const offset = (channel * count) % filter.length;
      return values.reduce((total, value, i) => total + filter[offset + places[i]] * value, 0);
    };
    const a = logistic(dot(omega));
    return a * dot(v1) + (1 - a) * dot(v2);
  });
}
