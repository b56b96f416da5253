/**
 * Reductions along axes: ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2,
 * ReduceLogSum, ReduceLogSumExp, ReduceSumSquare; ArgMax, ArgMin; CumSum.
 *
 * A NaN makes the maximum and the minimum NaN (ONNX Runtime 1.30's CPU provider keeps it only when it
 * is the first of the values, at every operator set). Nothing at all has the sum 0, the product 1, the
 * maximum -Infinity and the minimum Infinity.
 */
import { isFloat } from "../dtype.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { addDims, type Dim, isStatic, multiplyDims, type Shape } from "../shape.ts";
import { elements, int64s, type Tensor } from "../tensor.ts";
import { lengthOf, listGiven, listOf, plainAxes, strided, unknownShape } from "./arguments.ts";
import { equal } from "./elementwise.ts";
import {
  type EvaluateContext,
  type GradientContext,
  type GradientRule,
  knownIntegers,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import {
  castLikeValue,
  inputOf,
  mask,
  masked,
  numberLike,
  refuse,
  scaled,
  sizesOf,
  type UnaryParts,
  unaryRule,
} from "./rules.ts";

/** The reductions that {@link reduce} emits. */
export type Reduction =
  | "ReduceSum"
  | "ReduceMean"
  | "ReduceMax"
  | "ReduceMin"
  | "ReduceProd"
  | "ReduceL1"
  | "ReduceL2"
  | "ReduceLogSum"
  | "ReduceLogSumExp"
  | "ReduceSumSquare";

/**
 * A reduction of a value.
 * @param axes the axes; `undefined` for all. No axes leave the shape as it is.
 * @param keepdims whether the axes stay, with size 1; default true
 */
export function reduce(
  g: Graph,
  type: Reduction,
  x: Value,
  axes: readonly number[] | undefined,
  keepdims = true,
): Value {
  const since = type === "ReduceSum" ? 13 : 18;
  const kept = { keepdims: keepdims ? 1 : 0 };
  // An empty list would mean all axes: a reduction along none is one of a further axis of size 1.
  if (axes?.length === 0) {
    const one = g.opset < 13 ? [] : [g.constant(int64s([-1]))];
    const rank = x.shape?.length;
    const last = g.opset < 13 ? { axes: [rank ?? -1] } : {};
    return reduce(g, type, g.op("Unsqueeze", [x, ...one], last), [rank ?? -1], false);
  }
  const plain = axes && plainAxes(axes, x.shape?.length);
  if (g.opset < since) return g.op(type, [x], { axes: plain, ...kept });
  return g.op(type, [x, plain && g.constant(int64s(plain))], kept);
}

/** What a reduction makes of the values along its axes. */
const reductions: Readonly<Record<Reduction, (values: Float64Array) => number>> = {
  ReduceSum: sum,
  ReduceMean: (values) => sum(values) / values.length,
  ReduceMax: largest,
  ReduceMin: (values) => -largest(values.map((x) => -x)),
  ReduceProd: (values) => values.reduce((a, b) => a * b, 1),
  ReduceL1: (values) => sum(values.map(Math.abs)),
  ReduceL2: (values) => Math.sqrt(sum(values.map((x) => x * x))),
  ReduceLogSum: (values) => Math.log(sum(values)),
  ReduceLogSumExp: (values) => {
    const m = largest(values);
    if (m === Infinity || m === -Infinity) return m;
    return m + Math.log(sum(values.map((x) => Math.exp(x - m))));
  },
  ReduceSumSquare: (values) => sum(values.map((x) => x * x)),
};

function sum(values: Float64Array): number {
  let total = 0;
  for (const x of values) total += x;
  return total;
}

/** The largest value; NaN when there is one. */
function largest(values: Float64Array): number {
  let result = -Infinity;
  for (const x of values) result = Math.max(result, x);
  return result;
}

/** The shape after a reduction along axes. */
function reducedShape<T extends Dim>(
  shape: readonly T[],
  axes: ReadonlySet<number>,
  keepdims: boolean,
): (T | 1)[] {
  if (keepdims) return shape.map((dim, i) => (axes.has(i) ? 1 : dim));
  return shape.filter((_, i) => !axes.has(i));
}

/** Applies `f` to the values along axes. */
export function reduceTensor(
  x: Tensor,
  axes: ReadonlySet<number>,
  keepdims: boolean,
  f: (values: Float64Array) => number,
): Tensor {
  const own = strides(x.shape);
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.has(i));
  const order = [...kept, ...axes];
  // The values that belong together one after the other.
  const { data } = strided(
    x,
    order.map((i) => x.shape[i]),
    order.map((i) => own[i]),
  );
  const count = elements([...axes].map((i) => x.shape[i]));
  const shape = reducedShape(x.shape, axes, keepdims);
  const result = Float64Array.from({ length: elements(shape) }, (_, i) =>
    f(data.subarray(i * count, (i + 1) * count)),
  );
  return { dtype: x.dtype, shape, data: result };
}

/** The axes of a reduction: all when none are given, unless the node says that none means none. */
function axesOf(
  context: ShapeContext | EvaluateContext,
  given: readonly number[] | undefined,
  rank: number,
): ReadonlySet<number> {
  if (given === undefined || given.length === 0) {
    const none = context.attributes.int("noop_with_empty_axes", 0) === 1;
    return new Set(none ? [] : Array.from({ length: rank }, (_, i) => i));
  }
  const where = describeNode(context.node);
  return new Set(given.map((axis) => normalAxis(axis, rank, where)).sort((a, b) => a - b));
}

const isKept = (context: ShapeContext | EvaluateContext | GradientContext) =>
  context.attributes.int("keepdims", 1) === 1;

/** The shape of a reduction along axes that are not known. */
function unknownReduction(context: ShapeContext, rank: number): Shape | undefined {
  if (isKept(context)) return unknownShape(rank);
  const count = lengthOf(context.inputs[1]);
  if (count === undefined || count > rank) return undefined;
  const reduced = count === 0 ? axesOf(context, [], rank).size : count;
  return unknownShape(rank - reduced);
}

/** Reductions of shapes that shape arithmetic follows. */
const contentsRules: Partial<Record<Reduction, (a: Dim, b: Dim) => Dim>> = {
  ReduceProd: multiplyDims,
  ReduceSum: addDims,
};

/** What the gradient of a reduction is made of; dy has the reduced axes, so that it repeats. */
interface ReductionParts extends UnaryParts {
  /** y with the reduced axes. */
  readonly kept: () => Value;
  /** The axes; `undefined` for all. */
  readonly axes: readonly number[] | undefined;
}

/** The number of values that are reduced to one, in the type of x. */
function countOf({ g, x, y, axes }: ReductionParts): number | Value {
  const { shape } = x;
  const sizes = shape && (axes === undefined ? shape : axes.map((axis) => shape.at(axis) ?? null));
  if (isStatic(sizes)) return elements(sizes);
  const [all, kept] = [x, y].map((value) => castLikeValue(g, g.op("Size", [value]), x));
  return g.op("Div", [all, kept]);
}

/** A gradient for each of the values that are reduced. */
function spread({ g, x }: UnaryParts, dy: Value): Value {
  const same = x.shape !== undefined && String(x.shape) === String(dy.shape);
  return same ? dy : g.op("Expand", [dy, sizesOf(g, x)]);
}

/** Evenly to the values that are equal to the largest (smallest). */
function extremum({ g, x, kept, dy, axes }: ReductionParts): Value {
  const chosen = mask(g, equal(g, x, kept()), x);
  const count = reduce(g, "ReduceSum", chosen, axes);
  return g.op("Mul", [chosen, g.op("Div", [dy, count])]);
}

/** The product of the others: with zeros taken for 1, where none of the others is 0. */
function product({ g, x, dy, axes }: ReductionParts): Value {
  const zero = mask(g, equal(g, x, numberLike(g, x, 0)), x);
  const full = g.op("Add", [x, zero]);
  const part = g.op("Div", [g.op("Mul", [dy, reduce(g, "ReduceProd", full, axes)]), full]);
  const others = g.op("Sub", [reduce(g, "ReduceSum", zero, axes), zero]);
  return masked(g, part, g.op("Less", [others, numberLike(g, x, 0.5)]));
}

/** x / y; 0 where y and so all x are 0. */
function norm({ g, x, kept, dy }: ReductionParts): Value {
  const y = kept();
  const one = numberLike(g, y, 1);
  const safe = g.op("Where", [equal(g, y, numberLike(g, y, 0)), one, y]);
  return g.op("Mul", [x, g.op("Div", [dy, safe])]);
}

const reductionGradients: Readonly<Record<Reduction, (parts: ReductionParts) => Value>> = {
  ReduceSum: (parts) => spread(parts, parts.dy),
  ReduceMean: (parts) => {
    const { g, dy } = parts;
    const count = countOf(parts);
    const share = typeof count === "number" ? scaled(g, dy, 1 / count) : g.op("Div", [dy, count]);
    return spread(parts, share);
  },
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: product,
  ReduceL1: ({ g, x, dy }) => g.op("Mul", [g.op("Sign", [x]), dy]),
  ReduceL2: norm,
  // e^y is the sum.
  ReduceLogSum: (parts) => {
    const { g, kept, dy } = parts;
    return spread(parts, g.op("Div", [dy, g.op("Exp", [kept()])]));
  },
  ReduceLogSumExp: ({ g, x, kept, dy }) =>
    g.op("Mul", [g.op("Exp", [g.op("Sub", [x, kept()])]), dy]),
  ReduceSumSquare: ({ g, x, dy }) => g.op("Mul", [x, scaled(g, dy, 2)]),
};

/** The axes of a node; `undefined` for all, `null` when they are not known. */
function axesOfNode(context: GradientContext): readonly number[] | null | undefined {
  const given = listGiven(context, "axes", 1);
  if (given === null || (given !== undefined && given.length > 0)) return given;
  return context.attributes.int("noop_with_empty_axes", 0) === 1 ? [] : undefined;
}

function reductionRule(type: Reduction): GradientRule {
  return unaryRule((parts) => {
    const { g, x, y, dy, context } = parts;
    const axes = axesOfNode(context);
    const asBefore = isKept(context) || axes?.length === 0;
    // All values to one that has no axes: that repeats as it is.
    if (asBefore || (axes === undefined && y.shape?.length === 0)) {
      if (axes === null && type !== "ReduceSum") refuse(context, "expected axes that are known");
      return reductionGradients[type]({ ...parts, kept: () => y, axes: axes ?? undefined });
    }
    const rank = x.shape?.length;
    if (axes === null || rank === undefined) {
      return refuse(context, "expected an input and axes that are known, or keepdims 1");
    }
    const back = (value: Value): Value =>
      axes === undefined
        ? reshape(g, value, new Array<number>(rank).fill(1))
        : unsqueeze(g, value, plainAxes(axes, rank));
    return reductionGradients[type]({ ...parts, axes, kept: () => back(y), dy: back(dy) });
  });
}

function reduction(type: Reduction): Operator {
  const f = reductions[type];
  return {
    type,
    shape: (context) => {
      const { dtype, shape, contents } = typeOf(context, 0);
      if (shape === undefined) return [{ dtype }];
      const given = listGiven(context, "axes", 1);
      if (given === null) return [{ dtype, shape: unknownReduction(context, shape.length) }];
      const axes = axesOf(context, given, shape.length);
      const rule = contentsRules[type];
      const known = contents && rule && shape.length === 1 && axes.size === 1;
      return [
        {
          dtype,
          shape: reducedShape(shape, axes, isKept(context)),
          contents: known ? [contents.reduce(rule, type === "ReduceSum" ? 0 : 1)] : undefined,
        },
      ];
    },
    evaluate: (context) => {
      const x = required(context, 0);
      const axes = axesOf(context, listOf(context, "axes", 1), x.shape.length);
      const whole = isFloat(x.dtype) ? f : (values: Float64Array) => Math.trunc(f(values));
      return [reduceTensor(x, axes, isKept(context), whole)];
    },
    gradient: reductionRule(type),
  };
}

/** `ArgMax` and `ArgMin`: the position of the first of the largest (smallest), or of the last. */
function position(type: string, sign: 1 | -1): Operator {
  const axis = (context: ShapeContext | EvaluateContext, rank: number) =>
    new Set([normalAxis(context.attributes.int("axis", 0), rank, describeNode(context.node))]);
  return {
    type,
    shape: (context) => {
      const { shape } = typeOf(context, 0);
      const axes = shape && axis(context, shape.length);
      return [{ dtype: "int64", shape: axes && reducedShape(shape, axes, isKept(context)) }];
    },
    evaluate: (context) => {
      const x = required(context, 0);
      const last = context.attributes.int("select_last_index", 0) === 1;
      const find = (values: Float64Array) => {
        let best = 0;
        for (const [i, value] of values.entries()) {
          const gain = sign * (value - values[best]);
          if (gain > 0 || (last && gain === 0)) best = i;
        }
        return best;
      };
      const found = reduceTensor(x, axis(context, x.shape.length), isKept(context), find);
      return [{ ...found, dtype: "int64" }];
    },
    gradient: null,
  };
}

const cumSum: Operator = {
  type: "CumSum",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    const [axis] = knownIntegers(context.inputs[1]) ?? [];
    if (shape && axis !== undefined) normalAxis(axis, shape.length, describeNode(context.node));
    return [{ dtype, shape }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const where = describeNode(context.node);
    const axis = normalAxis(required(context, 1).data[0], x.shape.length, where);
    const exclusive = context.attributes.int("exclusive", 0) === 1;
    const reverse = context.attributes.int("reverse", 0) === 1;
    const step = strides(x.shape)[axis];
    const size = x.shape[axis];
    const data = new Float64Array(x.data.length);
    for (let first = 0; first < data.length; first++) {
      if (Math.floor(first / step) % size !== 0) continue;
      let total = 0;
      for (let i = 0; i < size; i++) {
        const at = first + (reverse ? size - 1 - i : i) * step;
        const next = total + x.data[at];
        data[at] = exclusive ? total : next;
        total = next;
      }
    }
    return [{ ...x, data }];
  },
  gradient: unaryRule(({ g, dy, context }) => {
    const exclusive = context.attributes.int("exclusive", 0);
    const reverse = 1 - context.attributes.int("reverse", 0);
    return g.op("CumSum", [dy, inputOf(context, 1)], { exclusive, reverse });
  }),
};

/** The operators of this file. */
export const reducing: readonly Operator[] = [
  ...(Object.keys(reductions) as Reduction[]).map(reduction),
  position("ArgMax", 1),
  position("ArgMin", -1),
  cumSum,
];
