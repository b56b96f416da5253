/**
 * Maximum pooling: y = max x_i. The gradient goes to the first maximum in row-major order, as in
 * PyTorch. NaN propagates. Padded taps do not exist unless `paddingMode` is `"zero"`.
 */
import type { Operator, PoolOptions } from "../options.ts";
import {
  backwardAsyncOf,
  backwardOf,
  forwardAsyncOf,
  forwardOf,
  type Pool,
  type PoolAsync,
  type PoolBackward,
  type PoolBackwardAsync,
} from "../pool.ts";

const operator = (name: string, rank: 1 | 2 | 3): Operator => ({ name, method: "maximum", rank });

/** Maximum pooling over [N, C, L]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const maxPool1d: Pool<PoolOptions> = forwardOf(operator("maxPool1d", 1));

/** {@link maxPool1d} without blocking: several threads also where waiting is forbidden. */
export const maxPool1dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("maxPool1dAsync", 1));

/**
 * Gradient of {@link maxPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const maxPool1dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("maxPool1dBackward", 1),
);

/** {@link maxPool1dBackward} without blocking. */
export const maxPool1dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("maxPool1dBackwardAsync", 1),
);

/** Maximum pooling over [N, C, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const maxPool2d: Pool<PoolOptions> = forwardOf(operator("maxPool2d", 2));

/** {@link maxPool2d} without blocking: several threads also where waiting is forbidden. */
export const maxPool2dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("maxPool2dAsync", 2));

/**
 * Gradient of {@link maxPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const maxPool2dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("maxPool2dBackward", 2),
);

/** {@link maxPool2dBackward} without blocking. */
export const maxPool2dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("maxPool2dBackwardAsync", 2),
);

/** Maximum pooling over [N, C, D, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const maxPool3d: Pool<PoolOptions> = forwardOf(operator("maxPool3d", 3));

/** {@link maxPool3d} without blocking: several threads also where waiting is forbidden. */
export const maxPool3dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("maxPool3dAsync", 3));

/**
 * Gradient of {@link maxPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const maxPool3dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("maxPool3dBackward", 3),
);

/** {@link maxPool3dBackward} without blocking. */
export const maxPool3dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("maxPool3dBackwardAsync", 3),
);
