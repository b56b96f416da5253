/**
 * Methods over everything: one window that is the whole plane. The poolings that need no taps have a
 * composition by reductions here, which needs no known size; other methods are pooled by a window of the
 * input's size, where that is known.
 */
import {
  abs,
  add,
  div,
  exp,
  type Graph,
  globalAveragePool,
  globalMaxPool,
  max,
  min,
  mul,
  neg,
  OnnxError,
  poolWindow,
  pow,
  reduce,
  sub,
  type Value,
} from "@softpool/onnx";
import { applyMethod, inComputeType } from "./apply.ts";
import type { Context, Method } from "./method.ts";
import { constantLike, largest } from "./numbers.ts";

/**
 * Composes a method over all spatial axes, which become 1.
 * @throws OnnxError when the method needs the input's size and it is not known
 */
export function composeGlobal(
  g: Graph,
  method: Method,
  x: Value,
  settings: Context["settings"],
  parameters: Context["parameters"] = {},
): Value {
  const composed = inComputeType(g, method, x, (inner) =>
    byReduction(g, method.name, inner, settings),
  );
  if (composed !== undefined) return composed;
  const sizes = x.shape?.slice(2);
  if (!sizes?.every((size) => typeof size === "number")) {
    throw new OnnxError(`${method.name}: expected an input of known size for global pooling`);
  }
  return applyMethod(g, method, x, poolWindow(sizes as number[]), { settings, parameters });
}

/** Whether a method can pool everything without a known size. */
export function isGlobal(method: Method): boolean {
  return ["average", "maximum", "sum", "power-average", "soft"].includes(method.name);
}

function byReduction(
  g: Graph,
  name: string,
  x: Value,
  settings: Context["settings"],
): Value | undefined {
  // The number of axes decides which ones are spatial.
  const rank = x.shape?.length ?? 4;
  const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const overAll = (type: string, value: Value) => reduce(g, type as "ReduceSum", value, axes, true);
  switch (name) {
    case "average":
      return globalAveragePool(g, x);
    case "maximum":
      return globalMaxPool(g, x);
    case "sum":
      return overAll("ReduceSum", x);
    case "power-average": {
      const p = settings.p as number;
      // Scaled by the largest magnitude, so that no power overflows.
      const size = overAll("ReduceMax", abs(g, x));
      const scale = max(g, size, constantLike(g, x, 1e-37));
      const powers = pow(g, div(g, abs(g, x), scale), constantLike(g, x, p));
      const total = overAll(settings.normalized === 1 ? "ReduceMean" : "ReduceSum", powers);
      return mul(g, scale, pow(g, total, constantLike(g, x, 1 / p)));
    }
    case "soft":
      return globalSoftPool(g, x, axes, settings.beta as number, settings.gradient === "weights");
    default:
      return undefined;
  }
}

/**
 * The exact form of `soft.ts` with the maximum of everything. With `constant` the weights are constants
 * to gradients, and the maximum, whose terms cancel.
 */
function globalSoftPool(
  g: Graph,
  x: Value,
  axes: readonly number[],
  beta: number,
  constant: boolean,
): Value {
  if (beta === 0) return globalAveragePool(g, x);
  if (beta < 0) return neg(g, globalSoftPool(g, neg(g, x), axes, -beta, constant));
  const detached = (value: Value) => (constant ? g.detach(value) : value);
  const top = largest(x.dtype);
  const finite = max(g, min(g, x, constantLike(g, x, top)), constantLike(g, x, -top));
  const m = detached(globalMaxPool(g, finite));
  const u = max(g, sub(g, finite, m), constantLike(g, x, beta === 1 ? -200 : -top));
  const exponent =
    beta === 1 ? u : max(g, mul(g, u, constantLike(g, x, beta)), constantLike(g, x, -200));
  const e = detached(exp(g, exponent));
  // One axis after the other: shorter sums.
  const sum = (value: Value) =>
    [...axes].reverse().reduce((y, axis) => reduce(g, "ReduceSum", y, [axis], true), value);
  return add(g, detached(globalMaxPool(g, x)), div(g, sum(mul(g, u, e)), sum(e)));
}
