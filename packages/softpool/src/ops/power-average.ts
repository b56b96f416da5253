/**
 * Power-average pooling: y = (sum |x_i|^p / M)^(1/p), with M = 1, or the number of taps when
 * `normalized` (the power mean). Gradient sign(x_i) (|x_i| / y)^(p-1) / M, 0 where x_i is 0.
 *
 * After Estrach, Szlam and LeCun, "Signal recovery from pooling representations", ICML 2014.
 */
import type { PowerAvgPoolOptions } from "../options.ts";
import {
  family,
  type Pool,
  type PoolAsync,
  type PoolBackward,
  type PoolBackwardAsync,
} from "../pool.ts";

const one = /* @__PURE__ */ family<PowerAvgPoolOptions>("powerAvgPool1d", "power-average", 1);
const two = /* @__PURE__ */ family<PowerAvgPoolOptions>("powerAvgPool2d", "power-average", 2);
const three = /* @__PURE__ */ family<PowerAvgPoolOptions>("powerAvgPool3d", "power-average", 3);

/** Power-average pooling over [N, C, L]. See the head of this module; options {@link PowerAvgPoolOptions}. Throws a RangeError for bad arguments. */
export const powerAvgPool1d: Pool<PowerAvgPoolOptions> = one.forward;

/** {@link powerAvgPool1d} without blocking: several threads also where waiting is forbidden. */
export const powerAvgPool1dAsync: PoolAsync<PowerAvgPoolOptions> = one.forwardAsync;

/**
 * Gradient of {@link powerAvgPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const powerAvgPool1dBackward: PoolBackward<PowerAvgPoolOptions> = one.backward;

/** {@link powerAvgPool1dBackward} without blocking. */
export const powerAvgPool1dBackwardAsync: PoolBackwardAsync<PowerAvgPoolOptions> =
  one.backwardAsync;

/** Power-average pooling over [N, C, H, W]. See the head of this module; options {@link PowerAvgPoolOptions}. Throws a RangeError for bad arguments. */
export const powerAvgPool2d: Pool<PowerAvgPoolOptions> = two.forward;

/** {@link powerAvgPool2d} without blocking: several threads also where waiting is forbidden. */
export const powerAvgPool2dAsync: PoolAsync<PowerAvgPoolOptions> = two.forwardAsync;

/**
 * Gradient of {@link powerAvgPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const powerAvgPool2dBackward: PoolBackward<PowerAvgPoolOptions> = two.backward;

/** {@link powerAvgPool2dBackward} without blocking. */
export const powerAvgPool2dBackwardAsync: PoolBackwardAsync<PowerAvgPoolOptions> =
  two.backwardAsync;

/** Power-average pooling over [N, C, D, H, W]. See the head of this module; options {@link PowerAvgPoolOptions}. Throws a RangeError for bad arguments. */
export const powerAvgPool3d: Pool<PowerAvgPoolOptions> = three.forward;

/** {@link powerAvgPool3d} without blocking: several threads also where waiting is forbidden. */
export const powerAvgPool3dAsync: PoolAsync<PowerAvgPoolOptions> = three.forwardAsync;

/**
 * Gradient of {@link powerAvgPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const powerAvgPool3dBackward: PoolBackward<PowerAvgPoolOptions> = three.backward;

/** {@link powerAvgPool3dBackward} without blocking. */
export const powerAvgPool3dBackwardAsync: PoolBackwardAsync<PowerAvgPoolOptions> =
  three.backwardAsync;
