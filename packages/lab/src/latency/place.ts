/** Where a latency study pools: a shape, a kernel with stride = kernel, a direction; and what can be pooled there. */
import { elements, poolWindow } from "@softpool/onnx";
import { methodOf, type Site, settingsOf } from "@softpool/poolings";
import { isOperator } from "../similarity/variant.ts";

/** What is timed: the pooling, or the gradient of its input (and of what it learns) from the output's. */
export type Direction = "forward" | "backward";

/** All directions, in the order of tables. */
export const directions: readonly Direction[] = ["forward", "backward"];

/** An engine of the operator. */
export type OwnEngine = "wasm" | "reference" | "softpool-webgpu";

/** What computes: an engine of the operator, or a provider of ONNX Runtime. */
export type LatencyEngine = OwnEngine | "cpu" | "webgpu" | "cuda" | "dml" | "coreml";

/** All engines, in the order of tables. */
export const latencyEngines: readonly LatencyEngine[] = [
  "wasm",
  "reference",
  "softpool-webgpu",
  "cpu",
  "webgpu",
  "cuda",
  "dml",
  "coreml",
];

/** Whether an engine is one of the operator's; the others are providers of ONNX Runtime. */
export function isOwn(engine: LatencyEngine): engine is OwnEngine {
  return engine === "wasm" || engine === "reference" || engine === "softpool-webgpu";
}

/** Whether an engine computes on the processor by definition; the others do on a graphics card. */
export function isOnProcessor(engine: LatencyEngine): boolean {
  return engine === "wasm" || engine === "reference" || engine === "cpu";
}

/** How an engine is called in reports. */
export function engineTitle(engine: LatencyEngine): string {
  if (engine === "softpool-webgpu") return "engine webgpu";
  return isOwn(engine) ? `engine ${engine}` : `ONNX Runtime ${engine}`;
}

/** `1 thread`, `2 threads`. */
export function threadsTitle(threads: number): string {
  return `${threads} thread${threads === 1 ? "" : "s"}`;
}

/** Where something is pooled. */
export interface LatencyPlace {
  /** The shape of the input, `[N, C, ...]`. */
  readonly shape: readonly number[];
  /** Kernel and stride along every axis. */
  readonly kernel: number;
}

/** A method at a place, in a direction. */
export interface Subject extends LatencyPlace {
  /** Name of the method in the catalogue. */
  readonly method: string;
  /** What is timed. */
  readonly direction: Direction;
}

/** The shape of the output: windows that lie within the input. */
export function outputShape({ shape, kernel }: LatencyPlace): number[] {
  return shape.map((size, i) => (i < 2 ? size : Math.floor(size / kernel)));
}

/** The place as methods see it. */
export function latencySite({ shape, kernel }: LatencyPlace): Site {
  const kernels = shape.slice(2).map(() => kernel);
  return { window: poolWindow(kernels, { strides: kernels }), channels: shape[1] };
}

/** Taps beyond which a window is not composed tap by tap. */
const MAX_TAPS = 1024;

/** Elements beyond which the engine that is the definition is not timed. */
const MOST_REFERENCE = 100_000;

/** Why an engine cannot pool so at all, one clause, or `undefined` when it can. */
export function whyAbsent(engine: LatencyEngine, subject: Subject): string | undefined {
  const { method: name, shape, kernel } = subject;
  const axes = shape.length - 2;
  const least = Math.min(...shape.slice(2));
  if (kernel > least) return `a kernel of ${kernel} is larger than an axis of ${least}`;
  if (isOwn(engine)) {
    if (!isOperator({ method: name })) return `the operator has no method ${name}`;
    if (engine === "reference" && elements(shape) > MOST_REFERENCE) {
      return `the engine reference is a definition, not timed beyond ${MOST_REFERENCE.toLocaleString("en-US")} elements`;
    }
    return undefined;
  }
  const method = methodOf(name);
  if (!method.axes.includes(axes)) {
    return `${name} is defined for ${method.axes.join(" and ")} spatial axes, not ${axes}`;
  }
  if (kernel ** axes > MAX_TAPS) {
    return `a window of ${kernel ** axes} taps is too large for its graph, expected at most ${MAX_TAPS}`;
  }
  return method.refuse?.(latencySite(subject), settingsOf(method));
}

/** Bytes of the tensors that a call reads and writes, in float32. */
export function tensorBytes({ shape, kernel, direction }: Subject): number {
  const [input, output] = [elements(shape), elements(outputShape({ shape, kernel }))];
  return 4 * (direction === "forward" ? input + output : 2 * input + output);
}
