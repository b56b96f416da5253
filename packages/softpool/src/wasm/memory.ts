/**
 * The WebAssembly memory, its allocator and the instance of the kernels, all made on first use.
 *
 * The memory is shared between threads where the platform has shared memory; arrays on shared memory
 * stay valid when it grows. Elsewhere (a page that is not cross-origin isolated) the same binary runs
 * on ordinary memory, with the "shared" flag of its import cleared.
 */

import { kernels } from "../binary.ts";
import { fail, show } from "../options.ts";
import { bytesPerElement, type DType, elements, Float16, type FloatArray } from "../types.ts";

/** What the kernels export; addresses are unsigned 32-bit numbers. */
export interface Kernels {
  /** Works on the job at an address as thread number `thread`, until no task is left. */
  work(job: number, thread: number): void;
  /** Closes the open job and waits until no worker is in it. */
  finish(control: number): void;
}

/** The instance, its module for the workers, and its memory. */
export interface Runtime {
  /** The compiled binary. */
  readonly module: WebAssembly.Module;
  /** The memory of all threads. */
  readonly memory: WebAssembly.Memory;
  /** The exported functions of this thread's instance. */
  readonly kernels: Kernels;
  /** Whether the memory is shared. */
  readonly shared: boolean;
  /** Most bytes the memory can grow to. */
  readonly limit: number;
}

const PAGE = 65536;
/** The first page belongs to the kernels' constants and the control words of the threads. */
const HEAP = PAGE;
/** Vector loads may read this far behind the last element. */
export const SLACK = 128;
const ALIGN = 64;

let runtime: Runtime | undefined;
let end = HEAP;
/** Free blocks by address, `[start, size]`, never adjacent. */
const free: [start: number, size: number][] = [];
/** Sizes of the blocks in use. */
const used = new Map<number, number>();
/** Every buffer the memory has had: growing replaces the buffer object. */
const buffers = new WeakSet<ArrayBufferLike>();
/** Calls in flight that may still read what is released now, and what waits for them. */
let holds = 0;
const postponed: number[] = [];

/** The bytes of the embedded binary; scripts/build.js tells how they are written. */
function binaryFor(shared: boolean): Uint8Array<ArrayBuffer> {
  const { sharedFlag, table, text } = kernels;
  const order: number[] = [];
  for (let i = 0; i < table.length; i += 2) order.push(Number.parseInt(table.slice(i, i + 2), 16));
  for (let byte = 0; byte < 256; byte++) if (!order.includes(byte)) order.push(byte);
  const bytes: number[] = [];
  const digit = (i: number) => {
    const code = text.charCodeAt(i) - 35;
    return code > 57 ? code - 1 : code;
  };
  for (let i = 0; i < text.length; i++) {
    let rank = digit(i);
    if (rank > 88) rank = (rank - 88) * 89 + digit(++i);
    bytes.push(order[rank]);
  }
  if (!shared) bytes[sharedFlag] = 1;
  return Uint8Array.from(bytes);
}

function createMemory(shared: boolean): [memory: WebAssembly.Memory, pages: number] {
  let failure: unknown;
  // Phones may refuse to reserve 4 GB of addresses.
  for (let pages = 65536; pages >= 2048; pages /= 2) {
    try {
      return [new WebAssembly.Memory({ initial: 1, maximum: pages, shared }), pages];
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function hasShared(): boolean {
  return typeof SharedArrayBuffer !== "undefined";
}

function imports(memory: WebAssembly.Memory): WebAssembly.Imports {
  return { env: { memory, pow: Math.pow } };
}

/** The kernels of this thread over a memory that is not shared. */
export function createInstance(memory: WebAssembly.Memory): Kernels {
  const module = new WebAssembly.Module(binaryFor(false));
  return new WebAssembly.Instance(module, imports(memory)).exports as unknown as Kernels;
}

function adopt(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  pages: number,
  shared: boolean,
): Runtime {
  const instance = new WebAssembly.Instance(module, imports(memory));
  runtime = {
    module,
    memory,
    kernels: instance.exports as unknown as Kernels,
    shared,
    limit: pages * PAGE,
  };
  buffers.add(memory.buffer);
  return runtime;
}

/** The runtime, compiled now where it was not yet. */
export function getRuntime(): Runtime {
  if (runtime !== undefined) return runtime;
  const shared = hasShared();
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(binaryFor(shared));
  } catch (error) {
    throw new Error(
      `softpool: WebAssembly cannot be compiled here (${(error as Error).message}); ` +
        'await ready() first, or use engine: "reference"',
    );
  }
  const [memory, pages] = createMemory(shared);
  return adopt(module, memory, pages, shared);
}

/** Compiles the kernels without blocking. */
export async function compile(): Promise<void> {
  if (runtime !== undefined) return;
  const shared = hasShared();
  const module = await WebAssembly.compile(binaryFor(shared));
  if (runtime !== undefined) return;
  const [memory, pages] = createMemory(shared);
  adopt(module, memory, pages, shared);
}

/** The size of the memory in bytes, 0 before its first use. */
export function memoryBytes(): number {
  return runtime?.memory.buffer.byteLength ?? 0;
}

/** Bytes of tensors and temporaries in use. */
export function usedBytes(): number {
  let sum = 0;
  for (const size of used.values()) sum += size;
  return sum;
}

/** Grows the memory so that it reaches `bytes`; false where it cannot. */
function reach(bytes: number): boolean {
  const { memory, limit } = getRuntime();
  if (bytes > limit) return false;
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return true;
  // Growing is slow where it copies: take a quarter more, or just what is needed.
  const wanted = Math.min(limit - memory.buffer.byteLength, missing + bytes / 4);
  for (const size of [wanted, missing]) {
    try {
      memory.grow(Math.ceil(size / PAGE));
      buffers.add(memory.buffer);
      return true;
    } catch {}
  }
  return false;
}

/** The address of a free block of `bytes`, or 0 where there is none and the memory cannot grow. */
export function allocateBytes(bytes: number): number {
  getRuntime();
  const size = Math.ceil((bytes + SLACK) / ALIGN) * ALIGN;
  const found = free.findIndex((block) => block[1] >= size);
  let start: number;
  if (found >= 0) {
    const block = free[found];
    start = block[0];
    block[0] += size;
    block[1] -= size;
    if (block[1] === 0) free.splice(found, 1);
  } else {
    if (!reach(end + size)) return 0;
    start = end;
    end += size;
  }
  used.set(start, size);
  return start;
}

/** Returns a block to the free list and joins it with its neighbours. */
function giveBack(start: number): void {
  const size = used.get(start);
  if (size === undefined) return;
  used.delete(start);
  let low = 0;
  let high = free.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (free[middle][0] < start) low = middle + 1;
    else high = middle;
  }
  free.splice(low, 0, [start, size]);
  if (low + 1 < free.length && start + size === free[low + 1][0]) {
    free[low][1] += free[low + 1][1];
    free.splice(low + 1, 1);
  }
  if (low > 0 && free[low - 1][0] + free[low - 1][1] === start) {
    free[low - 1][1] += free[low][1];
    free.splice(low, 1);
  }
  const last = free[free.length - 1];
  if (last !== undefined && last[0] + last[1] === end) {
    end = last[0];
    free.pop();
  }
}

/** Releases a block, at once or when the calls in flight are over. */
export function release(start: number): void {
  if (holds > 0) postponed.push(start);
  else giveBack(start);
}

/** Until {@link letGo}, released memory is not reused: asynchronous calls may still read it. */
export function hold(): void {
  holds++;
}

/** The end of a {@link hold}. */
export function letGo(): void {
  holds--;
  if (holds === 0) for (const start of postponed.splice(0)) giveBack(start);
}

/** Allocates room for a tensor; fails with a sentence where it does not fit. */
export function allocate(name: string, shape: readonly number[], dtype: DType): number {
  const bytes = elements(shape) * bytesPerElement(dtype);
  const start = allocateBytes(bytes);
  if (start === 0) {
    const { limit } = getRuntime();
    fail(
      name,
      "shape",
      `a tensor that fits in WebAssembly memory, ${Math.floor((limit - usedBytes()) / 2 ** 20)} MiB left`,
      `${show([...shape])}, ${Math.ceil(bytes / 2 ** 20)} MiB`,
      "dispose of tensors, or pool a typed array",
    );
  }
  return start;
}

/** A typed array over the memory. float16 is a `Float16Array` where that exists, else a `Uint16Array`. */
export function viewOf(shape: readonly number[], dtype: DType, pointer: number): FloatArray {
  const { buffer } = getRuntime().memory;
  const length = elements(shape);
  if (dtype === "float32") return new Float32Array(buffer, pointer, length);
  if (dtype === "float64") return new Float64Array(buffer, pointer, length);
  return Float16 === undefined
    ? new Uint16Array(buffer, pointer, length)
    : new Float16(buffer, pointer, length);
}

/** Addresses of arrays that growing may detach: where memory is not shared. */
const addresses = new WeakMap<FloatArray, number>();

/** Whether an array lies in the WebAssembly memory; if so, its address is known from now on. */
export function isResident(data: FloatArray): boolean {
  const resident = buffers.has(data.buffer);
  if (resident && !addresses.has(data)) addresses.set(data, data.byteOffset);
  return resident;
}

/** The address of a resident array, also when it was detached meanwhile. */
export function addressOf(data: FloatArray): number {
  return addresses.get(data) as number;
}
