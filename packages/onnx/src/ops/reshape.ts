/**
 * Shapes and how they change while the elements stay: Shape, Size, Reshape, Flatten, Squeeze,
 * Unsqueeze. Sizes that are symbols stay symbols where they follow.
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { type Dim, formatShape, isStatic, MAX_RANK, multiplyDims, type Shape } from "../shape.ts";
import { elements, int64s, scalar } from "../tensor.ts";
import {
  lengthOf,
  listGiven,
  listInput,
  listOf,
  plainAxes,
  plainAxis,
  spelledShape,
  unknownShape,
} from "./arguments.ts";
import { valuesOf } from "./folding.ts";
import {
  type EvaluateContext,
  type GradientRule,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { reshapeLike, unaryRule } from "./rules.ts";

/** The sizes of a value: one-dimensional int64. */
export function shapeOf(g: Graph, x: Value): Value {
  return g.op("Shape", [x]);
}

/**
 * A value in another shape with the same number of elements.
 * @param shape the sizes; 0 copies the input's size of that axis, -1 (once) is what is left
 */
export function reshape(g: Graph, x: Value, shape: readonly number[] | Value): Value {
  return g.op("Reshape", [x, listInput(g, shape)]);
}

/** A value with two axes: those before `axis` as one, the others as one. */
export function flatten(g: Graph, x: Value, axis: number): Value {
  return g.op("Flatten", [x], { axis: plainAxis(axis, x.shape?.length) });
}

/** A value without some of its axes, which have size 1. */
export function squeeze(g: Graph, x: Value, axes: readonly number[]): Value {
  return withAxes(g, "Squeeze", x, plainAxes(axes, x.shape?.length));
}

/** A value with further axes of size 1 at the given places of the result. */
export function unsqueeze(g: Graph, x: Value, axes: readonly number[]): Value {
  return withAxes(g, "Unsqueeze", x, plainAxes(axes, x.shape && x.shape.length + axes.length));
}

function withAxes(g: Graph, type: string, x: Value, axes: readonly number[]): Value {
  if (g.opset < 13) return g.op(type, [x], { axes });
  return g.op(type, [x, g.constant(int64s(axes))]);
}

/** The part of a shape that a `Shape` node gives: all before opset 15. */
function part<T>(context: ShapeContext | EvaluateContext, shape: readonly T[]): T[] {
  const { attributes } = context;
  return shape.slice(attributes.int("start", 0), attributes.int("end", shape.length));
}

/** The elements stay: the gradient goes back to the input's shape. */
const reshapeRule: GradientRule = unaryRule(({ g, x, dy }) => reshapeLike(g, dy, x));

const shapeOperator: Operator = {
  type: "Shape",
  shape: (context) => {
    const { shape } = typeOf(context, 0);
    const contents = shape && part(context, shape);
    return [{ dtype: "int64", shape: [contents?.length ?? null], contents }];
  },
  evaluate: (context) => [int64s(part(context, required(context, 0).shape))],
  gradient: null,
};

const size: Operator = {
  type: "Size",
  shape: (context) => {
    const { shape } = typeOf(context, 0);
    return [{ dtype: "int64", shape: [], contents: shape && [shape.reduce(multiplyDims, 1)] }];
  },
  evaluate: (context) => [scalar("int64", elements(required(context, 0).shape))],
  gradient: null,
};

/** How many elements shape `of` has for each of shape `by`; a symbol in both cancels out. */
function quotient(of: readonly Dim[], by: readonly Dim[]): Dim {
  const left = [...of];
  let divisor = 1;
  for (const dim of by) {
    if (typeof dim === "number") divisor *= dim;
    else {
      const i = dim === null ? -1 : left.indexOf(dim);
      if (i < 0) return null;
      left.splice(i, 1);
    }
  }
  const dividend = left.reduce<number>((p, dim) => (typeof dim === "number" ? p * dim : p), 1);
  const unknown = left.filter((dim) => typeof dim !== "number");
  if (divisor === 0) return null;
  if (dividend === 0) return 0;
  if (unknown.length === 0) {
    if (dividend % divisor === 0) return dividend / divisor;
    throw new OnnxError(
      `cannot reshape ${formatShape(of)}: ${dividend} elements are no multiple of ${divisor}`,
    );
  }
  return unknown.length === 1 && dividend === divisor ? unknown[0] : null;
}

/**
 * The shape that a `Reshape` gives.
 * @param from the input's shape
 * @param target what the node asks for: sizes, 0 and -1
 * @param allowZero whether 0 is a size instead of a copy
 * @throws OnnxError when the numbers of elements differ
 */
export function reshapedShape(from: Shape | undefined, target: Shape, allowZero: boolean): Shape {
  const copied = new Set<number>();
  const dims = target.map((dim, i): Dim => {
    if (typeof dim === "number" && dim < -1) {
      throw new OnnxError(`cannot reshape ${formatShape(from)} to a size of ${dim}`);
    }
    if (dim !== 0 || allowZero) return dim;
    if (from !== undefined && i >= from.length) {
      throw new OnnxError(`cannot reshape ${formatShape(from)}: it has no axis ${i} to copy`);
    }
    copied.add(i);
    return from?.[i] ?? null;
  });
  const rest = from?.filter((_, i) => !copied.has(i));
  const hole = dims.indexOf(-1);
  if (hole >= 0) {
    if (dims.includes(-1, hole + 1)) {
      throw new OnnxError(`cannot reshape ${formatShape(from)} to ${formatShape(dims)}: -1 twice`);
    }
    const others = dims.filter((_, i) => i !== hole && !copied.has(i));
    dims[hole] = rest === undefined ? null : quotient(rest, others);
  } else if (isStatic(from) && isStatic(dims) && elements(from) !== elements(dims)) {
    throw new OnnxError(
      `cannot reshape ${formatShape(from)} to ${formatShape(dims)}: the numbers of elements differ`,
    );
  }
  return dims;
}

const reshapeOperator: Operator = {
  type: "Reshape",
  shape: (context) => {
    const x = typeOf(context, 0);
    const { dtype, shape } = x;
    const values = valuesOf(x);
    const target = context.inputs[1]?.contents ?? spelledShape(context.inputs[1]);
    const allowZero = context.attributes.int("allowzero", 0) === 1;
    return [{ dtype, shape: target && reshapedShape(shape, target, allowZero), ...values }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const target = Array.from(required(context, 1).data);
    const allowZero = context.attributes.int("allowzero", 0) === 1;
    const shape = reshapedShape(x.shape, target, allowZero);
    if (isStatic(shape)) return [{ ...x, shape }];
    throw new OnnxError(
      `${describeNode(context.node)}: expected sizes that say what -1 is, received [${target.join(", ")}] for [${x.shape.join(", ")}]`,
    );
  },
  gradient: reshapeRule,
};

const flattenOperator: Operator = {
  type: "Flatten",
  shape: (context) => {
    const x = typeOf(context, 0);
    const { dtype, shape } = x;
    const values = valuesOf(x);
    if (shape === undefined) return [{ dtype, shape: [null, null], ...values }];
    const axis = flattenAxis(context, shape.length);
    const product = (dims: Shape) => dims.reduce(multiplyDims, 1);
    return [
      { dtype, shape: [product(shape.slice(0, axis)), product(shape.slice(axis))], ...values },
    ];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const axis = flattenAxis(context, x.shape.length);
    return [{ ...x, shape: [elements(x.shape.slice(0, axis)), elements(x.shape.slice(axis))] }];
  },
  gradient: reshapeRule,
};

/** The axis of a `Flatten` may be one behind the last. */
function flattenAxis(context: ShapeContext | EvaluateContext, rank: number): number {
  const axis = context.attributes.int("axis", 1);
  return axis === rank ? rank : normalAxis(axis, rank, describeNode(context.node));
}

/** The shape without the given axes, or without all axes of size 1. */
function squeezedShape(
  shape: Shape,
  axes: readonly number[] | undefined,
  where: string,
): Shape | undefined {
  if (axes === undefined) return isStatic(shape) ? shape.filter((dim) => dim !== 1) : undefined;
  const gone = new Set(axes.map((axis) => normalAxis(axis, shape.length, where)));
  for (const axis of gone) {
    const dim = shape[axis];
    if (typeof dim === "number" && dim !== 1) {
      throw new OnnxError(`${where}: expected size 1 along axis ${axis}, received ${dim}`);
    }
  }
  return shape.filter((_, i) => !gone.has(i));
}

/** The shape with axes of size 1 at the given places of the result. */
function unsqueezedShape(shape: Shape, axes: readonly number[], where: string): Shape {
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => normalAxis(axis, rank, where)));
  if (added.size !== axes.length) {
    throw new OnnxError(`${where}: expected axes that differ, received [${axes.join(", ")}]`);
  }
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : shape[next++]));
}

const squeezeOperator: Operator = {
  type: "Squeeze",
  shape: (context) => {
    const x = typeOf(context, 0);
    const { dtype, shape } = x;
    const values = valuesOf(x);
    const axes = listGiven(context, "axes", 1);
    const count = lengthOf(context.inputs[1]);
    if (shape === undefined) return [{ dtype, ...values }];
    if (axes !== null) {
      const where = describeNode(context.node);
      return [{ dtype, shape: squeezedShape(shape, axes, where), ...values }];
    }
    const known = count !== undefined && count <= shape.length;
    return [{ dtype, shape: known ? unknownShape(shape.length - count) : undefined, ...values }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const where = describeNode(context.node);
    const shape = squeezedShape(x.shape, listOf(context, "axes", 1), where);
    return [{ ...x, shape: shape as readonly number[] }];
  },
  gradient: reshapeRule,
};

const unsqueezeOperator: Operator = {
  type: "Unsqueeze",
  shape: (context) => {
    const x = typeOf(context, 0);
    const { dtype, shape } = x;
    const values = valuesOf(x);
    const axes = listGiven(context, "axes", 1);
    if (shape === undefined) return [{ dtype, ...values }];
    if (axes) {
      const where = describeNode(context.node);
      return [{ dtype, shape: unsqueezedShape(shape, axes, where), ...values }];
    }
    const count = lengthOf(context.inputs[1]);
    const known = count !== undefined && count <= MAX_RANK;
    return [{ dtype, shape: known ? unknownShape(shape.length + count) : undefined, ...values }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const axes = listOf(context, "axes", 1) ?? [];
    const shape = unsqueezedShape(x.shape, axes, describeNode(context.node));
    return [{ ...x, shape: shape as readonly number[] }];
  },
  gradient: reshapeRule,
};

/** The operators of this file. */
export const reshaping: readonly Operator[] = [
  flattenOperator,
  reshapeOperator,
  shapeOperator,
  size,
  squeezeOperator,
  unsqueezeOperator,
];
