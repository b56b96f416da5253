/**
 * Sum pooling: y = sum x_i, gradient 1. Accumulated in float64; float16 results above 65504 are
 * infinite.
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

const operator = (name: string, rank: 1 | 2 | 3): Operator => ({ name, method: "sum", rank });

/** Sum pooling over [N, C, L]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const sumPool1d: Pool<PoolOptions> = forwardOf(operator("sumPool1d", 1));

/** {@link sumPool1d} without blocking: several threads also where waiting is forbidden. */
export const sumPool1dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("sumPool1dAsync", 1));

/**
 * Gradient of {@link sumPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const sumPool1dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("sumPool1dBackward", 1),
);

/** {@link sumPool1dBackward} without blocking. */
export const sumPool1dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("sumPool1dBackwardAsync", 1),
);

/** Sum pooling over [N, C, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const sumPool2d: Pool<PoolOptions> = forwardOf(operator("sumPool2d", 2));

/** {@link sumPool2d} without blocking: several threads also where waiting is forbidden. */
export const sumPool2dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("sumPool2dAsync", 2));

/**
 * Gradient of {@link sumPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const sumPool2dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("sumPool2dBackward", 2),
);

/** {@link sumPool2dBackward} without blocking. */
export const sumPool2dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("sumPool2dBackwardAsync", 2),
);

/** Sum pooling over [N, C, D, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const sumPool3d: Pool<PoolOptions> = forwardOf(operator("sumPool3d", 3));

/** {@link sumPool3d} without blocking: several threads also where waiting is forbidden. */
export const sumPool3dAsync: PoolAsync<PoolOptions> = forwardAsyncOf(operator("sumPool3dAsync", 3));

/**
 * Gradient of {@link sumPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const sumPool3dBackward: PoolBackward<PoolOptions> = backwardOf(
  operator("sumPool3dBackward", 3),
);

/** {@link sumPool3dBackward} without blocking. */
export const sumPool3dBackwardAsync: PoolBackwardAsync<PoolOptions> = backwardAsyncOf(
  operator("sumPool3dBackwardAsync", 3),
);
