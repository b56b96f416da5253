/**
 * The gradient of a convolution's weights. With x [N, C, ...], w [M, C / group, ...] and dL/dy of
 * y = Conv(x, w):
 *
 *     dL/dw[m, c, a] = sum_n sum_o dL/dy[n, m, o] x[n, c, o s - p + a d]
 *
 * It is computed in one of three ways, by {@link weightFormulation}.
 */
import type { Axis } from "softpool/window";
import type { Graph, Value } from "../graph.ts";
import { tensor } from "../tensor.ts";
import { missing, product, swapped } from "./convolution-axes.ts";
import { gather } from "./gather.ts";
import { concat } from "./join.ts";
import { gemm, matMul } from "./matmul.ts";
import { strides } from "./operator.ts";
import { pad } from "./pad.ts";
import { reduce } from "./reduce.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { slice } from "./slice.ts";
import { transpose } from "./transpose.ts";

/** How the gradient of weights is computed. */
export type WeightFormulation = "taps" | "cross" | "columns";

/** The size of the last axis up to which a product with a matrix shifts it. */
const MAX_SHIFT = 96;
/** Positions up to which rows are gathered, over all taps: a constant of the graph. */
const MAX_ROWS = 2 ** 15;

/**
 * The way that is fastest for a shape, measured on ONNX Runtime's CPU provider:
 *
 * - `cross`: the taps of the last axis are shifts of the input, those of all others shifts of dL/dy laid
 *   below its filters, or with strides of the input below its channels; a product of matrices for each
 *   tap of the last axis and each sample, summed over the samples (3x3, 128 samples: 16 channels on 32x32
 *   8 ms, against 12.5 with a copy of the input for each tap; 64 on 8x8 5.7 against 9.5; 16 to 32 channels
 *   with stride 2 4.7 against 9.9);
 * - `columns`: what all taps see side by side, and one product over all samples: for few input channels
 *   (7x7 of 3 channels: 18 ms against 56) and for many on few positions (512 on 7x7: 12 ms against 28);
 * - `taps`: for each tap a copy of what it sees, a product for each sample, summed over the samples: for
 *   one tap, one axis and all that `cross` is not made for.
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
  const taps = product(axes.map(({ kernel }) => kernel));
  const few = positions < 256 && channels * filters >= (taps === 1 ? 2 ** 14 : 2 ** 16);
  if (group === 1 && (channels <= 4 || few)) return "columns";
  return taps > 1 && crosses(axes) ? "cross" : "taps";
}

/** Whether `cross` is made for some axes. */
function crosses(axes: readonly Axis[]): boolean {
  const rows = product(axes.slice(0, -1).map(({ size, kernel }) => size * kernel));
  return axes.length > 1 && axes[axes.length - 1].size <= MAX_SHIFT && rows <= MAX_ROWS;
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
  return chosen === "cross" && axes.length > 1 ? crossed(given) : byTaps(given);
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

/** The size of the input with the padding that is needed. */
const width = (axis: Axis) => axis.padBegin + axis.size + Math.max(0, missing(axis));

/** The input with its padding. */
function padded(g: Graph, x: Value, axes: readonly Axis[]): Value {
  const begins = axes.map(({ padBegin }) => padBegin);
  const ends = axes.map((axis) => Math.max(0, missing(axis)));
  if ([...begins, ...ends].every((size) => size === 0)) return x;
  return pad(g, x, [0, 0, ...begins, 0, 0, ...ends], 0);
}

/** All places in some sizes, in row-major order. */
function places(sizes: readonly number[]): readonly (readonly number[])[] {
  return sizes.reduce<readonly (readonly number[])[]>(
    (list, size) => list.flatMap((place) => Array.from({ length: size }, (_, a) => [...place, a])),
    [[]],
  );
}

/** A part of an axis. */
interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

function cutOut(g: Graph, x: Value, cut: readonly Cut[]): Value {
  if (cut.length === 0) return x;
  return slice(g, x, {
    axes: cut.map(({ axis }) => axis),
    starts: cut.map(({ start }) => start),
    ends: cut.map(({ end }) => end),
    steps: cut.every(({ step }) => step === 1) ? undefined : cut.map(({ step }) => step),
  });
}

/**
 * For each tap, in row-major order, what it sees of the padded input: as many positions as the output.
 * With strides every nth position comes first, for all taps that see such: copies of whole lines are 3
 * times as fast as those of single numbers.
 * @param first the first spatial axis of `x`
 */
function tapSlices(g: Graph, x: Value, axes: readonly Axis[], first: number): Value[] {
  const taps = product(axes.map(({ kernel }) => kernel));
  const phased = taps > 2 * product(axes.map(({ stride }) => stride));
  const phases = new Map<string, Value>();
  const phase = (offsets: readonly number[]): Value => {
    const known = phases.get(String(offsets));
    if (known !== undefined) return known;
    const cut = axes.flatMap((axis, i): Cut[] => {
      const { stride: step } = axis;
      return step === 1 ? [] : [{ axis: i + first, start: offsets[i], end: width(axis), step }];
    });
    const value = cutOut(g, x, cut);
    phases.set(String(offsets), value);
    return value;
  };
  return places(axes.map(({ kernel }) => kernel)).map((place) => {
    const starts = axes.map(({ dilation }, i) => place[i] * dilation);
    const steps = axes.map(({ stride }) => (phased ? 1 : stride));
    const offsets = axes.map(({ stride }, i) => (phased ? starts[i] % stride : 0));
    const cut = axes.flatMap((axis, i): Cut[] => {
      const { stride, out } = axis;
      const size = phased ? Math.ceil((width(axis) - offsets[i]) / stride) : width(axis);
      const start = phased ? (starts[i] - offsets[i]) / stride : starts[i];
      const end = start + (out - 1) * steps[i] + 1;
      const all = start === 0 && end === size && steps[i] === 1;
      return all ? [] : [{ axis: i + first, start, end, step: steps[i] }];
    });
    return cutOut(g, phased ? phase(offsets) : x, cut);
  });
}

/** A value [N, C, ...] with the channels of each group apart, if there are groups, and one spatial axis. */
function lines({ g, group }: Given, x: Value, channels: number, positions: number): Value {
  if (group === 1 && x.shape?.length === 3) return x;
  return reshape(g, x, [0, ...(group === 1 ? [] : [group]), channels, positions]);
}

/** For each sample a times b^T, [N, (group), A, P] and [N, (group), B, P], summed over the samples. */
function summedProduct({ g, group }: Given, a: Value, b: Value, keepdims: boolean): Value {
  // The last axes exchanged: ONNX Runtime makes that a part of the product.
  const order = group === 1 ? [0, 2, 1] : [0, 1, 3, 2];
  return reduce(g, "ReduceSum", matMul(g, a, transpose(g, b, order)), [0], keepdims);
}

function byTaps(given: Given): Value {
  const { g, x, dy, axes, group, shape, taps } = given;
  const positions = product(axes.map(({ out }) => out));
  const rows = lines(given, dy, shape[0] / group, positions);
  const products = tapSlices(g, padded(g, x, axes), axes, 2).map((part) =>
    summedProduct(given, rows, lines(given, part, shape[1], positions), taps > 1),
  );
  if (taps === 1) return reshape(g, products[0], shape);
  const joined = transpose(g, concat(g, products, 0), group === 1 ? [1, 2, 0] : [1, 2, 3, 0]);
  return group === 1 && axes.length === 1 ? joined : reshape(g, joined, shape);
}

/**
 * With o the rows of the output, r those of the input (all axes but the last), a the taps along them and
 * b that along the last axis, of which x_b is what the tap sees:
 *
 *     dL/dw[m, c, a, b] = sum_n sum_r D[n, (m, a), r] x_b[n, c, r],  D[.., a, r] = dL/dy[.., (r + p - a d) / s]
 *                       = sum_n sum_o dL/dy[n, m, o] X_b[n, (c, a), o],  X_b[.., a, o] = x_b[.., o s - p + a d]
 *
 * The first where all strides along rows are 1. Rows that are not there are one row of zeros.
 */
function crossed(given: Given): Value {
  const { g, x, dy, axes, group, shape, taps } = given;
  const [outer, last] = [axes.slice(0, -1), axes[axes.length - 1]];
  const [filters, channels] = [shape[0] / group, shape[1]];
  const [above, along] = [taps / last.kernel, last.kernel];
  const ofOutput = outer.every(({ stride }) => stride === 1);
  const rows = product(outer.map(({ size, out }) => (ofOutput ? size : out)));
  const positions = rows * last.out;
  const [left, right] = [filters * (ofOutput ? above : 1), channels * (ofOutput ? 1 : above)];
  const of = ofOutput ? rowsForTaps(given, dy, outer, true) : dy;
  const from = ofOutput ? x : rowsForTaps(given, x, outer, false);
  const a = lines(given, of, left, positions);
  const products = Array.from({ length: along }, (_, tap) =>
    summedProduct(given, a, lines(given, shiftedLast(g, from, last, tap), right, positions), true),
  );
  // [taps along, (group), ..], where what the taps above see lies below filters or channels.
  const apart = [filters, ...(ofOutput ? [above, channels] : [channels, above])];
  const split = group === 1 ? [along, ...apart] : [along, group, ...apart];
  const order = ofOutput ? [1, 3, 2] : [1, 2, 3];
  const target = group === 1 ? [...order, 0] : [1, ...order.map((axis) => axis + 1), 0];
  return reshape(g, transpose(g, reshape(g, concat(g, products, 0), split), target), shape);
}

/**
 * Each tap's rows of a value, below its channels: [N, C, taps, rows, last axis].
 * @param ofOutput whether they are the rows of the output for each row of the input, else the other way
 */
function rowsForTaps(
  { g, shape }: Given,
  value: Value,
  outer: readonly Axis[],
  ofOutput: boolean,
): Value {
  const there = outer.map(({ size, out }) => (ofOutput ? out : size));
  const count = product(there);
  const steps = strides(there);
  const pick = ({ stride, dilation, padBegin }: Axis, position: number, tap: number) =>
    ofOutput ? position + padBegin - tap * dilation : position * stride - padBegin + tap * dilation;
  const positions = places(outer.map(({ size, out }) => (ofOutput ? size : out)));
  const index = places(outer.map(({ kernel }) => kernel)).flatMap((taps) =>
    positions.map((position) => {
      const from = position.map((p, i) => pick(outer[i], p, taps[i]));
      const inside = from.every((row, i) => row >= 0 && row < there[i]);
      return inside ? from.reduce((sum, row, i) => sum + row * steps[i], 0) : count;
    }),
  );
  const width = value.shape?.at(-1) as number;
  const channels = ofOutput ? shape[0] : (value.shape?.[1] as number);
  const flat = outer.length === 1 ? value : reshape(g, value, [0, channels, count, width]);
  const withZeros = index.includes(count) ? pad(g, flat, [0, 0, 0, 0, 0, 0, 1, 0], 0) : flat;
  return gather(g, withZeros, g.constant(tensor("int64", [index.length], index)), 2);
}

/** What one tap sees along the last axis: exactly, by a product with a matrix of 0 and 1. */
function shiftedLast(g: Graph, x: Value, axis: Axis, tap: number): Value {
  const { size, out, stride, dilation, padBegin } = axis;
  const first = tap * dilation - padBegin;
  if (first === 0 && stride === 1 && out === size) return x;
  const data = new Float64Array(size * out);
  for (let o = 0; o < out; o++) {
    const from = first + o * stride;
    if (from >= 0 && from < size) data[from * out + o] = 1;
  }
  return matMul(g, x, g.constant({ dtype: x.dtype ?? "float32", shape: [size, out], data }));
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
