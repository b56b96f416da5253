/**
 * The kernel for backends whose memory can be read at once (`cpu`, `wasm`, Node's `tensorflow`): the
 * WebAssembly kernels of the package `softpool`, which are exact for any finite input. On `wasm` they
 * read and write the backend's own memory.
 */
import { type DataType, type KernelBackend, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { softPool3d, softPool3dBackward } from "softpool";
import type { Pooling } from "./window.ts";

/** What the backend `wasm` has besides. */
interface HeapBackend {
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array;
}

function hasHeap(backend: unknown): backend is HeapBackend {
  const { makeOutput, typedArrayFromHeap } = backend as Partial<HeapBackend>;
  return typeof makeOutput === "function" && typeof typedArrayFromHeap === "function";
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
  return {
    input: shape(axes.map((axis) => axis.size)),
    output: shape(axes.map((axis) => axis.out)),
    options: {
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
    },
  };
}

/** Makes a result of a backend from what a function writes, given the inputs' elements. */
function compute(
  backend: KernelBackend,
  inputs: readonly TensorInfo[],
  shape: number[],
  write: (out: Float32Array, ...elements: Float32Array[]) => void,
): TensorInfo {
  const dtype = "float32";
  if (hasHeap(backend)) {
    const result = backend.makeOutput(shape, dtype);
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
  return compute(backend, [x], [...pooling.outShape], (out, data) => {
    softPool3d({ data, shape: input }, { ...options, out: { data: out, shape: output } });
  });
}

/** The gradient of x, given that of y. */
export function hostBackward(
  backend: KernelBackend,
  dy: TensorInfo,
  x: TensorInfo,
  pooling: Pooling,
): TensorInfo {
  const { input, output, options } = problem(pooling);
  const gradient = pooling.weightsOnly ? ("weights" as const) : ("exact" as const);
  return compute(backend, [dy, x], x.shape, (out, g, data) => {
    const all = { ...options, gradient, out: { data: out, shape: input } };
    softPool3dBackward({ data: g, shape: output }, { data, shape: input }, all);
  });
}
