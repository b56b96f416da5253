/**
 * Detail-preserving pooling: taps that differ from a reference weigh more.
 *
 *     y = sum w_i x_i / sum w_i,  w_i = alpha + rho(x_i - r),  rho(d) = (d^2 + eps^2)^(lambda / 2)
 *
 * with eps = 1e-3 and alpha = e^a, lambda = e^l learned for each channel, initially 1. The asymmetric
 * reward takes max(d, 0) for d. The reference r is
 *
 * - `lite-dpp`: the mean of the taps,
 * - `dpp`: a learned filter with a bias for each channel. It sees one tap more before the window on every
 *   axis (3x3 for 2x2 windows), padding as 0, and is initially the mean.
 *
 * `normalized` gives the form of the authors' code: rho(d) = (q / Q)^(lambda / 2), q = d^2 + 1e-3, Q the
 * mean of q in the window.
 *
 * Nothing overflows: with s the larger of 1 and all magnitudes, and all of x and r divided by s,
 *
 *     rho_i = s^lambda e^(L_i),  L_i = lambda / 2 ln(d_i^2 + eps^2 / s^2)
 *     w_i   ~ e^(a - lambda ln s - S) + e^(L_i - S),  S the largest of the exponents
 *
 * Source: Saeedan, Weber, Goesele, Roth: Detail-preserving pooling in deep networks, CVPR 2018.
 */
import {
  abs,
  add,
  div,
  exp,
  type Graph,
  log,
  max,
  min,
  mul,
  type PoolWindow,
  pad,
  poolWindow,
  sub,
  type Value,
} from "@softpool/onnx";
import { coefficients, weightedSum } from "./coefficients.ts";
import { frame, sumOf, tapCount, taps, tapWeights } from "./frame.ts";
import { maximumPooling } from "./maximum.ts";
import type { Context, Method, Parameter, Setting, Site } from "./method.ts";
import { constantLike, largest } from "./numbers.ts";
import { normalizedSetting } from "./power-average.ts";
import { alongChannels } from "./soft-beta.ts";

/** The least argument of a logarithm: a normal float32. */
const TINY = 2 ** -126;

/** lambda is at most e^20: everything below the largest difference has no weight long before. */
const LARGEST_LOG_LAMBDA = 20;

/** What the weights are made of. */
export interface DppOptions {
  /** ln alpha and ln lambda, of a shape that spreads over the output. */
  readonly logAlpha: Value;
  /** ln lambda, of a shape that spreads over the output. */
  readonly logLambda: Value;
  /** Whether only taps above the reference are rewarded; default false. */
  readonly asymmetric?: boolean;
  /** Whether rewards are relative to their mean; default false. */
  readonly normalized?: boolean;
  /** The filter of the reference, `[C, k + 1, ...]`; default the mean is the reference. */
  readonly filter?: Value;
  /** The bias of the reference, `[C]`; goes with `filter`. */
  readonly bias?: Value;
}

/**
 * Composes detail-preserving pooling.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @param options parameters and form
 * @returns the pooled value
 */
export function dppPooling(g: Graph, x: Value, window: PoolWindow, options: DppOptions): Value {
  const number = (value: number) => constantLike(g, x, value);
  const framed = frame(g, x, window, 0);
  const { all, reference } = tapsAndReference(g, framed, window, options);
  const exist = tapWeights(g, x, window, x.dtype ?? "float32");
  const only = (value: Value, i: number) => (exist === undefined ? value : mul(g, value, exist[i]));

  const peak = maximumPooling(g, abs(g, x), window);
  const magnitudes = reference === undefined ? [peak] : [peak, abs(g, reference)];
  const s = min(g, max(g, number(1), ...magnitudes), number(largest(x.dtype)));
  const scaled = all.map((tap) => div(g, tap, s));
  const r =
    reference === undefined
      ? div(g, sumOf(g, scaled), tapCount(g, x, window))
      : div(g, reference, s);

  const eps = div(g, number(options.normalized ? Math.sqrt(1e-3) : 1e-3), s);
  const least = mul(g, eps, eps);
  const squares = scaled.map((tap, i) => {
    // A tap that does not exist is at the reference: no exponent is below its.
    const difference = only(sub(g, tap, r), i);
    const d = options.asymmetric ? max(g, difference, number(0)) : difference;
    return max(g, add(g, mul(g, d, d), least), number(TINY));
  });

  const lambda = exp(g, min(g, options.logLambda, number(LARGEST_LOG_LAMBDA)));
  const half = mul(g, lambda, number(0.5));
  let exponents: Value[];
  let base = options.logAlpha;
  if (options.normalized) {
    const mean = div(g, sumOf(g, squares.map(only)), tapCount(g, x, window));
    exponents = squares.map((q) => mul(g, half, log(g, div(g, q, mean))));
  } else {
    base = sub(g, base, mul(g, lambda, log(g, s)));
    exponents = squares.map((q) => mul(g, half, log(g, q)));
  }
  const top = max(g, base, ...exponents);
  const alpha = exp(g, sub(g, base, top));
  const weights = exponents.map((L, i) => only(add(g, alpha, exp(g, sub(g, L, top))), i));
  return mul(g, s, div(g, weightedSum(g, scaled, weights), sumOf(g, weights)));
}

/** The taps of the windows, and what the filter makes of them and those before. */
function tapsAndReference(
  g: Graph,
  framed: Value,
  window: PoolWindow,
  { filter, bias }: DppOptions,
): { all: Value[]; reference?: Value } {
  if (filter === undefined) return { all: taps(g, framed, window) };
  const { kernel, strides, dilations } = window;
  const none = kernel.map(() => 0);
  const more = poolWindow(
    kernel.map((k) => k + 1),
    { strides, dilations },
  );
  const wide = taps(g, pad(g, framed, [0, 0, ...dilations, 0, 0, ...none], 0), more);
  const factors = coefficients(g, filter, wide.length, kernel.length);
  const sum = weightedSum(g, wide, factors);
  return {
    all: wide.filter((_, place) => isInside(place, more.kernel)),
    reference: bias === undefined ? sum : add(g, sum, alongChannels(g, bias, kernel.length)),
  };
}

/** Whether a place of the wider window belongs to the window itself: it is first on no axis. */
function isInside(place: number, kernel: readonly number[]): boolean {
  let rest = place;
  for (let i = kernel.length - 1; i >= 0; i--) {
    if (rest % kernel[i] === 0) return false;
    rest = Math.floor(rest / kernel[i]);
  }
  return true;
}

/** The parameters of the weights. */
export function rewardParameters({ channels }: Site): Parameter[] {
  return ["log_alpha", "log_lambda"].map((name) => ({
    name,
    shape: [channels],
    initial: () => 0,
  }));
}

/** The parameters of the filter: initially the mean of the window. */
function filterParameters({ channels, window }: Site): Parameter[] {
  const kernel = window.kernel.map((k) => k + 1);
  const count = kernel.reduce((product, k) => product * k, 1);
  const own = window.kernel.reduce((product, k) => product * k, 1);
  return [
    {
      name: "filter",
      shape: [channels, ...kernel],
      initial: () =>
        Float64Array.from({ length: channels * count }, (_, i) =>
          isInside(i % count, kernel) ? 1 / own : 0,
        ),
      decay: true,
    },
    { name: "bias", shape: [channels], initial: () => 0 },
  ];
}

const settings: readonly Setting[] = [
  {
    name: "reward",
    summary: "symmetric rewards taps that differ from the reference, asymmetric those above it",
    default: "symmetric",
    values: ["symmetric", "asymmetric"],
  },
  { ...normalizedSetting, summary: "1 divides rewards by their mean in the window, 0 does not" },
];

function infer({ g, x, window, parameters, settings: chosen }: Context): Value {
  const spread = (value: Value) => alongChannels(g, value, window.kernel.length);
  return dppPooling(g, x, window, {
    logAlpha: spread(parameters.log_alpha),
    logLambda: spread(parameters.log_lambda),
    asymmetric: chosen.reward === "asymmetric",
    normalized: chosen.normalized === 1,
    filter: parameters.filter,
    bias: parameters.bias,
  });
}

const common: Omit<Method, "name" | "aliases" | "summary"> = {
  source: "Saeedan, Weber, Goesele, Roth: Detail-preserving pooling in deep networks, CVPR 2018",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings,
  infer,
};

/** The method `dpp`: with a learned reference. */
export const dpp: Method = {
  ...common,
  name: "dpp",
  aliases: ["full-dpp"],
  summary: "taps weighted by their difference from a learned filter",
  parameters: (site) => [...rewardParameters(site), ...filterParameters(site)],
};

/** The method `lite-dpp`: with the mean as the reference. */
export const liteDpp: Method = {
  ...common,
  name: "lite-dpp",
  aliases: [],
  summary: "taps weighted by their difference from the mean",
  parameters: rewardParameters,
};
