/**
 * Losses of classification: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss, and a cross entropy of
 * standard operators with smoothed labels (Szegedy et al., CVPR 2016).
 *
 *     NLL:  l = -w_c log p_c for the class c of each place;  CE: the same of log p = LogSoftmax(scores)
 *
 * reduced by nothing, their sum, or sum l / sum w. Places of the class `ignore_index` do not count.
 * https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html
 */
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { elements, int64s, scalar, type Tensor } from "../tensor.ts";
import { cast } from "./constant.ts";
import { add, div, equal, exp, mul, neg, sub } from "./elementwise.ts";
import {
  type EvaluateContext,
  type GradientContext,
  type GradientRule,
  type Inferred,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { reduce } from "./reduce.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { inputOf, numberLike, refuse, scaled, upstream } from "./rules.ts";
import { logSoftmax } from "./softmax.ts";
import { knownSizes, rankOf } from "./spatial.ts";

/** How a {@link softmaxCrossEntropy} treats its labels. */
export interface CrossEntropyOptions {
  /** The part of the target that is spread over all classes alike, from 0 to below 1; default 0. */
  readonly smoothing?: number;
}

/**
 * The mean over samples of -sum_k t_k log softmax(logits)_k, with the target t = 1 - smoothing at the
 * label, and smoothing / K everywhere more. Labels that are no class have no part of the first.
 * @param logits [N, K], K known
 * @param labels [N], int64 or int32
 * @returns a scalar
 * @throws OnnxError for another number of axes, an unknown K, or a smoothing outside [0, 1)
 */
export function softmaxCrossEntropy(
  g: Graph,
  logits: Value,
  labels: Value,
  options: CrossEntropyOptions = {},
): Value {
  const { smoothing = 0 } = options;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new OnnxError(
      `softmaxCrossEntropy: smoothing: expected a number from 0 to below 1, received ${smoothing}`,
    );
  }
  const classes = logits.shape?.[1];
  if (logits.shape?.length !== 2 || typeof classes !== "number") {
    throw new OnnxError(
      `softmaxCrossEntropy: logits: expected [samples, classes] with a known number of classes, received ${quote(logits.name)} of shape [${logits.shape ?? "?"}]`,
    );
  }
  const logs = logSoftmax(g, logits, 1);
  const target = hot(g, labels, logits, classes);
  const own = scaled(g, target, 1 - smoothing);
  const spread = numberLike(g, logits, smoothing / classes);
  const weights = smoothing === 0 ? own : add(g, own, spread);
  const each = reduce(g, "ReduceSum", mul(g, weights, logs), [1], false);
  return neg(g, reduce(g, "ReduceMean", each, [0], false));
}

/** 1 at the class of each place, along axis 1, in the type of `scores`; `ignored` is no class. */
function hot(g: Graph, labels: Value, scores: Value, classes: number, ignored?: number): Value {
  const rank = rankOf(scores);
  // A class that does not count is one that no label has.
  const numbers = Array.from({ length: classes }, (_, k) => (k === ignored ? -(2 ** 31) : k));
  const shape = [classes, ...new Array<number>(rank - 2).fill(1)];
  const list = g.constant({ ...int64s(numbers), dtype: labels.dtype ?? "int64", shape });
  return cast(g, equal(g, unsqueeze(g, labels, [1]), list), scores.dtype ?? "float32");
}

type Reduction = "none" | "sum" | "mean";

function reductionOf(context: ShapeContext | EvaluateContext | GradientContext): Reduction {
  const name = context.attributes.string("reduction", "mean");
  if (name === "none" || name === "sum" || name === "mean") return name;
  throw new OnnxError(
    `${describeNode(context.node)}: attribute "reduction": expected none, sum or mean, received ${quote(name)}`,
  );
}

/** The type of the loss: one number, or one for each label. */
function lossType(context: ShapeContext): Inferred {
  const { dtype } = typeOf(context, 0);
  return { dtype, shape: reductionOf(context) === "none" ? typeOf(context, 1).shape : [] };
}

/** The loss from logarithms of probabilities [N, C, ...]. */
function likelihoodLoss(context: EvaluateContext, logs: Tensor): Tensor {
  const labels = required(context, 1);
  const weights = context.inputs[2];
  const ignored = context.attributes.int("ignore_index");
  const [batch, classes, ...sizes] = logs.shape;
  const expected = [batch, ...sizes];
  if (String(labels.shape) !== String(expected)) {
    throw new OnnxError(
      `${describeNode(context.node)}: expected labels [${expected.join(", ")}], received [${labels.shape.join(", ")}]`,
    );
  }
  const inner = elements(sizes);
  let total = 0;
  const losses = labels.data.map((label, i) => {
    if (label === ignored) return 0;
    if (!(label >= 0 && label < classes)) {
      throw new OnnxError(
        `${describeNode(context.node)}: expected labels from 0 to ${classes - 1}, received ${label}`,
      );
    }
    const weight = weights?.data[label] ?? 1;
    total += weight;
    const at = (Math.floor(i / inner) * classes + label) * inner + (i % inner);
    return -weight * logs.data[at];
  });
  const reduction = reductionOf(context);
  if (reduction === "none") return { dtype: logs.dtype, shape: labels.shape, data: losses };
  const sum = losses.reduce((a, b) => a + b, 0);
  return scalar(logs.dtype, reduction === "sum" ? sum : sum / total);
}

/** The gradient of the logarithms [N, C, ...], from that of the loss. */
function likelihoodGradient(context: GradientContext, dy: Value): Value {
  const { g, attributes, wanted } = context;
  const [scores, labels] = [inputOf(context, 0), inputOf(context, 1)];
  const weights = context.inputs[2];
  if (wanted[2]) refuse(context, "the weights of the classes have none");
  const rank = rankOf(scores);
  const [classes] = knownSizes({ ...scores, shape: scores.shape?.slice(1, 2) }, 0);
  const ones = hot(g, labels, scores, classes, attributes.int("ignore_index"));
  const column = [-1, ...new Array<number>(rank - 2).fill(1)];
  const chosen =
    weights === undefined ? ones : mul(g, ones, rank === 2 ? weights : reshape(g, weights, column));
  const reduction = reductionOf(context);
  if (reduction === "none") return mul(g, chosen, neg(g, unsqueeze(g, dy, [1])));
  if (reduction === "sum") return mul(g, chosen, neg(g, dy));
  const total = reduce(g, "ReduceSum", chosen, undefined, false);
  return mul(g, chosen, neg(g, div(g, dy, total)));
}

const likelihoodRule: GradientRule = (context) => {
  const dy = upstream(context);
  return dy === undefined || !(context.wanted[0] || context.wanted[2])
    ? []
    : [likelihoodGradient(context, dy)];
};

const negativeLogLikelihood: Operator = {
  type: "NegativeLogLikelihoodLoss",
  shape: (context) => [lossType(context)],
  evaluate: (context) => [likelihoodLoss(context, required(context, 0))],
  gradient: likelihoodRule,
};

/** x - log sum e^x over the classes. */
function logarithms(x: Tensor): Tensor {
  const [, classes, ...sizes] = x.shape;
  const inner = elements(sizes);
  const data = new Float64Array(x.data.length);
  for (let first = 0; first < data.length; first++) {
    if (Math.floor(first / inner) % classes !== 0) continue;
    const places = Array.from({ length: classes }, (_, k) => first + k * inner);
    const largest = places.reduce((best, i) => Math.max(best, x.data[i]), -Infinity);
    const sum = places.reduce((total, i) => total + Math.exp(x.data[i] - largest), 0);
    for (const i of places) data[i] = x.data[i] - largest - Math.log(sum);
  }
  return { ...x, data };
}

const crossEntropyRule: GradientRule = (context) => {
  const { g, node, wanted, outputs } = context;
  const x = inputOf(context, 0);
  if (!(wanted[0] || wanted[2])) return [];
  const [dy, direct] = [upstream(context), upstream(context, 1)];
  const given = node.output.length > 1 && node.output[1] !== "";
  const logs = given ? outputs[1] : logSoftmax(g, x, 1);
  const byLoss = dy && likelihoodGradient(context, dy);
  const both = byLoss && direct ? add(g, byLoss, direct) : (byLoss ?? direct);
  if (both === undefined) return [];
  const sum = reduce(g, "ReduceSum", both, [1]);
  return [sub(g, both, mul(g, exp(g, logs), sum))];
};

const crossEntropy: Operator = {
  type: "SoftmaxCrossEntropyLoss",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    return [lossType(context), { dtype, shape }];
  },
  evaluate: (context) => {
    const logs = logarithms(required(context, 0));
    return [likelihoodLoss(context, logs), logs];
  },
  gradient: crossEntropyRule,
};

/** The operators of this file. */
export const losses: readonly Operator[] = [crossEntropy, negativeLogLikelihood];
