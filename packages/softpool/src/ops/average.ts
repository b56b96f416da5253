/**
 * Average pooling: y = (1/D) sum x_i, with D the number of taps that exist.
 *
 * Unlike PyTorch's default, padded taps are not counted; `paddingMode: "zero"` counts them, by
 * PyTorch's `count_include_pad` rule. No finite input overflows.
 */
import type { PoolOptions } from "../options.ts";
import {
  family,
  type Pool,
  type PoolAsync,
  type PoolBackward,
  type PoolBackwardAsync,
} from "../pool.ts";

const one = /* @__PURE__ */ family<PoolOptions>("avgPool1d", "average", 1);
const two = /* @__PURE__ */ family<PoolOptions>("avgPool2d", "average", 2);
const three = /* @__PURE__ */ family<PoolOptions>("avgPool3d", "average", 3);

/** Average pooling over [N, C, L]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const avgPool1d: Pool<PoolOptions> = one.forward;

/** {@link avgPool1d} without blocking: several threads also where waiting is forbidden. */
export const avgPool1dAsync: PoolAsync<PoolOptions> = one.forwardAsync;

/**
 * Gradient of {@link avgPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const avgPool1dBackward: PoolBackward<PoolOptions> = one.backward;

/** {@link avgPool1dBackward} without blocking. */
export const avgPool1dBackwardAsync: PoolBackwardAsync<PoolOptions> = one.backwardAsync;

/** Average pooling over [N, C, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const avgPool2d: Pool<PoolOptions> = two.forward;

/** {@link avgPool2d} without blocking: several threads also where waiting is forbidden. */
export const avgPool2dAsync: PoolAsync<PoolOptions> = two.forwardAsync;

/**
 * Gradient of {@link avgPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const avgPool2dBackward: PoolBackward<PoolOptions> = two.backward;

/** {@link avgPool2dBackward} without blocking. */
export const avgPool2dBackwardAsync: PoolBackwardAsync<PoolOptions> = two.backwardAsync;

/** Average pooling over [N, C, D, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const avgPool3d: Pool<PoolOptions> = three.forward;

/** {@link avgPool3d} without blocking: several threads also where waiting is forbidden. */
export const avgPool3dAsync: PoolAsync<PoolOptions> = three.forwardAsync;

/**
 * Gradient of {@link avgPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const avgPool3dBackward: PoolBackward<PoolOptions> = three.backward;

/** {@link avgPool3dBackward} without blocking. */
export const avgPool3dBackwardAsync: PoolBackwardAsync<PoolOptions> = three.backwardAsync;
