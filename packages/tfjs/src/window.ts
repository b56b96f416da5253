/**
 * From the options of a call to a {@link Pooling}: the one description that the kernels of all backends
 * receive. The geometry and its errors are those of the package `softpool`; this file adds what TensorFlow.js
 * has besides: channels last by default, `"same"` and `"valid"`, tensors without a batch axis.
 *
 * Every pooling is described over five axes `[outer, D, H, W, inner]`: with channels last these are
 * `[N, D, H, W, C]`, with channels first `[N C, D, H, W, 1]`; absent spatial axes have size 1.
 */
import {
  type AdapterOptions,
  type AxisPadding,
  checkBeta,
  checkGradient,
  describeWindow,
  expectOptions,
  fail,
  show,
} from "softpool/adapter";
import type { Axis } from "softpool/window";

/** Options of `softPool1d`, `softPool2d` and `softPool3d`. */
export interface SoftPoolOptions extends Omit<AdapterOptions, "padding" | "ceilMode" | "layout"> {
  /**
   * `"valid"` (default) for none, `"same"` for as many outputs as the stride divides the input into
   * (an odd padding has its larger half at the end), or at most half a window: a number for all axes, or
   * an array with one entry per axis, each a number or a pair `[begin, end]`.
   */
  padding?: "valid" | "same" | number | readonly AxisPadding[];
  /** Keep partial windows at the end of an axis. Default `false`; `"same"` leaves none. */
  ceilMode?: boolean;
  /**
   * Order of the axes: as everywhere in TensorFlow.js channels are last by default, `"NLC"`, `"NHWC"` or
   * `"NDHWC"`; `"NCL"`, `"NCHW"`, `"NCDHW"` have them first.
   */
  layout?: AdapterOptions["layout"];
}

/** A checked pooling. */
export interface Pooling {
  /** The function that was called, for errors. */
  readonly name: string;
  /** Batch size N. */
  readonly batch: number;
  /** Channels C. */
  readonly channels: number;
  /** Channels are the last axis of the input. */
  readonly channelsLast: boolean;
  /** The axes D, H, W. */
  readonly axes: readonly [Axis, Axis, Axis];
  /** Keep partial windows at the end of an axis. */
  readonly ceilMode: boolean;
  /** Taps outside the input are zeros instead of absent. */
  readonly zero: boolean;
  /** Temperature: one entry for all channels or one per channel. */
  readonly beta: readonly number[];
  /** The published gradient instead of the exact one. */
  readonly weightsOnly: boolean;
  /** The input as `[outer, D, H, W, inner]`. */
  readonly input: readonly [number, number, number, number, number];
  /** The output as `[outer, D, H, W, inner]`. */
  readonly output: readonly [number, number, number, number, number];
  /** The output as the caller gets it. */
  readonly outShape: readonly number[];
}

/** What options are called elsewhere, and why some of this project's do not exist here. */
const CURES: Record<string, string> = {
  filterSize: "call it kernelSize",
  poolSize: "call it kernelSize",
  strides: "call it stride",
  pad: "call it padding",
  pads: "call it padding",
  dilations: "call it dilation",
  dimRoundingMode: "ceilMode: true rounds sizes up",
  dataFormat: "call it layout",
  engine: "the backend of TensorFlow.js computes, see tf.setBackend",
  threads: "they belong to the backend of TensorFlow.js",
  out: "TensorFlow.js gives results memory of their own",
  betaGradient: "the gradient of beta is part of the package softpool only",
};

/** The layouts that TensorFlow.js has by default, by number of spatial axes. */
const LAYOUTS = ["NLC", "NHWC", "NDHWC"] as const;

/** A number for every axis; not checked. */
function expand(value: unknown, rank: number): number[] {
  return Array.isArray(value) ? value : new Array<number>(rank).fill(value as number);
}

/** Padding that gives ceil(L / s) outputs, `[begin, end]` per axis; 0 where an argument is no number. */
function samePadding(
  sizes: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): [number, number][] {
  return sizes.map((size, i) => {
    const window = dilation[i] * (kernel[i] - 1) + 1;
    const total = Math.max(0, (Math.ceil(size / stride[i]) - 1) * stride[i] + window - size);
    const begin = Math.floor(total / 2);
    return Number.isSafeInteger(total) ? [begin, total - begin] : [0, 0];
  });
}

/** A value as part of a key, or undefined where it is none of what options are made of. */
function keyOf(value: unknown): string | undefined {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (!Array.isArray(value)) return undefined;
  const parts = value.map(keyOf);
  return parts.includes(undefined) ? undefined : `[${parts}]`;
}

/** Poolings that were described, by everything that describes them: small tensors are pooled as fast as checked. */
const described = new Map<string, Pooling>();
const MOST = 256;

/**
 * Checks options against the shape of an input and describes the pooling.
 * @param name the function that was called
 * @param rank number of spatial axes
 * @param shape shape of the input, with or without the batch axis
 * @param options what the caller wrote
 * @throws RangeError for anything that is not as documented
 */
export function describePooling(
  name: string,
  rank: 1 | 2 | 3,
  shape: readonly number[],
  options: unknown,
): Pooling {
  let key: string | undefined = `${name} ${shape}`;
  for (const [option, value] of Object.entries(options ?? {})) {
    const part = keyOf(value);
    key = part === undefined || key === undefined ? undefined : `${key} ${option} ${part}`;
  }
  const known = key === undefined ? undefined : described.get(key);
  if (known !== undefined) return known;
  const pooling = describeNew(name, rank, shape, options);
  if (key === undefined) return pooling;
  if (described.size >= MOST) described.clear();
  described.set(key, pooling);
  return pooling;
}

/** {@link describePooling} where it is the first time. */
function describeNew(
  name: string,
  rank: 1 | 2 | 3,
  shape: readonly number[],
  options: unknown,
): Pooling {
  expectOptions(name, options, CURES);
  if (shape.length !== rank + 2 && shape.length !== rank + 1) {
    fail(name, "x.shape", `${rank + 2} sizes, or ${rank + 1} without the batch`, show([...shape]));
  }
  const o = options as Partial<SoftPoolOptions>;
  const batched = shape.length === rank + 2;
  const full = batched ? [...shape] : [1, ...shape];
  const layout = o.layout ?? LAYOUTS[rank - 1];
  const sizes = layout === LAYOUTS[rank - 1] ? full.slice(1, -1) : full.slice(2);
  let padding: unknown = o.padding ?? "valid";
  if (padding === "valid") padding = 0;
  if (padding === "same") {
    const kernel = expand(o.kernelSize, rank);
    const stride = expand(o.stride ?? o.kernelSize, rank);
    padding = samePadding(sizes, kernel, stride, expand(o.dilation ?? 1, rank));
  }
  if (typeof padding === "string") {
    fail(name, "padding", '"valid", "same", a number or one entry per axis', show(padding));
  }

  const { beta, gradient, ...window } = o;
  const problem = describeWindow(name, rank, full, { ...window, padding, layout });
  const { batch, channels, channelsLast, axes, outShape } = problem;
  const [D, H, W] = axes;
  const [outer, inner] = channelsLast ? [batch, channels] : [batch * channels, 1];
  return {
    name,
    batch,
    channels,
    channelsLast,
    axes,
    ceilMode: o.ceilMode ?? false,
    zero: problem.zeroPadding,
    beta: checkBeta(name, beta ?? 1, channels),
    weightsOnly: checkGradient(name, gradient ?? "exact") === "weights",
    input: [outer, D.size, H.size, W.size, inner],
    output: [outer, D.out, H.out, W.out, inner],
    outShape: batched ? outShape : outShape.slice(1),
  };
}
