/**
 * SoftPool with a temperature that is learned, one per layer or one per channel:
 *
 *     y = sum x_i e^(beta x_i) / sum e^(beta x_i)
 *
 * beta 1, the initial value, is the paper's, 0 the average, towards +-infinity the maximum and minimum.
 * Since beta is known to the running graph only, one form serves both signs. With s = sign(beta) (1 at
 * 0), z_i = s x_i, m = max z_i:
 *
 *     u_i = z_i - m,  e_i = exp(max(|beta| u_i, -200)),  y = s (m + sum u_i e_i / sum e_i)
 *
 * The differences are held times c, a power of two of at most 1 / (2 N), so that neither they nor their
 * sum overflow for any beta; y is right for any finite input.
 *
 * NaN in a window gives NaN. An infinity on the side that beta prefers gives itself; one on the other
 * side has no weight (for |beta| below 1e-35 the weight of the largest finite number).
 *
 * Source: Stergiou, Poppe, Kalliatakis: Refining activation downsampling with SoftPool, ICCV 2021; the
 * learned temperature: Kobayashi: Global feature guided local pooling, ICCV 2019.
 */
import {
  abs,
  add,
  div,
  exp,
  type Graph,
  less,
  max,
  maxPool,
  min,
  mul,
  type PoolWindow,
  reshape,
  sub,
  type Value,
  where,
} from "@softpool/onnx";
import { frame, plainWindow, taps, tapWeights } from "./frame.ts";
import type { Method, Parameter, Setting, Site } from "./method.ts";
import { constantLike, largest } from "./numbers.ts";

/** e^-200 is 0 in float32 and 1e-87 in float64. */
const LOWEST_EXPONENT = -200;

/** A larger temperature is a maximum already; the product with 2 N stays finite. */
const LARGEST_BETA = 1e30;

/** The setting of methods that learn one number per layer or one per channel. */
export const shareSetting: Setting = {
  name: "share",
  summary: "who shares a learned number: all of the layer, or each channel has its own",
  default: "layer",
  values: ["layer", "channel"],
};

/** A parameter of one number per layer or per channel. */
export function sharedParameter(
  name: string,
  initial: number,
  site: Site,
  settings: Readonly<Record<string, number | string>>,
): Parameter {
  const count = settings.share === "channel" ? site.channels : 1;
  return { name, shape: [count], initial: () => initial };
}

/** Numbers per channel, or one for all, as `[1, C, 1, ...]` or `[1, 1, 1, ...]`. */
export function alongChannels(g: Graph, values: Value, axes: number): Value {
  const ones = new Array<number>(axes).fill(1);
  return reshape(g, values, [1, -1, ...ones]);
}

/**
 * Composes SoftPool with temperatures that are values of the graph.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @param beta the temperatures, of a shape that spreads over x's with 1 for every spatial axis
 * @returns the pooled value
 */
export function softPoolBeta(g: Graph, x: Value, window: PoolWindow, beta: Value): Value {
  const number = (value: number) => constantLike(g, x, value);
  const top = largest(x.dtype);
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const c = 2 ** -Math.ceil(Math.log2(2 * count));
  const sign = where(g, less(g, beta, number(0)), number(-1), number(1));
  const sharpness = mul(g, min(g, abs(g, beta), number(LARGEST_BETA)), number(1 / c));
  // Infinities are taken by the largest finite number, and by the maximum in the end.
  const bounded = (value: Value) => max(g, min(g, value, number(top)), number(-top));
  const z = mul(g, x, sign);
  // The maximum is taken of the framed input: runtimes disagree on the sizes that ceil mode gives.
  const framed = frame(g, z, window, -Infinity);
  const pooled = maxPool(g, framed, plainWindow(window));
  const m = mul(g, bounded(pooled), number(c));
  const exists = tapWeights(g, x, window, x.dtype ?? "float32");
  let s: Value | undefined;
  let t: Value | undefined;
  for (const [a, tap] of taps(g, mul(g, bounded(framed), number(c)), window).entries()) {
    const u = sub(g, tap, m);
    const weight = exp(g, max(g, mul(g, u, sharpness), number(LOWEST_EXPONENT)));
    const e = exists === undefined ? weight : mul(g, weight, exists[a]);
    s = s === undefined ? e : add(g, s, e);
    const product = mul(g, u, e);
    t = t === undefined ? product : add(g, t, product);
  }
  // Half the mean difference twice: y is in range, m + 2 h may not be computed from 2 h.
  const half = mul(g, div(g, t as Value, s as Value), number(0.5 / c));
  return mul(g, add(g, add(g, pooled, half), half), sign);
}

/** The method `soft-beta`. */
export const softBeta: Method = {
  name: "soft-beta",
  aliases: ["soft-learned"],
  summary: "SoftPool with a learned temperature, per layer or per channel",
  source:
    "Stergiou, Poppe, Kalliatakis: Refining activation downsampling with SoftPool, ICCV 2021; learned temperature: Kobayashi, ICCV 2019",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [shareSetting],
  parameters: (site, settings) => [sharedParameter("beta", 1, site, settings)],
  infer: ({ g, x, window, parameters }) =>
    softPoolBeta(g, x, window, alongChannels(g, parameters.beta, window.kernel.length)),
};
