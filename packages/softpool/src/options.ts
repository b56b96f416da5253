/**
 * The options of a pooling and their checks: from what a caller writes to a {@link Problem}, the one
 * description that every engine receives. All errors about arguments are thrown here, as one sentence
 * that names the operator, the parameter, what was expected and what came.
 */
import { type DType, dtypeOf, elements, type Tensor } from "./types.ts";
import { type Axis, type AxisOptions, emptyWindow, outputSize } from "./window.ts";

/** The poolings of this package. */
export type Method = "soft" | "average" | "maximum" | "sum" | "power-average";

/** One padding: the same on both sides, or `[begin, end]`. */
export type AxisPadding = number | readonly [begin: number, end: number];

/** The order of axes: channels before the spatial axes, or after them. */
export type Layout = "NCL" | "NLC" | "NCHW" | "NHWC" | "NCDHW" | "NDHWC";

/** How taps outside the input count. */
export type PaddingMode = "ignore" | "zero";

/** Which engine computes. */
export type EngineName = "wasm" | "reference";

/** Options that every pooling has. */
export interface PoolOptions {
  /** Taps per axis: one integer for all axes or one per axis, outermost first; at least 1. */
  kernelSize: number | readonly number[];
  /** Distance of neighbouring windows, per axis; at least 1. Default: `kernelSize`. */
  stride?: number | readonly number[];
  /**
   * Padding, at most half a window: a number for all axes, or an array with one entry per axis, each
   * a number or a pair `[begin, end]`. Default 0.
   */
  padding?: number | readonly AxisPadding[];
  /** Distance of neighbouring taps, per axis; at least 1. Default 1. */
  dilation?: number | readonly number[];
  /** Keep partial windows at the end of an axis. Default `false`. */
  ceilMode?: boolean;
  /** Order of the axes: `"NCHW"` (default) or `"NHWC"`, in 1D `"NCL"`, `"NLC"`, in 3D `"NCDHW"`, `"NDHWC"`. */
  layout?: Layout;
  /**
   * `"ignore"` (default): taps outside the input do not exist, weights and averages are over the
   * others. `"zero"`: they are activations of value 0.
   */
  paddingMode?: PaddingMode;
  /** The engine: `"wasm"` (default) or `"reference"`, the slow definition in plain TypeScript. */
  engine?: EngineName;
  /** At most this many threads, 1 for none but the caller's. Default: one per processor, up to 16. */
  threads?: number;
  /** The tensor that receives the result, of the result's shape and element type. Default: a new one. */
  out?: Tensor;
}

/** Options of SoftPool. */
export interface SoftPoolOptions extends PoolOptions {
  /**
   * Temperature of the weights e^(beta x), a number or one per channel. 1 (default) is the paper's
   * SoftPool, 0 the average, +Infinity the maximum, -Infinity the minimum. NaN is refused.
   */
  beta?: number | readonly number[] | Float32Array | Float64Array;
}

/** Options of the backward of SoftPool. */
export interface SoftPoolBackwardOptions extends SoftPoolOptions {
  /**
   * `"exact"` (default): the derivative, w (1 + beta (x - y)). `"weights"`: w alone, as the published
   * CUDA code computes it.
   */
  gradient?: "exact" | "weights";
  /** Return the gradient with respect to `beta` too, as a {@link SoftPoolGradients}. Default `false`. */
  betaGradient?: boolean;
}

/** Options of power-average pooling. */
export interface PowerAvgPoolOptions extends PoolOptions {
  /** The power, above 0 and finite. Default 2. */
  p?: number;
  /** Divide the sum of powers by the number of taps (the power mean). Default `false`. */
  normalized?: boolean;
}

/** Both gradients of SoftPool. */
export interface SoftPoolGradients<T> {
  /** Gradient with respect to the input, of its shape. */
  readonly input: T;
  /** Gradient with respect to `beta`: one element per channel, or a single one when `beta` was a number. */
  readonly beta: Float64Array;
}

/** A checked pooling: what an engine needs to know, with three spatial axes always (size 1, kernel 1 where absent). */
export interface Problem {
  /** The operator as the caller named it, for errors. */
  readonly name: string;
  /** The pooling method. */
  readonly method: Method;
  /** Element type of input and output. */
  readonly dtype: DType;
  /** Batch size N. */
  readonly batch: number;
  /** Channels C. */
  readonly channels: number;
  /** Channels last (NHWC and kin). */
  readonly channelsLast: boolean;
  /** The axes D, H, W. */
  readonly axes: readonly [Axis, Axis, Axis];
  /** Taps outside the input are zeros instead of absent. */
  readonly zeroPadding: boolean;
  /** Temperature: one entry for all channels or one per channel. */
  readonly beta: Float64Array;
  /** Power of power-average pooling. */
  readonly p: number;
  /** Power mean instead of power sum. */
  readonly normalized: boolean;
  /** The published gradient of SoftPool instead of the exact one. */
  readonly weightsOnly: boolean;
  /** Shape of the output. */
  readonly outShape: readonly number[];
  /** Most threads to use. */
  readonly threads: number;
}

/** Everything any pooling accepts, as the checks see it. */
type AnyOptions = SoftPoolBackwardOptions & PowerAvgPoolOptions;

const COMMON = [
  "kernelSize",
  "stride",
  "padding",
  "dilation",
  "ceilMode",
  "paddingMode",
  "layout",
  "engine",
  "threads",
  "out",
];
const OWN: Partial<Record<Method, readonly string[]>> = {
  soft: ["beta", "gradient", "betaGradient"],
  "power-average": ["p", "normalized"],
};
/** Names of the spatial axes by rank, outermost first. */
const AXES = [["length"], ["height", "width"], ["depth", "height", "width"]];
const LAYOUTS = [
  ["NCL", "NLC"],
  ["NCHW", "NHWC"],
  ["NCDHW", "NDHWC"],
] as const;

/** A value as it stands in an error message, short. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name} of ${(value as Float32Array).length} elements`;
  }
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}

/**
 * Fails with the one form of every error of this package.
 * @param name the operator
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

function isInteger(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function onlyKnown(name: string, options: object, known: string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) fail(name, "options", known.join(", "), key);
  }
}

/** Expands a number or an array of numbers to one integer per axis. */
function perAxis(
  name: string,
  parameter: string,
  value: unknown,
  axes: number,
  least: number,
): number[] {
  const list = typeof value === "number" ? new Array<unknown>(axes).fill(value) : value;
  if (
    !Array.isArray(list) ||
    list.length !== axes ||
    !list.every((entry) => isInteger(entry, least) && entry < 2 ** 31)
  ) {
    const several = axes === 1 ? "" : ` or ${axes} of them (${AXES[axes - 1].join(", ")})`;
    fail(name, parameter, `an integer of at least ${least}${several}`, show(value));
  }
  return list as number[];
}

function paddings(name: string, value: unknown, axes: number): [number, number][] {
  const list = typeof value === "number" ? new Array<unknown>(axes).fill(value) : value;
  const valid =
    Array.isArray(list) &&
    list.length === axes &&
    list.every((entry) =>
      Array.isArray(entry)
        ? entry.length === 2 && entry.every((side) => isInteger(side, 0))
        : isInteger(entry, 0),
    );
  if (!valid) {
    fail(
      name,
      "padding",
      "an integer of at least 0 or an array with one entry per axis, each an integer or [begin, end]",
      show(value),
    );
  }
  return (list as (number | [number, number])[]).map((entry) =>
    typeof entry === "number" ? [entry, entry] : entry,
  );
}

function choice<T extends string>(
  name: string,
  parameter: string,
  value: unknown,
  choices: readonly T[],
  cure = "",
): T {
  if (!choices.includes(value as T)) {
    const expected = choices.map((entry) => JSON.stringify(entry)).join(" or ");
    fail(name, parameter, expected, show(value), cure);
  }
  return value as T;
}

/** Checks that an option is true or false. */
export function flag(name: string, parameter: string, value: unknown): boolean {
  if (typeof value !== "boolean") fail(name, parameter, "true or false", show(value));
  return value;
}

function checkedShape(name: string, parameter: string, shape: unknown, rank?: number): number[] {
  const valid =
    Array.isArray(shape) &&
    (rank === undefined || shape.length === rank) &&
    shape.every((size) => isInteger(size, 0));
  if (!valid) {
    const cure = "batch and channel axes are required, add them with size 1";
    fail(name, parameter, `${rank ?? "3 to 5"} sizes`, show(shape), cure);
  }
  return shape as number[];
}

/** Checks that a value is a tensor: a typed array and a shape that fits it. Returns its element type. */
export function checkTensor(name: string, parameter: string, value: unknown, rank?: number): DType {
  const tensor = value as Partial<Tensor> | null | undefined;
  if (typeof tensor !== "object" || tensor === null || tensor.data === undefined) {
    fail(name, parameter, "a tensor { data, shape }", show(value));
  }
  const dtype = dtypeOf(tensor.data);
  if (dtype === undefined) {
    fail(
      name,
      `${parameter}.data`,
      "a Float32Array, Float64Array, Float16Array or Uint16Array (float16 bits)",
      show(tensor.data),
    );
  }
  const shape = checkedShape(name, `${parameter}.shape`, tensor.shape, rank);
  const length = tensor.data.length;
  if (elements(shape) !== length) {
    fail(
      name,
      `${parameter}.data`,
      `${elements(shape)} elements for ${show(shape)}`,
      `${length}${length === 0 ? ": disposed or detached?" : ""}`,
    );
  }
  return dtype;
}

function checkBeta(name: string, value: unknown, channels: number): Float64Array {
  const list = typeof value === "number" ? [value] : value;
  const isList =
    Array.isArray(list) || list instanceof Float32Array || list instanceof Float64Array;
  if (
    !isList ||
    !(list as number[]).every((b: unknown) => typeof b === "number" && !Number.isNaN(b))
  ) {
    fail(name, "beta", "a number or one per channel, not NaN", show(value));
  }
  const beta = Float64Array.from(list as number[]);
  if (typeof value !== "number" && beta.length !== channels) {
    fail(name, "beta", `a number or one per channel, ${channels} in all`, `${beta.length} numbers`);
  }
  return beta;
}

function checkAxis(
  name: string,
  size: number,
  axis: AxisOptions,
  ceilMode: boolean,
  label: string,
): Axis {
  const window = axis.dilation * (axis.kernel - 1) + 1;
  const most = Math.floor(window / 2);
  for (const pad of [axis.padBegin, axis.padEnd]) {
    if (pad > most) {
      fail(
        name,
        `padding (${label})`,
        `at most ${most}, half the window of ${window}`,
        String(pad),
        "pad the tensor itself for more",
      );
    }
  }
  const out = outputSize(size, axis, ceilMode);
  if (size < 1) fail(name, `x.shape (${label})`, "at least 1", String(size));
  if (out < 1) {
    const padded = size + axis.padBegin + axis.padEnd;
    fail(
      name,
      `kernelSize (${label})`,
      `a window of at most the padded size ${padded}`,
      `a window of ${window}`,
      "use a smaller kernel or dilation, or more padding",
    );
  }
  const full = { ...axis, size, out };
  const empty = emptyWindow(full);
  if (empty >= 0) {
    fail(
      name,
      `dilation (${label})`,
      "windows that have a tap inside the input",
      `an output (${empty}) whose taps all lie in the padding`,
      "use less padding or dilation",
    );
  }
  return full;
}

/** What a call pools: the operator's name, its method and the number of spatial axes. */
export interface Operator {
  /** Name of the function that was called. */
  readonly name: string;
  /** The pooling method. */
  readonly method: Method;
  /** Number of spatial axes, 1 to 3. */
  readonly rank: 1 | 2 | 3;
}

/**
 * Checks options against an input shape and describes the pooling.
 * @param operator name, method and rank
 * @param shape shape of the input
 * @param dtype element type of the input
 * @param options what the caller wrote
 * @throws RangeError for anything that is not as documented
 */
export function describe(
  operator: Operator,
  shape: readonly number[],
  dtype: DType,
  options: unknown,
): Problem {
  const { name, method, rank } = operator;
  if (typeof options !== "object" || options === null) {
    fail(name, "options", "an object with kernelSize", show(options));
  }
  onlyKnown(name, options, [...COMMON, ...(OWN[method] ?? [])]);
  const o = options as Partial<AnyOptions>;
  checkedShape(name, "x.shape", shape, rank + 2);
  const layout = choice(
    name,
    "layout",
    o.layout ?? LAYOUTS[rank - 1][0],
    LAYOUTS[rank - 1] as readonly Layout[],
  );
  const channelsLast = layout === LAYOUTS[rank - 1][1];
  const batch = shape[0];
  const channels = channelsLast ? shape[rank + 1] : shape[1];
  const sizes = channelsLast ? shape.slice(1, rank + 1) : shape.slice(2);

  const kernel = perAxis(name, "kernelSize", o.kernelSize, rank, 1);
  const stride = perAxis(name, "stride", o.stride ?? kernel, rank, 1);
  const padding = paddings(name, o.padding ?? 0, rank);
  const dilation = perAxis(name, "dilation", o.dilation ?? 1, rank, 1);
  const ceilMode = flag(name, "ceilMode", o.ceilMode ?? false);
  const axes = sizes.map((size, i) =>
    checkAxis(
      name,
      size,
      {
        kernel: kernel[i],
        stride: stride[i],
        padBegin: padding[i][0],
        padEnd: padding[i][1],
        dilation: dilation[i],
      },
      ceilMode,
      AXES[rank - 1][i],
    ),
  );
  const absent: Axis = {
    size: 1,
    out: 1,
    kernel: 1,
    stride: 1,
    padBegin: 0,
    padEnd: 0,
    dilation: 1,
  };
  while (axes.length < 3) axes.unshift(absent);

  const p = o.p ?? 2;
  if (typeof p !== "number" || !(p > 0) || p === Number.POSITIVE_INFINITY) {
    fail(name, "p", "a finite number above 0", show(o.p), "maxPool is the limit for large p");
  }
  if (!isInteger(o.threads ?? 1, 1))
    fail(name, "threads", "an integer of at least 1", show(o.threads));
  const other = "webgpu: createWebGPU of softpool/webgpu";
  choice(name, "engine", o.engine ?? "wasm", ["wasm", "reference"], other);
  const out = axes.slice(3 - rank).map((axis) => axis.out);
  const outShape = channelsLast ? [batch, ...out, channels] : [batch, channels, ...out];
  return {
    name,
    method,
    dtype,
    batch,
    channels,
    channelsLast,
    axes: axes as unknown as [Axis, Axis, Axis],
    zeroPadding:
      choice(name, "paddingMode", o.paddingMode ?? "ignore", ["ignore", "zero"]) === "zero",
    beta: checkBeta(name, o.beta ?? 1, channels),
    p,
    normalized: flag(name, "normalized", o.normalized ?? false),
    weightsOnly:
      choice(name, "gradient", o.gradient ?? "exact", ["exact", "weights"]) === "weights",
    outShape,
    threads: o.threads ?? 0,
  };
}

/** Checks that a tensor has a given shape and element type. */
export function checkLike(
  name: string,
  parameter: string,
  value: unknown,
  shape: readonly number[],
  dtype: DType,
): void {
  const received = checkTensor(name, parameter, value, shape.length);
  if (received !== dtype) fail(name, `${parameter}.data`, `${dtype}, as x`, received);
  const actual = (value as Tensor).shape;
  if (!actual.every((size, i) => size === shape[i])) {
    fail(name, `${parameter}.shape`, show([...shape]), show([...actual]));
  }
}

/** Checks that a result may be written to `out`: it must not share memory with an input. */
export function checkDisjoint(name: string, out: Tensor, parameter: string, input: Tensor): void {
  const a = out.data;
  const b = input.data;
  const overlap =
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength;
  if (overlap) fail(name, "out", `memory apart from ${parameter}`, "memory that overlaps it");
}

/** The options of a global pooling, with a window as large as the input of the given shape. */
export function wholeWindow(
  { name, rank }: Operator,
  shape: readonly number[],
  options: unknown,
): object {
  const given = options ?? {};
  if (typeof given !== "object") fail(name, "options", "an object", show(options));
  // All but those of windows, the first six.
  onlyKnown(name, given, [...(OWN.soft as string[]), ...COMMON.slice(6)]);
  const channelsLast = String((given as PoolOptions).layout ?? "").endsWith("C");
  return { ...given, kernelSize: shape.slice(channelsLast ? 1 : 2).slice(0, rank) };
}
