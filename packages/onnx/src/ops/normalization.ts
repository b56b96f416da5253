/**
 * Normalizations: y = scale (x - mean) / sqrt(variance + epsilon) + bias, with mean and variance over
 *
 *     BatchNormalization           all but the channels (given, unless it trains)
 *     InstanceNormalization        the spatial axes
 *     GroupNormalization           the channels of a group and the spatial axes
 *     LayerNormalization           the axes from `axis` on
 *     MeanVarianceNormalization    `axes`
 *
 * RMSNormalization leaves out the mean. LpNormalization divides by a norm, LRN by a power of the
 * squares of neighbouring channels (Krizhevsky et al., NeurIPS 2012).
 */
import { float } from "../attributes.ts";
import type { DType } from "../dtype.ts";
import { dtypeOfCode } from "../dtype.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { elements, type Tensor } from "../tensor.ts";
import { evaluateElementwise } from "./elementwise.ts";
import {
  batchNormalizationGradient,
  groupNormalizationGradient,
  instanceNormalizationGradient,
  layerNormalizationGradient,
  localResponseGradient,
  lpNormalizationGradient,
} from "./normalization-gradient.ts";
import {
  axisOfNode,
  type EvaluateContext,
  type GradientRule,
  type Inferred,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { reduceTensor } from "./reduce.ts";

/** How small variances are kept from 0. */
export interface NormalizationOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
}

/** Normalizes channels with given statistics: inference. All but `x` are [C]. */
export function batchNormalization(
  g: Graph,
  x: Value,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  options: NormalizationOptions = {},
): Value {
  return g.op("BatchNormalization", [x, scale, bias, mean, variance], epsilonOf(options));
}

/** Normalizes each channel of each sample. `scale` and `bias` are [C]. */
export function instanceNormalization(
  g: Graph,
  x: Value,
  scale: Value,
  bias: Value,
  options: NormalizationOptions = {},
): Value {
  return g.op("InstanceNormalization", [x, scale, bias], epsilonOf(options));
}

/**
 * Normalizes the axes from `axis` (default the last) on.
 * @param scale broadcast to `x`
 * @param bias broadcast to `x`, or `undefined`
 * @throws OnnxError before opset 17
 */
export function layerNormalization(
  g: Graph,
  x: Value,
  scale: Value,
  bias: Value | undefined,
  options: NormalizationOptions & { readonly axis?: number } = {},
): Value {
  if (g.opset < 17) {
    throw new OnnxError(`LayerNormalization: expected opset 17 or newer, received ${g.opset}`);
  }
  const attributes = { ...epsilonOf(options), axis: options.axis };
  return g.op("LayerNormalization", [x, scale, bias], attributes);
}

function epsilonOf({ epsilon }: NormalizationOptions) {
  return { epsilon: epsilon === undefined ? undefined : float(epsilon) };
}

const squareMean = (values: Float64Array) =>
  values.reduce((sum, x) => sum + x * x, 0) / values.length;
const mean = (values: Float64Array) => values.reduce((sum, x) => sum + x, 0) / values.length;
const subtract = (a: number, b: number) => a - b;
const multiply = (a: number, b: number) => a * b;
const plus = (a: number, b: number) => a + b;

/** Two tensors combined with broadcasting, in the first one's type. */
function map(a: Tensor, b: Tensor, f: (a: number, b: number) => number): Tensor {
  return evaluateElementwise([a, b], a.dtype, f);
}

/** The axes from `first` to the last, without some. */
function axesFrom(rank: number, first: number, without?: number): Set<number> {
  const all = Array.from({ length: rank }, (_, i) => i);
  return new Set(all.filter((i) => i >= first && i !== without));
}

/** A tensor minus its mean over axes, and the statistics. */
function centre(x: Tensor, axes: ReadonlySet<number>) {
  const average = reduceTensor(x, axes, true, mean);
  const centred = map(x, average, subtract);
  return { average, centred, variance: reduceTensor(centred, axes, true, squareMean) };
}

function divide(centred: Tensor, variance: Tensor, epsilon: number): Tensor {
  return map(centred, variance, (c, v) => c / Math.sqrt(v + epsilon));
}

/** A list with one number for each channel, as it is broadcast to [N, C, ...]. */
function perChannel(list: Tensor, rank: number): Tensor {
  return {
    ...list,
    shape: [list.data.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)],
  };
}

/** Scales and shifts; either may be left out. */
function affine(x: Tensor, scale: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const scaled = scale === undefined ? x : map(x, scale, multiply);
  return bias === undefined ? scaled : map(scaled, bias, plus);
}

function affineChannels(context: EvaluateContext, x: Tensor): Tensor {
  const rank = x.shape.length;
  const [scale, bias] = [1, 2].map((i) => perChannel(required(context, i), rank));
  return affine(x, scale, bias);
}

/** The type of the first output: that of the input. */
function sameType(context: ShapeContext): Inferred {
  const { dtype, shape } = typeOf(context, 0);
  return { dtype, shape };
}

/** Whether a batch normalization computes its statistics. Before opset 14 that is not evaluated here. */
function trains(context: ShapeContext | EvaluateContext): boolean {
  return context.attributes.int("training_mode", 0) === 1;
}

const batchNormalizationOperator: Operator = {
  type: "BatchNormalization",
  shape: (context) => {
    const statistics = [3, 4].map((i): Inferred => {
      const { dtype, shape } = typeOf(context, i);
      return { dtype, shape };
    });
    return [sameType(context), ...statistics];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const epsilon = context.attributes.float("epsilon", 1e-5);
    const rank = x.shape.length;
    const [runningMean, runningVariance] = [3, 4].map((i) => required(context, i));
    if (!trains(context)) {
      if (context.node.output.slice(1).some((name) => name !== "")) {
        throw new OnnxError(
          `${describeNode(context.node)}: expected one output or training_mode 1, received ${context.node.output.length} outputs`,
        );
      }
      const centred = map(x, perChannel(runningMean, rank), subtract);
      const y = divide(centred, perChannel(runningVariance, rank), epsilon);
      return [affineChannels(context, y)];
    }
    const { average, centred, variance } = centre(x, axesFrom(rank, 0, 1));
    const momentum = context.attributes.float("momentum", 0.9);
    const blend = (running: Tensor, current: Tensor) =>
      map(
        running,
        { ...current, shape: running.shape },
        (a, b) => momentum * a + (1 - momentum) * b,
      );
    return [
      affineChannels(context, divide(centred, variance, epsilon)),
      blend(runningMean, average),
      blend(runningVariance, variance),
    ];
  },
  gradient: batchNormalizationGradient,
};

/** An operator with one output of the input's type. */
function simple(
  type: string,
  gradient: GradientRule | undefined,
  evaluate: (context: EvaluateContext, x: Tensor) => Tensor,
): Operator {
  return {
    type,
    shape: (context) => [sameType(context)],
    evaluate: (context) => [evaluate(context, required(context, 0))],
    gradient,
  };
}

const instance = simple("InstanceNormalization", instanceNormalizationGradient, (context, x) => {
  const { centred, variance } = centre(x, axesFrom(x.shape.length, 2));
  const epsilon = context.attributes.float("epsilon", 1e-5);
  return affineChannels(context, divide(centred, variance, epsilon));
});

/** Scale and bias are for groups before opset 21, for channels since. */
const group = simple("GroupNormalization", groupNormalizationGradient, (context, x) => {
  const groups = context.attributes.int("num_groups", 0);
  const [batch, channels, ...sizes] = x.shape;
  if (groups < 1 || channels % groups !== 0) {
    throw new OnnxError(
      `${describeNode(context.node)}: attribute "num_groups": expected a divisor of ${channels} channels, received ${groups}`,
    );
  }
  const grouped = { ...x, shape: [batch, groups, (channels / groups) * elements(sizes)] };
  const { centred, variance } = centre(grouped, new Set([2]));
  const y = divide(centred, variance, context.attributes.float("epsilon", 1e-5));
  if (context.opset < 21) return { ...affineChannels(context, y), shape: x.shape };
  return affineChannels(context, { ...y, shape: x.shape });
});

/** The type of the statistics of a layer normalization. */
function stashType(context: ShapeContext | EvaluateContext): DType | undefined {
  return dtypeOfCode(context.attributes.int("stash_type", 1));
}

const layer: Operator = {
  type: "LayerNormalization",
  shape: (context) => {
    const type = sameType(context);
    const axis = type.shape && axisOfNode(context, type.shape.length, -1);
    const shape = type.shape?.map((dim, i) => (i >= (axis as number) ? 1 : dim));
    const statistics = { dtype: stashType(context), shape };
    return [type, statistics, statistics];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const axis = axisOfNode(context, x.shape.length, -1);
    const { average, centred, variance } = centre(x, axesFrom(x.shape.length, axis));
    const epsilon = context.attributes.float("epsilon", 1e-5);
    const y = affine(divide(centred, variance, epsilon), required(context, 1), context.inputs[2]);
    const dtype = stashType(context) ?? x.dtype;
    const inverse = variance.data.map((v) => 1 / Math.sqrt(v + epsilon));
    return [y, { ...average, dtype }, { ...variance, dtype, data: inverse }];
  },
  gradient: layerNormalizationGradient,
};

const rootMeanSquare = simple("RMSNormalization", layerNormalizationGradient, (context, x) => {
  const axis = axisOfNode(context, x.shape.length, -1);
  const squares = reduceTensor(x, axesFrom(x.shape.length, axis), true, squareMean);
  const y = divide(x, squares, context.attributes.float("epsilon", 1e-5));
  return affine(y, required(context, 1), undefined);
});

/** A norm of 0 leaves zeros. */
const lp = simple("LpNormalization", lpNormalizationGradient, (context, x) => {
  const p = context.attributes.int("p", 2);
  const axes = new Set([axisOfNode(context, x.shape.length, -1)]);
  const norm = reduceTensor(x, axes, true, (values) =>
    p === 1
      ? values.reduce((sum, v) => sum + Math.abs(v), 0)
      : Math.sqrt(values.reduce((sum, v) => sum + v * v, 0)),
  );
  return map(x, norm, (v, n) => (n === 0 ? 0 : v / n));
});

const localResponse = simple("LRN", localResponseGradient, (context, x) => {
  const size = context.attributes.int("size", 1);
  const alpha = context.attributes.float("alpha", 1e-4);
  const beta = context.attributes.float("beta", 0.75);
  const bias = context.attributes.float("bias", 1);
  const channels = x.shape[1];
  const inner = elements(x.shape.slice(2));
  const before = Math.floor((size - 1) / 2);
  const after = Math.ceil((size - 1) / 2);
  const data = x.data.map((value, i) => {
    const c = Math.floor(i / inner) % channels;
    let sum = 0;
    for (let k = Math.max(0, c - before); k <= Math.min(channels - 1, c + after); k++) {
      sum += x.data[i + (k - c) * inner] ** 2;
    }
    return value / (bias + (alpha / size) * sum) ** beta;
  });
  return { ...x, data };
});

const meanVariance = simple("MeanVarianceNormalization", undefined, (context, x) => {
  const axes = context.attributes.ints("axes") ?? [0, 2, 3];
  const where = describeNode(context.node);
  const { centred, variance } = centre(
    x,
    new Set(axes.map((axis) => normalAxis(axis, x.shape.length, where)).sort((a, b) => a - b)),
  );
  return map(centred, variance, (c, v) => c / (Math.sqrt(v) + 1e-9));
});

/** The operators of this file. */
export const normalizations: readonly Operator[] = [
  batchNormalizationOperator,
  group,
  instance,
  layer,
  localResponse,
  lp,
  meanVariance,
  rootMeanSquare,
];
