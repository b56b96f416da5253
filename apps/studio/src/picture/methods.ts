/**
 * The pooling methods without parameters, composed of the operators of `softpool`. Values are not
 * negative, which the last two rely on:
 *
 *     stochastic, inference   y = sum x^2 / sum x            (Zeiler, Fergus, ICLR 2013)
 *     s3, inference           y = average over k x k tiles of the maxima of the k x k windows that begin
 *                                 at every position (Zhai et al., CVPR 2017)
 *
 * S3 repeats the last row and column as often as the last tile and the windows that begin in it need.
 */
import {
  avgPool2d,
  empty,
  maxPool2d,
  powerAvgPool2d,
  softPool2d,
  sumPool2d,
  type WasmTensor,
} from "softpool";
import type { Window } from "./window.ts";

/** Values in the memory of the operator. */
export type Planes = WasmTensor<Float32Array>;

/** The names of the methods, as everywhere. */
export type MethodName =
  | "soft"
  | "average"
  | "maximum"
  | "stochastic"
  | "s3"
  | "sum"
  | "power-average";

/** A method as the page shows it. */
export interface Method {
  /** Its name in options and tables. */
  readonly name: MethodName;
  /** Its heading. */
  readonly title: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** Whether WebGPU has it: the compositions run in WebAssembly only. */
  readonly gpu: boolean;
}

/** All methods, in the order of the panes. */
export const methods: readonly Method[] = [
  { name: "soft", title: "SoftPool", summary: "weights grow with e^(βx)", gpu: true },
  { name: "average", title: "Average", summary: "all taps alike", gpu: true },
  { name: "maximum", title: "Maximum", summary: "the largest tap", gpu: true },
  { name: "stochastic", title: "Stochastic", summary: "weights in proportion to x", gpu: false },
  { name: "s3", title: "S3Pool", summary: "the average of maxima", gpu: false },
  { name: "sum", title: "Sum", summary: "k² times as bright", gpu: true },
  { name: "power-average", title: "Power average", summary: "the root of Σx²", gpu: true },
];

/** The heading of a method. */
export function titleOf(name: MethodName): string {
  return methods.find((method) => method.name === name)?.title ?? name;
}

/** Why a method cannot pool with a window, or `undefined`. */
export function refusal(name: MethodName, { kernel, stride }: Window): string | undefined {
  return name === "s3" && kernel !== stride
    ? "S3Pool is defined for windows side by side: stride = kernel."
    : undefined;
}

/**
 * Pools planes `[1, C, H, W]` of values from 0.
 * @param name the method
 * @param x the values; not changed
 * @param window kernel and stride; partial windows are kept
 * @param beta temperature of SoftPool
 * @returns a new tensor in the operator's memory
 */
export function pool(name: MethodName, x: Planes, window: Window, beta: number): Planes {
  const options = { kernelSize: window.kernel, stride: window.stride, ceilMode: true };
  switch (name) {
    case "soft":
      return softPool2d(x, { ...options, beta }) as Planes;
    case "average":
      return avgPool2d(x, options) as Planes;
    case "maximum":
      return maxPool2d(x, options) as Planes;
    case "sum":
      return sumPool2d(x, options) as Planes;
    case "power-average":
      return powerAvgPool2d(x, options) as Planes;
    case "stochastic":
      return stochastic(x, options);
    case "s3":
      return s3(x, window.kernel);
  }
}

interface Options {
  readonly kernelSize: number;
  readonly stride: number;
  readonly ceilMode: boolean;
}

function stochastic(x: Planes, options: Options): Planes {
  const roots = powerAvgPool2d(x, { ...options, p: 2 }) as Planes;
  const sums = sumPool2d(x, options) as Planes;
  const [r, s] = [roots.data, sums.data];
  // A window of zeros has no weights; its value is 0.
  for (let i = 0; i < r.length; i++) r[i] = s[i] > 0 ? (r[i] * r[i]) / s[i] : 0;
  sums.dispose();
  return roots;
}

function s3(x: Planes, kernel: number): Planes {
  const [, channels, height, width] = x.shape;
  // Partial tiles are filled up by repeating the last element, and so are the windows that begin in them.
  const [tall, wide] = [height, width].map((n) => Math.ceil(n / kernel) * kernel + kernel - 1);
  const longer = empty([1, channels, tall, wide]);
  const [from, to] = [x.data, longer.data];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < tall; y++) {
      const source = (c * height + Math.min(y, height - 1)) * width;
      const target = (c * tall + y) * wide;
      to.set(from.subarray(source, source + width), target);
      to.fill(from[source + width - 1], target + width, target + wide);
    }
  }
  const maxima = maxPool2d(longer, { kernelSize: kernel, stride: 1 }) as Planes;
  longer.dispose();
  const y = avgPool2d(maxima, { kernelSize: kernel }) as Planes;
  maxima.dispose();
  return y;
}
