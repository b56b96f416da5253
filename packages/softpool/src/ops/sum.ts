/**
 * Sum pooling: y = sum x_i, gradient 1. Accumulated in float64; float16 results above 65504 are
 * infinite.
 */
import type { PoolOptions } from "../options.ts";
import {
  family,
  type Pool,
  type PoolAsync,
  type PoolBackward,
  type PoolBackwardAsync,
} from "../pool.ts";

const one = /* @__PURE__ */ family<PoolOptions>("sumPool1d", "sum", 1);
const two = /* @__PURE__ */ family<PoolOptions>("sumPool2d", "sum", 2);
const three = /* @__PURE__ */ family<PoolOptions>("sumPool3d", "sum", 3);

/** Sum pooling over [N, C, L]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const sumPool1d: Pool<PoolOptions> = one.forward;

/** {@link sumPool1d} without blocking: several threads also where waiting is forbidden. */
export const sumPool1dAsync: PoolAsync<PoolOptions> = one.forwardAsync;

/**
 * Gradient of {@link sumPool1d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const sumPool1dBackward: PoolBackward<PoolOptions> = one.backward;

/** {@link sumPool1dBackward} without blocking. */
export const sumPool1dBackwardAsync: PoolBackwardAsync<PoolOptions> = one.backwardAsync;

/** Sum pooling over [N, C, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const sumPool2d: Pool<PoolOptions> = two.forward;

/** {@link sumPool2d} without blocking: several threads also where waiting is forbidden. */
export const sumPool2dAsync: PoolAsync<PoolOptions> = two.forwardAsync;

/**
 * Gradient of {@link sumPool2d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const sumPool2dBackward: PoolBackward<PoolOptions> = two.backward;

/** {@link sumPool2dBackward} without blocking. */
export const sumPool2dBackwardAsync: PoolBackwardAsync<PoolOptions> = two.backwardAsync;

/** Sum pooling over [N, C, D, H, W]. See the head of this module; options {@link PoolOptions}. Throws a RangeError for bad arguments. */
export const sumPool3d: Pool<PoolOptions> = three.forward;

/** {@link sumPool3d} without blocking: several threads also where waiting is forbidden. */
export const sumPool3dAsync: PoolAsync<PoolOptions> = three.forwardAsync;

/**
 * Gradient of {@link sumPool3d} with respect to its input: `gradOutput` has the shape of the output, the
 * result that of `x`.
 */
export const sumPool3dBackward: PoolBackward<PoolOptions> = three.backward;

/** {@link sumPool3dBackward} without blocking. */
export const sumPool3dBackwardAsync: PoolBackwardAsync<PoolOptions> = three.backwardAsync;
