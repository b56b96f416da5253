/** What the engine is running on, and tensors in its memory. */
import { kernels } from "./binary.ts";
import { describe, fail, type PoolOptions, show } from "./options.ts";
import type { DType, FloatArray, NativeFloat16Array } from "./types.ts";
import { compile, getRuntime, memoryBytes, usedBytes } from "./wasm/memory.ts";
import { allocateTensor, type WasmTensor } from "./wasm/tensor.ts";
import { canShare, canWait, defaultThreads, startedWorkers } from "./wasm/threads.ts";

/** The array class of an element type. */
export type ArrayOf<D extends DType> = D extends "float32"
  ? Float32Array
  : D extends "float64"
    ? Float64Array
    : Uint16Array | NativeFloat16Array;

/**
 * Allocates a tensor in WebAssembly memory, where pooling it copies nothing. Its elements are not
 * initialised. Give it back with `dispose()`.
 * @param shape sizes of the axes, each an integer of at least 0
 * @param dtype `"float32"` (default), `"float64"` or `"float16"`
 * @throws RangeError when the shape or type is not valid or the memory (at most 4 GiB) is full
 */
export function empty<D extends DType = "float32">(
  shape: readonly number[],
  dtype: D = "float32" as D,
): WasmTensor<ArrayOf<D> & FloatArray> {
  if (!["float32", "float64", "float16"].includes(dtype)) {
    fail("empty", "dtype", '"float32" or "float64" or "float16"', show(dtype));
  }
  const valid = Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!valid) fail("empty", "shape", "an array of sizes of at least 0", show(shape));
  return allocateTensor("empty", [...shape], dtype) as WasmTensor<ArrayOf<D> & FloatArray>;
}

/**
 * Compiles the kernels without blocking. Not needed: the first call compiles them by itself. Some
 * browsers refuse that on the page's main thread; there, await this first.
 */
export function ready(): Promise<void> {
  return compile();
}

/** What {@link engineInfo} tells. */
export interface EngineInfo {
  /** Always `"wasm"`, the default engine. */
  readonly engine: "wasm";
  /** The kernels use 128-bit vectors. */
  readonly simd: boolean;
  /** The memory is shared, so that threads are possible. */
  readonly sharedMemory: boolean;
  /** Threads a synchronous call uses at most; 1 where waiting or sharing is impossible. */
  readonly threads: number;
  /** Threads an asynchronous call uses at most. */
  readonly asyncThreads: number;
  /** Size of the WebAssembly kernels in bytes. */
  readonly kernelBytes: number;
  /** Workers started so far. */
  readonly workers: number;
  /** Bytes of WebAssembly memory. */
  readonly memoryBytes: number;
  /** Bytes of it that tensors occupy. */
  readonly usedBytes: number;
}

/** Tells what the engine is running on; compiles the kernels where that was not done yet. */
export function engineInfo(): EngineInfo {
  const { shared } = getRuntime();
  const share = canShare();
  return {
    engine: "wasm",
    simd: true,
    sharedMemory: shared,
    threads: share && canWait() ? defaultThreads() : 1,
    asyncThreads: share ? defaultThreads() : 1,
    kernelBytes: kernels.bytes,
    workers: startedWorkers(),
    memoryBytes: memoryBytes(),
    usedBytes: usedBytes(),
  };
}

/**
 * The shape of a pooling's result, without computing it.
 * @param dimensions `"1d"`, `"2d"` or `"3d"`
 * @param shape shape of the input
 * @param options the window and the layout
 * @throws RangeError as the pooling itself would
 */
export function pooledShape(
  dimensions: "1d" | "2d" | "3d",
  shape: readonly number[],
  options: PoolOptions,
): number[] {
  const rank = ["1d", "2d", "3d"].indexOf(dimensions) + 1;
  if (rank === 0) fail("pooledShape", "dimensions", '"1d" or "2d" or "3d"', show(dimensions));
  const operator = { name: "pooledShape", method: "average", rank: rank as 1 | 2 | 3 } as const;
  return [...describe(operator, shape, "float32", options).outShape];
}
