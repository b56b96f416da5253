/**
 * Power-average pooling with a fixed exponent p > 0, and what the L_p pooling with a learned one shares:
 *
 *     y = (sum |x_i|^p)^(1/p)            normalized: y = (1/N sum |x_i|^p)^(1/p)
 *
 * p = 1 is the sum of the magnitudes, p = 2 their root of the sum of squares, towards infinity the
 * largest. No power of a large number is formed: with m = max |x_i| and r_i = |x_i| / m in [0, 1],
 *
 *     y = m (sum r_i^p)^(1/p),           0 where m is 0
 *
 * so that y is finite wherever it is a finite number.
 *
 * Source: Estrach, Szlam, LeCun: Signal recovery from pooling representations, ICML 2014.
 */
import {
  abs,
  add,
  div,
  exp,
  type Graph,
  greater,
  log,
  max,
  min,
  mul,
  type PoolWindow,
  pow,
  sqrt,
  type Value,
  where,
} from "@softpool/onnx";
import { frame, tapCount, taps } from "./frame.ts";
import { maximumPooling } from "./maximum.ts";
import type { Method, Setting } from "./method.ts";
import { constantLike, largest } from "./numbers.ts";

/** The smallest normal float32: the least ratio that a logarithm is taken of. */
const TINY = 2 ** -126;

/** Below any mean of ratios of which one is 1: keeps roots of 0, and their slopes, away. */
const LEAST_MEAN = 1e-30;

/** The setting of methods whose sum may be divided by the number of taps. */
export const normalizedSetting: Setting = {
  name: "normalized",
  summary: "1 divides the sum of the powers by the number of taps, 0 does not",
  default: 0,
  check: (value) => (value === 0 || value === 1 ? undefined : `expected 0 or 1, received ${value}`),
};

/**
 * Composes the norm of the taps.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @param p the exponent: a number above 0, or a value of at least 1 that spreads over the output
 * @param normalized whether the mean of the powers is taken instead of their sum
 * @returns the pooled value
 */
export function powerPooling(
  g: Graph,
  x: Value,
  window: PoolWindow,
  p: number | Value,
  normalized: boolean,
): Value {
  const number = (value: number) => constantLike(g, x, value);
  const magnitude = abs(g, x);
  const m = maximumPooling(g, magnitude, window);
  // Infinity over the largest number is infinite still, over itself it would be NaN.
  const bounded = min(g, m, number(largest(x.dtype)));
  const divisor = where(g, greater(g, m, number(0)), bounded, number(1));
  const total = taps(g, frame(g, magnitude, window, 0), window)
    .map((tap) => raise(g, div(g, tap, divisor), p))
    .reduce((a, b) => add(g, a, b));
  const mean = normalized ? div(g, total, tapCount(g, x, window)) : total;
  const root = max(g, mean, number(LEAST_MEAN));
  if (p === 1) return mul(g, m, root);
  if (p === 2) return mul(g, m, sqrt(g, root));
  // Divided in the graph: 1 / p need not be a number of the type.
  return mul(g, m, pow(g, root, div(g, number(1), typeof p === "number" ? number(p) : p)));
}

/** A ratio in [0, 1] to the power of p. */
function raise(g: Graph, r: Value, p: number | Value): Value {
  if (p === 1) return r;
  if (p === 2) return mul(g, r, r);
  if (typeof p === "number") return pow(g, r, constantLike(g, r, p));
  // Differentiable in p where r is 0 too: TINY^p is nothing beside the largest ratio's 1.
  return exp(g, mul(g, p, log(g, max(g, r, constantLike(g, r, TINY)))));
}

/** The method `power-average`. */
export const powerAverage: Method = {
  name: "power-average",
  aliases: ["pow-average", "pow-avg", "power-avg"],
  summary: "the p-norm of the taps, or their power mean",
  source: "Estrach, Szlam, LeCun: Signal recovery from pooling representations, ICML 2014",
  axes: [1, 2, 3],
  random: false,
  trained: false,
  settings: [
    {
      name: "p",
      summary: "the exponent, above 0",
      default: 2,
      check: (p) =>
        p > 0 && p <= 1000
          ? undefined
          : `expected a number above 0 and at most 1000, received ${p}; the limit is the method maximum`,
    },
    normalizedSetting,
  ],
  infer: ({ g, x, window, settings }) =>
    powerPooling(g, x, window, settings.p as number, settings.normalized === 1),
};
