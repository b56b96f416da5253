/**
 * From the options of a call to a {@link Pooling}. The geometry and its errors are those of the package
 * `softpool`; this file adds what concerns arrays of jax-js: arrays without a batch axis.
 */
import {
  type AdapterOptions,
  checkBeta,
  checkGradient,
  describeWindow,
  expectOptions,
  fail as failIn,
  show,
} from "softpool/adapter";
import type { Axis } from "softpool/window";

/** Options of {@link softPool}. */
export interface SoftPoolOptions extends AdapterOptions {}

const NAME = "softPool";

/** A checked pooling. */
export interface Pooling {
  /** The spatial axes, outermost first. */
  readonly axes: readonly Axis[];
  /** Position of the channel axis in the array. */
  readonly channelAxis: number;
  /** Position of the first spatial axis in the array. */
  readonly firstAxis: number;
  /** Taps outside the input are zeros instead of absent. */
  readonly zero: boolean;
  /** Temperature: one entry for all channels or one per channel. */
  readonly beta: readonly number[];
  /** The published gradient instead of the exact one. */
  readonly weightsOnly: boolean;
}

/** Why some options of the package `softpool` do not exist here. */
const CURES: Record<string, string> = {
  engine: "the device of jax-js computes, see defaultDevice",
  threads: "they belong to jax-js",
  out: "arrays of jax-js are never overwritten",
  betaGradient: "the gradient of beta is part of the package softpool only",
};

const LAYOUTS = [
  ["NCL", "NLC"],
  ["NCHW", "NHWC"],
  ["NCDHW", "NDHWC"],
];

/** Fails with the one form of every error: parameter, expected, received, and the cure where there is one. */
export function fail(parameter: string, expected: string, received: string, cure = ""): never {
  failIn(NAME, parameter, expected, received, cure);
}

/** Number of spatial axes: what an option with an entry per axis says, else that of an array with a batch. */
function rankOf(shape: readonly number[], o: Partial<SoftPoolOptions>): 1 | 2 | 3 {
  const layout = LAYOUTS.findIndex((pair) => pair.includes(o.layout ?? "")) + 1;
  const listed = [o.kernelSize, o.stride, o.padding, o.dilation].find(Array.isArray) as unknown[];
  const rank = layout > 0 ? layout : (listed?.length ?? shape.length - 2);
  if (rank < 1 || rank > 3 || (shape.length !== rank + 2 && shape.length !== rank + 1)) {
    const cure =
      "without a batch axis, an array of kernelSize or the layout tells the number of axes";
    const sizes = rank >= 1 && rank <= 3 ? `${rank + 2} sizes, or ${rank + 1}` : "3 to 5 sizes";
    fail("x.shape", `${sizes}`, show([...shape]), cure);
  }
  return rank as 1 | 2 | 3;
}

/**
 * Checks options against the shape of an array and describes the pooling.
 * @param shape shape of the array, with or without the batch axis
 * @param options what the caller wrote
 * @throws RangeError for anything that is not as documented
 */
export function describePooling(shape: readonly number[], options: unknown): Pooling {
  expectOptions(NAME, options, CURES);
  const o = options as SoftPoolOptions;
  const rank = rankOf(shape, o);
  const batched = shape.length === rank + 2;
  const full = batched ? [...shape] : [1, ...shape];
  const { beta, gradient, ...window } = o;
  const { axes, channels, channelsLast, zeroPadding } = describeWindow(NAME, rank, full, window);
  const offset = batched ? 0 : 1;
  return {
    axes: axes.slice(3 - rank),
    channelAxis: (channelsLast ? rank + 1 : 1) - offset,
    firstAxis: (channelsLast ? 1 : 2) - offset,
    zero: zeroPadding,
    weightsOnly: checkGradient(NAME, gradient ?? "exact") === "weights",
    beta: checkBeta(NAME, beta ?? 1, channels),
  };
}
