/**
 * The WebAssembly engine: cuts a pooling into pieces, gives each its tensors in WebAssembly memory
 * (nothing is copied where they lie there already) and runs it as a job.
 */
import { toNumbers } from "../half.ts";
import { fail, type Problem } from "../options.ts";
import { bytesPerElement, type Elements, elements, type FloatArray } from "../types.ts";
import { type Axis, coveringOutputs, inputRange } from "../window.ts";
import {
  type Blocks,
  blockLength,
  blocksOf,
  type Direction,
  jobBytes,
  type Piece,
  type Plan,
  planFor,
  writeJob,
} from "./job.ts";
import {
  addressOf,
  allocateBytes,
  getRuntime,
  hold,
  isResident,
  letGo,
  release,
} from "./memory.ts";
import { defaultThreads, runJob, runJobAsync } from "./threads.ts";

/**
 * Tensors outside WebAssembly memory are pooled in pieces of about this many bytes: by one thread while
 * they are in its cache; several have more to share.
 */
const PIECE = 16 * 2 ** 20;
const PIECE_OF_ONE = 2 ** 20;
/** Below this many elements a job is done before a worker wakes up. */
const SMALL = 100_000;

/** The tensors of a call: gradient of the input only in a backward. */
interface Arrays {
  readonly x: FloatArray;
  readonly y: FloatArray;
  readonly gx?: FloatArray;
}

function replaceAxis(axes: Plan["axes"], outer: number, axis: Axis): Plan["axes"] {
  return axes.map((old, i) => (i === outer ? axis : old)) as unknown as Plan["axes"];
}

/** Part `[begin, end)` of the outer axis of one plane: outputs, or inputs in a backward. */
function partOf(plan: Plan, plane: number, begin: number, end: number): Piece & { first: number } {
  const axis = plan.axes[plan.outer];
  const back = plan.direction === "backward";
  let outputs: [number, number] = [begin, end];
  if (back) {
    const from = Math.min(coveringOutputs(axis, begin)[0], axis.out - 1);
    outputs = [from, Math.max(from + 1, coveringOutputs(axis, end - 1)[1])];
  }
  let [first, last] = inputRange(axis, ...outputs);
  if (back) {
    first = Math.min(first, begin);
    last = Math.max(last, end);
  }
  const part = {
    ...axis,
    size: last - first,
    out: outputs[1] - outputs[0],
    padBegin: first + axis.padBegin - outputs[0] * axis.stride,
  };
  return {
    plane,
    planes: 1,
    axes: replaceAxis(plan.axes, plan.outer, part),
    own: back ? [begin - first, end - first] : [0, part.out],
    firstOut: outputs[0],
    first,
  };
}

/** Elements of a plane's input and output, and of one step along its outer axis. */
function sizes(plan: Plan) {
  const { axes, inner, outer } = plan;
  const input = axes[0].size * axes[1].size * axes[2].size * inner;
  const output = axes[0].out * axes[1].out * axes[2].out * inner;
  return {
    input,
    output,
    inputStep: input / axes[outer].size,
    outputStep: output / axes[outer].out,
  };
}

/** The pieces of a call, each with the element ranges of its tensors. */
interface Cut {
  piece: Piece;
  /** Input (and its gradient): first element and count; output likewise. */
  x: [start: number, count: number];
  y: [start: number, count: number];
  /** The owned part of the input's gradient. */
  own: [start: number, count: number];
}

function* cuts(plan: Plan, arrays: Arrays): Generator<Cut> {
  const { input, output, inputStep, outputStep } = sizes(plan);
  const bytes = bytesPerElement(plan.problem.dtype);
  const { x, y, gx } = arrays;
  const outside =
    bytes *
    ((isResident(x) ? 0 : input) +
      (isResident(y) ? 0 : output) +
      (gx === undefined || isResident(gx) ? 0 : input));
  const axis = plan.axes[plan.outer];
  const back = plan.direction === "backward";
  const length = back ? axis.size : axis.out;
  const most = threadLimit(plan.problem) === 1 ? PIECE_OF_ONE : PIECE;
  if (outside > most / 2) {
    const unit = blockLength(plan);
    const step = unit * Math.ceil(length / Math.ceil(outside / most) / unit);
    for (let plane = 0; plane < plan.planes; plane++) {
      for (let begin = 0; begin < length; begin += step) {
        const piece = partOf(plan, plane, begin, Math.min(length, begin + step));
        const part = piece.axes[plan.outer];
        const start = plane * input + piece.first * inputStep;
        yield {
          piece,
          x: [start, part.size * inputStep],
          y: [plane * output + piece.firstOut * outputStep, part.out * outputStep],
          own: [start + piece.own[0] * inputStep, (piece.own[1] - piece.own[0]) * inputStep],
        };
      }
    }
    return;
  }
  const together = outside === 0 ? plan.planes : Math.max(1, Math.floor(most / outside));
  for (let plane = 0; plane < plan.planes; plane += together) {
    const planes = Math.min(together, plan.planes - plane);
    const range: [number, number] = [plane * input, planes * input];
    yield {
      piece: { plane, planes, axes: plan.axes, own: [0, length], firstOut: 0 },
      x: range,
      y: [plane * output, planes * output],
      own: range,
    };
  }
}

/** A part of an array, of any element class. */
function part<A extends FloatArray>(array: A, start: number, count: number): A {
  return array.subarray(start, start + count) as A;
}

/** Views of one class over memory at an address. */
function viewLike(like: FloatArray, pointer: number, length: number): FloatArray {
  const Class = like.constructor as new (
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ) => FloatArray;
  return new Class(getRuntime().memory.buffer, pointer, length);
}

/** A job that is ready to run. */
interface Job {
  readonly address: number;
  readonly threads: number;
}

function mustAllocate(name: string, bytes: number): number {
  const pointer = allocateBytes(bytes);
  if (pointer === 0) {
    fail(
      name,
      "x",
      "pieces that fit in WebAssembly memory",
      `one of ${Math.ceil(bytes / 2 ** 20)} MiB`,
    );
  }
  return pointer;
}

/** The most threads that a call may use. */
function threadLimit(problem: Problem): number {
  return problem.threads === 0 ? defaultThreads() : problem.threads;
}

/** Threads for a piece: none but the caller's where there is little to do. */
function threadsFor(problem: Problem, blocks: Blocks, piece: Piece, count: number): number {
  const tasks = Math.ceil((piece.planes * blocks.blocks) / blocks.grain);
  return count < SMALL ? 1 : Math.max(1, Math.min(threadLimit(problem), tasks));
}

/**
 * Yields the jobs of a call one after the other; each must have run before the next is asked for.
 * @param idle 1 where the caller's thread may leave the work to others, which then need its share of
 *   scratch memory too
 */
function* jobs(
  problem: Problem,
  direction: Direction,
  arrays: Arrays,
  idle: 0 | 1,
): Generator<Job> {
  if (problem.batch * problem.channels === 0) return;
  const plan = planFor(problem, direction);
  const bytes = bytesPerElement(problem.dtype);
  const { name } = problem;
  for (const { piece, x, y, own } of cuts(plan, arrays)) {
    const blocks = blocksOf(plan, piece);
    const temporary: number[] = [];
    const take = (size: number) => {
      const pointer = mustAllocate(name, size);
      temporary.push(pointer);
      return pointer;
    };
    /** The address of a tensor's range, copied in where it lies outside and is read. */
    const place = (array: FloatArray, [start, count]: [number, number], read: boolean) => {
      if (isResident(array)) return addressOf(array) + start * bytes;
      const pointer = take(count * bytes);
      if (read) viewLike(array, pointer, count).set(part(array, start, count) as Float32Array);
      return pointer;
    };
    try {
      const back = arrays.gx !== undefined;
      const addresses = {
        x: place(arrays.x, x, true),
        y: place(arrays.y, y, back),
        gx: arrays.gx === undefined ? 0 : place(arrays.gx, x, false),
      };
      let threads = threadsFor(problem, blocks, piece, x[1]);
      const address = take(jobBytes(plan, piece));
      let scratch = 0;
      while (scratch === 0) {
        scratch = allocateBytes(blocks.scratchBytes * (threads + idle));
        if (scratch === 0) {
          if (threads === 1) mustAllocate(name, blocks.scratchBytes);
          threads = 1;
        }
      }
      temporary.push(scratch);
      const { buffer } = getRuntime().memory;
      writeJob(buffer, address, plan, piece, blocks, addresses, scratch);
      yield { address, threads };
      if (!back && !isResident(arrays.y)) {
        const [start, count] = y;
        const view = viewLike(arrays.y, addresses.y, count);
        part(arrays.y, start, count).set(view as Float32Array);
      }
      if (arrays.gx !== undefined && !isResident(arrays.gx)) {
        const [start, count] = own;
        const from = addresses.gx + (start - x[0]) * bytes;
        part(arrays.gx, start, count).set(viewLike(arrays.gx, from, count) as Float32Array);
      }
    } finally {
      for (const pointer of temporary) release(pointer);
    }
  }
}

function run(problem: Problem, direction: Direction, arrays: Arrays): void {
  for (const { address, threads } of jobs(problem, direction, arrays, 0)) runJob(address, threads);
}

async function runAsync(problem: Problem, direction: Direction, arrays: Arrays): Promise<void> {
  // Tensors released by the caller meanwhile stay untouched until the end.
  hold();
  try {
    for (const { address, threads } of jobs(problem, direction, arrays, 1)) {
      await runJobAsync(address, threads);
    }
  } finally {
    letGo();
  }
}

/** What the gradient of beta needs. */
interface VarianceCall {
  problem: Problem;
  arrays: Arrays;
  g: Elements;
}

/**
 * The call that gives the weighted variance of every window, in float64, and the gradient of the output,
 * both copied: growing memory may detach the caller's arrays.
 */
function varianceCall(problem: Problem, x: FloatArray, gradOutput: FloatArray): VarianceCall {
  const copy = (data: FloatArray) => new Float64Array(toNumbers(data) as Float64Array);
  return {
    problem: { ...problem, dtype: "float64" },
    arrays: { x: copy(x), y: new Float64Array(elements(problem.outShape)) },
    g: copy(gradOutput),
  };
}

/** dL/dbeta = sum over windows of gradient times variance, per channel. */
function sumVariance({ problem, arrays, g }: VarianceCall, gradBeta: Float64Array): void {
  const { channels, channelsLast } = problem;
  const inner = channelsLast ? 1 : g.length / (problem.batch * channels);
  const variance: Elements = arrays.y;
  for (let i = 0; i < g.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    gradBeta[gradBeta.length === 1 ? 0 : channel] += g[i] * variance[i];
  }
}

/** Computes a pooling. */
export function wasmForward(problem: Problem, x: FloatArray, out: FloatArray): void {
  run(problem, "forward", { x, y: out });
}

/** Computes a pooling without blocking. */
export function wasmForwardAsync(problem: Problem, x: FloatArray, out: FloatArray): Promise<void> {
  return runAsync(problem, "forward", { x, y: out });
}

/** Computes the gradient of a pooling, and with `gradBeta` that of its temperature. */
export function wasmBackward(
  problem: Problem,
  gradOutput: FloatArray,
  x: FloatArray,
  gradInput: FloatArray,
  gradBeta?: Float64Array,
): void {
  if (gradBeta !== undefined) {
    const call = varianceCall(problem, x, gradOutput);
    run(call.problem, "variance", call.arrays);
    sumVariance(call, gradBeta);
  }
  run(problem, "backward", { x, y: gradOutput, gx: gradInput });
}

/** Computes the gradient of a pooling without blocking. */
export async function wasmBackwardAsync(
  problem: Problem,
  gradOutput: FloatArray,
  x: FloatArray,
  gradInput: FloatArray,
  gradBeta?: Float64Array,
): Promise<void> {
  hold();
  try {
    if (gradBeta !== undefined) {
      const call = varianceCall(problem, x, gradOutput);
      await runAsync(call.problem, "variance", call.arrays);
      sumVariance(call, gradBeta);
    }
    await runAsync(problem, "backward", { x, y: gradOutput, gx: gradInput });
  } finally {
    letGo();
  }
}
