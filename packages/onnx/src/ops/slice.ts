/**
 * Cutting and joining: Slice, Split, Concat.
 *
 * Slice takes the elements start, start + step, ... before end of an axis; negative positions count
 * from the end, positions beyond an end are clamped to it. Source of the rule:
 * https://onnx.ai/onnx/operators/onnx__Slice.html
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { addDims, type Dim, mergeDim, type Shape } from "../shape.ts";
import { elements, int64s, type Tensor } from "../tensor.ts";
import {
  allocate,
  isValue,
  lengthOf,
  listGiven,
  listInput,
  listOf,
  MAX_CONTENTS,
  plainAxes,
  plainAxis,
  strided,
  unknownShape,
} from "./arguments.ts";
import {
  type EvaluateContext,
  type Inferred,
  knownIntegers,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";

/** What a slice takes. */
export interface SliceOptions {
  /** The axes that are cut, each once. */
  readonly axes: readonly number[];
  /** First position along each axis: numbers, or a one-dimensional int64 value. */
  readonly starts: readonly number[] | Value;
  /** Position before which each axis ends: numbers (any large one is the end), or a value. */
  readonly ends: readonly number[] | Value;
  /** Distance of neighbouring positions; default 1. Negative ones go backwards. */
  readonly steps?: readonly number[];
}

/** Positions at least this far out mean an end of the axis whatever its size. */
const FAR = 2 ** 31 - 1;

/**
 * A part of a value.
 * @throws OnnxError before opset 10 when a step is not 1, or when positions are not known as numbers
 */
export function slice(g: Graph, x: Value, options: SliceOptions): Value {
  const { starts, ends, steps } = options;
  const axes = plainAxes(options.axes, x.shape?.length);
  if (g.opset >= 10) {
    const given = [starts, ends, axes, ...(steps ? [steps] : [])];
    return g.op("Slice", [x, ...given.map((list) => listInput(g, far(list)))]);
  }
  if (steps?.some((step) => step !== 1)) {
    throw new OnnxError(
      `Slice: steps: expected 1 before opset 10, received [${steps.join(", ")}]; use opset 10 or newer`,
    );
  }
  return g.op("Slice", [x], {
    axes,
    starts: far(numbersOf(starts, "starts", "Slice", 10)),
    ends: far(numbersOf(ends, "ends", "Slice", 10)),
  });
}

/** Positions that fit into int64. */
function far<T extends readonly number[] | Value>(list: T): T | number[] {
  const largest = Number.MAX_SAFE_INTEGER;
  if (isValue(list)) return list;
  return list.map((value) => Math.max(-largest, Math.min(value, largest)));
}

/**
 * The numbers of a list that old operator sets hold in an attribute.
 * @param since the operator set that takes them as an input
 * @throws OnnxError when a value's numbers are not known
 */
export function numbersOf(
  list: readonly number[] | Value,
  what: string,
  type: string,
  since: number,
): readonly number[] {
  const known = isValue(list) ? knownIntegers(list) : list;
  if (known !== undefined) return known;
  throw new OnnxError(
    `${type}: ${what}: expected numbers before opset ${since}, received a value that is not known; use opset ${since} or newer`,
  );
}

/**
 * The values one after the other along an axis; a single value as it is.
 * @throws OnnxError when there is none, or their other sizes differ
 */
export function concat(g: Graph, values: readonly Value[], axis: number): Value {
  if (values.length === 1) return values[0];
  if (values.length === 0)
    throw new OnnxError("Concat: expected at least one value, received none");
  const rank = values.find(({ shape }) => shape !== undefined)?.shape?.length;
  return g.op("Concat", values, { axis: plainAxis(axis, rank) });
}

/** The parts of a value along an axis. `sizes` add up to the size of the axis. */
export function split(g: Graph, x: Value, axis: number, sizes: readonly number[]): Value[] {
  const plain = plainAxis(axis, x.shape?.length);
  const options = { outputs: sizes.length };
  if (g.opset < 13) return g.node("Split", [x], { axis: plain, split: sizes }, options);
  return g.node("Split", [x, g.constant(int64s(sizes))], { axis: plain }, options);
}

/** The first position and the number of positions of a slice along an axis of known size. */
export function sliceRange(
  size: number,
  start: number,
  end: number,
  step: number,
): [first: number, count: number] {
  if (size === 0) return [0, 0];
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const clamp = (x: number, low: number, high: number) => Math.max(low, Math.min(x, high));
  if (step > 0) {
    const first = clamp(from, 0, size);
    return [first, Math.max(0, Math.ceil((clamp(to, 0, size) - first) / step))];
  }
  const first = clamp(from, 0, size - 1);
  return [first, Math.max(0, Math.ceil((clamp(to, -1, size - 1) - first) / step))];
}

/** The size of a sliced axis as far as it follows. */
function slicedDim(dim: Dim, start: Dim, end: Dim, step: Dim): Dim {
  const numbers = [dim, start, end, step];
  if (numbers.every((x) => typeof x === "number")) {
    return sliceRange(...(numbers as [number, number, number, number]))[1];
  }
  if (typeof dim === "number" || typeof start !== "number" || dim === null) return null;
  const whole =
    (step === 1 && (start === 0 || start <= -FAR) && (end === dim || isFar(end, 1))) ||
    (step === -1 && (start === -1 || start >= FAR) && isFar(end, -1));
  return whole ? dim : null;
}

const isFar = (end: Dim, sign: number) => typeof end === "number" && end * sign >= FAR;

/** A list of sizes that is an attribute or an input: `null` where nothing is known. */
function dimsGiven(
  context: ShapeContext,
  name: string,
  index: number,
): readonly Dim[] | null | undefined {
  return context.inputs[index]?.contents ?? listGiven(context, name, index);
}

const sliceOperator: Operator = {
  type: "Slice",
  shape: (context) => {
    const { dtype, shape, contents } = typeOf(context, 0);
    if (shape === undefined) return [{ dtype }];
    const starts = dimsGiven(context, "starts", 1);
    const ends = dimsGiven(context, "ends", 2);
    const given = listGiven(context, "axes", 3);
    const steps = dimsGiven(context, "steps", 4);
    const count = starts?.length ?? ends?.length ?? lengthOf(context.inputs[1]);
    const axes =
      given ??
      (given === undefined && count !== undefined
        ? Array.from({ length: count }, (_, i) => i)
        : null);
    if (axes === null) return [{ dtype, shape: unknownShape(shape.length) }];
    const dims = [...shape];
    for (const [i, axis] of axes.entries()) {
      const normal = normalAxis(axis, shape.length, describeNode(context.node));
      const step = steps === undefined ? 1 : (steps?.[i] ?? null);
      checkStep(context, step);
      dims[normal] = slicedDim(shape[normal], starts?.[i] ?? null, ends?.[i] ?? null, step);
    }
    const sliced =
      contents !== undefined && shape.length === 1 && axes.length === 1
        ? slicedContents(contents, starts?.[0], ends?.[0], steps === undefined ? 1 : steps?.[0])
        : undefined;
    return [{ dtype, shape: dims, contents: sliced }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const starts = listOf(context, "starts", 1) ?? [];
    const ends = listOf(context, "ends", 2) ?? [];
    const axes = listOf(context, "axes", 3) ?? starts.map((_, i) => i);
    const given = listOf(context, "steps", 4);
    const shape = [...x.shape];
    const own = strides(x.shape);
    const steps = [...own];
    let offset = 0;
    for (const [i, axis] of axes.entries()) {
      const normal = normalAxis(axis, shape.length, describeNode(context.node));
      const step = given?.[i] ?? 1;
      checkStep(context, step);
      const [first, count] = sliceRange(x.shape[normal], starts[i], ends[i], step);
      shape[normal] = count;
      steps[normal] = own[normal] * step;
      offset += own[normal] * first;
    }
    return [strided(x, shape, steps, offset)];
  },
};

function checkStep(context: ShapeContext | EvaluateContext, step: Dim): void {
  if (step !== 0) return;
  throw new OnnxError(`${describeNode(context.node)}: expected steps other than 0, received 0`);
}

function slicedContents(
  contents: readonly Dim[],
  start: Dim | undefined,
  end: Dim | undefined,
  step: Dim | undefined,
): readonly Dim[] | undefined {
  if (typeof start !== "number" || typeof end !== "number" || typeof step !== "number") {
    return undefined;
  }
  const [first, count] = sliceRange(contents.length, start, end, step);
  return Array.from({ length: count }, (_, i) => contents[first + i * step]);
}

/** The sizes of the parts of a `Split` along an axis of some size. */
function partSizes(
  context: ShapeContext | EvaluateContext,
  size: Dim,
  given: readonly Dim[] | null | undefined,
): readonly Dim[] {
  const count = context.node.output.length;
  const where = describeNode(context.node);
  if (given === null) return unknownShape(count);
  if (given !== undefined) {
    const sum = given.reduce(addDims, 0);
    const negative = given.some((part) => typeof part === "number" && part < 0);
    if (negative || (typeof sum === "number" && typeof size === "number" && sum !== size)) {
      throw new OnnxError(
        `${where}: expected parts from 0 that add up to ${size ?? "the size of the axis"}, received [${given.join(", ")}]`,
      );
    }
    return given;
  }
  if (typeof size !== "number") return count === 1 ? [size] : unknownShape(count);
  const even = Math.ceil(size / count);
  if (size % count !== 0 && !context.attributes.has("num_outputs")) {
    throw new OnnxError(
      `${where}: expected a multiple of ${count} along its axis, received ${size}`,
    );
  }
  // The last part is what is left.
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(even, size - i * even)));
}

const splitOperator: Operator = {
  type: "Split",
  shape: (context) => {
    const { dtype, shape, contents } = typeOf(context, 0);
    const count = context.node.output.length;
    if (shape === undefined) return Array.from({ length: count }, () => ({ dtype }));
    const axis = normalAxis(
      context.attributes.int("axis", 0),
      shape.length,
      describeNode(context.node),
    );
    const sizes = partSizes(context, shape[axis], dimsGiven(context, "split", 1));
    let from: Dim = 0;
    return sizes.map((size): Inferred => {
      const begin = from;
      from = addDims(begin, size);
      const known = typeof begin === "number" && typeof from === "number" && shape.length === 1;
      return {
        dtype,
        shape: shape.map((dim, i) => (i === axis ? size : dim)),
        contents: known ? contents?.slice(begin, from as number) : undefined,
      };
    });
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const where = describeNode(context.node);
    const axis = normalAxis(context.attributes.int("axis", 0), x.shape.length, where);
    const sizes = partSizes(context, x.shape[axis], listOf(context, "split", 1));
    const steps = strides(x.shape);
    let offset = 0;
    return (sizes as readonly number[]).map((size) => {
      const begin = offset;
      offset += size * steps[axis];
      const shape = x.shape.map((dim, i) => (i === axis ? size : dim));
      return strided(x, shape, steps, begin);
    });
  },
};

/** The sizes of a concatenation; the other sizes agree. */
function joinedShape(shapes: readonly Shape[], axis: number, where: string): Dim[] {
  const result = [...shapes[0]];
  for (const shape of shapes.slice(1)) {
    const fits =
      shape.length === result.length &&
      shape.every((dim, i) => {
        const other = result[i];
        return i === axis || typeof dim !== "number" || typeof other !== "number" || dim === other;
      });
    if (!fits) {
      throw new OnnxError(
        `${where}: expected inputs that differ along axis ${axis} only, received [${result.join(", ")}] and [${shape.join(", ")}]`,
      );
    }
    for (const [i, dim] of shape.entries()) {
      result[i] = i === axis ? addDims(result[i], dim) : mergeDim(result[i], dim);
    }
  }
  return result;
}

/** What is known of a joined list of integers; of some parts only how long they are. */
function joinedContents(parts: readonly (Inferred | undefined)[]): readonly Dim[] | undefined {
  if (parts.every((part) => part?.contents === undefined)) return undefined;
  const contents: Dim[] = [];
  for (const part of parts) {
    const length = lengthOf(part);
    if (length === undefined || contents.length + length > MAX_CONTENTS) return undefined;
    contents.push(...(part?.contents ?? unknownShape(length)));
  }
  return contents;
}

const concatOperator: Operator = {
  type: "Concat",
  shape: (context) => {
    const { inputs, attributes } = context;
    const dtype = inputs.find((input) => input?.dtype !== undefined)?.dtype;
    const shapes = inputs.flatMap((input) => (input?.shape ? [input.shape] : []));
    if (shapes.length === 0) return [{ dtype }];
    const where = describeNode(context.node);
    const axis = normalAxis(attributes.int("axis", 1), shapes[0].length, where);
    const shape = joinedShape(shapes, axis, where);
    if (shapes.length < inputs.length) shape[axis] = null;
    return [{ dtype, shape, contents: shape.length === 1 ? joinedContents(inputs) : undefined }];
  },
  evaluate: (context) => {
    const parts = context.inputs.map((_, i) => required(context, i));
    const where = describeNode(context.node);
    const axis = normalAxis(context.attributes.int("axis", 1), parts[0].shape.length, where);
    const shapes = parts.map((part) => part.shape);
    return [joined(parts, joinedShape(shapes, axis, where) as number[], axis)];
  },
};

function joined(parts: readonly Tensor[], shape: readonly number[], axis: number): Tensor {
  const data = allocate(shape);
  const rows = elements(shape.slice(0, axis));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const part of parts) {
      const width = elements(part.shape.slice(axis));
      data.set(part.data.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
  return { dtype: parts[0].dtype, shape, data };
}

/** The operators of this file. */
export const slicing: readonly Operator[] = [concatOperator, sliceOperator, splitOperator];
