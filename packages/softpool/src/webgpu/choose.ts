/**
 * Which pieces the fast kernels take, and with which variant.
 */
import type { Method, Problem } from "../options.ts";
import { type Axis, windowStart } from "../window.ts";
import type { Storage } from "./wgsl/elements.ts";
import type { Triple, Variant } from "./wgsl/fast.ts";

/** Below this many outputs compiling a shader for the window does not pay. */
export const FAST_FROM = 4096;
/** Most taps that stand in a shader one by one, for all outputs of a thread. */
const MOST_TAPS = 64;
/** Most taps of one window. */
const MOST_WINDOW = 36;

/** A window reaches this far, in elements. */
export function reachOf(axis: Axis): number {
  return (axis.kernel - 1) * axis.dilation + 1;
}

/** How far the last window reaches beyond the end of its axis; 0 when it does not. */
export function overhang(axis: Axis): number {
  return Math.max(0, windowStart(axis, axis.out - 1) + reachOf(axis) - axis.size);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** What the choice depends on besides the piece. */
export interface Choice {
  /** The pooling. */
  readonly problem: Problem;
  /** The method that computes. */
  readonly method: Method;
  /** How elements are stored. */
  readonly storage: Storage;
  /** Taps outside the input are zeros. */
  readonly zero: boolean;
}

/** The variant of a fast kernel for the results of a piece, or undefined where the careful one is needed. */
export function chooseForward(
  { problem, method, storage, zero }: Choice,
  axes: Problem["axes"],
  count: number,
): Variant | undefined {
  const { beta, channels, channelsLast } = problem;
  const triple = (key: "kernel" | "stride" | "dilation") =>
    axes.map((axis) => axis[key]) as unknown as Triple;
  const [, , W] = axes;
  const taps = axes.reduce((n, axis) => n * axis.kernel, 1);
  const moderate = beta.every((b) => Math.abs(b) >= 2 ** -64 && Math.abs(b) <= 2 ** 64);
  if (method === "power-average" || (method === "soft" && !moderate)) return undefined;
  if (count < FAST_FROM || taps > MOST_WINDOW) return undefined;
  let outputs = 4 / gcd(4, W.stride);
  if (storage === "packed") outputs = Math.max(2, outputs);
  const vector = channelsLast && channels % 4 === 0;
  const plain = !channelsLast || channels === 1;
  if (!vector) {
    if (!plain || W.size % 4 !== 0 || outputs * taps > MOST_TAPS) return undefined;
    // Half words are not written alone.
    if (storage === "packed" && W.out % 2 !== 0) return undefined;
  }
  return {
    kind: "forward",
    method,
    storage,
    channelsLast: vector,
    outputs: vector ? 1 : outputs,
    phase: vector ? 0 : ((-W.padBegin % 4) + 4) % 4,
    kernel: triple("kernel"),
    stride: triple("stride"),
    dilation: triple("dilation"),
    padded: axes.map((axis) => axis.padBegin > 0 || overhang(axis) > 0) as unknown as [
      boolean,
      boolean,
      boolean,
    ],
    zero,
    perChannel: method === "soft" && beta.length > 1,
    weights: problem.weightsOnly,
  };
}

/** Items of a fast kernel. */
export function fastItems(v: Variant, axes: Problem["axes"], count: number): number {
  if (v.channelsLast) return count / 4;
  const { out } = axes[2];
  return (count / out) * Math.ceil(out / v.outputs);
}

/** Whether a piece's windows are apart, so that its backward is one kernel. */
export function canFuse(v: Variant, axes: Problem["axes"]): boolean {
  if (v.method !== "soft" && v.method !== "maximum") return false;
  const apart = axes.every((axis) => reachOf(axis) <= axis.stride || axis.out === 1);
  if (v.channelsLast) return apart;
  const [, , W] = axes;
  return apart && W.padBegin === 0 && reachOf(W) <= W.stride && overhang(W) === 0;
}

/** Whether a fused backward writes every input. */
export function coversAll(v: Variant, axes: Problem["axes"]): boolean {
  return axes.every((axis, i) => {
    if (axis.padBegin !== 0) return false;
    if (i === 2 && !v.channelsLast) {
      return Math.ceil(axis.out / v.outputs) * v.outputs * axis.stride >= axis.size;
    }
    const tiles = axis.kernel === axis.stride && axis.dilation === 1;
    return tiles ? axis.out * axis.stride >= axis.size : axis.size === 1 && axis.kernel === 1;
  });
}
