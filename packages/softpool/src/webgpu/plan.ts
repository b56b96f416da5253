/**
 * From a pooling to kernels: which shaders run on which pieces, with which parameters.
 */
import type { Method, Problem } from "../options.ts";
import { canFuse, chooseForward, coversAll, fastItems, overhang, reachOf } from "./choose.ts";
import type { Params } from "./params.ts";
import { toFloat } from "./params.ts";
import { innerOf, type Piece, pieces, type Range } from "./split.ts";
import { type BindingName, perItem, type Storage } from "./wgsl/elements.ts";
import { fastKernel } from "./wgsl/fast.ts";
import { clearKernel, fusedKernel } from "./wgsl/fused.ts";
import { genericKernel, keptTables } from "./wgsl/generic.ts";
import { BETA_FLOATS } from "./wgsl/soft.ts";
import { canSpread, spreadKernel } from "./wgsl/spread.ts";

/** What is wanted of a pooling. */
export type Direction = "forward" | "backward" | "variance";

/** What plans need to know of a device. */
export interface PlanLimits {
  /** Bytes of a storage binding at most. */
  readonly bindingBytes: number;
  /** Multiple that the offset of a storage binding must be of, in bytes. */
  readonly alignment: number;
  /** Elements of float16 tensors are read and written one by one (`shader-f16`). */
  readonly native: boolean;
}

/** Tensors of a call: input, result, gradient of the output, and what a backward keeps. */
export type Role = BindingName;

/** A part of a buffer that a step is bound to, in bytes. */
export interface Slice {
  /** First byte, a multiple of the alignment. */
  readonly offset: number;
  /** Number of bytes, a multiple of 4. */
  readonly size: number;
}

/** One kernel over one piece. */
export interface Step {
  /** The shader. */
  readonly code: string;
  /** What it is bound to. */
  readonly slices: Readonly<Partial<Record<Role, Slice>>>;
  /** It reads the table of temperatures. */
  readonly betas: boolean;
  /** Its parameters, without `first` and `items`. */
  readonly params: Params;
  /** Number of items (threads, or workgroups). */
  readonly items: number;
  /** A workgroup takes an item together, instead of 64 of them. */
  readonly shared?: boolean;
}

/** All steps of a call. */
export interface Plan {
  /** In order. */
  readonly steps: readonly Step[];
  /** Bytes of each of the kept tables. */
  readonly keptBytes: number;
  /** The table of temperatures. */
  readonly betas: Float32Array<ArrayBuffer>;
}

/** From this many taps on, a workgroup takes a window together. */
const SHARED_FROM = 256;

const MOST = 3.4028234663852886e38;

/** ceil(log2 n). */
function bits(n: number): number {
  return Math.ceil(Math.log2(n));
}

/** What a shader needs to know of a temperature; see wgsl/soft.ts. */
function betaParams(beta: number, shift: number) {
  const q = (beta < 0 ? -1 : 1) * 2 ** -shift;
  const size = Math.abs(beta);
  if (size === 0 || size > MOST) {
    return { q, floor: -1, s1: 0, s2: 0, rule: size === 0 ? 2 : 1 };
  }
  const scale = size * 2 ** shift;
  const s1 = 2 ** Math.round(Math.log2(scale) / 2);
  return { q, floor: Math.max(-200 / scale, -MOST), s1, s2: scale / s1, rule: 0 };
}

/** The method that computes: SoftPool at one temperature 0 or infinity is the average or an extremum. */
function methodOf(problem: Problem, direction: Direction): { method: Method; flip: boolean } {
  const { method, beta } = problem;
  if (method !== "soft" || beta.length > 1 || direction === "variance")
    return { method, flip: false };
  if (beta[0] === 0) return { method: "average", flip: false };
  const extreme = direction === "forward" && Math.abs(beta[0]) === Number.POSITIVE_INFINITY;
  return extreme ? { method: "maximum", flip: beta[0] < 0 } : { method, flip: false };
}

/** The binding of a range of elements, and the number of its first element there. */
function sliceOf([start, count]: Range, bytes: number, alignment: number) {
  const from = start * bytes;
  const offset = from - (from % alignment);
  const size = Math.ceil(((start + count) * bytes - offset) / 4) * 4;
  return { slice: { offset, size }, first: (from - offset) / bytes };
}

/**
 * Plans a call on tensors that lie whole in buffers.
 * @param problem the pooling
 * @param direction what is wanted of it
 * @param limits limits of the device
 * @param whole the piece of the pooling that the buffers hold; default: all of it
 * @throws RangeError when the tensors cannot be cut to the limits
 */
export function planFor(
  problem: Problem,
  direction: Direction,
  limits: PlanLimits,
  whole?: Piece,
): Plan {
  const { dtype, axes, beta, channels } = problem;
  const { method, flip } = methodOf(problem, direction);
  const storage: Storage = dtype === "float32" ? "float32" : limits.native ? "native" : "packed";
  const bytes = dtype === "float32" ? 4 : 2;
  // SoftPool's average counts all taps of a window, `avgPool` not those beyond the padding.
  const axis3 = axes.map((axis) =>
    method !== problem.method ? { ...axis, padEnd: overhang(axis) } : axis,
  ) as unknown as Problem["axes"];
  const zero = problem.zeroPadding && axes.some((a) => a.padBegin > 0 || overhang(a) > 0);
  const taps = axes.reduce((n, a) => n * a.kernel, 1);
  const soft = method === "soft";
  const shared = taps >= SHARED_FROM;

  const tiny = beta.some((b) => Math.abs(b) < 2 ** -64);
  const shift = soft ? 1 + (tiny ? bits(taps) : 0) : bits(taps);
  const cover = axes.reduce((n, a) => n * Math.min(a.out, Math.ceil(reachOf(a) / a.stride)), 1);
  const gradShift = bits(cover) + 4;
  const common: Params = {
    channels,
    inner: innerOf(problem),
    flip: flip ? 0x80000000 : 0,
    shift,
    q: 2 ** -shift,
    ...windowParams(axes),
    zero: zero ? 1 : 0,
    normalized: problem.normalized ? 1 : 0,
    weights: problem.weightsOnly ? 1 : 0,
    betas: beta.length,
    // An infinity; a sum that might leave float32.
    limit: method === "average" || method === "sum" ? (254 - bits(taps)) * 2 ** 23 : 0x7f800000,
    gradShift,
    gradScale: 2 ** -gradShift,
    p: Math.min(problem.p, 1e30),
    invP: Math.min(1 / problem.p, 1e30),
    slopeP: Math.min(problem.p - 1, 1e30),
  };
  const tables = direction === "backward" ? keptTables(method) : [];
  const most = limits.bindingBytes - limits.alignment;
  const pieceLimits = {
    x: Math.floor(most / bytes),
    y: Math.floor(most / (direction === "forward" ? bytes : 4)),
  };
  const choice = { problem, method, storage, zero };
  const steps: Step[] = [];
  let keptBytes = 0;
  let varianceAt = 0;
  const cut = { ...problem, axes: axis3 };
  for (const piece of whole ? [whole] : pieces(cut, direction === "backward", pieceLimits)) {
    const [planeFirst] = piece.planes;
    const [D, H, W] = piece.axes;
    // The buffers begin where the piece does, if they hold one.
    const place = ([start, count]: Range) =>
      sliceOf([whole ? 0 : start, count], bytes, limits.alignment);
    const x = place(piece.x);
    const y = place(piece.y);
    const geometry: Params = {
      ...common,
      firstPlane: planeFirst,
      inD: D.size,
      inH: H.size,
      inW: W.size,
      outD: D.out,
      outH: H.out,
      outW: W.out,
      padD: D.padBegin,
      padH: H.padBegin,
      padW: W.padBegin,
      endD: D.size + D.padEnd,
      endH: H.size + H.padEnd,
      endW: W.size + W.padEnd,
      x0: x.first,
    };
    const outputs = piece.y[1];
    const words = { offset: 0, size: 4 * outputs };
    const kept = Object.fromEntries(tables.map((name) => [name, words]));
    /** Items that write `count` elements from `first` on. */
    const itemsOf = (first: number, count: number) => {
      const each = perItem(storage);
      return Math.ceil((first + count) / each) - Math.floor(first / each);
    };
    if (direction === "variance") {
      // Each piece writes behind the one before; the table holds all outputs.
      const slice = sliceOf([varianceAt, outputs], 4, limits.alignment);
      steps.push({
        code: genericKernel("variance", method, storage, shared),
        slices: { x: x.slice, s0: slice.slice, s1: slice.slice },
        betas: soft,
        params: { ...geometry, y0: slice.first },
        items: outputs,
        shared,
      });
      varianceAt += outputs;
      keptBytes = 4 * varianceAt;
      continue;
    }
    const fast = chooseForward(choice, piece.axes, outputs);
    const fastCount = fast ? fastItems(fast, piece.axes, outputs) : 0;
    if (direction === "forward") {
      steps.push({
        code: fast ? fastKernel(fast) : genericKernel("forward", method, storage, shared),
        slices: { x: x.slice, y: y.slice },
        betas: soft,
        params: { ...geometry, y0: y.first, count: outputs },
        items: fast ? fastCount : itemsOf(y.first, outputs),
        shared: !fast && shared,
      });
      continue;
    }
    const own = place(piece.own);
    const complete = piece.own[0] === piece.x[0] && piece.own[1] === piece.x[1];
    if (fast && complete && canFuse(fast, piece.axes)) {
      const params = { ...geometry, y0: own.first, g0: y.first };
      if (!coversAll(fast, piece.axes)) {
        steps.push({
          code: clearKernel(storage),
          slices: { y: own.slice },
          betas: false,
          params,
          items: piece.own[1] / 4,
        });
      }
      steps.push({
        code: fusedKernel({ ...fast, kind: "backward" }),
        slices: { x: x.slice, y: own.slice, g: y.slice },
        betas: soft,
        params,
        items: fastCount,
      });
      continue;
    }
    if (tables.length > 0) {
      keptBytes = Math.max(keptBytes, 4 * outputs);
      steps.push({
        code: fast
          ? fastKernel({ ...fast, kind: "keep" })
          : genericKernel("keep", method, storage, shared),
        slices: { x: x.slice, ...kept },
        betas: soft,
        params: geometry,
        items: fast ? fastCount : outputs,
        shared: !fast && shared,
      });
    }
    const spread = fast && canSpread(fast) ? fast : undefined;
    const readsX = method === "soft" || method === "power-average";
    steps.push({
      code: spread ? spreadKernel(spread) : genericKernel("gather", method, storage),
      slices: {
        ...(readsX ? { x: x.slice } : {}),
        y: own.slice,
        g: y.slice,
        ...kept,
      },
      betas: soft,
      params: {
        ...geometry,
        own0: piece.own[0] - piece.x[0],
        y0: own.first,
        g0: y.first,
        count: piece.own[1],
      },
      items: spread?.channelsLast ? piece.own[1] / 4 : itemsOf(own.first, piece.own[1]),
    });
  }
  return { steps, keptBytes, betas: betaTable(beta, shift) };
}

/** The windows, for the careful kernels. */
function windowParams([D, H, W]: Problem["axes"]): Params {
  return {
    kernelD: D.kernel,
    kernelH: H.kernel,
    kernelW: W.kernel,
    strideD: D.stride,
    strideH: H.stride,
    strideW: W.stride,
    dilationD: D.dilation,
    dilationH: H.dilation,
    dilationW: W.dilation,
  };
}

/** The table of temperatures, see wgsl/soft.ts. */
function betaTable(beta: Float64Array, shift: number): Float32Array<ArrayBuffer> {
  const table = new Float32Array(beta.length * BETA_FLOATS);
  beta.forEach((value, c) => {
    const { q, floor, s1, s2, rule } = betaParams(value, shift);
    table.set([q, floor, s1, s2, rule].map(toFloat), c * BETA_FLOATS);
  });
  return table;
}
