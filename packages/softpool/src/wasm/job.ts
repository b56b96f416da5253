/**
 * The description of a pooling as the kernels read it: the counterpart of assembly/job.ts. Chooses the
 * kernel, the blocks that threads take, and the scratch memory that a thread needs.
 */
import type { Method, Problem } from "../options.ts";
import { type Axis, paddedTaps, tapRange, windowStart } from "../window.ts";

/** Kernels, in the order of assembly/index.ts. */
export const Kernel = {
  forward: 0,
  backward: 1,
  pairForward: 2,
  pairBackward: 3,
} as const;

const METHODS: Record<Method, number> = {
  soft: 0,
  average: 1,
  maximum: 2,
  sum: 3,
  "power-average": 4,
};
const DTYPES = { float32: 0, float64: 1, float16: 2 } as const;

/** A task reads about this many elements, so that they stay in a cache while it is computed. */
const TASK = 131072;
/** A thread takes small tasks together until they have about this many. */
const GRAIN = 32768;
/** A row block has about this many elements. */
const ROW = 2048;
/** All rows of a plane are kept where they need at most this many bytes. */
const KEEP = 262144;

/** Which of a method's computations is wanted. */
export type Direction = "forward" | "backward" | "variance";

/** One contiguous piece of a pooling: some planes, or a part of one plane along its outer axis. */
export interface Piece {
  /** First plane and number of planes. */
  readonly plane: number;
  /** See `plane`. */
  readonly planes: number;
  /** The three axes, with the outer one cut to the piece. */
  readonly axes: readonly [Axis, Axis, Axis];
  /** What is computed along the outer axis: outputs, or inputs in a backward. */
  readonly own: readonly [begin: number, end: number];
  /** First output of the piece along the outer axis in the whole tensor. */
  readonly firstOut: number;
}

/** A pooling prepared for the kernels. */
export interface Plan {
  /** What is computed. */
  readonly direction: Direction;
  /** The pooling as the caller described it. */
  readonly problem: Problem;
  /** The method the kernels run: SoftPool at beta 0 is the average, at infinite beta an extremum. */
  readonly method: Method;
  /** The minimum instead of the maximum. */
  readonly negate: boolean;
  /** The axes D, H, W. */
  readonly axes: readonly [Axis, Axis, Axis];
  /** Axis along which planes are cut: 0 D, 1 H, 2 W. */
  readonly outer: 0 | 1 | 2;
  /** Elements of a plane that are interleaved: C with channels last, else 1. */
  readonly inner: number;
  /** Number of planes: N, or N C. */
  readonly planes: number;
  /** Taps outside the input exist and are zeros. */
  readonly zeroPadding: boolean;
  /** Divisors per axis. */
  readonly counts: readonly [Float64Array, Float64Array, Float64Array];
  /** Which kernel computes it. */
  readonly kernel: number;
}

function reachesOutside(axis: Axis): boolean {
  const last = windowStart(axis, axis.out - 1) + (axis.kernel - 1) * axis.dilation;
  return axis.padBegin > 0 || last >= axis.size;
}

/** Per output of an axis, the number of taps that its average counts. */
function countTaps(axis: Axis, zero: boolean, allTaps: boolean): Float64Array {
  return Float64Array.from({ length: axis.out }, (_, o) => {
    if (zero) return allTaps ? axis.kernel : paddedTaps(axis, o);
    const [first, end] = tapRange(axis, o);
    return end - first;
  });
}

function isPair(axis: Axis): boolean {
  const { kernel, stride, dilation, padBegin, out, size } = axis;
  return kernel === 2 && stride === 2 && dilation === 1 && padBegin === 0 && 2 * out <= size;
}

/** Prepares a pooling for the kernels. */
export function planFor(problem: Problem, direction: Direction): Plan {
  const { channels, batch, dtype, beta } = problem;
  // With a single output the stride does not matter: along W 1 is the simplest, else the whole window.
  const axes = problem.axes.map((axis, i) =>
    axis.out === 1
      ? { ...axis, stride: i === 2 ? 1 : (axis.kernel - 1) * axis.dilation + 1 }
      : axis,
  ) as unknown as Problem["axes"];
  let method = problem.method;
  let negate = false;
  const uniform =
    beta.length === 1 || beta.every((value) => value === beta[0]) ? beta[0] : undefined;
  if (method === "soft" && direction !== "variance") {
    if (uniform === 0) method = "average";
    else if (direction === "forward") {
      // Of a single tap the maximum is the result too.
      const single = axes.every((axis) => axis.kernel === 1);
      if (single || Math.abs(uniform ?? 0) === Number.POSITIVE_INFINITY) {
        method = "maximum";
        negate = !single && (uniform as number) < 0;
      }
    }
  }
  const inner = problem.channelsLast ? channels : 1;
  const zeroPadding = problem.zeroPadding && axes.some(reachesOutside);
  // The overhang of ceil mode counts for all methods but `avgPool`.
  const allTaps = problem.method !== "average";

  const outer =
    axes[0].size > 1 || axes[0].out > 1 ? 0 : axes[1].size > 1 || axes[1].out > 1 ? 1 : 2;

  const back = direction === "backward";
  // The pair kernel is relative to the largest tap: small temperatures would cancel in float32.
  const moderate =
    beta.every((b) => b > 0.15 && b < 1e30) && (inner === 1 || uniform !== undefined);
  const pair =
    dtype !== "float64" &&
    direction !== "variance" &&
    !negate &&
    (method === "average" || method === "maximum" || (method === "soft" && moderate)) &&
    axes[0].size === 1 &&
    axes[0].kernel === 1 &&
    isPair(axes[1]) &&
    isPair(axes[2]) &&
    (inner === 1 || inner % 8 === 0);
  let kernel: number = back ? Kernel.backward : Kernel.forward;
  if (pair) kernel = back ? Kernel.pairBackward : Kernel.pairForward;
  return {
    direction,
    problem,
    method,
    negate,
    axes,
    outer,
    inner,
    planes: problem.channelsLast ? batch : batch * channels,
    zeroPadding,
    counts: axes.map((axis) => countTaps(axis, zeroPadding, allTaps)) as unknown as Plan["counts"],
    kernel,
  };
}

/** The blocks of a piece and what a thread needs for one. */
export interface Blocks {
  /** Blocks per plane; a task is one block of one plane. */
  readonly blocks: number;
  /** Length of a block along the outer axis. */
  readonly length: number;
  /** Tasks a thread takes at once. */
  readonly grain: number;
  /** Columns handled at once along W. */
  readonly columns: number;
  /** All rows of a plane are kept, not only those of a window. */
  readonly allRows: boolean;
  /** Scratch memory of a thread in bytes. */
  readonly scratchBytes: number;
}

/**
 * The length of a block along the outer axis. It decides in which values a block's computation is chosen
 * by, so that pieces consist of whole blocks: results do not depend on them.
 */
export function blockLength(plan: Plan): number {
  const axis = plan.axes[plan.outer];
  const back = plan.direction === "backward";
  const [D, H, W] = plan.axes;
  const size = D.size * H.size * W.size * plan.inner;
  const perUnit = Math.floor(size / (back ? axis.size : axis.out));
  let length = Math.max(1, Math.floor(TASK / Math.max(1, perUnit)));
  // Pairs of rows are not divided; wide windows share rows between blocks: keep those few.
  if (plan.kernel === Kernel.pairBackward) length += length % 2;
  const span = (axis.kernel - 1) * axis.dilation + 1;
  const least = back ? 2 * span : Math.ceil((2 * span) / axis.stride);
  return span > axis.stride ? Math.max(length, least) : length;
}

const room = (count: number) => count * 8 + 64;

/** Cuts a piece into tasks and computes the scratch memory of a thread; sizes are those of float64. */
export function blocksOf(plan: Plan, piece: Piece): Blocks {
  const { inner, outer } = plan;
  const [D, H, W] = piece.axes;
  const back = plan.direction === "backward";
  const own = piece.own[1] - piece.own[0];
  const length = Math.min(own, blockLength(plan));
  const blocks = Math.ceil(own / length);
  const size = D.size * H.size * W.size * inner;
  const each = size / piece.axes[outer].size;
  const grain = Math.max(1, Math.floor(GRAIN / (size / blocks)));

  const spanW = (W.kernel - 1) * W.dilation + 1;
  const line = back ? W.size : W.out;
  let columns = line;
  if (W.size * inner > 2 * ROW) {
    const wanted = Math.ceil(ROW / inner / (back ? 1 : W.stride));
    columns = Math.min(line, Math.max(8, wanted, 2 * Math.ceil(spanW / (back ? 1 : W.stride))));
  }

  const width = back ? columns + 2 * (spanW + W.stride) : (columns - 1) * W.stride + spanW;
  const outs = back ? Math.floor((columns + spanW) / W.stride) + 3 : columns;
  const channel = W.stride * room((Math.ceil(width / W.stride) + 1) * inner);
  const sums = room(outs * inner);
  const row = back ? 3 * (channel + sums) : 3 * sums;
  const reach = (a: Axis) => Math.floor(((a.kernel - 1) * a.dilation) / a.stride) + 1;
  const rows = (a: Axis) => Math.min(a.size, (a.kernel - 1) * a.dilation + (back ? a.stride : 1));
  const allRows = D.kernel > 1 && rows(D) * H.size * row <= KEEP;
  const ring = rows(D) * (allRows ? H.size : rows(H)) * row;
  const part = room((2 * outs + 2 * reach(W) + Math.ceil(width / W.stride) + 2) * inner);
  const outRing =
    Math.min(D.out, reach(D)) * (allRows ? H.out : Math.min(H.out, reach(H))) * 2 * part;
  const taps = D.kernel * H.kernel * W.kernel;
  const pipeline = ring + (back ? outRing : 0) + 8 * channel + 8 * sums + 4 * part;
  const tables = 16 * (D.kernel * H.kernel + W.kernel) + 64 * (rows(D) * H.size + D.out * H.out);
  const careful = 20 * taps + (back ? 8 * length * each : 0);
  const single = 40 * Math.max(W.size, width, outs) * inner;
  const scratchBytes = Math.ceil((pipeline + tables + careful + single + 16384) / 64) * 64;
  return { blocks, length, grain, columns, allRows, scratchBytes };
}

/** Bytes of a job without its tables. */
const HEAD = 256;

/** Bytes that {@link writeJob} needs. */
export function jobBytes(plan: Plan, piece: Piece): number {
  const outs = piece.axes.reduce((sum, axis) => sum + axis.out, 0);
  return HEAD + 8 * (outs + Math.max(plan.problem.beta.length, 1));
}

/** Addresses of the tensors of a piece. */
export interface Addresses {
  /** Input. */
  readonly x: number;
  /** Output, or gradient of the output in a backward. */
  readonly y: number;
  /** Gradient of the input. */
  readonly gx: number;
}

/** Writes the job of a piece at `at`; the order of the words is that of assembly/job.ts. */
export function writeJob(
  buffer: ArrayBufferLike,
  at: number,
  plan: Plan,
  piece: Piece,
  cut: Blocks,
  to: Addresses,
  scratch: number,
): void {
  const { problem } = plan;
  const { beta } = problem;
  const tables = at + HEAD;
  const doubles = new Float64Array(buffer);
  let next = tables / 8;
  const table = (values: ArrayLike<number>) => {
    const start = next * 8;
    doubles.set(values, next);
    next += values.length;
    return start;
  };
  const counts = plan.counts.map((values, axis) => {
    const first = axis === plan.outer ? piece.firstOut : 0;
    return table(values.subarray(first, first + piece.axes[axis].out));
  });
  // The kernels take the beta of plane i from entry i modulo C: start with that of the first plane.
  const rotate = plan.inner === 1 && beta.length > 1 ? piece.plane % beta.length : 0;
  const betas = table(beta.map((_, i) => beta[(i + rotate) % beta.length]));
  const words = new Uint32Array(buffer, at, HEAD / 4);
  const axesAt = 40;
  piece.axes.forEach((axis, i) => {
    const { size, out, kernel, stride, padBegin, dilation } = axis;
    words.set([size, out, kernel, stride, padBegin, dilation], axesAt + 6 * i);
  });
  words.set([
    plan.kernel,
    DTYPES[problem.dtype],
    ...[to.x, to.y, to.gx],
    piece.planes,
    plan.inner,
    plan.inner === 1 ? problem.channels : 1,
    Number(beta.length === 1),
    ...counts,
    Number(plan.zeroPadding),
    betas,
    plan.outer,
    ...piece.own,
    cut.blocks,
    cut.length,
    piece.planes * cut.blocks,
    cut.grain,
    0,
    scratch,
    cut.scratchBytes,
    METHODS[plan.method],
    Number(problem.weightsOnly),
    Number(plan.direction === "variance"),
    Number(plan.negate),
    Number(problem.normalized),
    cut.columns,
    Number(cut.allRows),
  ]);
  doubles[(at + 4 * 32) / 8] = problem.p;
}
