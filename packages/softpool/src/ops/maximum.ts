/**
 * Maximum pooling: y = max x_i. The gradient goes to the first maximum in row-major order, as in
 * PyTorch. NaN propagates. Padded taps do not exist unless `paddingMode` is `"zero"`.
 */
import type { PoolOptions } from "../options.ts";
import {
  family,
  type Pool,
  type PoolAsync,
  type PoolBackward,
  type PoolBackwardAsync,
} from "../pool.ts";

const one = /* @__PURE__ */ family<PoolOptions>("maxPool1d", "maximum", 1);
const two = /* @__PURE__ */ family<PoolOptions>("maxPool2d", "maximum", 2);
const three = /* @__PURE__ */ family<PoolOptions>("maxPool3d", "maximum", 3);

/** Maximum pooling over [N, C, L]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const maxPool1d: Pool<PoolOptions> = one.forward;

/** {@link maxPool1d} without blocking: several threads also where waiting is forbidden. */
export const maxPool1dAsync: PoolAsync<PoolOptions> = one.forwardAsync;

/**
 * Gradient of {@link maxPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const maxPool1dBackward: PoolBackward<PoolOptions> = one.backward;

/** {@link maxPool1dBackward} without blocking. */
export const maxPool1dBackwardAsync: PoolBackwardAsync<PoolOptions> = one.backwardAsync;

/** Maximum pooling over [N, C, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const maxPool2d: Pool<PoolOptions> = two.forward;

/** {@link maxPool2d} without blocking: several threads also where waiting is forbidden. */
export const maxPool2dAsync: PoolAsync<PoolOptions> = two.forwardAsync;

/**
 * Gradient of {@link maxPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const maxPool2dBackward: PoolBackward<PoolOptions> = two.backward;

/** {@link maxPool2dBackward} without blocking. */
export const maxPool2dBackwardAsync: PoolBackwardAsync<PoolOptions> = two.backwardAsync;

/** Maximum pooling over [N, C, D, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const maxPool3d: Pool<PoolOptions> = three.forward;

/** {@link maxPool3d} without blocking: several threads also where waiting is forbidden. */
export const maxPool3dAsync: PoolAsync<PoolOptions> = three.forwardAsync;

/**
 * Gradient of {@link maxPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const maxPool3dBackward: PoolBackward<PoolOptions> = three.backward;

/** {@link maxPool3dBackward} without blocking. */
export const maxPool3dBackwardAsync: PoolBackwardAsync<PoolOptions> = three.backwardAsync;
