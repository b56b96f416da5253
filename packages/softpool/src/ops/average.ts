/**
 * Average pooling: y = (1/D) sum x_i, with D the number of taps that exist.
 *
 * Unlike PyTorch's default, padded taps are not counted; `paddingMode: "zero"` counts them, by
 * PyTorch's `count_include_pad` rule. No finite input overflows.
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

const operator = (name: string, rank: 1 | 2 | 3): Operator => ({ name, method: "average", rank });

/** Average pooling over [N, C, L]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const avgPool1d: Pool<PoolOptions> = forwardOf(operator("avgPool1d", 1));

/** {@link avgPool1d} without blocking: several threads also where waiting is forbidden. */
export const avgPool1dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("avgPool1dAsync", 1));

/**
 * Gradient of {@link avgPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const avgPool1dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("avgPool1dBackward", 1),
);

/** {@link avgPool1dBackward} without blocking. */
export const avgPool1dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("avgPool1dBackwardAsync", 1),
);

/** Average pooling over [N, C, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const avgPool2d: Pool<PoolOptions> = forwardOf(operator("avgPool2d", 2));

/** {@link avgPool2d} without blocking: several threads also where waiting is forbidden. */
export const avgPool2dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("avgPool2dAsync", 2));

/**
 * Gradient of {@link avgPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const avgPool2dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("avgPool2dBackward", 2),
);

/** {@link avgPool2dBackward} without blocking. */
export const avgPool2dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("avgPool2dBackwardAsync", 2),
);

/** Average pooling over [N, C, D, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const avgPool3d: Pool<PoolOptions> = forwardOf(operator("avgPool3d", 3));

/** {@link avgPool3d} without blocking: several threads also where waiting is forbidden. */
export const avgPool3dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("avgPool3dAsync", 3));

/**
 * Gradient of {@link avgPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const avgPool3dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("avgPool3dBackward", 3),
);

/** {@link avgPool3dBackward} without blocking. */
export const avgPool3dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("avgPool3dBackwardAsync", 3),
);
