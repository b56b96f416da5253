/**
 * From the options of a call to a {@link Pooling}. The geometry and its errors are those of the package
 * `softpool`; this file adds what concerns arrays of jax-js: arrays without a batch axis.
 */
import { type AxisPadding, type Layout, pooledShape } from "softpool";

/** Options of {@link softPool}. */
export interface SoftPoolOptions {
  /** Taps per axis: one integer for all axes or one per axis, outermost first; at least 1. */
  kernelSize: number | readonly number[];
  /** Distance of neighbouring windows, per axis; at least 1. Default: `kernelSize`. */
  stride?: number | readonly number[];
  /**
   * Padding, at most half a window: a number for all axes, or an array with one entry per axis, each a number
   * or a pair `[begin, end]`. Default 0.
   */
  padding?: number | readonly AxisPadding[];
  /** Distance of neighbouring taps, per axis; at least 1. Default 1. */
  dilation?: number | readonly number[];
  /** Keep partial windows at the end of an axis. Default `false`. */
  ceilMode?: boolean;
  /** Order of the axes: `"NCHW"` (default) or `"NHWC"`, in 1D `"NCL"`, `"NLC"`, in 3D `"NCDHW"`, `"NDHWC"`. */
  layout?: Layout;
  /**
   * `"ignore"` (default): taps outside the input do not exist, weights are over the others. `"zero"`: they are
   * activations of value 0.
   */
  paddingMode?: "ignore" | "zero";
  /**
   * Temperature of the weights e^(beta x), a number or one per channel: 1 (default) is the paper's SoftPool, 0
   * the average, +Infinity the maximum, -Infinity the minimum; otherwise of magnitude 1e-30 to 1e30.
   */
  beta?: number | readonly number[];
  /**
   * The gradient: `"exact"` (default) is the derivative w (1 + beta (x - y)), `"weights"` is w alone, as the
   * published CUDA code computes it.
   */
  gradient?: "exact" | "weights";
}

/** One spatial axis of a {@link Pooling}. */
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
  /** Distance of neighbouring taps. */
  readonly dilation: number;
}

/** A checked pooling. */
export interface Pooling {
  /** The spatial axes, outermost first. */
  readonly axes: readonly PooledAxis[];
  /** Position of the channel axis in the array. */
  readonly channelAxis: number;
  /** Position of the first spatial axis in the array. */
  readonly firstAxis: number;
  /** Taps outside the input are zeros instead of absent. */
  readonly zero: boolean;
  /** Temperature: one entry for all channels or one per channel. */
  readonly beta: readonly number[];
  /** The published gradient instead of the exact one. */
  readonly weightsOnly: boolean;
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

/** Why some options of the package `softpool` do not exist here. */
const CURES: Record<string, string> = {
  engine: "the device of jax-js computes, see defaultDevice",
  threads: "they belong to jax-js",
  out: "arrays of jax-js are never overwritten",
  betaGradient: "the gradient of beta is part of the package softpool only",
};

const LAYOUTS = [
  ["NCL", "NLC"],
  ["NCHW", "NHWC"],
  ["NCDHW", "NDHWC"],
];

/** A value as it stands in an error message, short. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}

/** Fails with the one form of every error: parameter, expected, received, and the cure where there is one. */
export function fail(parameter: string, expected: string, received: string, cure = ""): never {
  const hint = cure === "" ? "" : ` (${cure})`;
  throw new RangeError(`softPool: ${parameter}: expected ${expected}, received ${received}${hint}`);
}

function checkBeta(value: unknown, channels: number): readonly number[] {
  const list = typeof value === "number" ? [value] : value;
  const valid = (b: unknown) => {
    const size = Math.abs(b as number);
    const range =
      size === 0 || size === Number.POSITIVE_INFINITY || (size >= 1e-30 && size <= 1e30);
    return typeof b === "number" && range;
  };
  if (!Array.isArray(list) || list.length === 0 || !list.every(valid)) {
    const range = "each 0, infinite or of magnitude 1e-30 to 1e30";
    fail("beta", `a number or one per channel, ${range}`, show(value));
  }
  if (typeof value !== "number" && list.length !== channels) {
    fail("beta", `a number or one per channel, ${channels} in all`, `${list.length} numbers`);
  }
  return list;
}

/** Number of spatial axes: what an option with an entry per axis says, else that of an array with a batch. */
function rankOf(shape: readonly number[], o: Partial<SoftPoolOptions>): 1 | 2 | 3 {
  const layout = LAYOUTS.findIndex((pair) => pair.includes(o.layout ?? "")) + 1;
  const listed = [o.kernelSize, o.stride, o.padding, o.dilation].find(Array.isArray) as unknown[];
  const rank = layout > 0 ? layout : (listed?.length ?? shape.length - 2);
  if (rank < 1 || rank > 3 || (shape.length !== rank + 2 && shape.length !== rank + 1)) {
    const cure =
      "without a batch axis, an array of kernelSize or the layout tells the number of axes";
    const sizes = rank >= 1 && rank <= 3 ? `${rank + 2} sizes, or ${rank + 1}` : "3 to 5 sizes";
    fail("x.shape", `${sizes}`, show([...shape]), cure);
  }
  return rank as 1 | 2 | 3;
}

/**
 * Checks options against the shape of an array and describes the pooling.
 * @param shape shape of the array, with or without the batch axis
 * @param options what the caller wrote
 * @throws RangeError for anything that is not as documented
 */
export function describePooling(shape: readonly number[], options: unknown): Pooling {
  if (typeof options !== "object" || options === null) {
    fail("options", "an object with kernelSize", show(options));
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) fail("options", KNOWN.join(", "), key, CURES[key]);
  }
  const o = options as SoftPoolOptions;
  const rank = rankOf(shape, o);
  const batched = shape.length === rank + 2;
  const full = batched ? [...shape] : [1, ...shape];
  const last = o.layout === LAYOUTS[rank - 1][1];
  const { kernelSize, stride, padding = 0, dilation = 1, ceilMode, layout, paddingMode } = o;
  const window = { kernelSize, stride, padding, dilation, ceilMode, layout, paddingMode };
  const outShape = checked(rank, full, window);
  const gradient = o.gradient ?? "exact";
  if (gradient !== "exact" && gradient !== "weights") {
    fail("gradient", '"exact" or "weights"', show(gradient));
  }
  const of = (value: number | readonly number[], i: number) =>
    typeof value === "number" ? value : value[i];
  const first = last ? 1 : 2;
  const axes = Array.from({ length: rank }, (_, i) => {
    const kernel = of(kernelSize, i);
    const pad: AxisPadding = typeof padding === "number" ? padding : padding[i];
    return {
      size: full[first + i],
      out: outShape[first + i],
      kernel,
      stride: stride === undefined ? kernel : of(stride, i),
      begin: typeof pad === "number" ? pad : pad[0],
      dilation: of(dilation, i),
    };
  });
  const offset = batched ? 0 : 1;
  return {
    axes,
    channelAxis: (last ? rank + 1 : 1) - offset,
    firstAxis: first - offset,
    zero: paddingMode === "zero",
    beta: checkBeta(o.beta ?? 1, full[last ? rank + 1 : 1]),
    weightsOnly: gradient === "weights",
  };
}

/** The shape of the result, or the error of the package `softpool` in this one's name. */
function checked(rank: 1 | 2 | 3, shape: number[], options: SoftPoolOptions): number[] {
  try {
    return pooledShape(`${rank}d`, shape, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(error.message.replace(/^pooledShape/, "softPool"));
  }
}
