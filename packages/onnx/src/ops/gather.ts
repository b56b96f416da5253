/**
 * Elements chosen by position or condition: Gather, GatherElements, GatherND, Compress, NonZero.
 * Negative positions count from the end.
 */
import { dtypeCode } from "../dtype.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { MAX_NUMBERS } from "../known.ts";
import { describeNode } from "../order.ts";
import { type Dim, elementCount, isStatic, type Shape } from "../shape.ts";
import { elements, int64s, scalar, type Tensor, tensor } from "../tensor.ts";
import { allocate, plainAxis } from "./arguments.ts";
import {
  axisOfNode,
  forEachOffset,
  type GradientContext,
  type GradientRule,
  type Inferred,
  type Operator,
  required,
  strides,
  typeOf,
} from "./operator.ts";
import { reduce } from "./reduce.ts";
import { squeeze, unsqueeze } from "./reshape.ts";
import {
  axisOf,
  inputOf,
  refuse,
  reshapeLike,
  sizesOf,
  type UnaryParts,
  unaryRule,
  zeroPadded,
  zeroPaddedAxis,
  zeros,
} from "./rules.ts";
import { transpose } from "./transpose.ts";

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

/** Since which operator set values that are put at one position can be added. */
const ADDING = 16;

/** 1 at the positions along a new axis, else 0. Before values can be added, they are multiplied by it. */
function oneHot(g: Graph, indices: Value, size: number | Value, axis: number, like: Value): Value {
  const depth = typeof size === "number" ? g.constant(int64s([size])) : size;
  const values = g.constant(tensor(like.dtype ?? "float32", [2], [0, 1]));
  return g.op("OneHot", [asInt64(g, indices), depth, values], { axis });
}

const asInt64 = (g: Graph, indices: Value): Value =>
  indices.dtype === "int64" ? indices : g.op("Cast", [indices], { to: dtypeCode("int64") });

/** Rows added up at positions: zeros [n, ...] plus updates [k, ...] at indices [k]. */
function addedRows(g: Graph, empty: Value, indices: Value, updates: Value): Value {
  const places = unsqueeze(g, asInt64(g, indices), [indices.shape?.length ?? 0]);
  return g.op("ScatterND", [empty, places, updates], { reduction: "add" });
}

/** The axes of the positions first; the others in their order. */
function gatherByRows({ g, x, dy, context }: UnaryParts, indices: Value, axis: number): Value {
  const rank = x.shape?.length ?? 0;
  if (axis === 0) return addedRows(g, zeros(g, x), indices, dy);
  const count = indices.shape?.length;
  if (count === undefined) return refuse(context, "expected indices with a known number of axes");
  const order = (first: number, length: number, total: number): number[] => {
    const axes = Array.from({ length: total }, (_, i) => i);
    const front = axes.splice(first, length);
    return [...front, ...axes];
  };
  const front = order(axis, 1, rank);
  const sizes = isStatic(x.shape)
    ? g.constant(int64s(front.map((i) => (x.shape as readonly number[])[i])))
    : g.op("Gather", [sizesOf(g, x), g.constant(int64s(front))], { axis: 0 });
  const value = tensor(x.dtype ?? "float32", [1], 0);
  const empty = g.op("ConstantOfShape", [sizes], { value });
  const updates = transpose(g, dy, order(axis, count, rank - 1 + count));
  const rows = addedRows(g, empty, indices, updates);
  return transpose(
    g,
    rows,
    front.map((_, i) => front.indexOf(i)),
  );
}

/** One-hot [n, k] times dy as [before, k, behind]. */
function gatherByProduct({ g, x, dy, context }: UnaryParts, indices: Value, axis: number): Value {
  const { shape } = x;
  const product = (dims: Shape | undefined) => elementCount(dims) ?? -1;
  const three = [
    product(shape?.slice(0, axis)),
    product(indices.shape),
    product(shape?.slice(axis + 1)),
  ];
  if (three.indexOf(-1) !== three.lastIndexOf(-1)) {
    return refuse(context, `expected known sizes before opset ${ADDING}`);
  }
  const size = shape?.[axis];
  const depth =
    typeof size === "number"
      ? size
      : g.op("Gather", [sizesOf(g, x), g.constant(int64s([axis]))], { axis: 0 });
  const flat = g.op("Reshape", [indices, g.constant(int64s([-1]))]);
  const hot = oneHot(g, flat, depth, 0, x);
  return g.op("MatMul", [hot, g.op("Reshape", [dy, g.constant(int64s(three))])]);
}

const gatherRule: GradientRule = unaryRule((parts) => {
  const { g, x, dy, context } = parts;
  const axis = axisOf(context, x, 0);
  const indices = inputOf(context, 1);
  const size = x.shape?.[axis];
  const [index] = indices.contents ?? [];
  const rank = indices.shape?.length ?? 2;
  // One position that is known: zeros on both sides.
  if (indices.contents?.length === 1 && rank < 2) {
    if (typeof index === "number" && typeof size === "number") {
      const at = index < 0 ? index + size : index;
      const row = rank === 0 ? unsqueeze(g, dy, [axis]) : dy;
      return zeroPaddedAxis(g, row, axis, at, size - 1 - at);
    }
  }
  if (g.opset >= ADDING) return gatherByRows(parts, indices, axis);
  return reshapeLike(g, gatherByProduct(parts, indices, axis), x);
});

const gatherElementsRule: GradientRule = unaryRule((parts) => {
  const { g, x, dy, context } = parts;
  const axis = axisOf(context, x, 0);
  const indices = inputOf(context, 1);
  if (g.opset >= ADDING) {
    const inputs = [zeros(g, x), indices, dy];
    return g.op("ScatterElements", inputs, { axis, reduction: "add" });
  }
  const [from, to] = [indices.shape, x.shape];
  if (!isStatic(from) || !isStatic(to)) {
    return refuse(context, `expected known sizes before opset ${ADDING}`);
  }
  const hot = oneHot(g, indices, to[axis], axis, x);
  const placed = g.op("Mul", [hot, unsqueeze(g, dy, [axis])]);
  const sum = squeeze(g, reduce(g, "ReduceSum", placed, [axis + 1]), [axis + 1]);
  const beyond = to.map((size, i) => (i === axis ? 0 : size - from[i]));
  return zeroPadded(
    g,
    sum,
    beyond.map(() => 0),
    beyond,
  );
});

/** The positions of a `GatherND` as numbers of rows of [rows, width]. */
function rowNumbers(context: GradientContext, x: readonly number[], indices: Value): Value {
  const { g } = context;
  const batch = context.attributes.int("batch_dims", 0);
  const shape = indices.shape as readonly number[];
  const depth = shape.at(-1) ?? 0;
  const sizes = x.slice(batch, batch + depth);
  const places = asInt64(g, indices);
  const zero = g.constant(scalar("int64", 0));
  const moved = g.op("Add", [places, g.constant(int64s(sizes))]);
  const plain = g.op("Where", [g.op("Less", [places, zero]), moved, places]);
  const steps = g.op("Mul", [plain, g.constant(int64s(strides(sizes)))]);
  const within = squeeze(g, reduce(g, "ReduceSum", steps, [-1]), [shape.length - 1]);
  if (batch === 0) return within;
  const batches = x.slice(0, batch);
  const first = Float64Array.from({ length: elements(batches) }, (_, i) => i * elements(sizes));
  const ones = new Array<number>(shape.length - 1 - batch).fill(1);
  return g.op("Add", [within, g.constant(tensor("int64", [...batches, ...ones], first))]);
}

const gatherNdRule: GradientRule = unaryRule((parts) => {
  const { g, x, dy, context } = parts;
  const indices = inputOf(context, 1);
  const batch = context.attributes.int("batch_dims", 0);
  if (g.opset >= ADDING && batch === 0) {
    const inputs = [zeros(g, x), asInt64(g, indices), dy];
    return g.op("ScatterND", inputs, { reduction: "add" });
  }
  const depth = indices.shape?.at(-1);
  if (!isStatic(x.shape) || !isStatic(indices.shape) || typeof depth !== "number") {
    return refuse(context, `expected known sizes before opset ${ADDING} and with batch_dims`);
  }
  const rows = elements(x.shape.slice(0, batch + depth));
  const width = elements(x.shape.slice(batch + depth));
  const flat = g.op("Reshape", [rowNumbers(context, x.shape, indices), g.constant(int64s([-1]))]);
  const updates = g.op("Reshape", [dy, g.constant(int64s([-1, width]))]);
  const value = tensor(x.dtype ?? "float32", [1], 0);
  const sum =
    g.opset >= ADDING
      ? addedRows(
          g,
          g.op("ConstantOfShape", [g.constant(int64s([rows, width]))], { value }),
          flat,
          updates,
        )
      : g.op("MatMul", [oneHot(g, flat, rows, 0, x), updates]);
  return reshapeLike(g, sum, x);
});

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
  gradient: gatherRule,
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
  gradient: gatherElementsRule,
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
  gradient: gatherNdRule,
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
  gradient: null,
};

/** The operators of this file. */
export const gathering: readonly Operator[] = [
  compress,
  gatherElementsOperator,
  gatherNd,
  gatherOperator,
  nonZero,
];
