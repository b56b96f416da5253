/**
 * Resize and Upsample: each axis on its own, y[o] = sum_j w_j(o) x[j] around the place x(o) of output o
 * in the input. The places (`coordinate_transformation_mode`), the weights (`mode`) and what rounds
 * (`nearest_mode`): https://onnx.ai/onnx/operators/onnx__Resize.html
 *
 * Before opset 11, x(o) is o / scale, and `nearest` rounds down when it enlarges and up when not.
 */
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { type Dim, isStatic, type Shape } from "../shape.ts";
import { elements, type Tensor, tensor } from "../tensor.ts";
import {
  allocate,
  checkSizes,
  lengthOf,
  listInput,
  spelledShape,
  unknownShape,
} from "./arguments.ts";
import {
  type EvaluateContext,
  type GradientContext,
  normalAxis,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { type Mix, type Resized, resizedBack } from "./resize-gradient.ts";
import { unaryRule } from "./rules.ts";

/** How a {@link resize} finds the values between the elements. */
export interface ResizeOptions {
  /** `nearest` (default), `linear` or `cubic`. */
  readonly mode?: "nearest" | "linear" | "cubic";
  /** Where the results lie in the input; default `half_pixel`. Before opset 11 only `asymmetric`. */
  readonly coordinates?: "half_pixel" | "pytorch_half_pixel" | "align_corners" | "asymmetric";
  /** What `nearest` takes; default `round_prefer_floor`. */
  readonly nearest?: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
}

/**
 * A value with other sizes.
 * @param sizes the sizes of all axes: numbers or a one-dimensional int64 value
 * @throws OnnxError before opset 11
 */
export function resize(
  g: Graph,
  x: Value,
  sizes: readonly number[] | Value,
  options: ResizeOptions = {},
): Value {
  if (g.opset < 11) {
    throw new OnnxError(`Resize: sizes: expected opset 11 or newer, received ${g.opset}`);
  }
  // Before opset 13 the inputs that are not used have to be there.
  const none = g.opset < 13 ? g.constant(tensor("float32", [0], [])) : undefined;
  return g.op("Resize", [x, none, none, listInput(g, sizes)], {
    mode: options.mode,
    coordinate_transformation_mode: options.coordinates,
    nearest_mode: options.nearest,
  });
}

/**
 * A value whose elements are repeated along each axis.
 * @param factors whole numbers, one for each axis
 */
export function repeatElements(g: Graph, x: Value, factors: readonly number[]): Value {
  const scales = g.constant(tensor("float32", [factors.length], factors));
  if (g.opset < 10) return g.op("Upsample", [x, scales], { mode: "nearest" });
  if (g.opset < 11) return g.op("Resize", [x, scales], { mode: "nearest" });
  const none = g.opset < 13 ? g.constant(tensor("float32", [0], [])) : undefined;
  return g.op("Resize", [x, none, scales], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
}

/** Inputs of a node: before opset 11 there are scales alone. */
function indicesOf(context: ShapeContext | EvaluateContext): { scales: number; sizes: number } {
  const old = context.opset < 11 || context.node.opType === "Upsample";
  return old ? { scales: 1, sizes: -1 } : { scales: 2, sizes: 3 };
}

/** The axes that are resized: all unless they are given. */
function axesOf(context: ShapeContext | EvaluateContext, rank: number): number[] {
  const axes = context.attributes.ints("axes") ?? Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis) => normalAxis(axis, rank, describeNode(context.node)));
}

/** How one axis is resized. */
interface ResizedAxis {
  /** Its place among the axes. */
  readonly axis: number;
  /** Input size. */
  readonly size: number;
  /** Output size. */
  readonly out: number;
  /** Output size for each input element, before rounding. */
  readonly scale: number;
  /** Part of the input that is taken, from 0 to 1. */
  readonly region: readonly [start: number, end: number];
}

/** The size that a scale gives. It is computed in float32: 0.7 of 10 are 7. */
function scaled(size: number, scale: number): number {
  if (!(scale > 0 && scale < Infinity)) {
    throw new OnnxError(`scales: expected finite numbers above 0, received ${scale}`);
  }
  return Math.floor(Math.fround(size * scale));
}

/** The size nearest to what a scale gives. */
function rounded(size: number, scale: number): number {
  return Math.floor(Math.fround(size * scale) + 0.5);
}

/** The one scale of all axes that `keep_aspect_ratio_policy` asks for; `undefined` to stretch. */
function commonScale(
  context: ShapeContext | EvaluateContext,
  sizes: ArrayLike<number>,
  axes: readonly number[],
  shape: readonly number[],
): number | undefined {
  const policy = policyOf(context);
  if (policy === "stretch") return undefined;
  const ratios = axes.map((axis, i) => Math.fround(sizes[i] / shape[axis]));
  const scale = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  if (scale >= 0 && scale < Infinity) return scale;
  throw new OnnxError("keep_aspect_ratio_policy: expected axes with elements, one has none");
}

function policyOf(context: ShapeContext | EvaluateContext): string {
  return context.attributes.string("keep_aspect_ratio_policy", "stretch");
}

/** The axes of a node with values for its sizes or scales. */
function resizedAxes(context: EvaluateContext, shape: readonly number[]): ResizedAxis[] {
  const { scales, sizes } = indicesOf(context);
  const where = describeNode(context.node);
  const axes = axesOf(context, shape.length);
  const given = (input: Tensor | undefined) => (input?.data.length ? input.data : undefined);
  const asked = given(context.inputs[sizes]);
  const factors = given(context.inputs[scales]);
  const list = asked ?? factors;
  if (list?.length !== axes.length) {
    throw new OnnxError(
      `${where}: expected ${axes.length} sizes or scales, received ${list?.length ?? "none"}`,
    );
  }
  const common = asked && commonScale(context, asked, axes, shape);
  const region = context.inputs[1];
  return axes.map((axis, i) => {
    const size = shape[axis];
    const scale = common ?? (asked ? asked[i] / size : list[i]);
    return {
      axis,
      size,
      out: common !== undefined ? rounded(size, common) : (asked?.[i] ?? scaled(size, scale)),
      scale,
      region:
        scales === 2 && region?.data.length
          ? [region.data[i], region.data[i + axes.length]]
          : [0, 1],
    };
  });
}

/** The place of output `o` in the input. */
function place(mode: string, o: number, a: ResizedAxis, where: string): number {
  const half = (o + 0.5) / a.scale - 0.5;
  switch (mode) {
    case "half_pixel":
      return half;
    case "pytorch_half_pixel":
      return a.out > 1 ? half : 0;
    case "half_pixel_symmetric":
      return (a.size / 2) * (1 - a.out / (a.size * a.scale)) + half;
    case "align_corners":
      return a.out === 1 ? 0 : (o * (a.size - 1)) / (a.out - 1);
    case "asymmetric":
      return o / a.scale;
    case "tf_half_pixel_for_nn":
      return half + 0.5;
    case "tf_crop_and_resize": {
      const [start, end] = a.region;
      if (a.out === 1) return 0.5 * (start + end) * (a.size - 1);
      return start * (a.size - 1) + (o * (end - start) * (a.size - 1)) / (a.out - 1);
    }
    default:
      throw new OnnxError(`${where}: coordinate_transformation_mode ${quote(mode)} is not known`);
  }
}

/** Rounding of `nearest`; `simple` is that of the operator sets before 11. */
function nearest(rounding: string, x: number, scale: number): number {
  if (rounding === "simple") return scale < 1 ? Math.ceil(x) : Math.floor(x);
  if (rounding === "floor") return Math.floor(x);
  if (rounding === "ceil") return Math.ceil(x);
  if (rounding === "round_prefer_ceil") return Math.floor(x + 0.5);
  return Math.ceil(x - 0.5);
}

/** The weight of an element at distance `t`. Cubic: Keys, 1981, with its free parameter `a`. */
export function interpolationWeight(mode: string, t: number, a: number): number {
  const d = Math.abs(t);
  if (mode !== "cubic") return Math.max(0, 1 - d);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

function mixes(context: EvaluateContext, a: ResizedAxis): (Mix | undefined)[] {
  const { attributes } = context;
  const old = indicesOf(context).scales === 1;
  const where = describeNode(context.node);
  const coordinates = attributes.string(
    "coordinate_transformation_mode",
    old ? "asymmetric" : "half_pixel",
  );
  const rounding = old ? "simple" : attributes.string("nearest_mode", "round_prefer_floor");
  const mode = attributes.string("mode", "nearest");
  if (!["nearest", "linear", "cubic"].includes(mode)) {
    throw new OnnxError(
      `${where}: attribute "mode": expected nearest, linear or cubic, received ${quote(mode)}`,
    );
  }
  const cubic = attributes.float("cubic_coeff_a", -0.75);
  const widen =
    attributes.int("antialias", 0) === 1 && mode !== "nearest" ? Math.max(1, 1 / a.scale) : 1;
  const exclude = attributes.int("exclude_outside", 0) === 1;
  const clamp = (x: number) => Math.max(0, Math.min(x, a.size - 1));
  return Array.from({ length: a.out }, (_, o) => {
    const x = place(coordinates, o, a, where);
    if (coordinates === "tf_crop_and_resize" && (x < 0 || x > a.size - 1)) return undefined;
    if (mode === "nearest") return [[clamp(nearest(rounding, x, a.scale)), 1]];
    const reach = (mode === "cubic" ? 2 : 1) * widen;
    const mix: [number, number][] = [];
    for (let j = Math.floor(x - reach) + 1; j <= Math.ceil(x + reach) - 1; j++) {
      if (exclude && (j < 0 || j >= a.size)) continue;
      mix.push([clamp(j), interpolationWeight(mode, (j - x) / widen, cubic)]);
    }
    const sum = exclude || widen > 1 ? mix.reduce((total, [, w]) => total + w, 0) : 1;
    return mix.map(([j, w]) => [j, w / sum]);
  });
}

/** Resizes one axis; outputs without a mix are `outside`. */
function alongAxis(
  x: Tensor,
  axis: number,
  mix: readonly (Mix | undefined)[],
  outside: number,
): Tensor {
  const shape = x.shape.map((size, i) => (i === axis ? mix.length : size));
  const size = x.shape[axis];
  const inner = elements(x.shape.slice(axis + 1));
  const data = allocate(shape);
  for (let i = 0; i < data.length; i++) {
    const o = Math.floor(i / inner) % mix.length;
    const first = Math.floor(i / inner / mix.length) * size * inner + (i % inner);
    const parts = mix[o];
    if (parts === undefined) data[i] = outside;
    else if (parts.length === 1) data[i] = x.data[first + parts[0][0] * inner] * parts[0][1];
    else for (const [j, w] of parts) data[i] += w * x.data[first + j * inner];
  }
  return { dtype: x.dtype, shape, data };
}

/** The shape of a resized value: known where sizes are, or scales; a scale of 1 keeps any size. */
function resizedShape(context: ShapeContext, shape: Shape): Shape {
  const { scales, sizes } = indicesOf(context);
  const axes = axesOf(context, shape.length);
  const dims: Dim[] = [...shape];
  for (const axis of axes) dims[axis] = null;
  const asked = spelledShape(context.inputs[sizes]);
  const factors = context.inputs[scales]?.numbers;
  if (factors?.length === axes.length) {
    for (const [i, axis] of axes.entries()) {
      const size = shape[axis];
      if (factors[i] === 1) dims[axis] = size;
      else if (typeof size === "number") dims[axis] = scaled(size, factors[i]);
    }
  } else if (lengthOf(context.inputs[scales]) === 0 || context.inputs[scales] === undefined) {
    if (asked?.length !== axes.length) return dims;
    const known = isStatic(asked) && isStatic(shape);
    const common = known ? commonScale(context, asked, axes, shape) : undefined;
    for (const [i, axis] of axes.entries()) {
      if (common !== undefined) dims[axis] = rounded(shape[axis] as number, common);
      else if (policyOf(context) === "stretch") dims[axis] = asked[i];
    }
  }
  return dims;
}

function resizing(type: string): Operator {
  return {
    type,
    shape: (context) => {
      const { dtype, shape } = typeOf(context, 0);
      if (shape !== undefined) return [{ dtype, shape: resizedShape(context, shape) }];
      const { scales, sizes } = indicesOf(context);
      const list = spelledShape(context.inputs[sizes]) ?? spelledShape(context.inputs[scales]);
      const whole = list !== undefined && list.length > 0 && !context.attributes.has("axes");
      return [{ dtype, shape: whole ? unknownShape(list.length) : undefined }];
    },
    evaluate: (context) => {
      let x = required(context, 0);
      const outside = context.attributes.float("extrapolation_value", 0);
      for (const axis of resizedAxes(context, x.shape)) {
        // An axis that keeps its size is left alone, as ONNX Runtime does.
        if (axis.scale === 1 && axis.region[0] === 0 && axis.region[1] === 1) continue;
        checkSizes(x.shape.map((size, i) => (i === axis.axis ? axis.out : size)));
        x = alongAxis(x, axis.axis, mixes(context, axis), outside);
      }
      return [x];
    },
    gradient: unaryRule(({ g, x, dy, context }) => resizedBack(g, dy, x, axesResized(context, x))),
  };
}

/**
 * The axes that change their size, for a gradient.
 * @throws OnnxError when sizes, scales or the region are not known
 */
function axesResized(context: GradientContext, x: Value): Resized[] {
  const { g, node, attributes } = context;
  const where = describeNode(node);
  const unknown = (what: string): never => {
    throw new OnnxError(`${where}: gradient: expected known numbers for ${what}`);
  };
  const inputs = context.inputs.map((value, i): Tensor | undefined => {
    if (i === 0 || value === undefined || lengthOf(value) === 0) return undefined;
    const list = value.numbers ?? value.contents ?? unknown(`input ${i}`);
    const known = list.map((item, k) => {
      if (typeof item === "number") return item;
      // A size that is not known, but is kept.
      return item !== null && item === x.shape?.[k] ? 1 : unknown(`input ${i}`);
    });
    return tensor("float64", [known.length], known);
  });
  const evaluation: EvaluateContext = {
    node,
    attributes,
    opset: g.opset,
    inputs,
    runGraph: () => [],
  };
  const shape = x.shape ?? unknown("the shape of the input");
  const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
  return resizedAxes(evaluation, sizes).flatMap((axis) => {
    if (axis.scale === 1 && axis.region[0] === 0 && axis.region[1] === 1) return [];
    if (typeof shape[axis.axis] !== "number") unknown(`the size of axis ${axis.axis}`);
    return [{ axis: axis.axis, size: axis.size, mix: mixes(evaluation, axis) }];
  });
}

/** The operators of this file. */
export const resizes: readonly Operator[] = [resizing("Resize"), resizing("Upsample")];
