/**
 * Global SoftPool: one window over all of a channel's elements. The output keeps the spatial axes,
 * each of size 1. 1D to 3D by the rank of the input.
 */
import type { Operator, SoftPoolBackwardOptions, SoftPoolOptions } from "../options.ts";
import { checkTensor, fail, show } from "../options.ts";
import {
  type Adapt,
  forwardAsyncOf,
  forwardOf,
  type Pool,
  type PoolAsync,
  type SoftPoolBackward,
  type SoftPoolBackwardAsync,
  softBackwardAsyncOf,
  softBackwardOf,
} from "../pool.ts";
import type { Tensor } from "../types.ts";

type Windowed = "kernelSize" | "stride" | "padding" | "dilation" | "ceilMode" | "paddingMode";

/** Options of {@link globalSoftPool}: those of SoftPool that do not concern windows. */
export type GlobalSoftPoolOptions = Omit<SoftPoolOptions, Windowed>;

/** Options of {@link globalSoftPoolBackward}. */
export type GlobalSoftPoolBackwardOptions = Omit<SoftPoolBackwardOptions, Windowed>;

const OWN = ["beta", "layout", "engine", "threads", "out", "gradient", "betaGradient"];

/** Names the operator for the rank of its input. */
function operator(name: string): (x: unknown) => Operator {
  return (x) => {
    checkTensor(name, "x", x);
    const axes = (x as Tensor).shape.length - 2;
    if (axes !== 1 && axes !== 2 && axes !== 3) {
      fail(name, "x.shape", "3 to 5 sizes", show([...(x as Tensor).shape]));
    }
    return { name, method: "soft", rank: axes };
  };
}

/** The window of a global pooling: as large as the input. */
const adapt: Adapt = ({ name, rank }, shape, options) => {
  const given = options ?? {};
  if (typeof given !== "object") fail(name, "options", "an object", show(options));
  for (const key of Object.keys(given)) {
    if (!OWN.includes(key)) fail(name, "options", OWN.join(", "), key);
  }
  const channelsLast = String((given as GlobalSoftPoolOptions).layout ?? "").endsWith("C");
  return { ...given, kernelSize: shape.slice(channelsLast ? 1 : 2).slice(0, rank) };
};

/** Global SoftPool of `[N, C, ...]` to `[N, C, 1, ...]`. Throws a RangeError for bad arguments. */
export const globalSoftPool: Pool<GlobalSoftPoolOptions> = forwardOf(
  operator("globalSoftPool"),
  adapt,
);

/** {@link globalSoftPool} without blocking. */
export const globalSoftPoolAsync: PoolAsync<GlobalSoftPoolOptions> = forwardAsyncOf(
  operator("globalSoftPoolAsync"),
  adapt,
);

/** Gradient of {@link globalSoftPool}; with `betaGradient: true` the result is `{ input, beta }`. */
export const globalSoftPoolBackward: SoftPoolBackward<GlobalSoftPoolBackwardOptions> =
  softBackwardOf(operator("globalSoftPoolBackward"), adapt);

/** {@link globalSoftPoolBackward} without blocking. */
export const globalSoftPoolBackwardAsync: SoftPoolBackwardAsync<GlobalSoftPoolBackwardOptions> =
  softBackwardAsyncOf(operator("globalSoftPoolBackwardAsync"), adapt);
