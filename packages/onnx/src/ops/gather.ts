/**
 * Elements chosen by position or condition: Gather, GatherElements, GatherND, Compress, NonZero.
 * Negative positions count from the end.
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { MAX_NUMBERS } from "../known.ts";
import { describeNode } from "../order.ts";
import { type Dim, isStatic, type Shape } from "../shape.ts";
import { elements, type Tensor, tensor } from "../tensor.ts";
import { allocate, plainAxis } from "./arguments.ts";
import {
  axisOfNode,
  forEachOffset,
  type Inferred,
  type Operator,
  required,
  strides,
  typeOf,
} from "./operator.ts";

/**
 * The slices of a value at positions along an axis; the axes of `indices` take the place of that axis.
 * @param indices positions: int64 or int32
 */
export function gather(g: Graph, x: Value, indices: Value, axis: number): Value {
  return g.op("Gather", [x, indices], { axis: plainAxis(axis, x.shape?.length) });
}

/**
 * y[i, j, k] = x[i, indices[i, j, k], k] for axis 1, and so on.
 * @param indices positions along the axis, with the shape of the result
 * @throws OnnxError before opset 11
 */
export function gatherElements(g: Graph, x: Value, indices: Value, axis: number): Value {
  if (g.opset < 11) {
    throw new OnnxError(`GatherElements: expected opset 11 or newer, received ${g.opset}`);
  }
  return g.op("GatherElements", [x, indices], { axis: plainAxis(axis, x.shape?.length) });
}

/**
 * A position from 0.
 * @throws OnnxError when it lies outside
 */
export function normalIndex(index: number, size: number, where: string): number {
  const normal = index < 0 ? index + size : index;
  if (normal >= 0 && normal < size) return normal;
  throw new OnnxError(
    `${where}: expected an index from ${-size} to ${size - 1}, received ${index}`,
  );
}

/** The elements at known positions of a short list. */
function gatheredContents(
  contents: readonly Dim[] | undefined,
  x: Inferred,
  indices: Inferred,
): readonly Dim[] | undefined {
  if (contents === undefined || x.shape?.length !== 1) return undefined;
  return indices.contents?.map((index) => {
    if (typeof index !== "number") return null;
    return contents[index < 0 ? index + contents.length : index] ?? null;
  });
}

const gatherOperator: Operator = {
  type: "Gather",
  shape: (context) => {
    const x = typeOf(context, 0);
    const indices = typeOf(context, 1);
    if (x.shape === undefined || indices.shape === undefined) return [{ dtype: x.dtype }];
    const axis = axisOfNode(context, x.shape.length, 0);
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    const contents = gatheredContents(x.contents, x, indices);
    const few = (indices.contents?.length ?? 0) <= MAX_NUMBERS;
    const numbers = few ? gatheredContents(x.numbers, x, indices) : undefined;
    return [{ dtype: x.dtype, shape, contents, numbers: isStatic(numbers) ? numbers : undefined }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const indices = required(context, 1);
    const axis = axisOfNode(context, x.shape.length, 0);
    const size = x.shape[axis];
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    const data = allocate(shape);
    const width = elements(x.shape.slice(axis + 1));
    const rows = elements(x.shape.slice(0, axis));
    let at = 0;
    for (let row = 0; row < rows; row++) {
      for (const index of indices.data) {
        const from = (row * size + normalIndex(index, size, describeNode(context.node))) * width;
        data.set(x.data.subarray(from, from + width), at);
        at += width;
      }
    }
    return [{ dtype: x.dtype, shape, data }];
  },
};

const gatherElementsOperator: Operator = {
  type: "GatherElements",
  shape: (context) => [{ dtype: typeOf(context, 0).dtype, shape: typeOf(context, 1).shape }],
  evaluate: (context) => {
    const x = required(context, 0);
    const indices = required(context, 1);
    const axis = axisOfNode(context, x.shape.length, 0);
    const own = strides(x.shape);
    const steps = own.map((step, i) => (i === axis ? 0 : step));
    const data = new Float64Array(indices.data.length);
    forEachOffset(indices.shape, [steps], (i, [at]) => {
      const index = normalIndex(indices.data[i], x.shape[axis], describeNode(context.node));
      data[i] = x.data[at + index * own[axis]];
    });
    return [{ dtype: x.dtype, shape: indices.shape, data }];
  },
};

/** The shape of a `GatherND`: the batch and the list of positions, then what a position selects. */
function gatherNdShape<T extends Dim>(
  x: readonly T[],
  indices: readonly T[],
  depth: number,
  batch: number,
) {
  return [...indices.slice(0, -1), ...x.slice(batch + depth)];
}

const gatherNd: Operator = {
  type: "GatherND",
  shape: (context) => {
    const x = typeOf(context, 0);
    const indices = typeOf(context, 1).shape;
    const depth = indices?.at(-1);
    const batch = context.attributes.int("batch_dims", 0);
    const known = x.shape !== undefined && indices !== undefined && typeof depth === "number";
    const shape: Shape | undefined = known
      ? gatherNdShape(x.shape as readonly Dim[], indices, depth, batch)
      : undefined;
    return [{ dtype: x.dtype, shape }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const indices = required(context, 1);
    const batch = context.attributes.int("batch_dims", 0);
    const depth = indices.shape.at(-1) ?? 0;
    const shape = gatherNdShape(x.shape, indices.shape, depth, batch);
    const own = strides(x.shape);
    const width = elements(x.shape.slice(batch + depth));
    const count = elements(indices.shape.slice(0, -1));
    const perBatch = elements(indices.shape.slice(batch, -1));
    const batchSize = elements(x.shape.slice(batch));
    const data = allocate(shape);
    for (let i = 0; i < count; i++) {
      let from = Math.floor(i / perBatch) * batchSize;
      for (let k = 0; k < depth; k++) {
        const index = indices.data[i * depth + k];
        from += normalIndex(index, x.shape[batch + k], describeNode(context.node)) * own[batch + k];
      }
      data.set(x.data.subarray(from, from + width), i * width);
    }
    return [{ dtype: x.dtype, shape, data }];
  },
};

const compress: Operator = {
  type: "Compress",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    if (!context.attributes.has("axis")) return [{ dtype, shape: [null] }];
    const axis = shape && axisOfNode(context, shape.length, 0);
    return [{ dtype, shape: shape?.map((dim, i) => (i === axis ? null : dim)) }];
  },
  evaluate: (context) => {
    const condition = required(context, 1).data;
    const input = required(context, 0);
    const whole = !context.attributes.has("axis");
    const x: Tensor = whole ? { ...input, shape: [input.data.length] } : input;
    const axis = whole ? 0 : axisOfNode(context, x.shape.length, 0);
    const chosen = Array.from({ length: x.shape[axis] }, (_, i) => i).filter((i) => condition[i]);
    const own = strides(x.shape);
    const shape = x.shape.map((size, i) => (i === axis ? chosen.length : size));
    const steps = own.map((step, i) => (i === axis ? 0 : step));
    const number = own.map((_, i) => (i === axis ? 1 : 0));
    const data = allocate(shape);
    forEachOffset(shape, [steps, number], (i, [at, k]) => {
      data[i] = x.data[at + chosen[k] * own[axis]];
    });
    return [{ dtype: x.dtype, shape, data }];
  },
};

const nonZero: Operator = {
  type: "NonZero",
  shape: (context) => {
    const rank = typeOf(context, 0).shape?.length;
    return [{ dtype: "int64", shape: [rank === 0 ? null : (rank ?? null), null] }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const places = Array.from(x.data.keys()).filter((i) => x.data[i] !== 0);
    const rows = strides(x.shape).map((step, axis) =>
      places.map((place) => Math.floor(place / step) % x.shape[axis]),
    );
    return [tensor("int64", [x.shape.length, places.length], rows.flat())];
  },
};

/** The operators of this file. */
export const gathering: readonly Operator[] = [
  compress,
  gatherElementsOperator,
  gatherNd,
  gatherOperator,
  nonZero,
];
