/**
 * Slice: the elements start, start + step, ... before end along axes. Negative positions count from
 * the end, positions beyond an end are clamped to it. Source of the rule:
 * https://onnx.ai/onnx/operators/onnx__Slice.html
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { type Dim, isStatic, type Shape } from "../shape.ts";
import { elements } from "../tensor.ts";
import {
  isValue,
  lengthOf,
  listGiven,
  listInput,
  listOf,
  plainAxes,
  strided,
  stridedContents,
  unknownShape,
} from "./arguments.ts";
import {
  type EvaluateContext,
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

/** The first position and the number of positions of a slice along an axis of known size. */
function sliceRange(
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
export function dimsGiven(
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
    const whole: Shape = contents && shape.length === 1 ? [contents.length] : shape;
    const by = steps === undefined ? axes.map(() => 1) : (steps ?? undefined);
    const view =
      contents !== undefined && isStatic(whole) && elements(whole) === contents.length
        ? viewOf(context, whole, axes, starts, ends, by)
        : undefined;
    const sliced = view && stridedContents(contents, view.shape, view.steps, view.offset);
    return [{ dtype, shape: dims, contents: sliced }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const starts = listOf(context, "starts", 1) ?? [];
    const ends = listOf(context, "ends", 2) ?? [];
    const axes = listOf(context, "axes", 3) ?? starts.map((_, i) => i);
    const given = listOf(context, "steps", 4);
    const steps = given ?? axes.map(() => 1);
    const view = viewOf(context, x.shape, axes, starts, ends, steps);
    if (view !== undefined) return [strided(x, view.shape, view.steps, view.offset)];
    throw new OnnxError(
      `${describeNode(context.node)}: expected as many starts, ends and steps as axes (${axes.length}), received ${starts.length}, ${ends.length} and ${steps.length}`,
    );
  },
};

/** Where the elements of a slice lie in a row-major tensor. */
interface View {
  readonly shape: readonly number[];
  readonly steps: readonly number[];
  readonly offset: number;
}

/** The view that a slice takes of a tensor; `undefined` when a start, end or step is not known. */
function viewOf(
  context: ShapeContext | EvaluateContext,
  whole: readonly number[],
  axes: readonly number[],
  starts: readonly Dim[] | null | undefined,
  ends: readonly Dim[] | null | undefined,
  by: readonly Dim[] | undefined,
): View | undefined {
  const shape = [...whole];
  const own = strides(whole);
  const steps = [...own];
  let offset = 0;
  for (const [i, axis] of axes.entries()) {
    const normal = normalAxis(axis, shape.length, describeNode(context.node));
    const [start, end, step] = [starts?.[i], ends?.[i], by?.[i]];
    if (typeof start !== "number" || typeof end !== "number" || typeof step !== "number") {
      return undefined;
    }
    checkStep(context, step);
    const [first, count] = sliceRange(whole[normal], start, end, step);
    shape[normal] = count;
    steps[normal] = own[normal] * step;
    offset += own[normal] * first;
  }
  return { shape, steps, offset };
}

function checkStep(context: ShapeContext | EvaluateContext, step: Dim): void {
  if (step !== 0) return;
  throw new OnnxError(`${describeNode(context.node)}: expected steps other than 0, received 0`);
}

/** The operators of this file. */
export const slicing: readonly Operator[] = [sliceOperator];
