/**
 * AdaPool and its two parts. With m the mean of a window's taps:
 *
 *     eM:       y = sum x_i e^(x_i) / sum e^(x_i), which is SoftPool
 *     eDSCW:    y = sum x_i e^(D_i) / sum e^(D_i),  D_i = 2 |x_i m| / (x_i^2 + m^2)
 *     AdaPool:  y = b eDSCW + (1 - b) eM,  b = sigmoid(theta)
 *
 * D, the Dice coefficient of a tap and the mean, lies in [0, 1]; it is 1 where both are 0. It is taken
 * as 2 r / (1 + r^2), r the smaller of |x_i| and |m| over the larger, which neither overflows nor
 * underflows. Weights are e^(D - 1) / N, so that sums do not overflow. Infinities in a window, and NaN,
 * give NaN in eDSCW.
 *
 * theta is one number for a layer or one for every output position, shared by samples and channels; it
 * begins at 0: b = 1/2.
 *
 * Source: Stergiou, Poppe: AdaPool: Exponential adaptive pooling for information-retaining
 * downsampling, IEEE Transactions on Image Processing 2023.
 */
import {
  abs,
  add,
  div,
  exp,
  type Graph,
  greater,
  max,
  min,
  mul,
  type PoolWindow,
  sigmoid,
  sub,
  type Value,
  where,
} from "@softpool/onnx";
import { frame, sumOf, tapCount, taps, tapWeights } from "./frame.ts";
import type { Context, Method, Parameter, Setting } from "./method.ts";
import { constantLike } from "./numbers.ts";
import { softPool } from "./soft.ts";

const source =
  "Stergiou, Poppe: AdaPool: Exponential adaptive pooling for information-retaining downsampling, IEEE Transactions on Image Processing 2023";

/**
 * Composes eDSCW.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @returns the pooled value
 */
export function dicePool(g: Graph, x: Value, window: PoolWindow): Value {
  const number = (value: number) => constantLike(g, x, value);
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const values = taps(g, frame(g, x, window, 0), window);
  const exists = tapWeights(g, x, window, x.dtype ?? "float32");
  // The sum is smaller by a power of two, so that it does not overflow.
  const c = number(2 ** -Math.ceil(Math.log2(count)));
  const total = sumOf(
    g,
    values.map((value) => mul(g, value, c)),
  );
  const mean = abs(g, div(g, total, mul(g, tapCount(g, x, window), c)));
  let s: Value | undefined;
  let t: Value | undefined;
  for (const [a, value] of values.entries()) {
    const size = abs(g, value);
    const [low, high] = [min(g, size, mean), max(g, size, mean)];
    // Max keeps NaN, which is no more than 0.
    const zero = where(g, greater(g, high, number(0)), number(0), number(1));
    const r = div(g, add(g, low, zero), add(g, high, zero));
    const dice = div(g, mul(g, r, number(2)), add(g, mul(g, r, r), number(1)));
    const weight = exp(g, sub(g, dice, number(1 + Math.log(count))));
    const e = exists === undefined ? weight : mul(g, weight, exists[a]);
    s = s === undefined ? e : add(g, s, e);
    const product = mul(g, value, e);
    t = t === undefined ? product : add(g, t, product);
  }
  return div(g, t as Value, s as Value);
}

const shareSetting: Setting = {
  name: "share",
  summary: "who shares the mixture: all of the layer, or each output position has its own (region)",
  default: "layer",
  values: ["layer", "region"],
};

/** The output's sizes, which a mixture per region depends on. */
const sizeSettings: readonly Setting[] = ["depth", "height", "width"].map((name) => ({
  name,
  summary: `${name} of the output, for a mixture per region`,
  default: 0,
  check: (value) =>
    Number.isInteger(value) && value >= 0
      ? undefined
      : `expected a whole number from 0, received ${value}`,
}));

/** The sizes of a mixture per region: the last one is the width. */
function regions(window: PoolWindow, settings: Context["settings"]): number[] {
  const all = sizeSettings.map(({ name }) => settings[name] as number);
  return all.slice(all.length - window.kernel.length);
}

/** The method `ada`. */
export const ada: Method = {
  name: "ada",
  aliases: ["adapool"],
  summary: "learned mixture of SoftPool and a mean weighted by likeness to the average",
  source,
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [shareSetting, ...sizeSettings],
  refuse: ({ window }, settings) =>
    settings.share === "region" && regions(window, settings).includes(0)
      ? "a mixture per region needs the sizes of the output, settings depth, height and width"
      : undefined,
  parameters: ({ window }, settings): Parameter[] => [
    {
      name: "theta",
      shape: settings.share === "region" ? regions(window, settings) : [1],
      initial: () => 0,
    },
  ],
  infer: ({ g, x, window, parameters }) => {
    const b = sigmoid(g, parameters.theta);
    const rest = sub(g, constantLike(g, x, 1), b);
    const soft = softPool(g, x, window, { gradient: "exact" });
    return add(g, mul(g, b, dicePool(g, x, window)), mul(g, rest, soft));
  },
};

/** The method `edscw`. */
export const edscw: Method = {
  name: "edscw",
  aliases: [],
  summary: "mean of the taps weighted by their likeness to the average",
  source,
  axes: [1, 2, 3],
  random: false,
  trained: false,
  infer: ({ g, x, window }) => dicePool(g, x, window),
};

/** The method `em`. */
export const em: Method = {
  name: "em",
  aliases: [],
  summary: "the other part of AdaPool: SoftPool",
  source,
  axes: [1, 2, 3],
  random: false,
  trained: false,
  infer: ({ g, x, window }) => softPool(g, x, window),
  train: ({ g, x, window }) => softPool(g, x, window, { gradient: "exact" }),
};
