/**
 * Pad: elements before and after the ends of axes; negative numbers cut. What is added is a constant,
 * the mirrored inside (`reflect`, without the edge), the edge, or the other side (`wrap`).
 * https://onnx.ai/onnx/operators/onnx__Pad.html
 */

import { float } from "../attributes.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { addDims, combine, type Dim } from "../shape.ts";
import { scalar, type Tensor } from "../tensor.ts";
import { allocate, listGiven, listInput, listOf, unknownShape } from "./arguments.ts";
import {
  type EvaluateContext,
  type GradientContext,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { reduce } from "./reduce.ts";
import {
  inputOf,
  refuse,
  reshapeLike,
  shapedLike,
  upstream,
  wants,
  zeroPadded,
  zeroPaddedAxis,
} from "./rules.ts";
import { numbersOf, slice } from "./slice.ts";

/** What padding adds. */
export type PadMode = "constant" | "reflect" | "edge" | "wrap";

/**
 * A value with its axes made longer or shorter.
 * @param pads elements before each axis, then elements after each axis, over all axes
 * @param value what is added in mode `constant`, in the element type of `x`
 * @param mode what is added; default `constant`
 * @throws OnnxError before opset 11 when `pads` are not known as numbers, before opset 19 for `wrap`
 */
export function pad(
  g: Graph,
  x: Value,
  pads: readonly number[] | Value,
  value: number,
  mode: PadMode = "constant",
): Value {
  if (mode === "wrap" && g.opset < 19) {
    throw new OnnxError(`Pad: mode: "wrap" needs opset 19 or newer, received ${g.opset}`);
  }
  if (g.opset < 11) {
    return g.op("Pad", [x], {
      mode,
      pads: numbersOf(pads, "pads", "Pad", 11),
      value: float(value),
    });
  }
  const plain = mode !== "constant" || value === 0;
  if (!plain && x.dtype === undefined) {
    throw new OnnxError(
      `Pad: value: expected an input of known type for ${value}, the type of ${x.name} is unknown`,
    );
  }
  const filling = plain ? undefined : g.constant(scalar(x.dtype ?? "float32", value));
  return g.op("Pad", [x, listInput(g, pads), filling], { mode });
}

/** The axes that are padded: all unless they are given. */
function axesOf(
  context: ShapeContext | EvaluateContext | GradientContext,
  given: readonly number[] | undefined,
  rank: number,
): number[] {
  const where = describeNode(context.node);
  const axes = given ?? Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis) => normalAxis(axis, rank, where));
}

/** Refuses pads that are not two for each axis. */
function checkPads(context: ShapeContext | EvaluateContext, count: number, axes: number): void {
  if (count === 2 * axes) return;
  throw new OnnxError(
    `${describeNode(context.node)}: pads: expected ${2 * axes} numbers for ${axes} axes, received ${count}`,
  );
}

/** Where position `t` of an axis that is `size` long comes from; -1 for the constant. */
function source(t: number, size: number, mode: string): number {
  if (t >= 0 && t < size) return t;
  if (size <= 0) return -1;
  if (mode === "edge") return t < 0 ? 0 : size - 1;
  if (mode === "wrap") return t - size * Math.floor(t / size);
  if (mode !== "reflect") return -1;
  const period = Math.max(1, 2 * (size - 1));
  const turn = t - period * Math.floor(t / period);
  return turn < size ? turn : period - turn;
}

function padded(
  x: Tensor,
  begins: readonly number[],
  ends: readonly number[],
  mode: string,
  value: number,
): Tensor {
  const shape = x.shape.map((size, i) => Math.max(0, size + begins[i] + ends[i]));
  const data = allocate(shape);
  // For each axis: where each of its positions comes from. What is cut off is not mirrored.
  const maps = shape.map((size, i) => {
    const cut = Math.max(0, -begins[i]);
    const inside = x.shape[i] - cut - Math.max(0, -ends[i]);
    return Array.from({ length: size }, (_, o) => {
      const t = source(o - Math.max(0, begins[i]), inside, mode);
      return t < 0 ? -1 : t + cut;
    });
  });
  let rows: number[] = [0];
  for (const [i, map] of maps.entries()) {
    rows = rows.flatMap((at) => map.map((t) => (at < 0 || t < 0 ? -1 : at * x.shape[i] + t)));
  }
  for (const [i, at] of rows.entries()) data[i] = at < 0 ? value : x.data[at];
  return { dtype: x.dtype, shape, data };
}

/** How a node pads each axis. */
interface Pads {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/** The pads of each axis; `undefined` when they are not known. */
function padsOf(context: GradientContext, rank: number): Pads | undefined {
  const pads = listGiven(context, "pads", 1);
  const given = listGiven(context, "axes", 3);
  if (!pads || given === null) return undefined;
  const axes = axesOf(context, given, rank);
  const along = (offset: number) =>
    Array.from({ length: rank }, (_, i) => {
      const at = axes.indexOf(i);
      return at < 0 ? 0 : pads[offset + at];
    });
  return { begins: along(0), ends: along(axes.length) };
}

/** Without what was added; with zeros for what was cut. */
function withoutPads(g: Graph, dy: Value, { begins, ends }: Pads): Value {
  if ([...begins, ...ends].some((count) => count < 0)) {
    return zeroPadded(
      g,
      dy,
      begins.map((count) => -count),
      ends.map((count) => -count),
    );
  }
  const axes = begins.flatMap((begin, i) => (begin > 0 || ends[i] > 0 ? [i] : []));
  if (axes.length === 0) return dy;
  return slice(g, dy, {
    axes,
    starts: axes.map((axis) => begins[axis]),
    ends: axes.map((axis) => (ends[axis] > 0 ? -ends[axis] : 2 ** 31 - 1)),
  });
}

/** The gradient along one axis: what was copied beyond the ends is added where it came from. */
function foldedBack(
  context: GradientContext,
  dy: Value,
  axis: number,
  [begin, end]: readonly [number, number],
  mode: string,
): Value {
  const { g } = context;
  const size = context.inputs[0]?.shape?.[axis];
  const most = mode === "reflect" ? Number(size) - 1 : mode === "wrap" ? Number(size) : Infinity;
  if (typeof size !== "number" || size < 1 || Math.min(begin, end) < 0) {
    return refuse(context, `expected pads from 0 and a known size along axis ${axis}`);
  }
  if (Math.max(begin, end) > most) {
    return refuse(
      context,
      `expected pads up to ${most} along axis ${axis}, received ${[begin, end]}`,
    );
  }
  const cut = (first: number, count: number, flip = false): Value => {
    const [from, to] = flip ? [first + count - 1, first - 1] : [first, first + count];
    return slice(g, dy, {
      axes: [axis],
      starts: [from],
      ends: [to < 0 ? -(2 ** 31) : to],
      steps: flip ? [-1] : undefined,
    });
  };
  // A part that was copied to `first` came from `at`.
  const part = (first: number, count: number, at: number): Value => {
    const piece = cut(first, count, mode === "reflect");
    const whole = mode === "edge" ? reduce(g, "ReduceSum", piece, [axis]) : piece;
    const length = mode === "edge" ? 1 : count;
    return zeroPaddedAxis(g, whole, axis, at, size - at - length);
  };
  const last = begin + size;
  const from =
    mode === "edge" ? [0, size - 1] : mode === "wrap" ? [size - begin, 0] : [1, size - 1 - end];
  const parts = [cut(begin, size)];
  if (begin > 0) parts.push(part(0, begin, from[0]));
  if (end > 0) parts.push(part(last, end, from[1]));
  return g.op("Sum", parts);
}

function padRule(context: GradientContext): (Value | undefined)[] {
  const { g } = context;
  const dy = upstream(context);
  if (dy === undefined) return [];
  const x = inputOf(context, 0);
  const mode = context.attributes.string("mode", "constant");
  const pads = x.shape && padsOf(context, x.shape.length);
  let dx: Value;
  if (mode !== "constant") {
    if (pads === undefined) return refuse(context, `expected pads that are known in mode ${mode}`);
    dx = dy;
    for (const [axis, begin] of pads.begins.entries()) {
      const both = [begin, pads.ends[axis]] as const;
      if (both.some((count) => count !== 0)) dx = foldedBack(context, dx, axis, both, mode);
    }
    return [shapedLike(g, dx, x)];
  }
  if (pads === undefined) {
    const back = g.op("Neg", [inputOf(context, 1)]);
    dx = g.op("Pad", [dy, back, undefined, context.inputs[3]]);
  } else dx = withoutPads(g, dy, pads);
  dx = shapedLike(g, dx, x);
  if (!wants(context, 2)) return [dx];
  // The constant has all of the gradient that the input has not.
  const total = (value: Value) => reduce(g, "ReduceSum", value, undefined, false);
  const rest = g.op("Sub", [total(dy), total(dx)]);
  return [dx, undefined, reshapeLike(g, rest, inputOf(context, 2))];
}

const padOperator: Operator = {
  type: "Pad",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    if (shape === undefined) return [{ dtype }];
    const given = listGiven(context, "axes", 3);
    const pads: readonly Dim[] | null =
      context.inputs[1]?.contents ?? listGiven(context, "pads", 1) ?? null;
    if (given === null) return [{ dtype, shape: unknownShape(shape.length) }];
    const axes = axesOf(context, given, shape.length);
    if (pads !== null) checkPads(context, pads.length, axes.length);
    const dims = [...shape];
    for (const [i, axis] of axes.entries()) {
      const added = combine(pads?.[i] ?? null, pads?.[axes.length + i] ?? null, (a, b) => a + b);
      const padded = added === null ? null : addDims(shape[axis], added);
      dims[axis] = typeof padded === "number" ? Math.max(0, padded) : padded;
    }
    return [{ dtype, shape: dims }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const pads = listOf(context, "pads", 1) ?? [];
    const axes = axesOf(context, listOf(context, "axes", 3), x.shape.length);
    checkPads(context, pads.length, axes.length);
    const begins = x.shape.map(() => 0);
    const ends = x.shape.map(() => 0);
    for (const [i, axis] of axes.entries()) {
      begins[axis] = pads[i];
      ends[axis] = pads[axes.length + i];
    }
    const mode = context.attributes.string("mode", "constant");
    const value = context.inputs[2]?.data[0] ?? context.attributes.float("value", 0);
    return [padded(x, begins, ends, mode, value)];
  },
  gradient: padRule,
};

/** The operators of this file. */
export const padding: readonly Operator[] = [padOperator];
