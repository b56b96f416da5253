/**
 * The kernels of SoftPool in TensorFlow.js's registry: a pair for each backend that is used, programs on the GPU
 * where the backend runs such, else the WebAssembly kernels of the package `softpool`; and the gradient.
 */
import {
  backend,
  engine,
  getBackend,
  getGradient,
  getKernel,
  type KernelBackend,
  type NamedAttrMap,
  registerGradient,
  registerKernel,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { fail } from "softpool/adapter";
import { hostBackward, hostForward } from "./host.ts";
import { type ProgramName, SUMS } from "./shader.ts";
import { runGlsl, type WebGLBackend } from "./webgl.ts";
import { runWgsl, type WebGPUBackend } from "./webgpu.ts";
import type { Pooling } from "./window.ts";

const FORWARD = "SoftPool";
const BACKWARD = "SoftPoolGrad";

/** What a backend computes with. */
interface Kernels {
  forward(x: TensorInfo, pooling: Pooling): TensorInfo;
  backward(dy: TensorInfo, x: TensorInfo, pooling: Pooling): TensorInfo;
}

/** The kernels for a backend, told by what it can do. */
function kernelsFor(object: KernelBackend): Kernels {
  if (typeof (object as unknown as Partial<WebGPUBackend>).runWebGPUProgram === "function") {
    const gpu = object as unknown as WebGPUBackend;
    const free = (info: TensorInfo) => gpu.disposeData(info.dataId);
    return onGpu(object, free, (...program) => runWgsl(gpu, ...program));
  }
  if (typeof (object as unknown as Partial<WebGLBackend>).compileAndRun === "function") {
    const gpu = object as unknown as WebGLBackend;
    const free = (info: TensorInfo) => gpu.disposeIntermediateTensorInfo(info);
    return onGpu(object, free, (...program) => runGlsl(gpu, ...program));
  }
  return {
    forward: (x, pooling) => hostForward(object, x, pooling),
    backward: (dy, x, pooling) => hostBackward(object, dy, x, pooling),
  };
}

/** Runs a program on the GPU. */
type RunProgram = (
  name: ProgramName,
  pooling: Pooling,
  inputs: readonly TensorInfo[],
  outputShape: number[],
) => TensorInfo;

/** The kernels of a backend that runs programs: what the gradient needs of windows is summed first. */
function onGpu(object: KernelBackend, free: (info: TensorInfo) => void, run: RunProgram): Kernels {
  return overAxes(object, free, {
    forward: (x, pooling) => run("forward", pooling, [x], [...pooling.output]),
    backward(dy, x, pooling) {
      const [outer, ...rest] = pooling.output;
      const sums = run("sums", pooling, [x], [SUMS * outer, ...rest]);
      try {
        return run("backward", pooling, [x, dy, sums], [...pooling.input]);
      } finally {
        free(sums);
      }
    },
  });
}

/** Kernels that see tensors `[outer, D, H, W, inner]`: the backend's own reshape, which knows its memory. */
function overAxes(object: KernelBackend, free: (info: TensorInfo) => void, on: Kernels): Kernels {
  const kernelFunc = getKernel("Reshape", getBackend())?.kernelFunc;
  const seen = (x: TensorInfo, shape: readonly number[]) =>
    kernelFunc({ inputs: { x }, backend: object, attrs: { shape: [...shape] } }) as TensorInfo;
  return {
    forward(x, pooling) {
      const input = seen(x, pooling.input);
      const y = on.forward(input, pooling);
      free(input);
      return { ...y, shape: [...pooling.outShape] };
    },
    backward(dy, x, pooling) {
      const [slope, input] = [seen(dy, pooling.output), seen(x, pooling.input)];
      const gradient = on.backward(slope, input, pooling);
      free(slope);
      free(input);
      return { ...gradient, shape: x.shape };
    },
  };
}

function poolingOf(attrs: NamedAttrMap | undefined): Pooling {
  return attrs?.pooling as unknown as Pooling;
}

/** Registers the kernels of the backend in use, and the gradients, where that was not done yet. */
function register(): void {
  const backendName = getBackend();
  if (getKernel(FORWARD, backendName) === undefined) {
    const { forward, backward } = kernelsFor(backend());
    registerKernel({
      kernelName: FORWARD,
      backendName,
      kernelFunc: ({ inputs, attrs }) => forward(inputs.x as TensorInfo, poolingOf(attrs)),
    });
    registerKernel({
      kernelName: BACKWARD,
      backendName,
      kernelFunc({ inputs, attrs }) {
        return backward(inputs.dy as TensorInfo, inputs.x as TensorInfo, poolingOf(attrs));
      },
    });
  }
  if (getGradient(FORWARD) !== undefined) return;
  registerGradient({
    kernelName: FORWARD,
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attrs) => ({ x: () => run(BACKWARD, { dy: dy as Tensor, x }, attrs) }),
  });
  registerGradient({
    kernelName: BACKWARD,
    gradFunc(_dy, _saved, attrs) {
      const cure = "the kernel of its gradient is not differentiated again";
      return fail(poolingOf(attrs).name, "gradient", "a first derivative", "a second one", cure);
    },
  });
}

function run<T extends Tensor>(kernel: string, inputs: Record<string, Tensor>, attrs: object): T {
  register();
  return engine().runKernel<T>(kernel, inputs, attrs as NamedAttrMap);
}

/**
 * Pools on the backend in use, with a gradient.
 * @param x a tensor of the shape that was described
 * @param pooling the pooling
 */
export function runSoftPool<T extends Tensor>(x: T, pooling: Pooling): T {
  return run<T>(FORWARD, { x }, { pooling });
}
