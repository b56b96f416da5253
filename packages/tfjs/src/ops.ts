/**
 * SoftPool over tensors of TensorFlow.js: y = sum x_i e^(beta x_i) / sum e^(beta x_i) per window and channel,
 * with gradients, on every backend.
 *
 * A NaN tap gives NaN; with a beta above 0, +Infinity gives +Infinity and -Infinity has no weight (mirrored for
 * a beta below 0).
 *
 * Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", ICCV 2021.
 */
import {
  Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  type Tensor5D,
} from "@tensorflow/tfjs-core";
import { fail, show } from "softpool/adapter";
import { runSoftPool } from "./kernels.ts";
import { describePooling, type SoftPoolOptions } from "./window.ts";

/** Pools `x`, in the name of a function. */
export function softPool<T extends Tensor>(
  name: string,
  rank: 1 | 2 | 3,
  x: T,
  options: SoftPoolOptions,
): T {
  if (!isTensor(x))
    fail(name, "x", "a tensor of TensorFlow.js", show(x), "make one with tf.tensor");
  if (x.dtype !== "float32") fail(name, "x.dtype", "float32", x.dtype, "cast it");
  const pooling = describePooling(name, rank, x.shape, options);
  return runSoftPool(x, pooling);
}

/** A tensor, be it of another copy of TensorFlow.js. */
function isTensor(x: unknown): x is Tensor {
  const { shape, dtype, dataId } = (x ?? {}) as Partial<Tensor>;
  return (
    x instanceof Tensor || (Array.isArray(shape) && dtype !== undefined && dataId !== undefined)
  );
}

/**
 * SoftPool over `[N, L, C]`.
 * @param x float32, `[N, L, C]` or without the batch `[L, C]`; with `layout: "NCL"` channels come first
 * @param options window, temperature and gradient
 * @returns the pooled tensor, of the axes of `x`
 * @throws RangeError for an argument that is not as documented
 */
export function softPool1d<T extends Tensor2D | Tensor3D>(x: T, options: SoftPoolOptions): T {
  return softPool("softPool1d", 1, x, options);
}

/**
 * SoftPool over `[N, H, W, C]`.
 * @param x float32, `[N, H, W, C]` or without the batch `[H, W, C]`; with `layout: "NCHW"` channels come first
 * @param options window, temperature and gradient
 * @returns the pooled tensor, of the axes of `x`
 * @throws RangeError for an argument that is not as documented
 */
export function softPool2d<T extends Tensor3D | Tensor4D>(x: T, options: SoftPoolOptions): T {
  return softPool("softPool2d", 2, x, options);
}

/**
 * SoftPool over `[N, D, H, W, C]`.
 * @param x float32, `[N, D, H, W, C]` or without the batch `[D, H, W, C]`; with `layout: "NCDHW"` channels come first
 * @param options window, temperature and gradient
 * @returns the pooled tensor, of the axes of `x`
 * @throws RangeError for an argument that is not as documented
 */
export function softPool3d<T extends Tensor4D | Tensor5D>(x: T, options: SoftPoolOptions): T {
  return softPool("softPool3d", 3, x, options);
}
