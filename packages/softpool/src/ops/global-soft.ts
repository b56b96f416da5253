/**
 * Global SoftPool: one window over all of a channel's elements. The output keeps the spatial axes,
 * each of size 1. 1D to 3D by the rank of the input.
 */
import { type SoftPoolBackwardOptions, type SoftPoolOptions, wholeWindow } from "../options.ts";
import { family, type Result, type SoftPoolBackward, type SoftPoolBackwardAsync } from "../pool.ts";
import type { Tensor } from "../types.ts";

type Windowed = "kernelSize" | "stride" | "padding" | "dilation" | "ceilMode" | "paddingMode";

/** Options of {@link globalSoftPool}: those of SoftPool that do not concern windows. */
export type GlobalSoftPoolOptions = Omit<SoftPoolOptions, Windowed>;

/** Options of {@link globalSoftPoolBackward}. */
export type GlobalSoftPoolBackwardOptions = Omit<SoftPoolBackwardOptions, Windowed>;

/** Global pooling: like {@link Pool}, with options that may be left out. */
export type GlobalPool<O> = <T extends Tensor>(x: T, options?: O) => Result<T>;

/** {@link GlobalPool} without blocking. */
export type GlobalPoolAsync<O> = <T extends Tensor>(x: T, options?: O) => Promise<Result<T>>;

const whole = /* @__PURE__ */ family<
  GlobalSoftPoolOptions,
  SoftPoolBackward<GlobalSoftPoolBackwardOptions>,
  SoftPoolBackwardAsync<GlobalSoftPoolBackwardOptions>
>("globalSoftPool", "soft", 0, wholeWindow);

/**
 * Global SoftPool of `[N, C, ...]` to `[N, C, 1, ...]` (channels last: `[N, ..., C]` to
 * `[N, 1, ..., C]`). Throws a RangeError for bad arguments.
 */
export const globalSoftPool: GlobalPool<GlobalSoftPoolOptions> =
  whole.forward as GlobalPool<GlobalSoftPoolOptions>;

/** {@link globalSoftPool} without blocking. */
export const globalSoftPoolAsync: GlobalPoolAsync<GlobalSoftPoolOptions> =
  whole.forwardAsync as GlobalPoolAsync<GlobalSoftPoolOptions>;

/**
 * Gradient of {@link globalSoftPool}: `gradOutput` has the shape of the output. Options are required,
 * `{}` for the defaults; with `betaGradient: true` the result is `{ input, beta }`.
 */
export const globalSoftPoolBackward: SoftPoolBackward<GlobalSoftPoolBackwardOptions> =
  whole.backward;

/** {@link globalSoftPoolBackward} without blocking. */
export const globalSoftPoolBackwardAsync: SoftPoolBackwardAsync<GlobalSoftPoolBackwardOptions> =
  whole.backwardAsync;
