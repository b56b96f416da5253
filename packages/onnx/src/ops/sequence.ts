/** Made from numbers and orders: Range, OneHot, TopK, Trilu. */
import { OnnxError } from "../error.ts";
import type { Value } from "../graph.ts";
import { MAX_CONTENTS } from "../known.ts";
import { describeNode } from "../order.ts";
import type { Dim } from "../shape.ts";
import { elements, int64s, type Tensor, tensor } from "../tensor.ts";
import { spelledShape } from "./arguments.ts";
import {
  axisOfNode,
  type EvaluateContext,
  type GradientRule,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import { reduce } from "./reduce.ts";
import { axisOf, inputOf, refuse, unaryRule, upstream, wants, zeros } from "./rules.ts";

/** How many numbers a range has. */
function rangeCount(start: number, limit: number, step: number): number {
  return Math.max(0, Math.ceil((limit - start) / step)) || 0;
}

const range: Operator = {
  type: "Range",
  shape: (context) => {
    const dtype = context.inputs.find((input) => input?.dtype !== undefined)?.dtype;
    const parts = context.inputs.map((input) => input?.contents?.[0] ?? null);
    const [start, limit, step] = parts;
    if (start === 0 && step === 1 && typeof limit === "string") return [{ dtype, shape: [limit] }];
    if (!parts.every((part) => typeof part === "number") || step === 0) {
      return [{ dtype, shape: [null] }];
    }
    const [first, , by] = parts as number[];
    const count = rangeCount(first, parts[1] as number, by);
    const contents =
      count <= MAX_CONTENTS ? Array.from({ length: count }, (_, i) => first + i * by) : undefined;
    return [{ dtype, shape: [count], contents }];
  },
  evaluate: (context) => {
    const [start, limit, step] = [0, 1, 2].map((i) => required(context, i).data[0]);
    if (step === 0) {
      throw new OnnxError(
        `${describeNode(context.node)}: expected a step other than 0, received 0`,
      );
    }
    const count = rangeCount(start, limit, step);
    const result = tensor(required(context, 0).dtype, [count], 0);
    for (let i = 0; i < count; i++) result.data[i] = start + i * step;
    return [result];
  },
  gradient: null,
};

/** The axis that a `OneHot` adds to indices of some rank. */
function addedAxis(context: ShapeContext | EvaluateContext, rank: number): number {
  const axis = context.attributes.int("axis", -1);
  return normalAxis(axis, rank + 1, describeNode(context.node));
}

/** The two values: the sum where it is on, and the rest. */
const oneHotRule: GradientRule = (context) => {
  const { g } = context;
  const dy = upstream(context);
  if (dy === undefined || !wants(context, 2)) return [];
  const values = g.constant(tensor(dy.dtype ?? "float32", [2], [0, 1]));
  const inputs = [inputOf(context, 0), inputOf(context, 1), values];
  const hot = g.op("OneHot", inputs, { axis: context.attributes.int("axis") });
  const one = g.constant(int64s([1]));
  const total = (x: Value) => g.op("Reshape", [reduce(g, "ReduceSum", x, undefined), one]);
  const on = total(g.op("Mul", [dy, hot]));
  const off = g.op("Sub", [total(dy), on]);
  return [undefined, undefined, g.op("Concat", [off, on], { axis: 0 })];
};

const oneHot: Operator = {
  type: "OneHot",
  shape: (context) => {
    const { shape } = typeOf(context, 0);
    const dtype = context.inputs[2]?.dtype;
    if (shape === undefined) return [{ dtype }];
    const axis = addedAxis(context, shape.length);
    const [depth = null] = spelledShape(context.inputs[1]) ?? [];
    return [{ dtype, shape: [...shape.slice(0, axis), depth, ...shape.slice(axis)] }];
  },
  evaluate: (context) => {
    const indices = required(context, 0);
    const depth = Math.trunc(required(context, 1).data[0]);
    const values = required(context, 2);
    const [off, on] = values.data;
    const axis = addedAxis(context, indices.shape.length);
    const shape = [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)];
    const result = tensor(values.dtype, shape, off);
    const inner = elements(indices.shape.slice(axis));
    for (const [i, index] of indices.data.entries()) {
      const k = index < 0 ? index + depth : index;
      // An index outside leaves everything off.
      if (!(k >= 0 && k < depth)) continue;
      result.data[(Math.floor(i / inner) * depth + Math.trunc(k)) * inner + (i % inner)] = on;
    }
    return [result];
  },
  gradient: oneHotRule,
};

/** The number of elements that a `TopK` keeps: an attribute before opset 10, an input since. */
function keptCount(context: ShapeContext): Dim {
  const k = context.attributes.int("k");
  return (k !== undefined && k >= 0 ? k : spelledShape(context.inputs[1])?.[0]) ?? null;
}

/** The gradients of the values at their positions, each of which occurs once. */
const topKRule: GradientRule = unaryRule(({ g, x, dy, context }) => {
  const [, places] = context.outputs;
  if (places === undefined || places.name === "") {
    return refuse(context, "expected the output of the positions, it is left out");
  }
  const axis = axisOf(context, x, -1);
  return g.op("ScatterElements", [zeros(g, x), places, dy], { axis });
});

const topK: Operator = {
  type: "TopK",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    if (shape === undefined) return [{ dtype }, { dtype: "int64" }];
    const axis = axisOfNode(context, shape.length, -1);
    const kept = shape.map((dim, i) => (i === axis ? keptCount(context) : dim));
    return [
      { dtype, shape: kept },
      { dtype: "int64", shape: kept },
    ];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const axis = axisOfNode(context, x.shape.length, -1);
    const k = context.attributes.int("k") ?? required(context, 1).data[0];
    const size = x.shape[axis];
    if (!(k >= 0 && k <= size)) {
      throw new OnnxError(`${describeNode(context.node)}: k: expected 0 to ${size}, received ${k}`);
    }
    const sign = context.attributes.int("largest", 1) === 1 ? -1 : 1;
    const step = strides(x.shape)[axis];
    const shape = x.shape.map((dim, i) => (i === axis ? k : dim));
    const values: Tensor = tensor(x.dtype, shape, 0);
    const places: Tensor = tensor("int64", shape, 0);
    for (let line = 0; line < elements(x.shape) / Math.max(1, size); line++) {
      const outer = Math.floor(line / step);
      const inner = line % step;
      const value = (i: number) => x.data[(outer * size + i) * step + inner];
      // Equal values in the order of their positions.
      const order = Array.from({ length: size }, (_, i) => i).sort(
        (a, b) => sign * (value(a) - value(b)) || a - b,
      );
      for (let i = 0; i < k; i++) {
        const at = (outer * k + i) * step + inner;
        values.data[at] = value(order[i]);
        places.data[at] = order[i];
      }
    }
    return [values, places];
  },
  gradient: topKRule,
};

const trilu: Operator = {
  type: "Trilu",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    return [{ dtype, shape }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const upper = context.attributes.int("upper", 1) === 1;
    const k = context.inputs[1]?.data[0] ?? 0;
    const [rows, columns] = x.shape.slice(-2);
    const data = x.data.map((value, i) => {
      const distance = (i % columns) - (Math.floor(i / columns) % rows);
      return (upper ? distance >= k : distance <= k) ? value : 0;
    });
    return [{ ...x, data }];
  },
  gradient: unaryRule(({ g, dy, context }) =>
    g.op("Trilu", [dy, context.inputs[1]], { upper: context.attributes.int("upper") }),
  ),
};

/** The operators of this file. */
export const sequences: readonly Operator[] = [oneHot, range, topK, trilu];
