/**
 * Power-average pooling: y = (sum |x_i|^p / M)^(1/p), with M = 1, or the number of taps when
 * `normalized` (the power mean). Gradient sign(x_i) (|x_i| / y)^(p-1) / M, 0 where x_i is 0.
 *
 * After Estrach, Szlam and LeCun, "Signal recovery from pooling representations", ICML 2014.
 */
import type { Operator, PowerAvgPoolOptions } from "../options.ts";
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

const operator = (name: string, rank: 1 | 2 | 3): Operator => ({
  name,
  method: "power-average",
  rank,
});

/** Power-average pooling over [N, C, L]. See the head of this module; options {@link PowerAvgPoolOptions}. Throws a RangeError for bad arguments. */
export const powerAvgPool1d: Pool<PowerAvgPoolOptions> = forwardOf(operator("powerAvgPool1d", 1));

/** {@link powerAvgPool1d} without blocking: several threads also where waiting is forbidden. */
export const powerAvgPool1dAsync: PoolAsync<PowerAvgPoolOptions> = forwardAsyncOf(
  operator("powerAvgPool1dAsync", 1),
);

/**
 * Gradient of {@link powerAvgPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const powerAvgPool1dBackward: PoolBackward<PowerAvgPoolOptions> = backwardOf(
  operator("powerAvgPool1dBackward", 1),
);

/** {@link powerAvgPool1dBackward} without blocking. */
export const powerAvgPool1dBackwardAsync: PoolBackwardAsync<PowerAvgPoolOptions> = backwardAsyncOf(
  operator("powerAvgPool1dBackwardAsync", 1),
);

/** Power-average pooling over [N, C, H, W]. See the head of this module; options {@link PowerAvgPoolOptions}. Throws a RangeError for bad arguments. */
export const powerAvgPool2d: Pool<PowerAvgPoolOptions> = forwardOf(operator("powerAvgPool2d", 2));

/** {@link powerAvgPool2d} without blocking: several threads also where waiting is forbidden. */
export const powerAvgPool2dAsync: PoolAsync<PowerAvgPoolOptions> = forwardAsyncOf(
  operator("powerAvgPool2dAsync", 2),
);

/**
 * Gradient of {@link powerAvgPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const powerAvgPool2dBackward: PoolBackward<PowerAvgPoolOptions> = backwardOf(
  operator("powerAvgPool2dBackward", 2),
);

/** {@link powerAvgPool2dBackward} without blocking. */
export const powerAvgPool2dBackwardAsync: PoolBackwardAsync<PowerAvgPoolOptions> = backwardAsyncOf(
  operator("powerAvgPool2dBackwardAsync", 2),
);

/** Power-average pooling over [N, C, D, H, W]. See the head of this module; options {@link PowerAvgPoolOptions}. Throws a RangeError for bad arguments. */
export const powerAvgPool3d: Pool<PowerAvgPoolOptions> = forwardOf(operator("powerAvgPool3d", 3));

/** {@link powerAvgPool3d} without blocking: several threads also where waiting is forbidden. */
export const powerAvgPool3dAsync: PoolAsync<PowerAvgPoolOptions> = forwardAsyncOf(
  operator("powerAvgPool3dAsync", 3),
);

/**
 * Gradient of {@link powerAvgPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const powerAvgPool3dBackward: PoolBackward<PowerAvgPoolOptions> = backwardOf(
  operator("powerAvgPool3dBackward", 3),
);

/** {@link powerAvgPool3dBackward} without blocking. */
export const powerAvgPool3dBackwardAsync: PoolBackwardAsync<PowerAvgPoolOptions> = backwardAsyncOf(
  operator("powerAvgPool3dBackwardAsync", 3),
);
