/**
 * Builds the graph of a network: layers with the names of their modules, stored tensors with the names
 * of checkpoints, pooling places. Batch normalization stays a node of its own; runtimes merge it into
 * the convolution before it when they load the file.
 *
 * For training, batch normalization computes its statistics (training_mode 1) and gives the next running
 * ones as outputs of the graph, dropout and random poolings draw from inputs, and poolings are composed
 * in place in their form for training.
 */
import {
  cast,
  float,
  Graph,
  less,
  mul,
  OnnxError,
  type PoolWindow,
  pooledShape,
  poolWindow,
  relu,
  type Shape,
  scalar,
  type Value,
  windowAttributes,
} from "@softpool/onnx";
import { constant, type Initial } from "./initial.ts";
import type {
  NetworkEntry,
  NoiseInput,
  Place,
  PlacedPooling,
  PoolChoice,
  RunningStatistic,
  StoredParameter,
} from "./network.ts";
import type { PoolSpecification } from "./pool-spec.ts";
import { composePooling, isOriginal } from "./pooling.ts";
import { zeroTensor } from "./stored.ts";

/** How a convolution slides. */
export interface ConvolutionShape {
  /** Kernel, square or height and width. */
  readonly kernel: number | readonly [height: number, width: number];
  /** Stride; default 1. */
  readonly stride?: number;
  /** Padding on both sides, square or of height and width; default 0. */
  readonly padding?: number | readonly [height: number, width: number];
  /** Groups of channels; default 1. */
  readonly groups?: number;
}

/** How a graph is built. */
export interface BuilderOptions {
  /** What pools where. */
  readonly pool: PoolSpecification;
  /** Number of classes. */
  readonly classes: number;
  /** Whether for training. */
  readonly training: boolean;
  /** Whether with auxiliary heads. */
  readonly auxiliary: boolean;
  /** Share of old running statistics in the next ones, in training. */
  readonly momentum: number;
  /** Whether batch normalization keeps its statistics in training. */
  readonly frozenNorms: boolean;
  /** SoftPool's gradient in training; `undefined` leaves it to the specification. */
  readonly softpoolGradient: "exact" | "weights" | undefined;
  /** Version of the standard operators. */
  readonly opset: number;
}

/** A square window. */
export function square(
  kernel: number,
  stride: number,
  padding = 0,
  rest: { readonly ceilMode?: boolean } = {},
): PoolWindow {
  return poolWindow([kernel, kernel], {
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
    ...rest,
  });
}

const pair = (value: number | readonly [number, number]): readonly [number, number] =>
  typeof value === "number" ? [value, value] : value;

/** Where a place stands; default in the trunk. */
type Group = Place["group"];

/** Builds one network. */
export class Builder {
  /** The graph so far. */
  readonly g: Graph;
  /** How it is built. */
  readonly options: BuilderOptions;
  /** Stored tensors so far. */
  readonly parameters: StoredParameter[] = [];
  /** Pooling places so far. */
  readonly places: PlacedPooling[] = [];
  /** Running statistics so far. */
  readonly statistics: RunningStatistic[] = [];
  /** Noise inputs so far. */
  readonly noise: NoiseInput[] = [];
  readonly #entry: NetworkEntry;

  /**
   * @param entry the network: its epsilon and its initialisation
   * @param options how it is built
   */
  constructor(entry: NetworkEntry, options: BuilderOptions) {
    this.#entry = entry;
    this.options = options;
    this.g = new Graph(options.opset);
  }

  /** Stores a tensor; its values come later. */
  store(
    name: string,
    shape: readonly number[],
    initial: Initial | undefined,
    rest: Partial<Pick<StoredParameter, "trainable" | "decay" | "place">> = {},
  ): Value {
    const { trainable = true, decay = trainable, place } = rest;
    if (this.g.names.unique(name) !== name) {
      throw new OnnxError(`${this.#entry.name}: the tensor ${name} is there twice`);
    }
    this.g.initializers.push(zeroTensor(name, shape));
    this.parameters.push({ name, shape, initial, trainable, decay, place });
    return { name, dtype: "float32", shape };
  }

  /** A noise input. */
  draw(name: string, shape: Shape): Value {
    this.noise.push({ name, shape });
    return this.g.input(name, "float32", shape);
  }

  /** A node with the name of its module, whose output is called `MODULE.out`. */
  #module(
    type: string,
    name: string,
    inputs: readonly (Value | undefined)[],
    attributes: Parameters<Graph["op"]>[2],
    more: readonly string[] = [],
  ): Value[] {
    const outputNames = [this.g.names.unique(`${name}.out`), ...more];
    return this.g.node(type, inputs, attributes, {
      name: this.g.names.unique(name),
      outputNames,
    });
  }

  /**
   * A convolution without bias.
   * @param name its module; the weight is `NAME.weight`
   * @param x `[N, C, H, W]`
   * @param channels how many it gives
   * @param shape kernel, stride, padding, groups
   */
  conv(name: string, x: Value, channels: number, shape: ConvolutionShape): Value {
    const { stride = 1, groups = 1 } = shape;
    const [kernel, padding] = [pair(shape.kernel), pair(shape.padding ?? 0)];
    const inputs = (x.shape?.[1] as number) / groups;
    const taps = kernel[0] * kernel[1];
    const site = {
      name: `${name}.weight`,
      shape: [channels, inputs, ...kernel],
      fanIn: inputs * taps,
      fanOut: channels * taps,
    };
    const weight = this.store(site.name, site.shape, this.#entry.initial(site));
    const [y] = this.#module("Conv", name, [x, weight], {
      kernel_shape: kernel,
      strides: [stride, stride],
      pads: [...padding, ...padding],
      group: groups === 1 ? undefined : groups,
    });
    return y;
  }

  /** Batch normalization: `NAME.weight`, `.bias`, `.running_mean`, `.running_var`. */
  norm(name: string, x: Value): Value {
    const shape = [x.shape?.[1] as number];
    const fixed = { trainable: false };
    const inputs = [
      x,
      this.store(`${name}.weight`, shape, constant(1)),
      this.store(`${name}.bias`, shape, constant(0)),
      this.store(`${name}.running_mean`, shape, constant(0), fixed),
      this.store(`${name}.running_var`, shape, constant(1), fixed),
    ];
    const epsilon = float(this.#entry.epsilon);
    if (!this.options.training || this.options.frozenNorms)
      return this.#module("BatchNormalization", name, inputs, { epsilon })[0];
    const next = ["running_mean", "running_var"].map((part) => `${name}.${part}.next`);
    const [y, ...statistics] = this.#module(
      "BatchNormalization",
      name,
      inputs,
      { epsilon, momentum: float(this.options.momentum), training_mode: 1 },
      next,
    );
    const perSample = (x.shape ?? [])
      .slice(2)
      .reduce<number>((product, size) => product * (size as number), 1);
    for (const [i, part] of ["running_mean", "running_var"].entries()) {
      this.statistics.push({ name: `${name}.${part}`, next: next[i], perSample });
    }
    this.#outputs.push(...statistics);
    return y;
  }

  readonly #outputs: Value[] = [];

  /** Declares the outputs of the graph: those given, then the next running statistics. */
  finish(outputs: readonly Value[]): void {
    this.g.output(...outputs, ...this.#outputs);
  }

  /** ReLU. */
  relu(x: Value): Value {
    return relu(this.g, x);
  }

  /** Convolution, batch normalization, ReLU, as modules `NAME.conv` and `NAME.bn`: Inception's unit. */
  unit(name: string, x: Value, channels: number, shape: ConvolutionShape): Value {
    return this.relu(this.norm(`${name}.bn`, this.conv(`${name}.conv`, x, channels, shape)));
  }

  /**
   * A linear layer: `NAME.weight` `[channels, inputs]`, `NAME.bias`.
   * @param name its module
   * @param x `[N, inputs]`
   * @param channels how many it gives
   * @param output name of the result; default `NAME.out`
   */
  linear(name: string, x: Value, channels: number, output?: string): Value {
    const inputs = x.shape?.[1] as number;
    const [weight, bias] = [
      { name: `${name}.weight`, shape: [channels, inputs] },
      { name: `${name}.bias`, shape: [channels] },
    ].map((part) => {
      const site = { ...part, fanIn: inputs, fanOut: channels };
      return this.store(site.name, site.shape, this.#entry.initial(site));
    });
    const outputName = this.g.names.unique(output ?? `${name}.out`);
    return this.g.op(
      "Gemm",
      [x, weight, bias],
      { transB: 1 },
      { name: this.g.names.unique(name), outputNames: [outputName] },
    );
  }

  /** The classifier: what is left of `x` after a global pooling, dropout and a linear layer. */
  classifier(name: string, x: Value, output: string, dropout = 0): Value {
    const flat = this.g.op("Flatten", [x], { axis: 1 });
    const channels = x.shape?.[1] as number;
    const features = { ...flat, shape: [x.shape?.[0] ?? null, channels] };
    const kept = this.dropout(`${name}.dropout`, features, dropout);
    return this.linear(name, kept, this.options.classes, output);
  }

  /**
   * Dropout with probability p: in training y = x [u < 1 - p] / (1 - p), with u the input `NAME`;
   * otherwise, and with p = 0, nothing.
   */
  dropout(name: string, x: Value, p: number): Value {
    if (!this.options.training || p === 0) return x;
    const u = this.draw(name, x.shape ?? []);
    const keep = less(this.g, u, this.g.constant(scalar("float32", 1 - p)));
    const mask = cast(this.g, keep, "float32");
    const factor = this.g.constant(scalar("float32", 1 / (1 - p)));
    return { ...mul(this.g, x, mul(this.g, mask, factor)), shape: x.shape };
  }

  /** A place of maximum pooling. */
  maxPool(name: string, x: Value, window: PoolWindow, group: Group = "trunk"): Value {
    return this.#pool({ name, kind: "maximum", window, counted: false, group }, x);
  }

  /** A place of average pooling that counts padded taps as zeros. */
  averagePool(name: string, x: Value, window: PoolWindow, group: Group = "trunk"): Value {
    return this.#pool({ name, kind: "average", window, counted: true, group }, x);
  }

  /** A place that takes every second row and column; another method pools 2 x 2 there. */
  subsample(name: string, x: Value): Value {
    const window = square(1, 2);
    return this.#pool({ name, kind: "subsample", window, counted: false, group: "trunk" }, x);
  }

  /** A place that averages everything. */
  globalAverage(name: string, x: Value, group: Group = "global"): Value {
    return this.#pool({ name, kind: "average", window: undefined, counted: false, group }, x);
  }

  #pool(where: Omit<Place, "input" | "output">, x: Value): Value {
    const { window } = where;
    const input = x.shape ?? [];
    const output =
      window === undefined
        ? [...input.slice(0, 2), ...input.slice(2).map(() => 1)]
        : (pooledShape(window, input) as Shape);
    const place: Place = { ...where, input, output };
    const choice = this.#withGradient(this.options.pool.choose(place));
    const composed = this.options.training && !isOriginal(place, choice);
    const y = composed ? composePooling(this, place, choice, x) : this.#originalPool(place, x);
    this.places.push({ ...place, choice, inputName: x.name, outputName: y.name });
    return { ...y, dtype: "float32", shape: output };
  }

  /** SoftPool with the gradient that was asked for. */
  #withGradient(choice: PoolChoice): PoolChoice {
    const { softpoolGradient: gradient } = this.options;
    const has = choice.method?.settings?.some(({ name }) => name === "gradient") === true;
    return has && gradient !== undefined
      ? { ...choice, settings: { ...choice.settings, gradient } }
      : choice;
  }

  #originalPool({ name, kind, window, counted }: Place, x: Value): Value {
    if (window === undefined) return this.#module("GlobalAveragePool", name, [x], {})[0];
    const type = kind === "average" ? "AveragePool" : "MaxPool";
    const padded = window.pads.some((p) => p !== 0);
    return this.#module(type, name, [x], {
      ...windowAttributes(window),
      count_include_pad: counted && padded ? 1 : undefined,
    })[0];
  }
}
