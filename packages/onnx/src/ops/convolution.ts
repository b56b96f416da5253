/**
 * Convolutions of any number of axes: Conv and ConvTranspose.
 *
 *     Conv:           y[o] = b + sum_c sum_a w[c, a] x[c, o s - p + a d]
 *     ConvTranspose:  every x[c, t] adds w[c, a] x[c, t] to y[t s - p + a d]
 *
 * per axis with stride s, padding p at the beginning, dilation d. The output size of a ConvTranspose is
 * s (L - 1) + outputPadding + d (k - 1) + 1 - p - q unless it is given.
 */
import { type Axis, tapRange, windowStart } from "softpool/window";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { type Dim, multiplyDims, type Shape } from "../shape.ts";
import { elements, type Tensor } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import { inputGradient, turnsOver } from "./convolution-input-gradient.ts";
import { weightGradient } from "./convolution-weight-gradient.ts";
import {
  type EvaluateContext,
  forEachOffset,
  type GradientContext,
  type GradientRule,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { slice } from "./slice.ts";
import { channelSum, knownSizes } from "./spatial.ts";
import { axisOf, extent, type PoolWindow, pooledDim, windowOf } from "./window.ts";

/** How a convolution slides. */
export interface ConvolutionOptions {
  /** Distances of neighbouring windows; default 1. */
  readonly strides?: readonly number[];
  /** Padding: the beginnings of all axes, then the ends; default 0. */
  readonly pads?: readonly number[];
  /** Distances of neighbouring taps; default 1. */
  readonly dilations?: readonly number[];
  /** Groups that the channels are divided into; default 1. */
  readonly group?: number;
}

/** How a transposed convolution slides. */
export interface ConvTransposeOptions extends ConvolutionOptions {
  /** Elements added to the end of each axis of the result; default 0. */
  readonly outputPadding?: readonly number[];
}

/**
 * A convolution (without flipping the weights).
 * @param x [N, C, ...]
 * @param weight [M, C / group, ...]
 * @param bias [M], or `undefined`
 */
export function conv(
  g: Graph,
  x: Value,
  weight: Value,
  bias: Value | undefined,
  options: ConvolutionOptions = {},
): Value {
  return g.op("Conv", [x, weight, bias], { ...options });
}

/**
 * A transposed convolution: the gradient of a convolution as an operator.
 * @param x [N, C, ...]
 * @param weight [C, M / group, ...]
 * @param bias [M], or `undefined`
 */
export function convTranspose(
  g: Graph,
  x: Value,
  weight: Value,
  bias: Value | undefined,
  options: ConvTransposeOptions = {},
): Value {
  const { outputPadding, ...rest } = options;
  return g.op("ConvTranspose", [x, weight, bias], { ...rest, output_padding: outputPadding });
}

/** The kernel's sizes, if they are known. */
function kernelOf(context: ShapeContext, rank: number): readonly number[] | undefined {
  const given = context.attributes.ints("kernel_shape");
  const sizes = given ?? context.inputs[1]?.shape?.slice(2);
  if (sizes === undefined || !sizes.every((size) => typeof size === "number")) return undefined;
  if (sizes.length === rank) return sizes as number[];
  throw new OnnxError(
    `${describeNode(context.node)}: expected a kernel of ${rank} axes, received [${sizes.join(", ")}]`,
  );
}

/** Refuses weights that do not fit the input's channels. */
function checkChannels(
  context: ShapeContext | EvaluateContext,
  channels: Dim,
  weightChannels: Dim,
  group: number,
): void {
  const expected = multiplyDims(weightChannels, group);
  if (typeof channels !== "number" || typeof expected !== "number" || channels === expected) return;
  throw new OnnxError(
    `${describeNode(context.node)}: expected ${expected} channels for its weights in ${group} groups, received ${channels}`,
  );
}

const groupOf = (context: ShapeContext | EvaluateContext) => context.attributes.int("group", 1);

function checkRank(context: ShapeContext | EvaluateContext, x: Shape): void {
  if (x.length >= 3) return;
  throw new OnnxError(
    `${describeNode(context.node)}: expected an input [N, C, ...], received ${x.length} axes`,
  );
}

const convOperator: Operator = {
  type: "Conv",
  shape: (context) => {
    const x = typeOf(context, 0);
    const weight = typeOf(context, 1);
    const dtype = x.dtype ?? weight.dtype;
    if (x.shape === undefined) return [{ dtype }];
    checkRank(context, x.shape);
    checkChannels(context, x.shape[1], weight.shape?.[1] ?? null, groupOf(context));
    const kernel = kernelOf(context, x.shape.length - 2);
    const window = kernel && windowOf(context.attributes, kernel);
    const sizes = x.shape.slice(2).map((size, i) => (window ? pooledDim(window, i, size) : null));
    return [{ dtype, shape: [x.shape[0], weight.shape?.[0] ?? null, ...sizes] }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const weight = required(context, 1);
    checkRank(context, x.shape);
    const group = groupOf(context);
    checkChannels(context, x.shape[1], weight.shape[1], group);
    const window = windowOf(context.attributes, weight.shape.slice(2));
    const axes = x.shape.slice(2).map((size, i) => axisOf(window, i, size));
    return [convolved(x, weight, context.inputs[2], axes, group)];
  },
  gradient: (context) => convGradient(context),
};

/** The values of a convolution's node that its gradient reads, and the shape of its weights. */
function gradientParts(context: GradientContext) {
  const [x, weight] = context.inputs as readonly Value[];
  const dy = context.gradients[0] as Value;
  const shape = knownSizes(weight, 0);
  const window = windowOf(context.attributes, shape.slice(2));
  return { g: context.g, x, weight, dy, shape, window, group: context.attributes.int("group", 1) };
}

const convGradient: GradientRule = (context) => {
  const { g, x, weight, dy, shape, window, group } = gradientParts(context);
  const [byX, byWeight, byBias] = context.wanted;
  // With stride 1 the padding is the same for all sizes.
  const some = window.kernel.map((_, i) => {
    const size = x.shape?.[i + 2];
    return axisOf(window, i, typeof size === "number" ? size : extent(window, i));
  });
  const axes = () => knownSizes(x).map((size, i) => axisOf(window, i, size));
  const plain = window.strides.every((stride) => stride === 1) && turnsOver(some);
  return [
    byX ? inputGradient(g, dy, weight, plain ? some : axes(), group, shape) : undefined,
    byWeight ? weightGradient(g, x, dy, axes(), group, shape) : undefined,
    byBias ? channelSum(g, dy) : undefined,
  ];
};

/**
 * The pairs of positions that a window joins, over all axes: for each tap the offset in the kernel and
 * the offset in the input.
 */
function taps(
  axes: readonly Axis[],
  output: readonly number[],
  f: (tap: number, input: number) => void,
): void {
  let pairs: [tap: number, input: number][] = [[0, 0]];
  for (const [i, axis] of axes.entries()) {
    const [first, end] = tapRange(axis, output[i]);
    const start = windowStart(axis, output[i]);
    pairs = pairs.flatMap(([tap, input]) =>
      Array.from({ length: Math.max(0, end - first) }, (_, k): [number, number] => {
        const a = first + k;
        return [tap * axis.kernel + a, input * axis.size + start + a * axis.dilation];
      }),
    );
  }
  for (const [tap, input] of pairs) f(tap, input);
}

/** Calls `f` for every output position of axes. */
function positions(axes: readonly Axis[], f: (index: number, position: number[]) => void): void {
  const shape = axes.map(({ out }) => out);
  const units = axes.map((_, i) => axes.map((_, k) => (i === k ? 1 : 0)));
  forEachOffset(shape, units, (index, position) => f(index, position));
}

function convolved(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  axes: readonly Axis[],
  group: number,
): Tensor {
  const [batch, channels] = x.shape;
  const [filters, perGroup] = weight.shape;
  const shape = [batch, filters, ...axes.map(({ out }) => out)];
  const data = allocate(shape);
  const plane = elements(axes.map(({ size }) => size));
  const kernel = elements(weight.shape.slice(2));
  const outputs = elements(shape.slice(2));
  positions(axes, (index, position) => {
    for (let n = 0; n < batch; n++) {
      for (let m = 0; m < filters; m++)
        data[(n * filters + m) * outputs + index] = bias?.data[m] ?? 0;
    }
    taps(axes, position, (tap, input) => {
      for (let n = 0; n < batch; n++) {
        for (let m = 0; m < filters; m++) {
          const first = Math.floor((m * group) / filters) * perGroup;
          let sum = 0;
          for (let c = 0; c < perGroup; c++) {
            sum +=
              weight.data[(m * perGroup + c) * kernel + tap] *
              x.data[(n * channels + first + c) * plane + input];
          }
          data[(n * filters + m) * outputs + index] += sum;
        }
      }
    });
  });
  return { dtype: x.dtype, shape, data };
}

type ContextOfAxes = ShapeContext | EvaluateContext | GradientContext;

/** The output size and the padding of one axis of a transposed convolution of known size. */
function transposedAxis(
  context: ContextOfAxes,
  window: PoolWindow,
  i: number,
  size: number,
): { out: number; begin: number } {
  const rank = window.kernel.length;
  const padding = context.attributes.ints("output_padding") ?? window.kernel.map(() => 0);
  if (padding.length !== rank || padding.some((more) => more < 0)) {
    throw new OnnxError(
      `output_padding: expected ${rank} whole numbers from 0, received [${padding.join(", ")}]`,
    );
  }
  const stride = window.strides[i];
  const full = stride * (size - 1) + padding[i] + extent(window, i);
  const { autoPad } = window;
  const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
  const asked = context.attributes.ints("output_shape")?.slice(-rank)[i];
  if (asked === undefined && !same) {
    const [begin, end] = [window.pads[i], window.pads[i + rank]];
    return { out: full - begin - end, begin };
  }
  const out = asked ?? size * stride;
  const cut = Math.max(0, full - out);
  const more = cut - Math.floor(cut / 2);
  // Only SAME_UPPER puts what is left over at the end.
  return { out, begin: autoPad === "SAME_UPPER" ? cut - more : more };
}

/** The output size of one axis of a transposed convolution, as far as it follows. */
function transposedDim(context: ShapeContext, window: PoolWindow, i: number, size: Dim): Dim {
  if (typeof size === "number") {
    const { out } = transposedAxis(context, window, i, size);
    if (out >= 1) return out;
    throw new OnnxError(
      `${describeNode(context.node)}: expected less padding along axis ${i + 2}: nothing of its ${size} elements is left`,
    );
  }
  const asked = context.attributes.ints("output_shape")?.slice(-window.kernel.length)[i];
  if (asked !== undefined) return asked;
  if (window.strides[i] !== 1) return null;
  // With stride 1 the size keeps its name when the padding takes what the window adds.
  return transposedAxis(context, window, i, 1).out === 1 ? size : null;
}

const convTransposeOperator: Operator = {
  type: "ConvTranspose",
  shape: (context) => {
    const x = typeOf(context, 0);
    const weight = typeOf(context, 1);
    const dtype = x.dtype ?? weight.dtype;
    if (x.shape === undefined) return [{ dtype }];
    checkRank(context, x.shape);
    const group = groupOf(context);
    checkChannels(context, x.shape[1], weight.shape?.[0] ?? null, 1);
    const kernel = kernelOf(context, x.shape.length - 2);
    const window = kernel && windowOf(context.attributes, kernel);
    const sizes = x.shape
      .slice(2)
      .map((size, i) => (window ? transposedDim(context, window, i, size) : null));
    const filters = multiplyDims(weight.shape?.[1] ?? null, group);
    return [{ dtype, shape: [x.shape[0], filters, ...sizes] }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const weight = required(context, 1);
    checkRank(context, x.shape);
    checkChannels(context, x.shape[1], weight.shape[0], 1);
    const window = windowOf(context.attributes, weight.shape.slice(2));
    const axes = transposedAxes(context, window, x.shape.slice(2));
    return [transposed(x, weight, context.inputs[2], axes, groupOf(context))];
  },
  gradient: (context) => convTransposeGradient(context),
};

/** The axes of a transposed convolution as those of a convolution: its outputs are our inputs. */
function transposedAxes(
  context: ContextOfAxes,
  window: PoolWindow,
  sizes: readonly number[],
): readonly Axis[] {
  return sizes.map((size, i): Axis => {
    const { out, begin } = transposedAxis(context, window, i, size);
    const last = (size - 1) * window.strides[i] + extent(window, i);
    return {
      size: out,
      out: size,
      kernel: window.kernel[i],
      stride: window.strides[i],
      dilation: window.dilations[i],
      padBegin: begin,
      padEnd: Math.max(0, last - out - begin),
    };
  });
}

const convTransposeGradient: GradientRule = (context) => {
  const { g, x, weight, dy, shape, window, group } = gradientParts(context);
  const [byX, byWeight, byBias] = context.wanted;
  const axes = () => transposedAxes(context, window, knownSizes(x));
  return [
    byX ? convolvedBack(g, dy, weight, axes(), group) : undefined,
    byWeight ? weightGradient(g, dy, x, axes(), group, shape) : undefined,
    byBias ? channelSum(g, dy) : undefined,
  ];
};

/** The convolution that a transposed one undoes, on the axes that it has. */
function convolvedBack(
  g: Graph,
  dy: Value,
  weight: Value,
  axes: readonly Axis[],
  group: number,
): Value {
  const dx = conv(g, dy, weight, undefined, {
    strides: axes.map(({ stride }) => stride),
    pads: [...axes.map(({ padBegin }) => padBegin), ...axes.map(({ padEnd }) => padEnd)],
    dilations: axes.map(({ dilation }) => dilation),
    group,
  });
  const sizes = axes.map(({ out }) => out);
  // Padding of the output beyond a stride gives windows that saw nothing.
  if (dx.shape?.slice(2).every((size, i) => size === sizes[i])) return dx;
  return slice(g, dx, {
    axes: sizes.map((_, i) => i + 2),
    starts: sizes.map(() => 0),
    ends: sizes,
  });
}

function transposed(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  axes: readonly Axis[],
  group: number,
): Tensor {
  const [batch, channels] = x.shape;
  const perGroup = weight.shape[1];
  const filters = perGroup * group;
  const shape = [batch, filters, ...axes.map(({ size }) => size)];
  const data = allocate(shape);
  const plane = elements(x.shape.slice(2));
  const kernel = elements(weight.shape.slice(2));
  const outputs = elements(shape.slice(2));
  if (bias !== undefined) {
    for (let i = 0; i < data.length; i++) data[i] = bias.data[Math.floor(i / outputs) % filters];
  }
  positions(axes, (index, position) => {
    taps(axes, position, (tap, output) => {
      for (let n = 0; n < batch; n++) {
        for (let c = 0; c < channels; c++) {
          const value = x.data[(n * channels + c) * plane + index];
          const first = Math.floor((c * group) / channels) * perGroup;
          for (let m = 0; m < perGroup; m++) {
            data[(n * filters + first + m) * outputs + output] +=
              value * weight.data[(c * perGroup + m) * kernel + tap];
          }
        }
      }
    });
  });
  return { dtype: x.dtype, shape, data };
}

/** The operators of this file. */
export const convolutions: readonly Operator[] = [convOperator, convTransposeOperator];
