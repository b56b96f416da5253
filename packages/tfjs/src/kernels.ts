/**
 * The kernels of SoftPool in TensorFlow.js's registry, one pair for each backend that is used: programs on the
 * GPU where the backend runs such, else the WebAssembly kernels of the package `softpool`. They work on
 * tensors `[outer, D, H, W, inner]`, see {@link Pooling}. The gradient is part of the operation, so that it
 * needs none of the gradients that TensorFlow.js registers.
 */
import {
  backend,
  customGrad,
  engine,
  type GradSaveFunc,
  getBackend,
  getKernel,
  type KernelBackend,
  type NamedAttrMap,
  registerKernel,
  reshape,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { hostBackward, hostForward } from "./host.ts";
import { type WebGLBackend, webglBackward, webglForward } from "./webgl.ts";
import { type WebGPUBackend, webgpuBackward, webgpuForward } from "./webgpu.ts";
import { fail, type Pooling } from "./window.ts";

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
    return {
      forward: (x, pooling) => webgpuForward(gpu, x, pooling),
      backward: (dy, x, pooling) => webgpuBackward(gpu, dy, x, pooling),
    };
  }
  if (typeof (object as unknown as Partial<WebGLBackend>).compileAndRun === "function") {
    const gpu = object as unknown as WebGLBackend;
    return {
      forward: (x, pooling) => webglForward(gpu, x, pooling),
      backward: (dy, x, pooling) => webglBackward(gpu, dy, x, pooling),
    };
  }
  return {
    forward: (x, pooling) => hostForward(object, x, pooling),
    backward: (dy, x, pooling) => hostBackward(object, dy, x, pooling),
  };
}

/** Registers the kernels of the backend in use where that was not done yet. */
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
}

function poolingOf(attrs: NamedAttrMap | undefined): Pooling {
  return attrs?.pooling as unknown as Pooling;
}

/** Runs a kernel on tensors seen as `[outer, D, H, W, inner]`; the result has a given shape. */
function run(
  kernel: string,
  inputs: Record<string, Tensor>,
  pooling: Pooling,
  shape: readonly number[],
): Tensor {
  register();
  const { input, output } = pooling;
  const seen = Object.entries(inputs).map(([name, tensor]) => {
    return [name, reshape(tensor, [...(name === "dy" ? output : input)])] as const;
  });
  const attrs = { pooling } as unknown as NamedAttrMap;
  const result = engine().runKernel<Tensor>(kernel, Object.fromEntries(seen), attrs);
  return reshape(result, [...shape]);
}

/** The gradient of x, given that of y; asking for its own gradient is an error. */
function gradient(dy: Tensor, x: Tensor, pooling: Pooling): Tensor {
  const slope = customGrad((...inputs) => {
    const [g, input] = inputs as Tensor[];
    return {
      value: run(BACKWARD, { dy: g, x: input }, pooling, x.shape),
      gradFunc() {
        const cure = "the kernel of its gradient is not differentiated again";
        return fail(pooling.name, "gradient", "a first derivative", "a second one", cure);
      },
    };
  });
  return slope(dy, x);
}

/**
 * Pools on the backend in use, with a gradient.
 * @param x a tensor of the shape that was described
 * @param pooling the pooling
 */
export function runSoftPool<T extends Tensor>(x: T, pooling: Pooling): T {
  const pool = customGrad((...inputs) => {
    const [input, save] = inputs as unknown as [Tensor, GradSaveFunc];
    save([input]);
    return {
      value: run(FORWARD, { x: input }, pooling, pooling.outShape),
      gradFunc: (dy: Tensor, saved: Tensor[]) => gradient(dy, saved[0], pooling),
    };
  });
  return pool(x) as T;
}
