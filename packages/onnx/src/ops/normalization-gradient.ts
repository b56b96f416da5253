/**
 * Gradients of normalizations. With n = (x - mean) / sqrt(variance + epsilon) and dn = scale dL/dy:
 *
 *     dL/dx = (dn - mean(dn) - n mean(dn n)) / sqrt(variance + epsilon)
 *     dL/dscale = sum(n dL/dy),  dL/dbias = sum(dL/dy)
 *
 * with the means over what is normalized. Where mean and variance are given, their terms fall away.
 */
import { float } from "../attributes.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { isStatic } from "../shape.ts";
import { elements } from "../tensor.ts";
import { sumTo } from "./broadcasting.ts";
import { cast } from "./constant.ts";
import { add, div, equal, mul, neg, pow, sqrt, sub, where } from "./elementwise.ts";
import { type GradientContext, type GradientRule, normalAxis } from "./operator.ts";
import { averagePool } from "./pool.ts";
import { reduce } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { inputOf, numberLike, refuse, reshapeLike, scaled, upstream } from "./rules.ts";
import {
  channelConstant,
  channelList,
  channelSum,
  channelSumOfProduct,
  knownSizes,
  rankOf,
} from "./spatial.ts";
import { poolWindow } from "./window.ts";

const epsilonOf = (context: GradientContext) => context.attributes.float("epsilon", 1e-5);
const range = (first: number, end: number) =>
  Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
const reciprocal = (g: Graph, x: Value) => g.op("Reciprocal", [x]);
const average = (g: Graph, x: Value, axes: readonly number[]) => reduce(g, "ReduceMean", x, axes);

/** 1 / sqrt(variance + epsilon). */
function inverseOf(g: Graph, variance: Value, epsilon: number): Value {
  return reciprocal(g, sqrt(g, add(g, variance, numberLike(g, variance, epsilon))));
}

/** A value times -1 / the number of elements of each channel of another one. */
function perElement(g: Graph, value: Value, x: Value): Value {
  if (isStatic(x.shape)) return scaled(g, value, -x.shape[1] / elements(x.shape));
  const [channels] = knownSizes(value, 0);
  const count = cast(g, g.op("Size", [x]), x.dtype ?? "float32");
  return div(g, scaled(g, value, -channels), count);
}

/** The statistics of a batch: where they are results of the node they are not computed again. */
function batchStatistics(
  context: GradientContext,
  x: Value,
): readonly [mean: Value, variance: Value] {
  const { g, node, outputs, attributes } = context;
  const there = node.output.length >= 3 && node.output[1] !== "" && node.output[2] !== "";
  if (there && attributes.float("momentum", 0.9) === 0) return [outputs[1], outputs[2]];
  const axes = [0, ...range(2, rankOf(x))];
  const mean = average(g, x, axes);
  const centred = sub(g, x, mean);
  const variance = average(g, mul(g, centred, centred), axes);
  return [reshape(g, mean, [-1]), reshape(g, variance, [-1])];
}

/**
 * BatchNormalization, in both modes. Training is fastest when the node has all outputs and momentum 0:
 * its statistics are then used. dL/dx is then the normalization of dL/dy + k x with given statistics, where
 * k is a number for each channel: three passes over memory.
 */
export const batchNormalizationGradient: GradientRule = (context) => {
  const { g, node, attributes, wanted } = context;
  const [x, scale, , givenMean, givenVariance] = range(0, 5).map((i) => inputOf(context, i));
  const trains = attributes.int("training_mode", 0) === 1;
  if (context.gradients.slice(1).some((gradient) => gradient !== undefined)) {
    refuse(context, "expected a use of the first output alone; the running statistics have none");
  }
  if (!trains && node.output.slice(1).some((name) => name !== "")) {
    refuse(context, `expected training_mode 1 (opset 14), received ${node.output.length} outputs`);
  }
  const dy = upstream(context);
  if (dy === undefined) return [];
  const epsilon = epsilonOf(context);
  const [channels] = knownSizes(scale, 0);
  const noughts = () => channelConstant(g, scale, channels, 0);
  const normalize = (value: Value, factor: Value, bias: Value, mean: Value, variance: Value) =>
    g.op("BatchNormalization", [value, factor, bias, mean, variance], { epsilon: float(epsilon) });
  const [byX, byScale, byBias, byMean, byVariance] = wanted;
  const given = (byMean || byVariance) && !trains;
  // Nothing is emitted that is not used: the bias takes a sum, the input at fixed statistics one node.
  const fixed = () => {
    const zeros = noughts();
    return normalize(dy, scale, zeros, zeros, givenVariance);
  };
  if (!(byScale || given || (trains && byX))) {
    return [byX ? fixed() : undefined, undefined, byBias ? channelSum(g, dy) : undefined];
  }
  const [mean, variance] = trains ? batchStatistics(context, x) : [givenMean, givenVariance];
  const inverse = inverseOf(g, variance, epsilon);
  const sum = channelSum(g, dy);
  const factor = given ? mul(g, scale, inverse) : undefined;
  // The sum of n dL/dy.
  const along =
    trains || byScale || byVariance
      ? mul(g, inverse, sub(g, channelSumOfProduct(g, dy, x), mul(g, mean, sum)))
      : undefined;
  // With m elements: dL/dx = scale inverse (dy + k x - (sum / m + k mean)), k = -along inverse / m.
  const trained = (b: Value): Value => {
    const k = mul(g, perElement(g, b, x), inverse);
    const centre = sub(g, mul(g, k, mean), perElement(g, sum, x));
    const tilted = add(g, dy, mul(g, x, channelList(g, k, rankOf(x))));
    return normalize(tilted, scale, noughts(), centre, variance);
  };
  const byVarianceOf = (a: Value, b: Value) => scaled(g, mul(g, mul(g, a, inverse), b), -0.5);
  return [
    byX ? (trains && along ? trained(along) : fixed()) : undefined,
    byScale ? along : undefined,
    byBias ? sum : undefined,
    byMean && given && factor ? neg(g, mul(g, factor, sum)) : undefined,
    byVariance && given && factor && along ? byVarianceOf(factor, along) : undefined,
  ];
};

/** A value as it is normalized along axes, and 1 / its deviation. Without `centre` the mean stays. */
function standardized(
  g: Graph,
  x: Value,
  axes: readonly number[],
  epsilon: number,
  centre = true,
): { normal: Value; inverse: Value } {
  const centred = centre ? sub(g, x, average(g, x, axes)) : x;
  const inverse = inverseOf(g, average(g, mul(g, centred, centred), axes), epsilon);
  return { normal: mul(g, centred, inverse), inverse };
}

/** The gradient of what was normalized, from the gradient `dn` of the result. */
function throughStatistics(
  g: Graph,
  { normal, inverse }: { normal: Value; inverse: Value },
  dn: Value,
  axes: readonly number[],
  centre = true,
): Value {
  const along = mul(g, normal, average(g, mul(g, dn, normal), axes));
  const rest = sub(g, centre ? sub(g, dn, average(g, dn, axes)) : dn, along);
  return mul(g, rest, inverse);
}

/** InstanceNormalization. */
export const instanceNormalizationGradient: GradientRule = (context) => {
  const { g, wanted } = context;
  const [x, scale] = [inputOf(context, 0), inputOf(context, 1)];
  const dy = upstream(context);
  if (dy === undefined) return [];
  const rank = rankOf(x);
  const axes = range(2, rank);
  const parts = wanted[0] || wanted[1] ? standardized(g, x, axes, epsilonOf(context)) : undefined;
  const byX = (given: typeof parts & {}) =>
    throughStatistics(g, given, mul(g, dy, channelList(g, scale, rank)), axes);
  return [
    parts && wanted[0] ? byX(parts) : undefined,
    parts && wanted[1] ? channelSum(g, mul(g, dy, parts.normal)) : undefined,
    wanted[2] ? channelSum(g, dy) : undefined,
  ];
};

/** GroupNormalization: scale and bias are for groups before opset 21, for channels since. */
export const groupNormalizationGradient: GradientRule = (context) => {
  const { g, wanted } = context;
  const [x, scale] = [inputOf(context, 0), inputOf(context, 1)];
  const dy = upstream(context);
  if (dy === undefined) return [];
  const grouped = (value: Value) =>
    reshape(g, value, [0, context.attributes.int("num_groups", 0), -1]);
  const perChannel = g.opset >= 21;
  const outer = perChannel ? dy : grouped(dy);
  const parts =
    wanted[0] || wanted[1] ? standardized(g, grouped(x), [2], epsilonOf(context)) : undefined;
  const byX = (given: typeof parts & {}) => {
    const scaledOuter = mul(g, outer, channelList(g, scale, rankOf(outer)));
    const dn = perChannel ? grouped(scaledOuter) : scaledOuter;
    return reshapeLike(g, throughStatistics(g, given, dn, [2]), x);
  };
  const normal = (given: typeof parts & {}) =>
    perChannel ? reshapeLike(g, given.normal, x) : given.normal;
  return [
    parts && wanted[0] ? byX(parts) : undefined,
    parts && wanted[1] ? channelSum(g, mul(g, outer, normal(parts))) : undefined,
    wanted[2] ? channelSum(g, outer) : undefined,
  ];
};

/** LayerNormalization, and RMSNormalization, which leaves the mean where it is. */
export const layerNormalizationGradient: GradientRule = (context) => {
  const { g, wanted, attributes } = context;
  const [x, scale] = [inputOf(context, 0), inputOf(context, 1)];
  if (context.gradients.slice(1).some((gradient) => gradient !== undefined)) {
    refuse(context, "expected a use of the first output alone; the statistics have none");
  }
  const dy = upstream(context);
  if (dy === undefined) return [];
  const centre = context.node.opType === "LayerNormalization";
  const rank = rankOf(x);
  const axes = range(
    normalAxis(attributes.int("axis", -1), rank, describeNode(context.node)),
    rank,
  );
  const bias = context.inputs[2];
  const parts =
    wanted[0] || wanted[1] ? standardized(g, x, axes, epsilonOf(context), centre) : undefined;
  return [
    parts && wanted[0] ? throughStatistics(g, parts, mul(g, dy, scale), axes, centre) : undefined,
    parts && wanted[1] ? sumTo(g, mul(g, dy, parts.normal), scale) : undefined,
    bias !== undefined && wanted[2] ? sumTo(g, dy, bias) : undefined,
  ];
};

/** LpNormalization: dL/dx = (dL/dy - u sum(y dL/dy)) / norm with u = y or sign x; 0 at a norm of 0. */
export const lpNormalizationGradient: GradientRule = (context) => {
  const { g, attributes, outputs } = context;
  const x = inputOf(context, 0);
  const dy = upstream(context);
  if (dy === undefined) return [];
  const axis = normalAxis(attributes.int("axis", -1), rankOf(x), describeNode(context.node));
  const one = attributes.int("p", 2) === 1;
  const norm = reduce(g, one ? "ReduceL1" : "ReduceL2", x, [axis]);
  const zero = numberLike(g, x, 0);
  const inverse = where(g, equal(g, norm, zero), zero, reciprocal(g, norm));
  const sum = reduce(g, "ReduceSum", mul(g, dy, outputs[0]), [axis]);
  const direction = one ? g.op("Sign", [x]) : outputs[0];
  return [mul(g, sub(g, dy, mul(g, direction, sum)), inverse)];
};

/**
 * LRN: y = x s^-beta with s = bias + alpha / size sum x^2 over neighbours, and
 *
 *     dL/dx = s^-beta dL/dy - 2 alpha beta / size x sum(y dL/dy / s)
 *
 * over the channels that see this one. The sums are averages that count the padding.
 */
export const localResponseGradient: GradientRule = (context) => {
  const { g, attributes, outputs } = context;
  const x = inputOf(context, 0);
  const dy = upstream(context);
  if (dy === undefined) return [];
  const size = attributes.int("size", 1);
  const [alpha, beta] = [attributes.float("alpha", 1e-4), attributes.float("beta", 0.75)];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const [channels] = knownSizes({ ...x, shape: x.shape?.slice(1, 2) }, 0);
  /** The mean over a window of channels. */
  const neighbours = (value: Value, begin: number, end: number): Value => {
    const flat = reshape(g, value, [-1, 1, channels, elements(knownSizes(x))]);
    const window = poolWindow([size, 1], { pads: [begin, 0, end, 0] });
    return reshapeLike(g, averagePool(g, flat, window, { countIncludePad: true }), x);
  };
  const squares = scaled(g, neighbours(mul(g, x, x), before, after), alpha);
  const s = add(g, squares, numberLike(g, x, attributes.float("bias", 1)));
  const own = mul(g, dy, pow(g, s, numberLike(g, x, -beta)));
  const others = neighbours(div(g, mul(g, dy, outputs[0]), s), after, before);
  return [sub(g, own, mul(g, x, scaled(g, others, 2 * alpha * beta)))];
};
