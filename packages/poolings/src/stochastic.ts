/**
 * Stochastic pooling: one tap of every window is drawn with a probability in proportion to its value.
 *
 *     p_i = r_i / sum r_j,  r = max(x, 0)
 *     training:   y = r_I, I drawn from p by u sum r < r_1 + .. + r_I, the first such I
 *     inference:  y = sum p_i r_i = sum r_i^2 / sum r_i
 *
 * It is defined for values that are not negative, as after a ReLU: negative ones are taken for 0. A
 * window without a positive value gives 0. Each output has its own u, a number of the noise.
 *
 * Training sums r times a power of two of at most 1 / N, inference divides r by the window's largest:
 * neither overflows. NaN in a window gives NaN, +Infinity in inference gives +Infinity.
 *
 * Source: Zeiler, Fergus: Stochastic pooling for regularization of deep convolutional neural networks,
 * ICLR 2013.
 */
import {
  add,
  cast,
  div,
  type Graph,
  greater,
  less,
  max,
  maxPool,
  min,
  mul,
  type PoolWindow,
  type Value,
  where,
} from "@softpool/onnx";
import { frame, plainWindow, taps } from "./frame.ts";
import type { Method } from "./method.ts";
import { constantLike, largest } from "./numbers.ts";

/**
 * Composes a draw from every window.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @param u one number in [0, 1) for each output, of the output's shape
 * @returns the drawn values
 */
export function drawStochastic(g: Graph, x: Value, window: PoolWindow, u: Value): Value {
  const number = (value: number) => constantLike(g, x, value);
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const c = 2 ** -Math.ceil(Math.log2(count));
  // A frame of zeros is never drawn. Max keeps NaN.
  const framed = frame(g, max(g, x, number(0)), window, 0);
  const values = taps(g, framed, window);
  const weights = taps(g, mul(g, min(g, framed, number(largest(x.dtype))), number(c)), window);
  const sums: Value[] = [];
  for (const weight of weights) {
    const before = sums.at(-1);
    sums.push(before === undefined ? weight : add(g, before, weight));
  }
  const total = sums[count - 1];
  const threshold = mul(g, cast(g, u, x.dtype ?? "float32"), total);
  // From the last tap to the first, so that the first whose sum exceeds the threshold stays.
  let y = values[count - 1];
  for (let a = count - 2; a >= 0; a--) {
    y = where(g, less(g, threshold, sums[a]), values[a], y);
  }
  return where(g, greater(g, total, number(-1)), y, total);
}

/**
 * Composes the expectation of {@link drawStochastic}.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @returns the pooled value
 */
export function meanStochastic(g: Graph, x: Value, window: PoolWindow): Value {
  const number = (value: number) => constantLike(g, x, value);
  const bounded = (value: Value) => min(g, value, number(largest(x.dtype)));
  const framed = frame(g, max(g, x, number(0)), window, 0);
  const top = maxPool(g, framed, plainWindow(window));
  const scale = where(g, greater(g, top, number(0)), bounded(top), number(1));
  let s: Value | undefined;
  let q: Value | undefined;
  for (const tap of taps(g, bounded(framed), window)) {
    const r = div(g, tap, scale);
    const square = mul(g, r, r);
    s = s === undefined ? r : add(g, s, r);
    q = q === undefined ? square : add(g, q, square);
  }
  // The largest has r = 1: the sum is less only where all are 0.
  return mul(g, top, div(g, q as Value, max(g, s as Value, number(1))));
}

/** The method `stochastic`. */
export const stochastic: Method = {
  name: "stochastic",
  aliases: [],
  summary: "training draws a tap in proportion to its value; inference takes the expectation",
  source:
    "Zeiler, Fergus: Stochastic pooling for regularization of deep convolutional neural networks, ICLR 2013",
  axes: [1, 2, 3],
  random: true,
  trained: false,
  noise: () => [{ name: "draw", shape: (_, output) => [...output] }],
  infer: ({ g, x, window }) => meanStochastic(g, x, window),
  train: ({ g, x, window, noise }) => drawStochastic(g, x, window, noise.draw),
};
