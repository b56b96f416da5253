/**
 * Windows without padding and ceil mode: the input is framed with a value so that windows that begin at
 * 0 and end inside give exactly the outputs of the padded window. Then every tap of all windows is one
 * strided slice, and a sum over windows is one average pooling times the number of taps.
 *
 * Along an axis of size L with window extent E = d (k - 1) + 1 and O outputs, the framed size is at
 * least (O - 1) s + E and below O s + E.
 */
import {
  add,
  averagePool,
  axisOf,
  cast,
  concat,
  constantOfShape,
  type DType,
  div,
  extent,
  type Graph,
  greater,
  int64s,
  maxPool,
  mul,
  type PoolWindow,
  pad,
  poolWindow,
  scalar,
  shapeOf,
  slice,
  sub,
  tensor,
  type Value,
} from "@softpool/onnx";
import { lowest } from "./numbers.ts";

/**
 * A zero that ONNX Runtime does not recognise: it merges a Pad with 0 into the pooling after it, where
 * MaxPool then takes no account of the padding, and where AveragePool refuses padding not below its kernel.
 */
export const ALMOST_ZERO: number = 2 ** -149;

/** Beyond any size: slices up to the end. */
const END = 2 ** 62;

/** Whether a window covers its input without padding, ceil mode or choice by the input's size. */
export function isPlain(window: PoolWindow): boolean {
  const { pads, ceilMode, autoPad } = window;
  const plain = autoPad === undefined || autoPad === "NOTSET" || autoPad === "VALID";
  return plain && (!ceilMode || autoPad === "VALID") && pads.every((p) => p === 0);
}

/** The same window without padding and ceil mode: for an input that is framed. */
export function plainWindow(window: PoolWindow): PoolWindow {
  const { kernel, strides, dilations } = window;
  return poolWindow(kernel, { strides, dilations });
}

/**
 * Frames an input.
 *
 * In ceil mode the outputs are counted by min(ceil((L + p + q - E) / s), ceil((L + p) / s) - 1) + 1: the
 * last window begins before the padding at the end. With e = min(q + s - 1, E - 1) elements at the end,
 * floor((L + p + e - E) / s) + 1 is the same number for every L.
 * @param g the graph
 * @param x the input `[N, C, ...]`; sizes may be unknown
 * @param window the window with its padding
 * @param fill the value of the frame
 * @returns the input for {@link plainWindow}
 */
export function frame(g: Graph, x: Value, window: PoolWindow, fill: number): Value {
  if (isPlain(window)) return x;
  const { kernel, strides, pads, ceilMode } = window;
  const same = window.autoPad === "SAME_UPPER" || window.autoPad === "SAME_LOWER";
  const rank = kernel.length;
  const begins = new Array<number>(rank);
  const ends = new Array<number>(rank);
  /** Axes whose padding depends on a size that is not known. */
  const open: number[] = [];
  for (let i = 0; i < rank; i++) {
    const size = x.shape?.[i + 2];
    const E = extent(window, i);
    if (typeof size === "number") {
      const axis = axisOf(window, i, size);
      begins[i] = axis.padBegin;
      // Padding that no window covers is left out.
      ends[i] = Math.max(0, (axis.out - 1) * axis.stride + E - axis.padBegin - size);
    } else if (same) {
      const less = Math.floor((E - 1) / 2);
      const before = window.autoPad === "SAME_UPPER" ? less : E - 1 - less;
      begins[i] = strides[i] > 1 ? E - 1 : before;
      ends[i] = strides[i] > 1 ? E - 1 : E - 1 - before;
      if (strides[i] > 1) open.push(i);
    } else {
      const end = pads[i + rank];
      begins[i] = pads[i];
      ends[i] = ceilMode ? Math.min(end + strides[i] - 1, E - 1) : end;
    }
  }
  const padded = pad(g, x, [0, 0, ...begins, 0, 0, ...ends], fill);
  if (open.length === 0) return padded;
  const cuts = open.map((axis) => sameCut(g, x, window, axis));
  return slice(g, padded, {
    axes: open.map((axis) => axis + 2),
    starts: concat(
      g,
      cuts.map(([start]) => start),
      0,
    ),
    ends: concat(
      g,
      cuts.map(([, end]) => end),
      0,
    ),
  });
}

/**
 * Where an axis of unknown size L, padded by E - 1 on both sides, is cut for `SAME_*` with a stride: with
 * l = floor((L - 1) / s) s the begin of the last window and P = max(0, l + E - L) its padding, from
 * E - 1 - P / 2 for l + E elements. Both as int64 `[1]`.
 */
function sameCut(g: Graph, x: Value, window: PoolWindow, axis: number): [Value, Value] {
  const number = (value: number) => g.constant(int64s([value]));
  const E = extent(window, axis);
  const size = slice(g, shapeOf(g, x), { axes: [0], starts: [axis + 2], ends: [axis + 3] });
  const stride = number(window.strides[axis]);
  const last = mul(g, div(g, sub(g, size, number(1)), stride), stride);
  const length = add(g, last, number(E));
  const needed = sub(g, length, size);
  // Max of integers came with operator set 12: whether it is positive is taken as a factor.
  const positive = cast(
    g,
    greater(g, cast(g, needed, "float32"), g.constant(scalar("float32", 0))),
    "int64",
  );
  const padding = mul(g, needed, positive);
  const upper = window.autoPad === "SAME_UPPER";
  const before = div(g, upper ? padding : add(g, padding, number(1)), number(2));
  const start = sub(g, number(E - 1), before);
  return [start, add(g, start, length)];
}

/**
 * Whether a pooling node may have the window as it is. Ceil mode may drop a last window that begins in
 * the padding; shape inference before operator set 22 does not know that, and ONNX Runtime then trusts
 * a size that is one too large.
 */
export function isTrusted(window: PoolWindow): boolean {
  const { strides, pads, ceilMode, kernel } = window;
  if (!ceilMode || (window.autoPad !== undefined && window.autoPad !== "NOTSET")) return true;
  return strides.every((s, i) => extent(window, i) - pads[i + kernel.length] >= s);
}

/** The maximum over every window. NaN may be dropped. */
export function windowMaximum(g: Graph, x: Value, window: PoolWindow): Value {
  if (isTrusted(window)) return maxPool(g, x, window);
  return maxPool(g, frame(g, x, window, lowest(g, x.dtype)), plainWindow(window));
}

/**
 * The taps of all windows of a framed input: one value per tap, in row-major order of the kernel, each
 * of the output's shape.
 */
export function taps(g: Graph, framed: Value, window: PoolWindow): Value[] {
  const { kernel, strides, dilations } = window;
  const rank = kernel.length;
  const axes = kernel.map((_, i) => i + 2);
  const count = kernel.reduce((product, k) => product * k, 1);
  const columns = columnsOf(g, framed, window);
  return Array.from({ length: count }, (_, index) => {
    const starts = new Array<number>(rank);
    const ends = new Array<number>(rank);
    let rest = index;
    for (let i = rank - 1; i >= 0; i--) {
      const a = rest % kernel[i];
      rest = Math.floor(rest / kernel[i]);
      starts[i] = a * dilations[i];
      // From the end, so that sizes need not be known.
      ends[i] = a === kernel[i] - 1 ? END : (a - kernel[i] + 1) * dilations[i];
    }
    if (columns !== undefined) {
      return slice(g, columns[index % kernel[1]], {
        axes: [2],
        starts: [starts[0]],
        ends: [ends[0]],
        steps: [strides[0]],
      });
    }
    if (g.opset >= 10) return slice(g, framed, { axes, starts, ends, steps: strides });
    // Slices have no steps yet: windows of one tap do the same.
    const part = slice(g, framed, { axes, starts, ends });
    const skip = poolWindow(
      kernel.map(() => 1),
      { strides },
    );
    if (strides.every((s) => s === 1)) return part;
    return framed.dtype === "float64" ? maxPool(g, part, skip) : averagePool(g, part, skip);
  });
}

/**
 * The columns of every tap along the last axis of planes, without gaps. A pooling of one tap takes every
 * s-th column several times faster than a strided slice does; the rows between are skipped for nothing.
 * @returns `undefined` where slices do: other than planes, and where columns have no gaps
 */
function columnsOf(g: Graph, framed: Value, window: PoolWindow): Value[] | undefined {
  const { kernel, strides, dilations } = window;
  const planes = kernel.length === 2 && framed.shape?.[1] === 1 && framed.dtype === "float32";
  if (!planes || g.opset < 10 || strides[1] === 1) return undefined;
  return Array.from({ length: kernel[1] }, (_, b) => {
    const start = b * dilations[1];
    const end = b === kernel[1] - 1 ? END : (b - kernel[1] + 1) * dilations[1];
    const part = slice(g, framed, { axes: [3], starts: [start], ends: [end] });
    return averagePool(g, part, poolWindow([1, 1], { strides: [1, strides[1]] }));
  });
}

/**
 * Which taps exist, as weights 1 and 0 of shape `[1, 1, ...]`; `undefined` where all exist.
 * @param x the input before it is framed
 */
export function tapWeights(
  g: Graph,
  x: Value,
  window: PoolWindow,
  dtype: DType,
): Value[] | undefined {
  if (isPlain(window)) return undefined;
  return taps(g, frame(g, onesLike(g, x, dtype), window, 0), window);
}

/** Ones of the input's spatial sizes with one sample and one channel. */
export function onesLike(g: Graph, x: Value, dtype: DType): Value {
  const sizes = x.shape?.slice(2);
  if (sizes?.every((size) => typeof size === "number")) {
    const shape = g.constant(int64s([1, 1, ...(sizes as number[])]));
    return constantOfShape(g, shape, tensor(dtype, [1], [1]));
  }
  const spatial = slice(g, shapeOf(g, x), { axes: [0], starts: [2], ends: [END] });
  const shape = concat(g, [g.constant(int64s([1, 1])), spatial], 0);
  const ones = constantOfShape(g, shape, tensor(dtype, [1], [1]));
  return { ...ones, shape: x.shape && [1, 1, ...x.shape.slice(2)] };
}

/** The sum over every window of a framed input. */
export function windowSum(g: Graph, framed: Value, window: PoolWindow): Value {
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const dtype = framed.dtype ?? "float32";
  const dilated = window.dilations.some((d) => d !== 1);
  // AveragePool has no kernel for float64. ONNX Runtime merges a Pad into it, and then refuses padding
  // that is not below the kernel, as the frame of a dilated window may have.
  if (dtype === "float64" || dilated) {
    return sumOf(g, taps(g, framed, window));
  }
  const mean = averagePool(g, framed, plainWindow(window));
  return mul(g, mean, g.constant(scalar(dtype, count)));
}

/** The sum of the taps of every window that exist. */
export function tapTotal(g: Graph, x: Value, window: PoolWindow): Value {
  return windowSum(g, frame(g, x, window, 0), window);
}

/** The number of taps of every window, up to the rounding of a mean, of shape `[1, 1, ...]`, or a scalar where all taps exist. */
export function tapCount(g: Graph, x: Value, window: PoolWindow): Value {
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const dtype = x.dtype ?? "float32";
  if (isPlain(window)) return g.constant(scalar(dtype, count));
  return windowSum(g, frame(g, onesLike(g, x, dtype), window, 0), window);
}

/** The sum of several values. */
export function sumOf(g: Graph, values: readonly Value[]): Value {
  return values.reduce((total, value) => add(g, total, value));
}
