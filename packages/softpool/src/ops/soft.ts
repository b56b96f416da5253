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
import type { SoftPoolBackwardOptions, SoftPoolOptions } from "../options.ts";
import {
  family,
  type Pool,
  type PoolAsync,
  type SoftPoolBackward,
  type SoftPoolBackwardAsync,
} from "../pool.ts";

const one = /* @__PURE__ */ family<
  SoftPoolOptions,
  SoftPoolBackward<SoftPoolBackwardOptions>,
  SoftPoolBackwardAsync<SoftPoolBackwardOptions>
>("softPool1d", "soft", 1);
const two = /* @__PURE__ */ family<
  SoftPoolOptions,
  SoftPoolBackward<SoftPoolBackwardOptions>,
  SoftPoolBackwardAsync<SoftPoolBackwardOptions>
>("softPool2d", "soft", 2);
const three = /* @__PURE__ */ family<
  SoftPoolOptions,
  SoftPoolBackward<SoftPoolBackwardOptions>,
  SoftPoolBackwardAsync<SoftPoolBackwardOptions>
>("softPool3d", "soft", 3);

/** SoftPool over [N, C, L]. See the head of this module; options {@link SoftPoolOptions}. Throws a RangeError for bad arguments. */
export const softPool1d: Pool<SoftPoolOptions> = one.forward;

/** {@link softPool1d} without blocking: several threads also where waiting is forbidden. */
export const softPool1dAsync: PoolAsync<SoftPoolOptions> = one.forwardAsync;

/**
 * Gradient of {@link softPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`. With `betaGradient: true` the
 * result is `{ input, beta }`.
 */
export const softPool1dBackward: SoftPoolBackward<SoftPoolBackwardOptions> = one.backward;

/** {@link softPool1dBackward} without blocking. */
export const softPool1dBackwardAsync: SoftPoolBackwardAsync<SoftPoolBackwardOptions> =
  one.backwardAsync;

/** SoftPool over [N, C, H, W]. See the head of this module; options {@link SoftPoolOptions}. Throws a RangeError for bad arguments. */
export const softPool2d: Pool<SoftPoolOptions> = two.forward;

/** {@link softPool2d} without blocking: several threads also where waiting is forbidden. */
export const softPool2dAsync: PoolAsync<SoftPoolOptions> = two.forwardAsync;

/**
 * Gradient of {@link softPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`. With `betaGradient: true` the
 * result is `{ input, beta }`.
 */
export const softPool2dBackward: SoftPoolBackward<SoftPoolBackwardOptions> = two.backward;

/** {@link softPool2dBackward} without blocking. */
export const softPool2dBackwardAsync: SoftPoolBackwardAsync<SoftPoolBackwardOptions> =
  two.backwardAsync;

/** SoftPool over [N, C, D, H, W]. See the head of this module; options {@link SoftPoolOptions}. Throws a RangeError for bad arguments. */
export const softPool3d: Pool<SoftPoolOptions> = three.forward;

/** {@link softPool3d} without blocking: several threads also where waiting is forbidden. */
export const softPool3dAsync: PoolAsync<SoftPoolOptions> = three.forwardAsync;

/**
 * Gradient of {@link softPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`. With `betaGradient: true` the
 * result is `{ input, beta }`.
 */
export const softPool3dBackward: SoftPoolBackward<SoftPoolBackwardOptions> = three.backward;

/** {@link softPool3dBackward} without blocking. */
export const softPool3dBackwardAsync: SoftPoolBackwardAsync<SoftPoolBackwardOptions> =
  three.backwardAsync;
