/**
 * Puts a method into a graph: fills its settings in, casts half precision to float32 and back, and
 * makes padded taps zeros where that is asked for.
 */
import {
  cast,
  castLike,
  type DType,
  type Graph,
  OnnxError,
  type PoolWindow,
  type Value,
} from "@softpool/onnx";
import { ALMOST_ZERO, frame, plainWindow } from "./frame.ts";
import type { Context, Method, Setting } from "./method.ts";

/** What padded taps are: `ignore` says that they do not exist, `zero` that they are 0. */
export type PaddingMode = "ignore" | "zero";

/** How a method is applied. */
export interface ApplyOptions {
  /** Settings that differ from their defaults. */
  readonly settings?: Context["settings"];
  /** Padded taps; default `ignore`. */
  readonly paddingMode?: PaddingMode;
  /** The parameters by name. */
  readonly parameters?: Context["parameters"];
  /** The noise by name; training with random methods needs it. */
  readonly noise?: Context["noise"];
  /** Training instead of inference; default false. */
  readonly training?: boolean;
}

/**
 * The settings of a method with defaults filled in.
 * @throws OnnxError for a setting that the method does not have, or a value that it cannot take
 */
export function settingsOf(method: Method, given: Context["settings"] = {}): Context["settings"] {
  const known = method.settings ?? [];
  for (const name of Object.keys(given)) {
    if (!known.some((setting) => setting.name === name)) {
      const there = known.map((setting) => setting.name).join(", ") || "none";
      throw new OnnxError(`${method.name}: it has no setting ${name}; there are: ${there}`);
    }
  }
  return Object.fromEntries(
    known.map((setting) => {
      const value = given[setting.name] ?? setting.default;
      const wrong = wrongWith(setting, value);
      if (wrong !== undefined) throw new OnnxError(`${method.name}: ${setting.name}: ${wrong}`);
      return [setting.name, value];
    }),
  );
}

/** Why a setting cannot have a value. */
function wrongWith(setting: Setting, value: number | string): string | undefined {
  if (setting.values !== undefined) {
    const fits = setting.values.includes(String(value));
    return fits ? undefined : `expected ${setting.values.join(" or ")}, received ${value}`;
  }
  if (typeof value !== "number" || Number.isNaN(value)) {
    return `expected a number, received ${value}`;
  }
  return setting.check?.(value);
}

/**
 * Composes a method.
 * @param g the graph
 * @param method the method
 * @param x the input `[N, C, ...]` of a floating-point type, or of an unknown one, which is taken for
 *   one that fits into float32
 * @param window the window
 * @param options settings, padding mode, parameters and noise
 * @returns the pooled value, of the input's type
 * @throws OnnxError when the input is not of a floating-point type
 */
export function applyMethod(
  g: Graph,
  method: Method,
  x: Value,
  window: PoolWindow,
  options: ApplyOptions = {},
): Value {
  const settings = settingsOf(method, options.settings);
  const zero = options.paddingMode === "zero";
  const compose = options.training ? (method.train ?? method.infer) : method.infer;
  return inComputeType(g, method, x, (inner) =>
    compose.call(method, {
      g,
      x: zero ? frame(g, inner, window, ALMOST_ZERO) : inner,
      window: zero ? plainWindow(window) : window,
      parameters: options.parameters ?? {},
      noise: options.noise ?? {},
      settings,
    }),
  ) as Value;
}

/** Composes in the type that methods compute in, and casts the result to the input's. */
export function inComputeType(
  g: Graph,
  method: Method,
  x: Value,
  compose: (inner: Value) => Value | undefined,
): Value | undefined {
  const { inner, back } = computeType(g, method, x);
  const y = compose(inner);
  return y === undefined ? undefined : back(y);
}

/** The input in the type that methods compute in, and the way back to its own. */
function computeType(
  g: Graph,
  method: Method,
  x: Value,
): { inner: Value; back: (y: Value) => Value } {
  const same = (y: Value) => y;
  switch (x.dtype) {
    case "float32":
    case "float64":
      return { inner: x, back: same };
    case "float16":
    case "bfloat16": {
      const half: DType = x.dtype;
      return { inner: cast(g, x, "float32"), back: (y) => cast(g, y, half) };
    }
    case undefined:
      // Without CastLike (operator set 15) the commonest type is taken for the true one.
      if (g.opset < 15) return { inner: { ...x, dtype: "float32" }, back: same };
      return { inner: cast(g, x, "float32"), back: (y) => castLike(g, y, x) };
    default:
      throw new OnnxError(
        `${method.name}: expected an input of a floating-point type, received ${x.dtype}`,
      );
  }
}
