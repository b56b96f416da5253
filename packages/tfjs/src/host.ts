/**
 * The kernel for backends whose memory can be read at once (`cpu`, `wasm`, Node's `tensorflow`): the
 * WebAssembly kernels of the package `softpool`, which are exact for any finite input. On `wasm` they
 * work in the backend's own memory, where that can be reached; else tensors are copied.
 */
import { type DataType, type KernelBackend, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { softPool3d, softPool3dBackward } from "softpool";
import { describeWindow, type HostPooling, poolingOn } from "softpool/adapter";
import type { Pooling } from "./window.ts";

/** What the backend `wasm` has besides: its heap, and in it the program it consists of. */
interface HeapBackend {
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array;
  readonly wasm?: {
    readonly asm?: { readonly memory?: unknown };
    readonly HEAPU8?: Uint8Array;
    _malloc?(bytes: number): number;
    _free?(address: number): void;
  };
}

function hasHeap(backend: unknown): backend is HeapBackend {
  const { makeOutput, typedArrayFromHeap } = backend as Partial<HeapBackend>;
  return typeof makeOutput === "function" && typeof typedArrayFromHeap === "function";
}

const poolings = new WeakMap<HeapBackend, HostPooling | "none">();

/** The kernels in the memory of a backend, where it can be reached and is not shared between threads. */
function poolingOf(backend: HeapBackend): HostPooling | undefined {
  let known = poolings.get(backend);
  if (known === undefined) {
    const { asm, HEAPU8, _malloc, _free } = backend.wasm ?? {};
    const memory = asm?.memory;
    const reached =
      memory instanceof WebAssembly.Memory && memory.buffer === HEAPU8?.buffer && _malloc && _free;
    known = (reached && poolingOn({ memory, allocate: _malloc, release: _free })) || "none";
    poolings.set(backend, known);
  }
  return known === "none" ? undefined : known;
}

const problems = new WeakMap<Pooling, ReturnType<typeof newProblem>>();

/** The options of `softPool3d`, and the shapes it sees. */
function problem(pooling: Pooling): ReturnType<typeof newProblem> {
  const known = problems.get(pooling) ?? newProblem(pooling);
  problems.set(pooling, known);
  return known;
}

function newProblem(pooling: Pooling) {
  const { axes, batch, channels, channelsLast } = pooling;
  const shape = (sizes: number[]) =>
    channelsLast ? [batch, ...sizes, channels] : [batch, channels, ...sizes];
  const options = {
    kernelSize: axes.map((axis) => axis.kernel),
    stride: axes.map((axis) => axis.stride),
    padding: axes.map((axis) => [axis.padBegin, axis.padEnd] as const),
    dilation: axes.map((axis) => axis.dilation),
    ceilMode: pooling.ceilMode,
    layout: channelsLast ? ("NDHWC" as const) : ("NCDHW" as const),
    paddingMode: pooling.zero ? ("zero" as const) : ("ignore" as const),
    beta: pooling.beta.length === 1 ? pooling.beta[0] : pooling.beta,
    // As the backends in Node; a worker that another process holds up would only be waited for.
    threads: 1,
  };
  const gradient = pooling.weightsOnly ? ("weights" as const) : ("exact" as const);
  const input = shape(axes.map((axis) => axis.size));
  return {
    input,
    output: shape(axes.map((axis) => axis.out)),
    options,
    gradient,
    described: describeWindow(pooling.name, 3, input, { ...options, gradient }),
  };
}

/** Computes in the memory of a backend; false where that is not possible. */
function computeInPlace(
  backend: HeapBackend,
  pooling: Pooling,
  x: TensorInfo,
  y: TensorInfo,
  gx?: TensorInfo,
): boolean {
  const run = poolingOf(backend);
  const at = (info: TensorInfo) => backend.typedArrayFromHeap(info).byteOffset;
  const tensors = { x: at(x), y: at(y), ...(gx && { gx: at(gx) }) };
  return run?.(problem(pooling).described, tensors) ?? false;
}

/** Makes a result of a backend from what a function writes, given the inputs' elements. */
function compute(
  backend: KernelBackend,
  inputs: readonly TensorInfo[],
  shape: number[],
  inPlace: (backend: HeapBackend, result: TensorInfo) => boolean,
  write: (out: Float32Array, ...elements: Float32Array[]) => void,
): TensorInfo {
  const dtype = "float32";
  if (hasHeap(backend)) {
    const result = backend.makeOutput(shape, dtype);
    if (inPlace(backend, result)) return result;
    // Views last: memory that grows detaches them.
    const views = inputs.map((input) => backend.typedArrayFromHeap(input));
    write(backend.typedArrayFromHeap(result), ...views);
    return result;
  }
  const out = new Float32Array(util.sizeFromShape(shape));
  const elements = inputs.map(({ dataId }) => {
    const values = backend.readSync(dataId);
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  });
  write(out, ...elements);
  return { dataId: backend.write(out, shape, dtype), shape, dtype };
}

/** y of x. */
export function hostForward(backend: KernelBackend, x: TensorInfo, pooling: Pooling): TensorInfo {
  const { input, output, options } = problem(pooling);
  return compute(
    backend,
    [x],
    [...pooling.outShape],
    (heap, result) => computeInPlace(heap, pooling, x, result),
    (out, data) => {
      softPool3d({ data, shape: input }, { ...options, out: { data: out, shape: output } });
    },
  );
}

/** The gradient of x, given that of y. */
export function hostBackward(
  backend: KernelBackend,
  dy: TensorInfo,
  x: TensorInfo,
  pooling: Pooling,
): TensorInfo {
  const { input, output, options, gradient } = problem(pooling);
  return compute(
    backend,
    [dy, x],
    x.shape,
    (heap, result) => computeInPlace(heap, pooling, x, dy, result),
    (out, g, data) => {
      const all = { ...options, gradient, out: { data: out, shape: input } };
      softPool3dBackward({ data: g, shape: output }, { data, shape: input }, all);
    },
  );
}
