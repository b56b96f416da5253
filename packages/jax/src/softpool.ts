/**
 * SoftPool for jax-js, composed of its primitives: y = sum x_i e^(beta x_i) / sum e^(beta x_i) per window and
 * channel. `grad`, `jit`, `vmap` and what else jax-js derives work, since nothing here is more than pads, slices,
 * reductions and arithmetic.
 *
 * In quarters, so that no difference of finite numbers overflows, and mirrored for negative beta: v_i =
 * sign(beta) x_i / 4, m = max v (a constant for gradients: its terms cancel), u_i = v_i - m,
 *
 *     e_i = e^(4 |beta| u_i),  q = sum e_i u_i / sum e_i,  y = 4 sign(beta) (m + q)
 *
 * With `gradient: "weights"` e is a constant too, and dy/dx_i is e_i / sum e. A NaN tap gives NaN; +Infinity
 * gives +Infinity and -Infinity has no weight (mirrored for negative beta).
 *
 * Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", ICCV 2021.
 */
import { DType, lax, numpy as np, type Array as Tensor } from "@jax-js/jax";
import { show } from "softpool/adapter";
import type { Axis } from "softpool/window";
import { describePooling, fail, type Pooling, type SoftPoolOptions } from "./window.ts";

/** The largest number of the types that are computed in, and below what e^u is 0 beside the weight 1. */
const LIMITS: Record<string, { largest: number; lowest: number }> = {
  float32: { largest: 3.4028234663852886e38, lowest: -110 },
  float64: { largest: Number.MAX_VALUE, lowest: -750 },
};

/** Lengthens or shortens an axis: zeros before it, and at its end what makes it so long. */
function fit(x: Tensor, axis: number, begin: number, length: number): Tensor {
  const end = length - begin - x.shape[axis];
  const padded = begin > 0 || end > 0 ? np.pad(x, { [axis]: [begin, Math.max(0, end)] }) : x;
  return end < 0 ? part(padded, axis, 0, length) : padded;
}

/** Elements `[from, to)` of an axis. */
function part(x: Tensor, axis: number, from: number, to: number): Tensor {
  return x.slice(...x.shape.map((_, i): [number, number] | [] => (i === axis ? [from, to] : [])));
}

/** Replaces one size of an array's shape by others. */
function split(x: Tensor, axis: number, ...sizes: number[]): Tensor {
  const shape = [...x.shape];
  shape.splice(axis, 1, ...sizes);
  return x.reshape(shape);
}

/** The windows of one axis: it becomes two, the outputs and behind them the taps. */
function unfold(
  x: Tensor,
  axis: number,
  { out, kernel, stride, padBegin, dilation }: Axis,
): Tensor {
  if (kernel === stride && dilation === 1) {
    return split(fit(x, axis, padBegin, out * kernel), axis, out, kernel);
  }
  // Tap a of every window: a slice that starts at a d, of which every s-th element counts.
  const reach = (kernel - 1) * dilation;
  const padded = fit(x, axis, padBegin, reach + out * stride);
  const taps = list(kernel, (a) => {
    const slice = part(padded.ref, axis, a * dilation, a * dilation + out * stride);
    return stride === 1
      ? split(slice, axis, out, 1)
      : part(split(slice, axis, out, stride), axis + 1, 0, 1);
  });
  padded.dispose();
  return kernel === 1 ? taps[0] : np.concatenate(taps, axis + 1);
}

/** A list of so many. */
function list<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i));
}

/** All windows: every spatial axis becomes outputs and taps. */
function unfoldAll(x: Tensor, { axes, firstAxis }: Pooling): Tensor {
  return axes.reduce((windows, axis, i) => unfold(windows, firstAxis + 2 * i, axis), x);
}

function reachesOutside({ size, out, kernel, stride, padBegin, dilation }: Axis): boolean {
  return padBegin > 0 || (out - 1) * stride - padBegin + (kernel - 1) * dilation >= size;
}

/** Numbers made of the temperature: one, or one per channel in the shape of an array with its channels there. */
function ofBeta(
  { beta }: Pooling,
  like: { ndim: number; dtype: DType },
  channelAxis: number,
  make: (beta: number) => number,
): number | Tensor {
  if (beta.length === 1) return make(beta[0]);
  const shape = list(like.ndim, (i) => (i === channelAxis ? beta.length : 1));
  const values = beta.map(make);
  const array = (data: number[]) => {
    const single = np.array(Float32Array.from(data), { shape });
    return like.dtype === DType.Float32 ? single : single.astype(like.dtype);
  };
  if (like.dtype === DType.Float32) return array(values);
  // Arrays of float64 cannot be made from numbers where there is no Float16Array: as a sum of two.
  const rest = values.map((value) => value - Math.fround(value));
  return np.add(array(values), array(rest.map((value) => (Number.isFinite(value) ? value : 0))));
}

/** 1 where a tap lies in the input, else 0, in the shape of the windows of one channel; consumed once per use. */
function existence(pooling: Pooling, like: { ndim: number; dtype: DType }): Tensor | undefined {
  if (pooling.zero || !pooling.axes.some(reachesOutside)) return undefined;
  const shape = new Array<number>(like.ndim).fill(1);
  pooling.axes.forEach((axis, i) => {
    shape[pooling.firstAxis + i] = axis.size;
  });
  return unfoldAll(np.ones(shape, { dtype: like.dtype }), pooling);
}

/** The pooling of an array of float32 or float64; consumes it. */
function pool(x: Tensor, pooling: Pooling): Tensor {
  const { axes, beta, channelAxis, firstAxis, weightsOnly } = pooling;
  const { largest, lowest } = LIMITS[x.dtype];
  const like = { ndim: x.ndim, dtype: x.dtype };
  const unfolded = { ndim: x.ndim + axes.length, dtype: x.dtype };
  // Channels behind the spatial axes stand behind the taps too.
  const channel = channelAxis > firstAxis ? channelAxis + axes.length : channelAxis;
  const taps = axes.map((_, i) => firstAxis + 2 * i + 1);
  const quarter = largest / 4;
  const share =
    2 ** Math.ceil(Math.log2(axes.reduce((product, { kernel }) => product * kernel, 1)));
  const sign = (b: number) => (b < 0 ? -1 : 1);
  const b4 = (b: number) => 4 * Math.min(Math.abs(b), 1e30);
  const bound = (b: number) => Math.max(-2 * quarter, b === 0 ? -2 * quarter : lowest / b4(b));
  const overTaps = (make: (b: number) => number) => ofBeta(pooling, unfolded, channel, make);

  const mirrored = np.multiply(x, ofBeta(pooling, like, channelAxis, sign));
  // Infinities are set aside, and are what the result lacks: +-Infinity, or 0 where there are others.
  const limited = np.clip(lax.stopGradient(mirrored.ref), -largest, largest);
  const finite = np.where(np.isinf(mirrored.ref), limited, mirrored.ref);
  const rest = lax.stopGradient(np.subtract(mirrored, finite.ref));
  const exists = existence(pooling, like);
  const present = () => (exists as Tensor).ref.greater(0);
  const windows = (values: Tensor, absent: number) => {
    const all = unfoldAll(values, pooling);
    return exists === undefined ? all : np.where(present(), all, absent);
  };

  const v = windows(np.multiply(finite, 0.25), -quarter);
  let m = lax.stopGradient(np.max(v.ref, taps, { keepdims: true }));
  if (beta.includes(0))
    m = np.multiply(
      m,
      overTaps((b) => (b === 0 ? 0 : 1)),
    );
  const u = np.subtract(v, m.ref);
  let e = np.exp(np.multiply(np.maximum(u.ref, overTaps(bound)), overTaps(b4)));
  if (beta.some((b) => !Number.isFinite(b))) {
    const hard = overTaps((b) => (Number.isFinite(b) ? 0 : 1));
    const largestOnly = u.ref.equal(0).astype(u.dtype);
    e = np.where(np.greater(hard, 0), largestOnly, e);
  }
  if (exists !== undefined) e = np.multiply(e, exists.ref);
  if (weightsOnly) e = lax.stopGradient(e);
  const t = np.sum(np.multiply(e.ref, np.multiply(u, 1 / share)), taps, { keepdims: true });
  const s = np.sum(e, taps, { keepdims: true });
  const q = np.multiply(np.divide(t, s), share);
  const y = np.add(m, q);
  // Rounding may carry the largest numbers beyond themselves.
  const lack = np.subtract(np.clip(y.ref, -quarter, quarter), y.ref);
  const exact = np.multiply(np.add(y, lax.stopGradient(lack)), 4);
  const most = np.max(windows(rest, Number.NEGATIVE_INFINITY), taps, { keepdims: true });
  const result = np.multiply(np.add(exact, lax.stopGradient(most)), overTaps(sign));
  exists?.dispose();
  return np.squeeze(result, taps);
}

/**
 * Pools an array.
 *
 * `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`, with channels last where `layout` says so. The batch axis may
 * be absent where an option with an entry per axis, such as `kernelSize: [2, 2]`, or the layout tells how many
 * axes are pooled. float16 is computed in float32 and rounded once. As every function of jax-js, consumes `x`:
 * pass `x.ref` to use it again.
 * @param x the array, of float32, float16 or float64
 * @param options window, temperature and gradient
 * @returns the pooled array, of the axes and the type of `x`
 * @throws RangeError for an argument that is not as documented
 */
export function softPool(x: Tensor, options: SoftPoolOptions): Tensor {
  if (!Array.isArray((x as Partial<Tensor> | undefined)?.shape)) {
    fail("x", "an array of jax-js", show(x), "make one with numpy.array");
  }
  const { dtype } = x;
  if (dtype !== DType.Float16 && !(dtype in LIMITS)) {
    fail("x.dtype", "float32, float16 or float64", dtype, "cast it with astype");
  }
  const pooling = describePooling(x.shape, options);
  if (dtype !== DType.Float16) return pool(x, pooling);
  return pool(x.astype(DType.Float32), pooling).astype(dtype);
}
