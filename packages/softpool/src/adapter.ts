/**
 * What adapters of SoftPool to other frameworks share: the options that make sense there, their checks and
 * geometry, and the one form of every error.
 */
import {
  type AxisPadding,
  describe,
  fail,
  type Problem,
  type SoftPoolBackwardOptions,
  show,
} from "./options.ts";

export { type Host, type HostPooling, type HostTensors, poolingOn } from "./wasm/foreign.ts";
export { type AxisPadding, fail, type Problem, show };

/** Options of SoftPool where a framework owns engines, threads and memory. */
export interface AdapterOptions
  extends Omit<SoftPoolBackwardOptions, "engine" | "threads" | "out" | "betaGradient" | "beta"> {
  /**
   * Temperature of the weights e^(beta x), a number or one per channel: 1 (default) is the paper's SoftPool, 0
   * the average, +Infinity the maximum, -Infinity the minimum; otherwise of magnitude 1e-30 to 1e30.
   */
  beta?: number | readonly number[];
}

const KNOWN = [
  "kernelSize",
  "stride",
  "padding",
  "dilation",
  "ceilMode",
  "layout",
  "paddingMode",
  "beta",
  "gradient",
];

/**
 * Refuses what is no object, and options that are not known.
 * @param name the function that was called
 * @param options what the caller wrote
 * @param cures what to do instead, by option
 * @throws RangeError
 */
export function expectOptions(
  name: string,
  options: unknown,
  cures: Readonly<Record<string, string>>,
): asserts options is object {
  if (typeof options !== "object" || options === null) {
    fail(name, "options", "an object with kernelSize", show(options));
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) fail(name, "options", KNOWN.join(", "), key, cures[key]);
  }
}

/**
 * Checks a temperature.
 * @param name the function or layer
 * @param value a number or one per channel
 * @param channels the number of channels, where it is known
 * @throws RangeError for what is no temperature
 */
export function checkBeta(name: string, value: unknown, channels?: number): readonly number[] {
  const list = typeof value === "number" ? [value] : value;
  const valid = (b: unknown) => {
    const size = Math.abs(b as number);
    const range =
      size === 0 || size === Number.POSITIVE_INFINITY || (size >= 1e-30 && size <= 1e30);
    return typeof b === "number" && range;
  };
  if (!Array.isArray(list) || list.length === 0 || !list.every(valid)) {
    const range = "each 0, infinite or of magnitude 1e-30 to 1e30";
    fail(name, "beta", `a number or one per channel, ${range}`, show(value));
  }
  if (typeof value !== "number" && channels !== undefined && list.length !== channels) {
    fail(name, "beta", `a number or one per channel, ${channels} in all`, `${list.length} numbers`);
  }
  return list;
}

/**
 * Checks which of two gradients is asked for.
 * @throws RangeError
 */
export function checkGradient(name: string, value: unknown): "exact" | "weights" {
  if (value !== "exact" && value !== "weights") {
    fail(name, "gradient", '"exact" or "weights"', show(value));
  }
  return value;
}

/**
 * Checks a window against a shape, and describes it.
 * @param name the function that was called
 * @param rank number of spatial axes
 * @param shape shape of the input, batch and channels included
 * @param window kernel, stride, padding, dilation, ceil mode, layout and padding mode
 * @throws RangeError as the poolings of this package would, in the name of `name`
 */
export function describeWindow(
  name: string,
  rank: 1 | 2 | 3,
  shape: readonly number[],
  window: object,
): Problem {
  return describe({ name, method: "soft", rank }, shape, "float32", window);
}
