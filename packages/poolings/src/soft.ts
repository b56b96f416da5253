/**
 * SoftPool (Stergiou, Poppe, Kalliatakis, ICCV 2021) as a composition of standard operators, exact for
 * any finite input:
 *
 *     y = sum x_i e^(beta x_i) / sum e^(beta x_i)
 *
 * beta 0 is the average; a negative beta is taken by y_beta(x) = -y_(-beta)(-x). NaN in a window gives
 * NaN, +Infinity gives +Infinity, -Infinity has no weight (mirrored for negative beta).
 *
 * Two forms:
 *
 * - exact: with m the window's maximum, u_i = max(x_i - m, -200), y = m + sum u e^u / sum e^u. Nothing
 *   overflows, since every u lies in [-200, 0] and e^-200 is 0 in float32.
 * - guarded: n = AveragePool(x e^x), d = AveragePool(e^x), y = n / d, a fraction of the exact form's
 *   time, and right while the smallest d is well above the underflow and no n overflows or is NaN. Both
 *   can be seen in n and d themselves; where one fails, an `If` takes the exact form.
 */
import {
  abs,
  add,
  and,
  averagePool,
  concat,
  div,
  exp,
  type Graph,
  greater,
  less,
  max,
  min,
  mul,
  neg,
  type PoolWindow,
  poolWindow,
  reduce,
  reshape,
  shapeOf,
  slice,
  sub,
  type Value,
} from "@softpool/onnx";
import {
  ALMOST_ZERO,
  frame,
  isPlain,
  isTrusted,
  plainWindow,
  taps,
  windowMaximum,
} from "./frame.ts";
import type { Method } from "./method.ts";
import { constantLike, largest, lowest } from "./numbers.ts";

/** Below this, e^u is 0 in float32; in float64 it is 1e-87 and no matter beside the largest weight 1. */
const LOWEST_EXPONENT = -200;

/** Windows with more taps than this are pooled axis after axis: shorter sums, fewer nodes. */
const MAX_TAPS = 16;

/** How {@link softPool} is composed. */
export interface SoftPoolOptions {
  /** Temperature, finite; default 1. */
  readonly beta?: number;
  /** Only the exact form, without `If`; default false. */
  readonly exact?: boolean;
  /** The gradient that training takes; default `none`: the value is not differentiated. */
  readonly gradient?: SoftPoolGradient;
}

/**
 * Gradients of SoftPool: `exact` is the derivative w_i (1 + beta (x_i - y)), `weights` w_i alone, as the
 * published code computes it. For both the window's maximum is a constant: its terms cancel.
 */
export type SoftPoolGradient = "none" | "exact" | "weights";

/** Why a temperature cannot be taken, or `undefined` when it can. */
export function checkBeta(beta: number): string | undefined {
  const size = Math.abs(beta);
  if (size === 0 || (size >= 1e-30 && size <= 1e30)) return undefined;
  const limits = "its limits are the methods average and maximum";
  return `expected 0 or a temperature of magnitude 1e-30 to 1e30, received ${beta}; ${limits}`;
}

/**
 * Composes SoftPool.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @param options temperature and form
 * @returns the pooled value
 */
export function softPool(
  g: Graph,
  x: Value,
  window: PoolWindow,
  options: SoftPoolOptions = {},
): Value {
  const beta = options.beta ?? 1;
  const gradient = options.gradient ?? "none";
  if (beta === 0) return gradient === "none" ? averageTaps(g, x, window) : meanOf(g, x, window);
  if (beta < 0) return neg(g, softPool(g, neg(g, x), window, { ...options, beta: -beta }));
  const dilated = window.dilations.some((d) => d !== 1);
  // AveragePool has no kernel for float64 and no dilations before operator set 19.
  const exact = options.exact || x.dtype === "float64" || (dilated && g.opset < 19);
  return byPlanes(g, x, window, (planes) =>
    exact || gradient !== "none"
      ? exactForm(g, planes, window, { beta, gradient })
      : guardedForm(g, planes, window, beta),
  );
}

/**
 * Pools every channel of two-dimensional data as a sample of its own, `[N C, 1, H, W]`. ONNX Runtime's
 * CPU provider turns poolings of many channels into a blocked layout, which costs more than the pooling
 * where exponentials stand around it.
 */
function byPlanes(g: Graph, x: Value, window: PoolWindow, pool: (planes: Value) => Value): Value {
  if (window.kernel.length !== 2) return pool(x);
  const y = pool(reshape(g, x, [-1, 1, 0, 0]));
  const channels = x.shape?.[1];
  if (typeof channels === "number") return reshape(g, y, [-1, channels, 0, 0]);
  const part = (value: Value, first: number) =>
    slice(g, shapeOf(g, value), { axes: [0], starts: [first], ends: [first + 2] });
  return reshape(g, y, concat(g, [part(x, 0), part(y, 2)], 0));
}

/**
 * The average of the taps that exist. Scaled by a power of 2, so that no sum overflows, and kept between
 * the smallest and the largest tap, where the last rounding might leave them.
 */
function averageTaps(g: Graph, x: Value, window: PoolWindow): Value {
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const scale = 2 ** Math.ceil(Math.log2(count));
  const small = mul(g, x, constantLike(g, x, 1 / scale));
  const mean = mul(g, meanOf(g, small, window), constantLike(g, x, scale));
  const smallest = neg(g, windowMaximum(g, neg(g, x), window));
  return max(g, min(g, mean, windowMaximum(g, x, window)), smallest);
}

function meanOf(g: Graph, x: Value, window: PoolWindow): Value {
  const dilated = window.dilations.some((d) => d !== 1);
  const node = x.dtype !== "float64" && (!dilated || g.opset >= 19) && isTrusted(window);
  if (node) return averagePool(g, x, window);
  const total = tapSum(g, frame(g, x, window, 0), window);
  const count = window.kernel.reduce((product, k) => product * k, 1);
  return div(g, total, isPlain(window) ? constantLike(g, x, count) : countOf(g, x, window));
}

const tapSum = (g: Graph, framed: Value, window: PoolWindow) =>
  taps(g, framed, window).reduce((a, b) => add(g, a, b));

/** How many taps every window has: x^0, which is 1 for every x. */
function countOf(g: Graph, x: Value, window: PoolWindow): Value {
  return tapSum(g, frame(g, g.op("Pow", [x, constantLike(g, x, 0)]), window, 0), window);
}

/** The pooling over one axis only. */
function alongAxis(window: PoolWindow, axis: number): PoolWindow {
  const only = (values: readonly number[], rest: number) =>
    values.map((value, i) => (i % window.kernel.length === axis ? value : rest));
  return poolWindow(only(window.kernel, 1), {
    strides: only(window.strides, 1),
    pads: only(window.pads, 0),
    dilations: only(window.dilations, 1),
    ceilMode: window.ceilMode,
    autoPad: window.autoPad,
  });
}

/** A window as one step, or as one step per axis when it has many taps; the last axis comes first. */
function steps(window: PoolWindow): PoolWindow[] {
  const count = window.kernel.reduce((product, k) => product * k, 1);
  if (count <= MAX_TAPS || window.kernel.length === 1) return [window];
  return window.kernel
    .map((_, axis) => alongAxis(window, axis))
    .filter(
      ({ kernel, strides, pads }) =>
        [...kernel, ...strides].some((v) => v > 1) || pads.some((p) => p > 0),
    )
    .reverse();
}

/** A weighted mean of taps; its divisor is the same in numerator and denominator. */
function windowMean(g: Graph, x: Value, window: PoolWindow): Value {
  return steps(window).reduce(
    (y, step) =>
      isTrusted(step)
        ? averagePool(g, y, step, { countIncludePad: true })
        : averagePool(g, frame(g, y, step, ALMOST_ZERO), plainWindow(step)),
    x,
  );
}

function guardedForm(g: Graph, x: Value, window: PoolWindow, beta: number): Value {
  const e = exp(g, beta === 1 ? x : mul(g, x, constantLike(g, x, beta)));
  const n = windowMean(g, mul(g, x, e), window);
  const d = windowMean(g, e, window);
  const smallest = reduce(g, "ReduceMin", d, undefined, false);
  // Infinite or NaN when any n is, whatever a maximum does with NaN.
  const total = abs(g, reduce(g, "ReduceSum", n, undefined, false));
  const safe = and(
    g,
    greater(g, smallest, constantLike(g, x, 1e-26)),
    less(g, total, constantLike(g, x, 1e38)),
  );
  const [y] = g.if(
    safe,
    (then) => [div(then, n, d)],
    (otherwise) => [exactForm(otherwise, x, window, { beta, gradient: "none" })],
  );
  return y;
}

/** The sums of one step: y = m + t / s, with m the largest tap. */
interface Sums {
  m: Value;
  s: Value;
  t: Value;
}

/** How the exact form weighs its taps. */
interface Weighing {
  readonly beta: number;
  readonly gradient: SoftPoolGradient;
}

function exactForm(g: Graph, x: Value, window: PoolWindow, weighing: Weighing): Value {
  const top = largest(x.dtype);
  const bounds = [top, -top].map((bound) => constantLike(g, x, bound));
  // Max and Min keep NaN; MaxPool may drop it, but the sums do not.
  const finite = max(g, min(g, x, bounds[0]), bounds[1]);
  let sums: Sums | undefined;
  for (const step of steps(window)) {
    sums = sums === undefined ? first(g, finite, step, weighing) : merge(g, sums, step, weighing);
  }
  const { m, s, t } = sums as Sums;
  // What was cut off is 0 or an infinity. Where all of a window is -Infinity, its maximum may be given as
  // the lowest number, and the lowest number twice is -Infinity too.
  const rest = constant(g, windowMaximum(g, sub(g, x, finite), window), weighing);
  return add(g, add(g, m, div(g, t, s)), rest);
}

/** A value that gradients take for a constant. */
function constant(g: Graph, value: Value, { gradient }: Weighing): Value {
  return gradient === "none" ? value : g.detach(value);
}

/** The sums over the taps of `x`. */
function first(g: Graph, x: Value, window: PoolWindow, weighing: Weighing): Sums {
  const m = constant(g, windowMaximum(g, x, window), weighing);
  let s: Value | undefined;
  let t: Value | undefined;
  for (const tap of taps(g, frame(g, x, window, lowest(g, x.dtype)), window)) {
    const { u, e } = weight(g, tap, m, weighing);
    s = s === undefined ? e : add(g, s, e);
    const product = mul(g, u, e);
    t = t === undefined ? product : add(g, t, product);
  }
  return { m, s: s as Value, t: t as Value };
}

/**
 * The sums over windows of sums: with u_a = m_a - m,
 * s = sum s_a e^(beta u_a) and t = sum (t_a + u_a s_a) e^(beta u_a).
 */
function merge(g: Graph, parts: Sums, window: PoolWindow, weighing: Weighing): Sums {
  const m = constant(g, windowMaximum(g, parts.m, window), weighing);
  const slices = (value: Value, fill: number) => taps(g, frame(g, value, window, fill), window);
  const ms = slices(parts.m, lowest(g, parts.m.dtype));
  // A part that does not exist has no weight, whatever the maximum.
  const ss = slices(parts.s, 0);
  const ts = slices(parts.t, 0);
  let s: Value | undefined;
  let t: Value | undefined;
  for (const [a, tap] of ms.entries()) {
    const { u, e } = weight(g, tap, m, weighing);
    const sa = mul(g, ss[a], e);
    const ta = mul(g, add(g, ts[a], mul(g, u, ss[a])), e);
    s = s === undefined ? sa : add(g, s, sa);
    t = t === undefined ? ta : add(g, t, ta);
  }
  return { m, s: s as Value, t: t as Value };
}

/** A tap's distance u from the maximum, bounded where its weight e^(beta u) is 0. */
function weight(
  g: Graph,
  tap: Value,
  m: Value,
  { beta, gradient }: Weighing,
): { u: Value; e: Value } {
  const bound = Math.max(LOWEST_EXPONENT / beta, -largest(m.dtype));
  const u = max(g, sub(g, tap, m), constantLike(g, m, bound));
  const e = exp(g, beta === 1 ? u : mul(g, u, constantLike(g, m, beta)));
  return { u, e: gradient === "weights" ? g.detach(e) : e };
}

/** The method `soft`. */
export const soft: Method = {
  name: "soft",
  aliases: ["softpool"],
  summary: "sum of the taps weighted by the softmax of beta times themselves",
  source: "Stergiou, Poppe, Kalliatakis: Refining activation downsampling with SoftPool, ICCV 2021",
  axes: [1, 2, 3],
  random: false,
  trained: false,
  settings: [
    {
      name: "beta",
      summary: "temperature: 1 is the paper's, 0 the average, larger is nearer to the maximum",
      default: 1,
      check: checkBeta,
    },
    {
      name: "form",
      summary: "guarded takes the fast form where it is right; exact has no If",
      default: "guarded",
      values: ["guarded", "exact"],
      hidden: true,
    },
    {
      name: "gradient",
      summary: "exact derivative, or the published code's: the weights alone",
      default: "exact",
      values: ["exact", "weights"],
      hidden: true,
    },
  ],
  infer: ({ g, x, window, settings }) =>
    softPool(g, x, window, { beta: settings.beta as number, exact: settings.form === "exact" }),
  train: ({ g, x, window, settings }) =>
    softPool(g, x, window, {
      beta: settings.beta as number,
      gradient: settings.gradient as SoftPoolGradient,
    }),
};
