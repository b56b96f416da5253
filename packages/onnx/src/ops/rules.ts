/** What gradient rules share: numbers in a value's type, shapes of other values, masks, given lists. */
import { dtypeCode, isFloat } from "../dtype.ts";
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { elementCount, isStatic } from "../shape.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { type GradientContext, type GradientRule, normalAxis } from "./operator.ts";

/** A number as a scalar in the element type of a value. */
export function numberLike(g: Graph, x: Value, value: number): Value {
  return g.constant(scalar(x.dtype ?? "float32", value));
}

/**
 * A value times a number; the value itself for 1. Where the last axis is 1 the number has as many axes:
 * ONNX Runtime's CPU provider takes 50 times as long for [2048, 512, 1, 1] times a scalar.
 */
export function scaled(g: Graph, x: Value, by: number): Value {
  if (by === 1) return x;
  const shape = x.shape?.at(-1) === 1 ? x.shape.map(() => 1) : [];
  return g.op("Mul", [x, g.constant(tensor(x.dtype ?? "float32", shape, by))]);
}

/** A value in the element type of another one; the value itself when it has that type. */
export function castLikeValue(g: Graph, x: Value, like: Value): Value {
  const dtype = like.dtype ?? "float32";
  return x.dtype === dtype ? x : g.op("Cast", [x], { to: dtypeCode(dtype) });
}

/** A condition as 1 and 0 in the element type of a value. */
export function mask(g: Graph, condition: Value, like: Value): Value {
  return g.op("Cast", [condition], { to: dtypeCode(like.dtype ?? "float32") });
}

/**
 * The value where a condition holds, else 0. Multiplying by a mask is faster than `Where` on ONNX
 * Runtime's CPU provider: 2.7 ms against 6.2 on 32x64x56x56, 2 cores.
 */
export function masked(g: Graph, x: Value, condition: Value): Value {
  return g.op("Mul", [x, mask(g, condition, x)]);
}

/** The sizes of a value: a constant when they are known. */
export function sizesOf(g: Graph, x: Value): Value {
  return isStatic(x.shape) ? g.constant(int64s(x.shape)) : g.op("Shape", [x]);
}

/** A value of which it is known that it has the shape of another one. */
export function shapedLike(g: Graph, x: Value, like: Value): Value {
  const shape = like.shape?.map((size, i) => size ?? x.shape?.[i] ?? null);
  const dtype = x.dtype ?? like.dtype;
  if (shape === undefined || (dtype === x.dtype && String(x.shape) === String(shape))) return x;
  const known: Value = { ...x, dtype, shape };
  g.values.set(x.name, known);
  return known;
}

/** A value in the shape of another one with the same number of elements. */
export function reshapeLike(g: Graph, x: Value, like: Value): Value {
  const { shape } = like;
  if (isStatic(shape) && isStatic(x.shape) && String(shape) === String(x.shape)) return x;
  const unknown = shape?.filter((size) => typeof size !== "number").length ?? 2;
  // One size that is not known is what is left, unless there is nothing.
  const target =
    unknown === 1 && !shape?.includes(0)
      ? g.constant(int64s((shape ?? []).map((size) => (typeof size === "number" ? size : -1))))
      : sizesOf(g, like);
  const empty = elementCount(shape) === 0 && g.opset >= 14 ? { allowzero: 1 } : {};
  return shapedLike(g, g.op("Reshape", [x, target], empty), like);
}

/** Zeros of a value's type and shape. */
export function zeros(g: Graph, x: Value): Value {
  const value = { ...scalar(x.dtype ?? "float32", 0), shape: [1] };
  return shapedLike(g, g.op("ConstantOfShape", [sizesOf(g, x)], { value }), x);
}

/** A value with zeros before and after its axes; negative numbers cut. */
export function zeroPadded(
  g: Graph,
  x: Value,
  begins: readonly number[],
  ends: readonly number[],
): Value {
  const pads = [...begins, ...ends];
  if (pads.every((count) => count === 0)) return x;
  return g.opset < 11 ? g.op("Pad", [x], { pads }) : g.op("Pad", [x, g.constant(int64s(pads))]);
}

/** Zeros before and after one axis. */
export function zeroPaddedAxis(
  g: Graph,
  x: Value,
  axis: number,
  begin: number,
  end: number,
): Value {
  const along = (count: number) => (x.shape ?? []).map((_, i) => (i === axis ? count : 0));
  return zeroPadded(g, x, along(begin), along(end));
}

/** The gradient of an output, with the output's shape; `undefined` where nothing depends on it. */
export function upstream(context: GradientContext, index = 0): Value | undefined {
  const gradient = context.gradients[index];
  return gradient && shapedLike(context.g, gradient, context.outputs[index]);
}

/** What the gradient of an operator with one differentiable input, the first, is made of. */
export interface UnaryParts {
  /** Where nodes are emitted. */
  readonly g: Graph;
  /** The input. */
  readonly x: Value;
  /** The output. */
  readonly y: Value;
  /** The gradient of the output. */
  readonly dy: Value;
  /** All else. */
  readonly context: GradientContext;
}

/** A rule for the first input of an operator that has one output of interest, the first. */
export function unaryRule(f: (parts: UnaryParts) => Value | undefined): GradientRule {
  return (context) => {
    const dy = upstream(context);
    if (dy === undefined || !wants(context, 0)) return [];
    const x = inputOf(context, 0);
    const dx = f({ g: context.g, x, y: context.outputs[0], dy, context });
    return [dx && shapedLike(context.g, dx, x)];
  };
}

/** Whether an input takes part in the derivative: its gradient is wanted and it is of floating point. */
export function wants(context: GradientContext, index: number): boolean {
  const dtype = context.inputs[index]?.dtype;
  return context.wanted[index] === true && (dtype === undefined || isFloat(dtype));
}

/**
 * The input of a rule.
 * @throws OnnxError when it is left out
 */
export function inputOf(context: GradientContext, index: number): Value {
  const value = context.inputs[index];
  if (value === undefined) {
    throw new OnnxError(`${describeNode(context.node)}: expected input ${index}, it is left out`);
  }
  return value;
}

/** The axis that a node works along, from 0, in a value of known rank. */
export function axisOf(context: GradientContext, x: Value, fallback: number): number {
  const rank = x.shape?.length;
  if (rank === undefined) {
    return refuse(context, `expected a known number of axes, ${quote(x.name)} has none`);
  }
  return normalAxis(context.attributes.int("axis", fallback), rank, describeNode(context.node));
}

/** Refuses what a rule cannot do, with the node. */
export function refuse(context: GradientContext, why: string): never {
  throw new OnnxError(`${describeNode(context.node)}: gradient: ${why}`);
}
