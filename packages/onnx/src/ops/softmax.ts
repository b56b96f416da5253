/**
 * Softmax, LogSoftmax, Hardmax: e^x / sum e^x, its logarithm, and 1 at the first maximum. Before opset
 * 13 they take all axes from `axis` (default 1) on as one; since then one axis (default the last).
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { elements, type Tensor } from "../tensor.ts";
import { plainAxis } from "./arguments.ts";
import {
  axisOfNode,
  type EvaluateContext,
  type GradientContext,
  type GradientRule,
  normalAxis,
  type Operator,
  required,
  typeOf,
} from "./operator.ts";
import { reduce } from "./reduce.ts";
import { refuse, type UnaryParts, unaryRule } from "./rules.ts";
import { transpose } from "./transpose.ts";

/**
 * e^x / sum e^x along one axis.
 * @throws OnnxError before opset 13 when the number of axes is not known
 */
export function softmax(g: Graph, x: Value, axis: number): Value {
  return alongAxis(g, "Softmax", x, axis);
}

/** The logarithm of {@link softmax}, without its cancellation. */
export function logSoftmax(g: Graph, x: Value, axis: number): Value {
  return alongAxis(g, "LogSoftmax", x, axis);
}

/** Emits the operator so that it works along one axis at every opset. */
function alongAxis(g: Graph, type: string, x: Value, axis: number): Value {
  const rank = x.shape?.length;
  const plain = plainAxis(axis, rank);
  if (g.opset >= 13) return g.op(type, [x], { axis: plain });
  if (rank === undefined) {
    throw new OnnxError(
      `${type}: expected an input with a known number of axes before opset 13, ${x.name} has none`,
    );
  }
  if (plain === rank - 1) return g.op(type, [x], { axis: plain });
  // The axis changes places with the last one.
  const swap = Array.from({ length: rank }, (_, i) => i);
  swap[plain] = rank - 1;
  swap[rank - 1] = plain;
  return transpose(g, g.op(type, [transpose(g, x, swap)], { axis: rank - 1 }), swap);
}

/** Applies `f` to the values of each line, in place. */
function mapLines(context: EvaluateContext, f: (line: Float64Array) => void): Tensor {
  const x = required(context, 0);
  const rank = x.shape.length;
  const joint = context.opset < 13;
  const given = context.attributes.int("axis", joint ? 1 : -1);
  const axis = joint && given === rank ? rank : axisOfNode(context, rank, given);
  const inner = joint ? 1 : elements(x.shape.slice(axis + 1));
  const size = joint ? elements(x.shape.slice(axis)) : x.shape[axis];
  const data = new Float64Array(x.data.length);
  const line = new Float64Array(size);
  for (let first = 0; first < data.length; first++) {
    if (Math.floor(first / inner) % size !== 0) continue;
    for (let i = 0; i < size; i++) line[i] = x.data[first + i * inner];
    f(line);
    for (let i = 0; i < size; i++) data[first + i * inner] = line[i];
  }
  return { ...x, data };
}

/** The largest value, NaN when there is one, and the logarithm of sum e^(x - largest). */
function scale(line: Float64Array): [largest: number, logSum: number] {
  let largest = -Infinity;
  for (const x of line) largest = Math.max(largest, x);
  let sum = 0;
  for (const x of line) sum += Math.exp(x - largest);
  return [largest, Math.log(sum)];
}

/** The axes that a node works along, as one. */
function axesOf(context: GradientContext, { shape }: Value): number[] {
  const joint = context.g.opset < 13;
  const rank = shape?.length;
  const given = context.attributes.int("axis", joint ? 1 : -1);
  if (!joint) return [given];
  if (rank === undefined) return refuse(context, "expected a known number of axes before opset 13");
  const first = given === rank ? rank : normalAxis(given, rank, describeNode(context.node));
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

const lineSum = ({ g, y, context }: UnaryParts, x: Value) =>
  reduce(g, "ReduceSum", x, axesOf(context, y));

/** y dy - y sum(y dy). */
const softmaxRule: GradientRule = unaryRule((parts) => {
  const { g, y, dy } = parts;
  const part = g.op("Mul", [dy, y]);
  return g.op("Sub", [part, g.op("Mul", [y, lineSum(parts, part)])]);
});

/** dy - e^y sum(dy). */
const logSoftmaxRule: GradientRule = unaryRule((parts) => {
  const { g, y, dy } = parts;
  return g.op("Sub", [dy, g.op("Mul", [g.op("Exp", [y]), lineSum(parts, dy)])]);
});

function along(
  type: string,
  gradient: GradientRule | null,
  f: (line: Float64Array) => void,
): Operator {
  return {
    type,
    shape: (context) => {
      const { dtype, shape } = typeOf(context, 0);
      return [{ dtype, shape }];
    },
    evaluate: (context) => [mapLines(context, f)],
    gradient,
  };
}

/** The operators of this file. */
export const softmaxes: readonly Operator[] = [
  along("Softmax", softmaxRule, (line) => {
    const [largest, logSum] = scale(line);
    for (const [i, x] of line.entries()) line[i] = Math.exp(x - largest - logSum);
  }),
  along("LogSoftmax", logSoftmaxRule, (line) => {
    const [largest, logSum] = scale(line);
    for (const [i, x] of line.entries()) line[i] = x - largest - logSum;
  }),
  along("Hardmax", null, (line) => {
    const first = line.indexOf(scale(line)[0]);
    for (const i of line.keys()) line[i] = i === first ? 1 : 0;
  }),
];
