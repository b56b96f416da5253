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
  concat,
  constantOfShape,
  type DType,
  extent,
  type Graph,
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
  /** Axes whose framed size depends on a size that is not known, and where they begin. */
  const open: { axis: number; begin: Value | undefined }[] = [];
  for (let i = 0; i < rank; i++) {
    const size = x.shape?.[i + 2];
    const E = extent(window, i);
    if (typeof size === "number") {
      const axis = axisOf(window, i, size);
      begins[i] = axis.padBegin;
      // Padding that no window covers is left out.
      ends[i] = Math.max(0, (axis.out - 1) * axis.stride + E - axis.padBegin - size);
    } else if (same && strides[i] > 1) {
      begins[i] = E - 1;
      ends[i] = E - 1;
      open.push({ axis: i, begin: samePadding(g, x, window, i) });
    } else if (same) {
      const less = Math.floor((E - 1) / 2);
      begins[i] = window.autoPad === "SAME_UPPER" ? less : E - 1 - less;
      ends[i] = E - 1 - begins[i];
    } else {
      begins[i] = pads[i];
      ends[i] = pads[i + rank] + (ceilMode ? strides[i] - 1 : 0);
      // Ceil mode drops a last window that would begin in the padding at the end.
      if (ceilMode && E - pads[i + rank] < strides[i]) open.push({ axis: i, begin: undefined });
    }
  }
  const padded = pad(g, x, [0, 0, ...begins, 0, 0, ...ends], fill);
  if (open.length === 0) return padded;
  // The outputs are counted by a pooling with the padded window itself.
  const counts = shapeOf(g, maxPool(g, single(g, x), window));
  const starts = open.map(({ axis, begin }) =>
    begin === undefined
      ? g.constant(int64s([0]))
      : sub(g, g.constant(int64s([begins[axis]])), begin),
  );
  const stops = open.map(({ axis }, i) => {
    const out = slice(g, counts, { axes: [0], starts: [axis + 2], ends: [axis + 3] });
    const last = mul(g, sub(g, out, g.constant(int64s([1]))), g.constant(int64s([strides[axis]])));
    return add(g, add(g, last, g.constant(int64s([extent(window, axis)]))), starts[i]);
  });
  return slice(g, padded, {
    axes: open.map(({ axis }) => axis + 2),
    starts: concat(g, starts, 0),
    ends: concat(g, stops, 0),
  });
}

/** One channel of one sample: enough to count windows. */
function single(g: Graph, x: Value): Value {
  return slice(g, x, { axes: [0, 1], starts: [0, 0], ends: [1, 1] });
}

/** The padding before an axis of unknown size for `SAME_UPPER` and `SAME_LOWER`, as int64 `[1]`. */
function samePadding(g: Graph, x: Value, window: PoolWindow, axis: number): Value {
  const number = (value: number) => g.constant(int64s([value]));
  const size = slice(g, shapeOf(g, x), { axes: [0], starts: [axis + 2], ends: [axis + 3] });
  const stride = number(window.strides[axis]);
  // (ceil(L / s) - 1) s = floor((L - 1) / s) s
  const last = mul(g, g.op("Div", [sub(g, size, number(1)), stride]), stride);
  const all = sub(g, add(g, last, number(extent(window, axis))), size);
  // max(0, P), and the half of it that comes first. Max of integers needs operator set 12: P > 0 is
  // taken as a factor.
  const positive = g.op("Cast", [g.op("Greater", [all, number(0)])], { to: 7 });
  const padding = mul(g, all, positive);
  const more = window.autoPad === "SAME_LOWER" ? add(g, padding, number(1)) : padding;
  return g.op("Div", [more, number(2)]);
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
  // No kernel of average pooling for float64, none for dilations before operator set 19.
  if (dtype === "float64" || (dilated && g.opset < 19)) {
    return sumOf(g, taps(g, framed, window));
  }
  const mean = averagePool(g, framed, plainWindow(window));
  return mul(g, mean, g.constant(scalar(dtype, count)));
}

/** The number of taps of every window, of shape `[1, 1, ...]`, or a scalar where all taps exist. */
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
