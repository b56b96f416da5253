/**
 * SoftPool as layers of TensorFlow.js models, with the argument names of Keras. They are registered for
 * serialisation when this module is loaded, so that a saved model that has them can be loaded wherever
 * `@softpool/tfjs` is imported.
 */
import { serialization, type Tensor } from "@tensorflow/tfjs-core";
import { InputSpec, layers, type Shape } from "@tensorflow/tfjs-layers";
import { checkBeta, checkGradient, fail, show } from "softpool/adapter";
import { outputSize } from "softpool/window";
import { softPool } from "./ops.ts";
import type { SoftPoolOptions } from "./window.ts";

/** A temperature as a saved model has it: JSON knows no infinities. */
type SavedBeta = number | "inf" | "-inf";

/** Arguments of the layers. */
export interface SoftPoolingArgs {
  /** Taps per axis: one integer for all axes or one per axis; at least 1. Default 2. */
  poolSize?: number | readonly number[];
  /** Distance of neighbouring windows, per axis; at least 1. Default: `poolSize`. */
  strides?: number | readonly number[] | null;
  /** `"valid"` (default) or `"same"`; padded taps do not exist. */
  padding?: "valid" | "same";
  /** `"channelsLast"` (default) or `"channelsFirst"`. */
  dataFormat?: "channelsLast" | "channelsFirst" | null;
  /** Temperature, a number or one per channel: 1 (default) is the paper's SoftPool, 0 the average, infinite the extrema. */
  beta?: SavedBeta | readonly SavedBeta[];
  /** `"exact"` (default) or `"weights"`, the published gradient. */
  gradient?: "exact" | "weights";
  /** Shape of one input, where the layer is the first of a model. */
  inputShape?: Shape;
  /** Shape of the input with its batch, where the layer is the first of a model. */
  batchInputShape?: Shape;
  /** Batch size, beside `inputShape`. */
  batchSize?: number;
  /** Element type of the input; float32. */
  dtype?: "float32";
  /** Name of the layer. */
  name?: string;
  /** There is nothing to train. */
  trainable?: boolean;
}

const KNOWN = [
  "poolSize",
  "strides",
  "padding",
  "dataFormat",
  "beta",
  "gradient",
  "inputShape",
  "batchInputShape",
  "batchSize",
  "dtype",
  "name",
  "trainable",
];

const LAYOUTS = [
  { channelsLast: "NLC", channelsFirst: "NCL" },
  { channelsLast: "NHWC", channelsFirst: "NCHW" },
  { channelsLast: "NDHWC", channelsFirst: "NCDHW" },
] as const;

const NAMES = ["softPooling1d", "softPooling2d", "softPooling3d"];

function perAxis(name: string, parameter: string, value: unknown, rank: number): number[] {
  const list = Array.isArray(value) ? value : new Array<unknown>(rank).fill(value);
  if (list.length !== rank || !list.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    const several = rank === 1 ? "" : ` or ${rank} of them`;
    fail(name, parameter, `an integer of at least 1${several}`, show(value));
  }
  return list;
}

function choice<T extends string>(name: string, parameter: string, value: T, choices: T[]): T {
  if (!choices.includes(value)) {
    fail(name, parameter, choices.map((entry) => JSON.stringify(entry)).join(" or "), show(value));
  }
  return value;
}

/** Refuses arguments that do not exist; what a saved model adds to a layer's is not looked at. */
function checkNames(rank: number, args: SoftPoolingArgs): void {
  for (const key of Object.keys(args)) {
    if (!KNOWN.includes(key)) fail(NAMES[rank - 1], "arguments", KNOWN.join(", "), key);
  }
}

const INFINITE: Record<string, number> = {
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

function readBeta(name: string, value: unknown): number | readonly number[] {
  const read = (b: unknown) => (typeof b === "string" ? (INFINITE[b] ?? b) : b);
  const list = checkBeta(name, Array.isArray(value) ? value.map(read) : read(value));
  return Array.isArray(value) ? list : list[0];
}

function saveBeta(beta: number): SavedBeta {
  return Number.isFinite(beta) ? beta : beta > 0 ? "inf" : "-inf";
}

/** What the three layers share; made by {@link softPooling1d} and its kin. */
export abstract class SoftPooling extends layers.Layer {
  /** Taps per axis. */
  readonly poolSize: readonly number[];
  /** Distance of neighbouring windows, per axis. */
  readonly strides: readonly number[];
  /** `"valid"` or `"same"`. */
  readonly padding: "valid" | "same";
  /** `"channelsLast"` or `"channelsFirst"`. */
  readonly dataFormat: "channelsLast" | "channelsFirst";
  /** Temperature, a number or one per channel. */
  readonly beta: number | readonly number[];
  /** Which gradient the layer has. */
  readonly gradient: "exact" | "weights";
  /** Number of spatial axes. */
  readonly rank: 1 | 2 | 3;

  /**
   * Checks the arguments.
   * @param rank number of spatial axes
   * @param args window, temperature and what every layer takes
   * @throws RangeError for an argument that is not as documented
   */
  constructor(rank: 1 | 2 | 3, args: SoftPoolingArgs = {}) {
    super(args as ConstructorParameters<typeof layers.Layer>[0]);
    const name = NAMES[rank - 1];
    this.rank = rank;
    this.poolSize = perAxis(name, "poolSize", args.poolSize ?? 2, rank);
    this.strides = perAxis(name, "strides", args.strides ?? this.poolSize, rank);
    this.padding = choice(name, "padding", args.padding ?? "valid", ["valid", "same"]);
    const formats: ("channelsLast" | "channelsFirst")[] = ["channelsLast", "channelsFirst"];
    this.dataFormat = choice(name, "dataFormat", args.dataFormat ?? "channelsLast", formats);
    this.beta = readBeta(name, args.beta ?? 1);
    this.gradient = checkGradient(name, args.gradient ?? "exact");
    this.inputSpec = [new InputSpec({ ndim: rank + 2 })];
  }

  /** Shape of the output; an axis of unknown size stays unknown. */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
    const first = this.dataFormat === "channelsFirst" ? 2 : 1;
    return shape.map((size, i) => {
      const axis = i - first;
      if (axis < 0 || axis >= this.rank || size === null) return size;
      const [kernel, stride] = [this.poolSize[axis], this.strides[axis]];
      if (this.padding === "same") return Math.ceil(size / stride);
      return outputSize(size, { kernel, stride, padBegin: 0, padEnd: 0, dilation: 1 }, false);
    });
  }

  /** Pools a tensor. */
  override call(inputs: Tensor | Tensor[], kwargs: Parameters<layers.Layer["call"]>[1]): Tensor {
    this.invokeCallHook(inputs, kwargs);
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    const options: SoftPoolOptions = {
      kernelSize: this.poolSize,
      stride: this.strides,
      padding: this.padding,
      layout: LAYOUTS[this.rank - 1][this.dataFormat],
      beta: this.beta,
      gradient: this.gradient,
    };
    return softPool(`${NAMES[this.rank - 1]} "${this.name}"`, this.rank, x, options);
  }

  /** The arguments that make this layer again. */
  override getConfig(): serialization.ConfigDict {
    const { beta } = this;
    return {
      ...super.getConfig(),
      poolSize: [...this.poolSize],
      strides: [...this.strides],
      padding: this.padding,
      dataFormat: this.dataFormat,
      beta: typeof beta === "number" ? saveBeta(beta) : beta.map(saveBeta),
      gradient: this.gradient,
    };
  }
}

/** The layer that {@link softPooling1d} makes. */
export class SoftPooling1D extends SoftPooling {
  /** Name of the class in saved models. */
  static className = "SoftPooling1D";

  /** See {@link softPooling1d}. */
  constructor(args?: SoftPoolingArgs) {
    super(1, args);
  }
}

/** The layer that {@link softPooling2d} makes. */
export class SoftPooling2D extends SoftPooling {
  /** Name of the class in saved models. */
  static className = "SoftPooling2D";

  /** See {@link softPooling2d}. */
  constructor(args?: SoftPoolingArgs) {
    super(2, args);
  }
}

/** The layer that {@link softPooling3d} makes. */
export class SoftPooling3D extends SoftPooling {
  /** Name of the class in saved models. */
  static className = "SoftPooling3D";

  /** See {@link softPooling3d}. */
  constructor(args?: SoftPoolingArgs) {
    super(3, args);
  }
}

for (const layer of [SoftPooling1D, SoftPooling2D, SoftPooling3D]) {
  serialization.registerClass(layer as serialization.SerializableConstructor<SoftPooling>);
}

/**
 * A layer that pools `[N, L, C]`, or `[N, C, L]` with channels first.
 * @param args window, temperature and what every layer takes
 * @throws RangeError for an argument that is not as documented
 */
export function softPooling1d(args: SoftPoolingArgs = {}): SoftPooling1D {
  checkNames(1, args);
  return new SoftPooling1D(args);
}

/**
 * A layer that pools `[N, H, W, C]`, or `[N, C, H, W]` with channels first.
 * @param args window, temperature and what every layer takes
 * @throws RangeError for an argument that is not as documented
 */
export function softPooling2d(args: SoftPoolingArgs = {}): SoftPooling2D {
  checkNames(2, args);
  return new SoftPooling2D(args);
}

/**
 * A layer that pools `[N, D, H, W, C]`, or `[N, C, D, H, W]` with channels first.
 * @param args window, temperature and what every layer takes
 * @throws RangeError for an argument that is not as documented
 */
export function softPooling3d(args: SoftPoolingArgs = {}): SoftPooling3D {
  checkNames(3, args);
  return new SoftPooling3D(args);
}
