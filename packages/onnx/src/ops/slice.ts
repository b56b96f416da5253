/**
 * Slice: the elements start, start + step, ... before end along axes. Negative positions count from
 * the end, positions beyond an end are clamped to it. Source of the rule:
 * https://onnx.ai/onnx/operators/onnx__Slice.html
 */
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { type Dim, formatShape, isStatic, type Shape } from "../shape.ts";
import { elements, int64s } from "../tensor.ts";
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
  type GradientContext,
  knownIntegers,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import { unsqueeze } from "./reshape.ts";
import { refuse, type UnaryParts, unaryRule, zeroPadded, zeros } from "./rules.ts";

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
 * @throws OnnxError before opset 10 when positions, or sizes along a step, are not known as numbers
 */
export function slice(g: Graph, x: Value, options: SliceOptions): Value {
  const { starts, ends, steps } = options;
  const axes = plainAxes(options.axes, x.shape?.length);
  if (g.opset >= 10) {
    const given = [starts, ends, axes, ...(steps ? [steps] : [])];
    return g.op("Slice", [x, ...given.map((list) => listInput(g, far(list)))]);
  }
  const first = numbersOf(starts, "starts", "Slice", 10);
  const last = numbersOf(ends, "ends", "Slice", 10);
  const step = (i: number) => steps?.[i] ?? 1;
  const near = axes.flatMap((_, i) => (step(i) === 1 ? [i] : []));
  const pick = (list: readonly number[]) => near.map((i) => list[i]);
  const cut =
    near.length === 0 && axes.length > 0
      ? x
      : g.op("Slice", [x], {
          axes: pick(axes),
          starts: far(pick(first)),
          ends: far(pick(last)),
        });
  return axes.reduce(
    (y, axis, i) => (step(i) === 1 ? y : everyNth(g, y, axis, first[i], last[i], step(i))),
    cut,
  );
}

/** Positions of an axis of known size, taken one by one: what `Slice` did not do before opset 10. */
function everyNth(
  g: Graph,
  x: Value,
  axis: number,
  start: number,
  end: number,
  step: number,
): Value {
  const size = x.shape?.[axis];
  if (typeof size !== "number") {
    throw new OnnxError(
      `Slice: steps: expected a known size of axis ${axis} before opset 10, received ${quote(x.name)} of shape ${formatShape(x.shape)}; use opset 10 or newer`,
    );
  }
  const [first, count] = sliceRange(size, start, end, step);
  const positions = Array.from({ length: count }, (_, k) => first + k * step);
  return g.op("Gather", [x, g.constant(int64s(positions))], { axis });
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

/** What a slice does along one axis of its input. */
interface Cut {
  readonly axis: number;
  readonly start: Dim;
  readonly end: Dim;
  readonly step: number;
}

/** The axes along which a slice does something. */
function cutsOf({ x, y, context }: UnaryParts, rank: number): Cut[] {
  const list = (name: string, index: number): readonly Dim[] | undefined =>
    context.attributes.ints(name) ?? context.inputs[index]?.contents;
  const starts = list("starts", 1);
  const ends = list("ends", 2);
  const steps = context.inputs[4] === undefined ? starts?.map(() => 1) : list("steps", 4);
  const given = context.inputs[3] === undefined && !context.attributes.has("axes");
  const axes = given ? starts?.map((_, i) => i) : list("axes", 3);
  if (starts === undefined || !isStatic(steps) || !isStatic(axes)) {
    return refuse(context, "expected starts, axes and steps that are known");
  }
  const cuts = axes.map((axis, i): Cut => {
    const normal = normalAxis(axis, rank, describeNode(context.node));
    return { axis: normal, start: starts[i], end: ends?.[i] ?? null, step: steps[i] };
  });
  return cuts.filter(({ axis, step }) => {
    const [before, after] = [x.shape?.[axis] ?? null, y.shape?.[axis] ?? null];
    return step !== 1 || before === null || before !== after;
  });
}

/** The gradient with zeros where the slice took nothing, for sizes that are not known. */
function placedByShape({ g, x, y, dy, context }: UnaryParts, cuts: readonly Cut[], rank: number) {
  if (g.opset < 11) {
    return refuse(context, "expected known sizes before opset 11; give the inputs' shapes");
  }
  const starts = new Array<number>(rank).fill(0);
  for (const { axis, start, step } of cuts) {
    if (step !== 1 || typeof start !== "number") {
      return refuse(context, "expected known sizes where steps are not 1 or starts are not known");
    }
    starts[axis] = start;
  }
  const sizes = g.op("Shape", [x]);
  let begins = g.constant(int64s(starts));
  if (starts.some((start) => start < 0)) {
    // Negative starts count from the end; those before the beginning are the beginning.
    const fromEnd = g.constant(int64s(starts.map((start) => (start < 0 ? 1 : 0))));
    const counted = g.op("Add", [begins, g.op("Mul", [sizes, fromEnd])]);
    const zero = g.constant(int64s([0]));
    begins = g.op("Where", [g.op("Less", [counted, zero]), zero, counted]);
  }
  const ends = g.op("Sub", [g.op("Sub", [sizes, g.op("Shape", [y])]), begins]);
  return g.op("Pad", [dy, g.op("Concat", [begins, ends], { axis: 0 })]);
}

/**
 * The gradient with zeros where the slice took nothing. Steps beyond 1: an axis of `count` becomes one
 * of `count` blocks of zeros but for one element each.
 */
function sliceRule(parts: UnaryParts): Value {
  const { g, x, y, dy, context } = parts;
  const rank = x.shape?.length;
  if (rank === undefined) return refuse(context, "expected a known number of axes");
  const cuts = cutsOf(parts, rank);
  const isKnown = ({ axis, start, end, step }: Cut) =>
    isStatic([x.shape?.[axis] ?? null, start, end]) ||
    (step === -1 && x.shape?.[axis] === y.shape?.[axis] && y.shape?.[axis] !== null);
  if (!cuts.every(isKnown)) return placedByShape(parts, cuts, rank);
  const begins = new Array<number>(rank).fill(0);
  const ends = [...begins];
  const flipped: number[] = [];
  const spread: { axis: number; before: number; step: number }[] = [];
  for (const { axis, start, end, step } of cuts) {
    if (step < 0) flipped.push(axis);
    const size = x.shape?.[axis];
    // Turned as a whole.
    if (typeof size !== "number") continue;
    const [from, count] = sliceRange(size, start as number, end as number, step);
    if (count === 0) return zeros(g, x);
    const first = step < 0 ? from + (count - 1) * step : from;
    const by = count === 1 ? 1 : Math.abs(step);
    const before = first % by;
    if (by > 1) spread.push({ axis, before, step: by });
    begins[axis] = first - before;
    ends[axis] = size - begins[axis] - count * by;
  }
  let result = dy;
  if (flipped.length > 0) {
    result = slice(g, result, {
      axes: flipped,
      starts: flipped.map(() => -1),
      ends: flipped.map(() => -FAR),
      steps: flipped.map(() => -1),
    });
  }
  if (spread.length > 0) result = spreadOut(g, result, spread, context);
  return zeroPadded(g, result, begins, ends);
}

/** Each element of axes becomes `step` of them: zeros but for the one after `before` zeros. */
function spreadOut(
  g: Graph,
  x: Value,
  axes: readonly { axis: number; before: number; step: number }[],
  context: GradientContext,
): Value {
  const sorted = [...axes].sort((a, b) => a.axis - b.axis);
  const rank = (x.shape?.length ?? 0) + sorted.length;
  const places = sorted.map(({ axis }, i) => axis + i + 1);
  const begins = new Array<number>(rank).fill(0);
  const ends = [...begins];
  for (const [i, { before, step }] of sorted.entries()) {
    begins[places[i]] = before;
    ends[places[i]] = step - 1 - before;
  }
  const blocks = zeroPadded(g, unsqueeze(g, x, places), begins, ends);
  const steps = new Map(sorted.map(({ axis, step }) => [axis, step]));
  // Sizes that are not known are copied before the first of the axes; one behind it is what is left.
  const target = (x.shape ?? []).map((size, i) => {
    if (typeof size === "number") return size * (steps.get(i) ?? 1);
    return i < sorted[0].axis ? 0 : -1;
  });
  if (target.indexOf(-1) !== target.lastIndexOf(-1)) refuse(context, "expected known sizes");
  return g.op("Reshape", [blocks, g.constant(int64s(target))]);
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
  gradient: unaryRule(sliceRule),
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
