/**
 * SoftPool: y = sum w_i x_i with w_i = e^(beta x_i) / sum_j e^(beta x_j), evaluated relative to the
 * dominant tap, so that no finite input overflows. A NaN tap gives NaN; +Infinity gives +Infinity;
 * -Infinity has weight 0, and a window of nothing else gives -Infinity; mirrored for negative beta.
 *
 * Gradient: w_i (1 + beta (x_i - y)), or w_i alone with `gradient: "weights"`;
 * dy/dbeta = sum w_i (x_i - y)^2. At beta = +-Infinity tied extrema share the gradient equally.
 *
 * Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", ICCV 2021,
 * equations 1 and 2.
 */
import type { Operator, SoftPoolBackwardOptions, SoftPoolOptions } from "../options.ts";
import {
  forwardAsyncOf,
  forwardOf,
  type Pool,
  type PoolAsync,
  type SoftPoolBackward,
  type SoftPoolBackwardAsync,
  softBackwardAsyncOf,
  softBackwardOf,
} from "../pool.ts";

const operator = (name: string, rank: 1 | 2 | 3): Operator => ({ name, method: "soft", rank });

/** SoftPool over [N, C, L]. See the head of this module; options {@link SoftPoolOptions}. Throws a RangeError for bad arguments. */
export const softPool1d: Pool<SoftPoolOptions> = forwardOf(operator("softPool1d", 1));

/** {@link softPool1d} without blocking: several threads also where waiting is forbidden. */
export const softPool1dAsync: PoolAsync<SoftPoolOptions> = forwardAsyncOf(
  operator("softPool1dAsync", 1),
);

/**
 * Gradient of {@link softPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`. With `betaGradient: true` the
 * result is `{ input, beta }`.
 */
export const softPool1dBackward: SoftPoolBackward<SoftPoolBackwardOptions> = softBackwardOf(
  operator("softPool1dBackward", 1),
);

/** {@link softPool1dBackward} without blocking. */
export const softPool1dBackwardAsync: SoftPoolBackwardAsync<SoftPoolBackwardOptions> =
  softBackwardAsyncOf(operator("softPool1dBackwardAsync", 1));

/** SoftPool over [N, C, H, W]. See the head of this module; options {@link SoftPoolOptions}. Throws a RangeError for bad arguments. */
export const softPool2d: Pool<SoftPoolOptions> = forwardOf(operator("softPool2d", 2));

/** {@link softPool2d} without blocking: several threads also where waiting is forbidden. */
export const softPool2dAsync: PoolAsync<SoftPoolOptions> = forwardAsyncOf(
  operator("softPool2dAsync", 2),
);

/**
 * Gradient of {@link softPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`. With `betaGradient: true` the
 * result is `{ input, beta }`.
 */
export const softPool2dBackward: SoftPoolBackward<SoftPoolBackwardOptions> = softBackwardOf(
  operator("softPool2dBackward", 2),
);

/** {@link softPool2dBackward} without blocking. */
export const softPool2dBackwardAsync: SoftPoolBackwardAsync<SoftPoolBackwardOptions> =
  softBackwardAsyncOf(operator("softPool2dBackwardAsync", 2));

/** SoftPool over [N, C, D, H, W]. See the head of this module; options {@link SoftPoolOptions}. Throws a RangeError for bad arguments. */
export const softPool3d: Pool<SoftPoolOptions> = forwardOf(operator("softPool3d", 3));

/** {@link softPool3d} without blocking: several threads also where waiting is forbidden. */
export const softPool3dAsync: PoolAsync<SoftPoolOptions> = forwardAsyncOf(
  operator("softPool3dAsync", 3),
);

/**
 * Gradient of {@link softPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`. With `betaGradient: true` the
 * result is `{ input, beta }`.
 */
export const softPool3dBackward: SoftPoolBackward<SoftPoolBackwardOptions> = softBackwardOf(
  operator("softPool3dBackward", 3),
);

/** {@link softPool3dBackward} without blocking. */
export const softPool3dBackwardAsync: SoftPoolBackwardAsync<SoftPoolBackwardOptions> =
  softBackwardAsyncOf(operator("softPool3dBackwardAsync", 3));
