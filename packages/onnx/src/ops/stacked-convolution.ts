/**
 * Convolutions over stacked samples. ONNX Runtime's CPU provider multiplies matrices for each sample: with
 * many weights and few positions it reads all weights again for a handful of columns. Laid below each
 * other with rows of zeros between them, all samples are one tall one:
 *
 *     [N, C, H, ...] -> [1, C, N R, ...],  y[n, m, o] = z[0, m, n R / s + o]
 *
 * with R rows for each sample, a multiple of the stride s: at least H and the padding before it, and what
 * the last window reaches. The numbers are those of the convolution as it was.
 */
import type { NodeProto } from "onnx-buf";
import type { Axis } from "softpool/window";
import { Attributes } from "../attributes.ts";
import type { Graph, Value } from "../graph.ts";
import { isStatic } from "../shape.ts";
import { product, reach, swapped } from "./convolution-axes.ts";
import { pad } from "./pad.ts";
import { reshape } from "./reshape.ts";
import { rewriteNodes } from "./rewrite.ts";
import { slice } from "./slice.ts";
import { transpose } from "./transpose.ts";
import { axisOf, windowOf } from "./window.ts";

/** Weights from which stacking is faster, when there are few positions. */
const MANY_WEIGHTS = 2 ** 19;
/** Positions of the output of a sample up to which it is. */
const FEW_POSITIONS = 256;

/**
 * Stacks the samples of the convolutions of a graph for which that is faster on ONNX Runtime's CPU
 * provider: two axes or more, more than one tap, at least 2^19 weights, at most 256 positions, several
 * samples, all sizes known (8 samples of 512 to 512 channels, 3x3 on 7x7: 12.9 ms against 17). It is for a
 * graph that is complete: gradients of what it emits would be slow.
 * @param g the graph; its nodes are replaced
 * @returns how many were stacked
 */
export function stackConvolutions(g: Graph): number {
  return rewriteNodes(g, (node) => {
    const found = convolutionOf(g, node);
    if (found !== undefined) stacked(g, found);
    return found !== undefined;
  });
}

/** A convolution that is worth stacking. */
interface Stackable {
  readonly x: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly axes: readonly Axis[];
  /** Sizes of the input and of the weights. */
  readonly sizes: readonly number[];
  readonly filters: number;
  /** Rows for each sample. */
  readonly rows: number;
}

function convolutionOf(g: Graph, node: NodeProto): Stackable | undefined {
  const attributes = new Attributes(node);
  if (node.opType !== "Conv" || node.domain !== "" || attributes.int("group", 1) !== 1) return;
  const [x, weight, bias] = node.input.map((name) => g.values.get(name));
  const [sizes, weights] = [x?.shape, weight?.shape];
  if (!isStatic(sizes) || !isStatic(weights) || (node.input.length > 2 && !bias)) return;
  const window = windowOf(attributes, weights.slice(2));
  const axes = sizes.slice(2).map((size, i) => axisOf(window, i, size));
  if (!stackingPays(sizes[0], weights, axes)) return;
  const rows = rowsOf(axes[0]);
  if (stackedEnd(axes[0], rows, sizes[0]) < 0) return;
  const values = { x: x as Value, weight: weight as Value, bias };
  return { ...values, axes, sizes, filters: weights[0], rows };
}

/**
 * Whether stacked samples are faster.
 * @param samples how many there are
 * @param weight shape of the weights
 * @param axes the spatial axes
 */
export function stackingPays(
  samples: number,
  weight: readonly number[],
  axes: readonly Axis[],
): boolean {
  const taps = product(axes.map(({ kernel }) => kernel));
  const positions = product(axes.map(({ out }) => out));
  const many = product(weight) >= MANY_WEIGHTS;
  return samples > 1 && axes.length > 1 && taps > 1 && many && positions <= FEW_POSITIONS;
}

/** Rows for each sample. */
function rowsOf(axis: Axis): number {
  const { size, out, stride, padBegin } = axis;
  const least = Math.max(size + padBegin, (out - 1) * stride - padBegin + reach(axis));
  return Math.ceil(least / stride) * stride;
}

/** The padding at the end with which each sample has its rows of output; negative where there is none. */
function stackedEnd(axis: Axis, rows: number, samples: number): number {
  const { stride, padBegin } = axis;
  const wanted = (samples * rows) / stride;
  const end = Math.max(0, (wanted - 1) * stride + reach(axis) - padBegin - samples * rows);
  const there = Math.floor((samples * rows + padBegin + end - reach(axis)) / stride) + 1;
  return there === wanted ? end : -1;
}

/** The stacked convolution: its last node gives the result. */
function stacked(g: Graph, { x, weight, bias, axes, sizes, filters, rows }: Stackable): Value {
  const [samples, channels, size, ...rest] = sizes;
  const [first, ...others] = axes;
  const order = swapped(sizes.length);
  const between = [...order.map(() => 0), 0, 0, rows - size, ...others.map(() => 0)];
  const apart = transpose(g, pad(g, x, between, 0), order);
  const tall = reshape(g, apart, [1, channels, samples * rows, ...rest]);
  const z = g.op("Conv", [tall, weight, bias], {
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [
      ...axes.map(({ padBegin }) => padBegin),
      stackedEnd(first, rows, samples),
      ...others.map(({ padEnd }) => padEnd),
    ],
  });
  const outs = others.map(({ out }) => out);
  const parts = reshape(g, z, [filters, samples, rows / first.stride, ...outs]);
  return slice(g, transpose(g, parts, order), { axes: [2], starts: [0], ends: [first.out] });
}
