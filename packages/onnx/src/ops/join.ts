/** Joining and parting along an axis: Concat, Split. */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { MAX_CONTENTS, MAX_NUMBERS } from "../known.ts";
import { describeNode } from "../order.ts";
import { addDims, type Dim, isStatic, mergeDim, type Shape } from "../shape.ts";
import { elements, int64s, type Tensor } from "../tensor.ts";
import { allocate, lengthOf, listOf, plainAxis, strided, unknownShape } from "./arguments.ts";
import {
  type EvaluateContext,
  type GradientContext,
  type Inferred,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import {
  axisOf,
  inputOf,
  refuse,
  shapedLike,
  upstream,
  wants,
  zeroPaddedAxis,
  zeros,
} from "./rules.ts";
import { dimsGiven, slice } from "./slice.ts";

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

/** The gradients of the parts one after the other, zeros for parts that nothing depends on. */
function splitRule(context: GradientContext): (Value | undefined)[] {
  const { g, outputs } = context;
  if (!wants(context, 0)) return [];
  const axis = axisOf(context, inputOf(context, 0), 0);
  const given = outputs.map((_, i) => upstream(context, i));
  const sizes: Shape = outputs.map((output) => output.shape?.[axis] ?? null);
  const only = given.findIndex((gradient) => gradient !== undefined);
  const isAlone = given.every((gradient, i) => (gradient !== undefined) === (i === only));
  const gradient = given[only];
  if (isAlone && gradient !== undefined && isStatic(sizes)) {
    const before = sizes.slice(0, only).reduce((sum, size) => sum + size, 0);
    const after = sizes.slice(only + 1).reduce((sum, size) => sum + size, 0);
    return [zeroPaddedAxis(g, gradient, axis, before, after)];
  }
  if (outputs.some(({ name }, i) => name === "" && given[i] === undefined)) {
    return refuse(context, "expected a name for every output");
  }
  const parts = given.map((gradient, i) => gradient ?? zeros(g, outputs[i]));
  return [concat(g, parts, axis)];
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
  gradient: splitRule,
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

/** The numbers of a joined list, when all are known. */
function joinedNumbers(parts: readonly (Inferred | undefined)[]): readonly number[] | undefined {
  const count = parts.reduce((total, part) => total + (part?.numbers?.length ?? NaN), 0);
  return count <= MAX_NUMBERS ? parts.flatMap((part) => part?.numbers ?? []) : undefined;
}

/** The part of each input; all at once where all are wanted. */
function concatRule(context: GradientContext): (Value | undefined)[] {
  const { g } = context;
  const dy = upstream(context);
  if (dy === undefined) return [];
  const axis = axisOf(context, context.outputs[0], 1);
  const inputs = context.inputs.map((_, i) => inputOf(context, i));
  if (inputs.length === 1) return [dy];
  const sizes: Shape = inputs.map(({ shape }) => shape?.[axis] ?? null);
  const wanted = inputs.map((_, i) => wants(context, i));
  if (!isStatic(sizes)) {
    if (g.opset < 13) return refuse(context, "expected known sizes before opset 13");
    const lengths = inputs.map((input) =>
      g.op("Gather", [g.op("Shape", [input]), g.constant(int64s([axis]))], { axis: 0 }),
    );
    const list = g.op("Concat", lengths, { axis: 0 });
    const parts = g.node("Split", [dy, list], { axis }, { outputs: inputs.length });
    return parts.map((part, i) => shapedLike(g, part, inputs[i]));
  }
  if (wanted.every((each) => each)) return split(g, dy, axis, sizes);
  let next = 0;
  return sizes.map((size, i) => {
    const start = next;
    next += size;
    if (!wanted[i]) return undefined;
    return slice(g, dy, { axes: [axis], starts: [start], ends: [next] });
  });
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
    if (shape.length !== 1) return [{ dtype, shape }];
    return [{ dtype, shape, contents: joinedContents(inputs), numbers: joinedNumbers(inputs) }];
  },
  evaluate: (context) => {
    const parts = context.inputs.map((_, i) => required(context, i));
    const where = describeNode(context.node);
    const axis = normalAxis(context.attributes.int("axis", 1), parts[0].shape.length, where);
    const shapes = parts.map((part) => part.shape);
    return [joined(parts, joinedShape(shapes, axis, where) as number[], axis)];
  },
  gradient: concatRule,
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
export const joining: readonly Operator[] = [concatOperator, splitOperator];
