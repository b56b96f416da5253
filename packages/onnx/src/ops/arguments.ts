/**
 * Arguments of operators: lists of integers that were attributes in old operator sets and are inputs
 * in newer ones, shapes given as contents, axes, strided copies.
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { type Dim, isStatic, MAX_RANK, type Shape } from "../shape.ts";
import { elements, int64s, MAX_ELEMENTS, type Tensor } from "../tensor.ts";
import {
  type EvaluateContext,
  forEachOffset,
  type Inferred,
  knownIntegers,
  type ShapeContext,
} from "./operator.ts";

/**
 * A list of integers that is an attribute or an input, to a shape rule or a gradient rule.
 * @returns `undefined` when it is left out, `null` when it is given but not known
 */
export function listGiven(
  context: Pick<ShapeContext, "attributes" | "inputs">,
  name: string,
  index: number,
): readonly number[] | null | undefined {
  const attribute = context.attributes.ints(name);
  if (attribute !== undefined) return attribute;
  const input = context.inputs[index];
  return input === undefined ? undefined : (knownIntegers(input) ?? null);
}

/** A list of integers that is an attribute or an input; `undefined` when it is left out. */
export function listOf(
  context: EvaluateContext,
  name: string,
  index: number,
): readonly number[] | undefined {
  const attribute = context.attributes.ints(name);
  if (attribute !== undefined) return attribute;
  const input = context.inputs[index];
  return input === undefined ? undefined : Array.from(input.data);
}

/** How many elements a one-dimensional value has; `undefined` when it is not known. */
export function lengthOf(value: Inferred | undefined): number | undefined {
  if (value?.contents !== undefined) return value.contents.length;
  const [length] = value?.shape ?? [];
  return value?.shape?.length === 1 && typeof length === "number" ? length : undefined;
}

/** The shape that a one-dimensional value spells; sizes that are not known (or negative) are `null`. */
export function spelledShape(value: Inferred | undefined): Shape | undefined {
  if (value?.contents !== undefined) {
    return value.contents.map((dim) => (typeof dim === "number" && dim < 0 ? null : dim));
  }
  const length = lengthOf(value);
  return length === undefined || length > MAX_RANK ? undefined : unknownShape(length);
}

/** A shape of which only the number of axes is known. */
export function unknownShape(rank: number): Dim[] {
  return new Array<Dim>(rank).fill(null);
}

/** Axes from 0 where the number of axes is known: operator sets before 11 know no negative ones. */
export function plainAxes(axes: readonly number[], rank: number | undefined): number[] {
  return axes.map((axis) => (axis < 0 && rank !== undefined ? axis + rank : axis));
}

/** One axis from 0 where the number of axes is known. */
export function plainAxis(axis: number, rank: number | undefined): number {
  return plainAxes([axis], rank)[0];
}

/** A list of integers as an input of a node: a value as it is, numbers as a constant. */
export function listInput(g: Graph, list: readonly number[] | Value): Value {
  return isValue(list) ? list : g.constant(int64s(list));
}

/** Whether a list is a value of the graph. */
export function isValue(list: readonly number[] | Value): list is Value {
  return "name" in list;
}

/**
 * Refuses shapes of results that would not fit into memory.
 * @throws OnnxError when a size is no whole number from 0, or there are too many elements
 */
export function checkSizes(shape: readonly number[]): void {
  const whole = shape.every((size) => Number.isInteger(size) && size >= 0);
  if (whole && elements(shape) <= MAX_ELEMENTS) return;
  throw new OnnxError(
    `expected a result of sizes from 0 with at most ${MAX_ELEMENTS} elements, received [${shape.join(", ")}]`,
  );
}

/**
 * The values of a result of a shape, all 0.
 * @throws OnnxError when it would not fit into memory
 */
export function allocate(shape: readonly number[]): Float64Array {
  checkSizes(shape);
  return new Float64Array(elements(shape));
}

/**
 * What is known of the elements `offset + sum steps[i] position[i]` of a short tensor.
 * @returns `undefined` when the elements or the shape are not known
 */
export function stridedContents(
  contents: readonly Dim[] | undefined,
  shape: Shape,
  steps: readonly number[],
  offset = 0,
): readonly Dim[] | undefined {
  if (contents === undefined || !isStatic(shape)) return undefined;
  const result: Dim[] = [];
  forEachOffset(shape, [steps], (_, [at]) => result.push(contents[offset + at] ?? null));
  return result;
}

/** A dense copy of the elements `offset + sum steps[i] position[i]` of a tensor. */
export function strided(
  x: Tensor,
  shape: readonly number[],
  steps: readonly number[],
  offset = 0,
): Tensor {
  const data = allocate(shape);
  forEachOffset(shape, [steps], (index, [at]) => {
    data[index] = x.data[offset + at];
  });
  return { dtype: x.dtype, shape, data };
}
