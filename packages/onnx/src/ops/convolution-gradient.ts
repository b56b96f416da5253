/**
 * Gradients of convolutions. With x [N, C, ...], w [M, C / group, ...] and dL/dy of y = Conv(x, w):
 *
 *     dL/dx[c, t] = sum_m sum_a w[m, c, a] dL/dy[m, (t + p - a d) / s]     where that is whole
 *     dL/dw[m, c, a] = sum_n sum_o dL/dy[n, m, o] x[n, c, o s - p + a d]
 *
 * The first is a convolution with the weights turned over when the stride is 1 (faster), a transposed
 * one otherwise. The second is computed in one of two ways, by {@link weightFormulation}.
 */
import type { Axis } from "softpool/window";
import type { Graph, Value } from "../graph.ts";
import { concat } from "./join.ts";
import { gemm, matMul } from "./matmul.ts";
import { pad } from "./pad.ts";
import { reduce } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { slice } from "./slice.ts";
import { transpose } from "./transpose.ts";

/** How the gradient of weights is computed. */
export type WeightFormulation = "taps" | "columns";

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
const reach = ({ kernel, dilation }: Axis) => (kernel - 1) * dilation + 1;

/**
 * The way that is fastest for a shape, measured on ONNX Runtime's CPU provider:
 *
 * - `taps`: for each tap of the kernel a product of matrices for each sample, summed over the samples;
 * - `columns`: what all taps see side by side, and one product over all samples: for few input channels
 *   (7x7 of 3 channels: 18 ms against 56) and for many on few positions (512 on 7x7: 46 ms against 87).
 *
 * A convolution of the input with dL/dy as weights is never faster than both.
 * @param channels input channels
 * @param filters output channels
 * @param positions output positions of a sample
 * @param group groups; `columns` is for one
 */
export function weightFormulation(
  channels: number,
  filters: number,
  positions: number,
  group: number,
): WeightFormulation {
  if (group > 1) return "taps";
  return channels <= 4 || (positions < 256 && channels * filters >= 128 * 128) ? "columns" : "taps";
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
  const positions = product(axes.map(({ out }) => out));
  const chosen = formulation ?? weightFormulation(channels * group, filters, positions, group);
  const given = { g, x, dy, axes, group, shape, taps, positions };
  return chosen === "columns" && group === 1 ? byColumns(given) : byTaps(given);
}

interface Given {
  readonly g: Graph;
  readonly x: Value;
  readonly dy: Value;
  readonly axes: readonly Axis[];
  readonly group: number;
  readonly shape: readonly number[];
  readonly taps: number;
  readonly positions: number;
}

/** The padding that the last window needs at the end; negative when it ends inside. */
const missing = (axis: Axis) =>
  (axis.out - 1) * axis.stride + reach(axis) - axis.size - axis.padBegin;

/** The input with its padding. */
function padded(g: Graph, x: Value, axes: readonly Axis[]): Value {
  const begins = axes.map(({ padBegin }) => padBegin);
  const ends = axes.map((axis) => Math.max(0, missing(axis)));
  if ([...begins, ...ends].every((size) => size === 0)) return x;
  return pad(g, x, [0, 0, ...begins, 0, 0, ...ends], 0);
}

/** For each tap, in row-major order, what it sees of the padded input: as many positions as the output. */
function tapSlices(g: Graph, x: Value, axes: readonly Axis[]): Value[] {
  const whole = axes.map((axis) => axis.padBegin + axis.size + Math.max(0, missing(axis)));
  let places: readonly (readonly number[])[] = [[]];
  for (const { kernel } of axes) {
    places = places.flatMap((place) => Array.from({ length: kernel }, (_, a) => [...place, a]));
  }
  return places.map((place) => {
    const cut = axes.flatMap((axis, i) => {
      const start = place[i] * axis.dilation;
      const end = start + (axis.out - 1) * axis.stride + 1;
      const all = start === 0 && end === whole[i] && axis.stride === 1;
      return all ? [] : [{ axis: i + 2, start, end, step: axis.stride }];
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

function byTaps({ g, x, dy, axes, group, shape, taps, positions }: Given): Value {
  const [filters, channels] = shape;
  const lead = group === 1 ? [] : [group];
  const rows = (value: Value, size: number) =>
    group === 1 && axes.length === 1 ? value : reshape(g, value, [0, ...lead, size, positions]);
  const left = rows(dy, filters / group);
  // All axes of a tap's product: samples, groups, filters, channels.
  const order = group === 1 ? [0, 2, 1] : [0, 1, 3, 2];
  const parts = tapSlices(g, padded(g, x, axes), axes).map((part) => {
    const each = matMul(g, left, transpose(g, rows(part, channels), order));
    return reduce(g, "ReduceSum", each, [0], taps > 1);
  });
  if (taps === 1) return reshape(g, parts[0], shape);
  const joined = transpose(g, concat(g, parts, 0), group === 1 ? [1, 2, 0] : [1, 2, 3, 0]);
  return group === 1 && axes.length === 1 ? joined : reshape(g, joined, shape);
}

function byColumns({ g, x, dy, axes, shape, taps }: Given): Value {
  const [filters, channels] = shape;
  const swap = swapped(axes.length + 2);
  const parts = tapSlices(g, transpose(g, padded(g, x, axes), swap), axes);
  const columns = reshape(g, concat(g, parts, 0), [taps * channels, -1]);
  const rows = reshape(g, transpose(g, dy, swap), [filters, -1]);
  const joint = gemm(g, rows, columns, undefined, { transB: true });
  if (taps === 1) return reshape(g, joint, shape);
  const turned = transpose(g, reshape(g, joint, [filters, taps, channels]), [0, 2, 1]);
  return axes.length === 1 ? turned : reshape(g, turned, shape);
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

/** The weights with all spatial axes reversed and the channels changed: [C, M / group, ...]. */
function turnedOver(g: Graph, weight: Value, group: number, shape: readonly number[]): Value {
  const [filters, channels, ...kernel] = shape;
  const axes = kernel.flatMap((size, i) => (size > 1 ? [i + 2] : []));
  const reversed =
    axes.length === 0
      ? weight
      : slice(g, weight, {
          axes,
          starts: axes.map(() => -1),
          ends: axes.map(() => -Infinity),
          steps: axes.map(() => -1),
        });
  const perGroup = filters / group;
  if (group === 1) return transpose(g, reversed, swapped(shape.length));
  const target = [group * channels, perGroup, ...kernel];
  if (channels === 1 && perGroup === 1) return reversed;
  if (channels === 1 || perGroup === 1) return reshape(g, reversed, target);
  const apart = reshape(g, reversed, [group, perGroup, channels, ...kernel]);
  const order = [0, 2, 1, ...kernel.map((_, i) => i + 3)];
  return reshape(g, transpose(g, apart, order), target);
}
