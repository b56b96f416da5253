/**
 * Gradients of convolutions. With x [N, C, ...], w [M, C / group, ...] and dL/dy of y = Conv(x, w):
 *
 *     dL/dx[c, t] = sum_m sum_a w[m, c, a] dL/dy[m, (t + p - a d) / s]     where that is whole
 *     dL/dw[m, c, a] = sum_n sum_o dL/dy[n, m, o] x[n, c, o s - p + a d]
 *
 * The first is a convolution with the weights turned over when the stride is 1 (faster), a transposed
 * one otherwise. The second is computed in one of three ways, by {@link weightFormulation}.
 */
import type { Axis } from "softpool/window";
import type { Graph, Value } from "../graph.ts";
import { concat } from "./join.ts";
import { gemm, matMul } from "./matmul.ts";
import { strides } from "./operator.ts";
import { pad } from "./pad.ts";
import { reduce } from "./reduce.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { slice } from "./slice.ts";
import { transpose } from "./transpose.ts";

/** How the gradient of weights is computed. */
export type WeightFormulation = "taps" | "runs" | "columns";

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
const reach = ({ kernel, dilation }: Axis) => (kernel - 1) * dilation + 1;

/**
 * The way that is fastest for a shape, measured on ONNX Runtime's CPU provider:
 *
 * - `taps`: for each tap of the kernel a product of matrices for each sample, summed over the samples;
 * - `runs`: the same at stride 1, with dL/dy as wide as the padded input, so that what a tap sees is one
 *   run of memory (3x3, 16 channels on 32x32, 64 samples: 15 ms against 27; equal for 64 on 56x56);
 * - `columns`: what all taps see side by side, and one product over all samples: for few input channels
 *   (7x7 of 3 channels: 18 ms against 56) and for many on few positions (512 on 7x7: 46 ms against 87).
 *
 * A convolution of the input with dL/dy as weights is never faster than all of them.
 * @param channels input channels
 * @param filters output channels
 * @param axes the spatial axes
 * @param group groups; `columns` is for one
 */
export function weightFormulation(
  channels: number,
  filters: number,
  axes: readonly Axis[],
  group: number,
): WeightFormulation {
  const positions = product(axes.map(({ out }) => out));
  const many = positions < 256 && channels * filters >= 128 * 128;
  if (group === 1 && (channels <= 4 || many)) return "columns";
  const plain = axes.length === 1 || axes.every(({ kernel }) => kernel === 1);
  if (plain || axes.some(({ stride }) => stride > 1)) return "taps";
  // What dL/dy grows by.
  const growth = product(axes.slice(1).map((axis) => width(axis) / axis.out));
  return growth <= 1.3 ? "runs" : "taps";
}

/**
 * The gradient of a convolution's weights.
 * @param x the input [N, C, ...]
 * @param dy the gradient of the output [N, M, ...]
 * @param axes the spatial axes: `padEnd` is not looked at
 * @param group groups
 * @param shape of the weights [M, C / group, ...]
 * @param formulation how; default the fastest
 */
export function weightGradient(
  g: Graph,
  x: Value,
  dy: Value,
  axes: readonly Axis[],
  group: number,
  shape: readonly number[],
  formulation?: WeightFormulation,
): Value {
  const [filters, channels] = shape;
  const taps = product(axes.map(({ kernel }) => kernel));
  const chosen = formulation ?? weightFormulation(channels * group, filters, axes, group);
  const given = { g, x, dy, axes, group, shape, taps };
  if (chosen === "columns" && group === 1) return byColumns(given);
  const runs = chosen === "runs" && axes.every(({ stride }) => stride === 1);
  return byTaps(given, runs ? runsOf(given) : slicesOf(given));
}

interface Given {
  readonly g: Graph;
  readonly x: Value;
  readonly dy: Value;
  readonly axes: readonly Axis[];
  readonly group: number;
  readonly shape: readonly number[];
  readonly taps: number;
}

/** The padding that the last window needs at the end; negative when it ends inside. */
const missing = (axis: Axis) =>
  (axis.out - 1) * axis.stride + reach(axis) - axis.size - axis.padBegin;

/** The size of the input with the padding that is needed. */
const width = (axis: Axis) => axis.padBegin + axis.size + Math.max(0, missing(axis));

/** The input with its padding, and `more` elements at the end of the first spatial axis. */
function padded(g: Graph, x: Value, axes: readonly Axis[], more = 0): Value {
  const begins = axes.map(({ padBegin }) => padBegin);
  const ends = axes.map((axis, i) => Math.max(0, missing(axis)) + (i === 0 ? more : 0));
  if ([...begins, ...ends].every((size) => size === 0)) return x;
  return pad(g, x, [0, 0, ...begins, 0, 0, ...ends], 0);
}

/** The positions of all taps, in row-major order. */
function tapPlaces(axes: readonly Axis[]): readonly (readonly number[])[] {
  return axes.reduce<readonly (readonly number[])[]>(
    (places, { kernel }) =>
      places.flatMap((place) => Array.from({ length: kernel }, (_, a) => [...place, a])),
    [[]],
  );
}

/**
 * For each tap, in row-major order, what it sees of the padded input: as many positions as the output.
 * @param first the first spatial axis of `x`
 */
function tapSlices(g: Graph, x: Value, axes: readonly Axis[], first: number): Value[] {
  return tapPlaces(axes).map((place) => {
    const cut = axes.flatMap((axis, i) => {
      const start = place[i] * axis.dilation;
      const end = start + (axis.out - 1) * axis.stride + 1;
      const all = start === 0 && end === width(axis) && axis.stride === 1;
      return all ? [] : [{ axis: i + first, start, end, step: axis.stride }];
    });
    if (cut.length === 0) return x;
    return slice(g, x, {
      axes: cut.map(({ axis }) => axis),
      starts: cut.map(({ start }) => start),
      ends: cut.map(({ end }) => end),
      steps: cut.every(({ step }) => step === 1) ? undefined : cut.map(({ step }) => step),
    });
  });
}

/** The permutation that swaps the first two of some axes. */
const swapped = (rank: number) => [1, 0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2)];

/** What the taps see, each [N, (group), C / group, positions], and dL/dy at these positions. */
interface Seen {
  readonly dy: Value;
  readonly parts: readonly Value[];
}

/** A value [N, C, ...] with the channels of each group apart, if there are groups, and one spatial axis. */
function lines({ g, group }: Given, x: Value, channels: number, positions: number): Value {
  if (group === 1 && x.shape?.length === 3) return x;
  return reshape(g, x, [0, ...(group === 1 ? [] : [group]), channels, positions]);
}

function slicesOf(given: Given): Seen {
  const { g, x, dy, axes, group, shape } = given;
  const positions = product(axes.map(({ out }) => out));
  const slices = tapSlices(g, padded(g, x, axes), axes, 2);
  return {
    dy: lines(given, dy, shape[0] / group, positions),
    parts: slices.map((part) => lines(given, part, shape[1], positions)),
  };
}

/** Positions that dL/dy does not have are 0 there: what a tap sees of them does not count. */
function runsOf(given: Given): Seen {
  const { g, x, dy, axes, group, shape } = given;
  const steps = strides(axes.map(width));
  const offsets = tapPlaces(axes).map((place) =>
    place.reduce((sum, a, i) => sum + a * axes[i].dilation * steps[i], 0),
  );
  // The last tap of the last row looks beyond the end.
  const more = axes.slice(1).some(({ kernel }) => kernel > 1) ? 1 : 0;
  const ends = axes.map((axis, i) => (i === 0 ? 0 : width(axis) - axis.out));
  const wide = ends.every((size) => size === 0)
    ? dy
    : pad(g, dy, [0, 0, ...ends.map(() => 0), 0, 0, ...ends], 0);
  const positions = axes[0].out * steps[0];
  const all = lines(given, padded(g, x, axes, more), shape[1], (width(axes[0]) + more) * steps[0]);
  const last = group === 1 ? 2 : 3;
  return {
    dy: lines(given, wide, shape[0] / group, positions),
    parts: offsets.map((start) =>
      slice(g, all, { axes: [last], starts: [start], ends: [start + positions] }),
    ),
  };
}

function byTaps({ g, axes, group, shape, taps }: Given, { dy, parts }: Seen): Value {
  // The last axes exchanged: ONNX Runtime makes that a part of the product.
  const order = group === 1 ? [0, 2, 1] : [0, 1, 3, 2];
  const products = parts.map((part) => {
    const each = matMul(g, dy, transpose(g, part, order));
    return reduce(g, "ReduceSum", each, [0], taps > 1);
  });
  if (taps === 1) return reshape(g, products[0], shape);
  const joined = transpose(g, concat(g, products, 0), group === 1 ? [1, 2, 0] : [1, 2, 3, 0]);
  return group === 1 && axes.length === 1 ? joined : reshape(g, joined, shape);
}

function byColumns({ g, x, dy, axes, shape, taps }: Given): Value {
  const [filters, channels] = shape;
  const swap = swapped(axes.length + 2);
  const turned = transpose(g, padded(g, x, axes), swap);
  // [C, 1, N, ...]: the taps of a channel side by side, as in the weights.
  const apart = taps === 1 ? turned : unsqueeze(g, turned, [1]);
  const parts = tapSlices(g, apart, axes, taps === 1 ? 2 : 3);
  const columns = reshape(g, concat(g, parts, 1), [channels * taps, -1]);
  const rows = reshape(g, transpose(g, dy, swap), [filters, -1]);
  return reshape(g, gemm(g, rows, columns, undefined, { transB: true }), shape);
}

/**
 * The gradient of a convolution's input.
 * @param dy the gradient of the output [N, M, ...]
 * @param weight the weights [M, C / group, ...]
 * @param axes the spatial axes; with stride 1 and at most as much padding as the window reaches beyond
 *   its first tap, their sizes need not be right
 * @param group groups
 * @param shape of the weights
 */
export function inputGradient(
  g: Graph,
  dy: Value,
  weight: Value,
  axes: readonly Axis[],
  group: number,
  shape: readonly number[],
): Value {
  const dilations = axes.map(({ dilation }) => dilation);
  const groups = group === 1 ? undefined : group;
  if (turnsOver(axes)) {
    return g.op("Conv", [dy, turnedOver(g, weight, group, shape)], {
      dilations,
      pads: [
        ...axes.map((axis) => reach(axis) - 1 - axis.padBegin),
        ...axes.map((axis) => reach(axis) - 1 - axis.padEnd),
      ],
      group: groups,
    });
  }
  // Elements of the input behind the last window: they are given back instead of padding.
  const rest = axes.map((axis) => -missing(axis) + axis.padEnd);
  const cut = axes.map(({ padEnd }, i) => Math.min(padEnd, rest[i]));
  const more = rest.map((size, i) => size - cut[i]);
  return g.op("ConvTranspose", [dy, weight], {
    strides: axes.map(({ stride }) => stride),
    dilations,
    pads: [
      ...axes.map(({ padBegin }) => padBegin),
      ...axes.map(({ padEnd }, i) => padEnd - cut[i]),
    ],
    output_padding: more.some((size) => size > 0) ? more : undefined,
    group: groups,
  });
}

/** Whether the gradient of the input is a convolution with the weights turned over. */
export function turnsOver(axes: readonly Axis[]): boolean {
  return axes.every(
    (axis) => axis.stride === 1 && axis.padBegin < reach(axis) && axis.padEnd < reach(axis),
  );
}

/** A value in a shape that it may have already. */
function shaped(g: Graph, x: Value, shape: readonly number[]): Value {
  return String(x.shape) === String(shape) ? x : reshape(g, x, shape);
}

/** Taps up to which a product with a matrix reverses them. */
const MAX_MATRIX = 64;

/**
 * The weights with all spatial axes reversed, in some shape. A product with the matrix that reverses all
 * taps is exact, and faster than a slice backwards (512x512x3x3: 3 ms against 13).
 */
function reversed(
  g: Graph,
  weight: Value,
  kernel: readonly number[],
  shape: readonly number[],
): Value {
  const taps = product(kernel);
  if (taps === 1) return shaped(g, weight, shape);
  if (taps <= MAX_MATRIX) {
    const data = new Float64Array(taps * taps);
    for (let a = 0; a < taps; a++) data[a * taps + (taps - 1 - a)] = 1;
    const matrix = g.constant({ dtype: weight.dtype ?? "float32", shape: [taps, taps], data });
    return reshape(g, matMul(g, reshape(g, weight, [-1, taps]), matrix), shape);
  }
  const axes = kernel.map((_, i) => i + 2);
  const back = slice(g, weight, {
    axes,
    starts: axes.map(() => -1),
    ends: axes.map(() => -Infinity),
    steps: axes.map(() => -1),
  });
  return reshape(g, back, shape);
}

/** The weights with all spatial axes reversed and the channels changed: [C, M / group, ...]. */
function turnedOver(g: Graph, weight: Value, group: number, shape: readonly number[]): Value {
  const [filters, channels, ...kernel] = shape;
  const perGroup = filters / group;
  const target = [group * channels, perGroup, ...kernel];
  if (channels === 1 || perGroup === 1) return reversed(g, weight, kernel, target);
  if (group === 1) return transpose(g, reversed(g, weight, kernel, shape), swapped(shape.length));
  const apart = reversed(g, weight, kernel, [group, perGroup, channels, ...kernel]);
  const order = [0, 2, 1, ...kernel.map((_, i) => i + 3)];
  return reshape(g, transpose(g, apart, order), target);
}
