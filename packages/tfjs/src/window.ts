/**
 * From the options of a call to a {@link Pooling}: the one description that the kernels of all backends
 * receive. The geometry and its errors are those of the package `softpool`; this file adds what TensorFlow.js
 * has besides: channels last by default, `"same"` and `"valid"`, tensors without a batch axis.
 *
 * Every pooling is described over five axes `[outer, D, H, W, inner]`: with channels last these are
 * `[N, D, H, W, C]`, with channels first `[N C, D, H, W, 1]`; absent spatial axes have size 1.
 */
import { type AxisPadding, type Layout, pooledShape } from "softpool";

/** Options of `softPool1d`, `softPool2d` and `softPool3d`. */
export interface SoftPoolOptions {
  /** Taps per axis: one integer for all axes or one per axis, outermost first; at least 1. */
  kernelSize: number | readonly number[];
  /** Distance of neighbouring windows, per axis; at least 1. Default: `kernelSize`. */
  stride?: number | readonly number[];
  /**
   * `"valid"` (default) for none, `"same"` for as many outputs as the stride divides the input into
   * (an odd padding has its larger half at the end), or at most half a window: a number for all axes, or
   * an array with one entry per axis, each a number or a pair `[begin, end]`.
   */
  padding?: "valid" | "same" | number | readonly AxisPadding[];
  /** Distance of neighbouring taps, per axis; at least 1. Default 1. */
  dilation?: number | readonly number[];
  /** Keep partial windows at the end of an axis. Default `false`; `"same"` leaves none. */
  ceilMode?: boolean;
  /**
   * Order of the axes: as everywhere in TensorFlow.js channels are last by default, `"NLC"`, `"NHWC"` or
   * `"NDHWC"`; `"NCL"`, `"NCHW"`, `"NCDHW"` have them first.
   */
  layout?: Layout;
  /**
   * `"ignore"` (default): taps outside the input do not exist, weights are over the others. `"zero"`: they
   * are activations of value 0.
   */
  paddingMode?: "ignore" | "zero";
  /**
   * Temperature of the weights e^(beta x), a number or one per channel: 1 (default) is the paper's SoftPool,
   * 0 the average, +Infinity the maximum, -Infinity the minimum; otherwise of magnitude 1e-30 to 1e30.
   */
  beta?: number | readonly number[];
  /**
   * The gradient of the input: `"exact"` (default) is the derivative w (1 + beta (x - y)), `"weights"` is w
   * alone, as the published CUDA code computes it.
   */
  gradient?: "exact" | "weights";
}

/** One of the three spatial axes of a {@link Pooling}. */
export interface PooledAxis {
  /** Input size. */
  readonly size: number;
  /** Output size. */
  readonly out: number;
  /** Taps of a window. */
  readonly kernel: number;
  /** Distance of neighbouring windows. */
  readonly stride: number;
  /** Padding before the first element. */
  readonly begin: number;
  /** Padding after the last element. */
  readonly end: number;
  /** Distance of neighbouring taps. */
  readonly dilation: number;
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
  readonly axes: readonly [PooledAxis, PooledAxis, PooledAxis];
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

const KNOWN = [
  "kernelSize",
  "stride",
  "padding",
  "dilation",
  "ceilMode",
  "layout",
  "paddingMode",
  "beta",
  "gradient",
];

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

const LAYOUTS = [
  ["NLC", "NCL"],
  ["NHWC", "NCHW"],
  ["NDHWC", "NCDHW"],
] as const;

/** A value as it stands in an error message, short. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}

/**
 * Fails with the one form of every error of this package.
 * @param name the function or layer
 * @param parameter the parameter at fault
 * @param expected what it should have been
 * @param received what it was
 * @param cure what to do, where that is known
 */
export function fail(
  name: string,
  parameter: string,
  expected: string,
  received: string,
  cure = "",
): never {
  const hint = cure === "" ? "" : ` (${cure})`;
  throw new RangeError(`${name}: ${parameter}: expected ${expected}, received ${received}${hint}`);
}

/**
 * Checks a temperature.
 * @param name the function or layer, for errors
 * @param value a number or one per channel
 * @param channels the number of channels, where it is known
 * @throws RangeError for what is no temperature
 */
export function checkBeta(name: string, value: unknown, channels?: number): readonly number[] {
  const list = typeof value === "number" ? [value] : value;
  const size = (b: number) => Math.abs(b);
  const valid = (b: unknown) =>
    typeof b === "number" &&
    (b === 0 || size(b) === Number.POSITIVE_INFINITY || (size(b) >= 1e-30 && size(b) <= 1e30));
  if (!Array.isArray(list) || list.length === 0 || !list.every(valid)) {
    const range = "each 0, infinite or of magnitude 1e-30 to 1e30";
    fail(name, "beta", `a number or one per channel, ${range}`, show(value));
  }
  if (typeof value !== "number" && channels !== undefined && list.length !== channels) {
    fail(name, "beta", `a number or one per channel, ${channels} in all`, `${list.length} numbers`);
  }
  return list;
}

/** Checks which of two gradients is asked for. */
export function checkGradient(name: string, value: unknown): "exact" | "weights" {
  if (value !== "exact" && value !== "weights") {
    fail(name, "gradient", '"exact" or "weights"', show(value));
  }
  return value;
}

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
  if (typeof options !== "object" || options === null) {
    fail(name, "options", "an object with kernelSize", show(options));
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) fail(name, "options", KNOWN.join(", "), key, CURES[key]);
  }
  if (shape.length !== rank + 2 && shape.length !== rank + 1) {
    fail(name, "x.shape", `${rank + 2} sizes, or ${rank + 1} without the batch`, show([...shape]));
  }
  const o = options as Partial<SoftPoolOptions>;
  const batched = shape.length === rank + 2;
  const full = batched ? [...shape] : [1, ...shape];
  const layout = o.layout ?? LAYOUTS[rank - 1][0];
  const channelsLast = layout === LAYOUTS[rank - 1][0];
  const sizes = channelsLast ? full.slice(1, -1) : full.slice(2);
  const kernel = expand(o.kernelSize, rank);
  const stride = expand(o.stride ?? o.kernelSize, rank);
  const dilation = expand(o.dilation ?? 1, rank);
  let padding: unknown = o.padding ?? "valid";
  if (padding === "valid") padding = 0;
  if (padding === "same") padding = samePadding(sizes, kernel, stride, dilation);
  if (typeof padding === "string") {
    fail(name, "padding", '"valid", "same", a number or one entry per axis', show(padding));
  }

  const ceilMode = o.ceilMode ?? false;
  const paddingMode = o.paddingMode ?? "ignore";
  const { kernelSize } = o as SoftPoolOptions;
  const window = { kernelSize, stride: o.stride, padding, dilation: o.dilation, ceilMode };
  const outShape = checked(name, rank, full, { ...window, layout, paddingMode });

  const out = channelsLast ? outShape.slice(1, -1) : outShape.slice(2);
  const [batch, channels] = [full[0], channelsLast ? full[rank + 1] : full[1]];
  const pairs = expand(padding, rank) as unknown as AxisPadding[];
  const axes = sizes.map((size, i): PooledAxis => {
    const pair = pairs[i];
    const [begin, end] = typeof pair === "number" ? [pair, pair] : pair;
    const rest = { kernel: kernel[i], stride: stride[i], dilation: dilation[i] };
    return { size, out: out[i], begin, end, ...rest };
  });
  const absent = { size: 1, out: 1, kernel: 1, stride: 1, begin: 0, end: 0, dilation: 1 };
  while (axes.length < 3) axes.unshift(absent);
  const [outer, inner] = channelsLast ? [batch, channels] : [batch * channels, 1];
  const [D, H, W] = axes;
  return {
    name,
    batch,
    channels,
    channelsLast,
    axes: [D, H, W],
    ceilMode,
    zero: paddingMode === "zero",
    beta: checkBeta(name, o.beta ?? 1, channels),
    weightsOnly: checkGradient(name, o.gradient ?? "exact") === "weights",
    input: [outer, D.size, H.size, W.size, inner],
    output: [outer, D.out, H.out, W.out, inner],
    outShape: batched ? outShape : outShape.slice(1),
  };
}

/** The shape of the result, or the error of the package `softpool` in the caller's name. */
function checked(name: string, rank: 1 | 2 | 3, shape: number[], options: object): number[] {
  try {
    type Options = Parameters<typeof pooledShape>[2];
    return pooledShape(`${rank}d`, shape, options as Options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(error.message.replace(/^pooledShape/, name));
  }
}
