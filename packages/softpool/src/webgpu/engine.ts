/**
 * The WebGPU engine: the poolings of this package as asynchronous functions on arrays or on tensors in
 * GPU buffers.
 */

import type { GlobalSoftPoolBackwardOptions, GlobalSoftPoolOptions } from "../ops/global-soft.ts";
import type {
  Method,
  PoolOptions,
  PowerAvgPoolOptions,
  SoftPoolBackwardOptions,
  SoftPoolGradients,
  SoftPoolOptions,
} from "../options.ts";
import { checkTensor, fail, show } from "../options.ts";
import type { WithBetaGradient } from "../pool.ts";
import { elements, type FloatArray, type Tensor } from "../types.ts";
import { type AnyTensor, checkCall, checkOptions, type PoolFunction, run } from "./call.ts";
import { Device, type DeviceLoss, requestDevice, type WebGPULimits } from "./device.ts";
import { Handle } from "./handle.ts";
import {
  allocateOnGPU,
  checkGPUTensor,
  type DeviceTensor,
  type GPUDType,
  type GPUTensor,
  readElements,
  writeElements,
} from "./tensor.ts";

/** The result of a pooling: where its input lies, in an array of its class or in a new buffer. */
export type WebGPUResult<T extends AnyTensor> = T extends GPUTensor
  ? DeviceTensor
  : T extends Tensor
    ? Tensor<T["data"]>
    : never;

/** Options of this engine: `out` may be a tensor in a buffer; `threads` has no effect. */
export type WebGPUOptions<O> = Omit<O, "engine" | "out"> & {
  /** Only `"webgpu"`, this engine. */
  engine?: "webgpu";
  /** The tensor that receives the result, in an array or a buffer as x is. Default: a new one. */
  out?: AnyTensor;
};

/** A pooling: input and options to a promise of the output. */
export type WebGPUPool<O> = <T extends AnyTensor>(
  x: T,
  options: WebGPUOptions<O>,
) => Promise<WebGPUResult<T>>;

/** The gradient of a pooling: gradient of the output, input and options to that of the input. */
export type WebGPUPoolBackward<O> = <T extends AnyTensor>(
  gradOutput: T extends GPUTensor ? GPUTensor : Tensor,
  x: T,
  options: WebGPUOptions<O>,
) => Promise<WebGPUResult<T>>;

/** The gradient of SoftPool: with `betaGradient: true` both gradients, that of beta in an array. */
export interface WebGPUSoftPoolBackward<O> {
  /** Both gradients. */
  <T extends AnyTensor>(
    gradOutput: T extends GPUTensor ? GPUTensor : Tensor,
    x: T,
    options: WithBetaGradient<WebGPUOptions<O>>,
  ): Promise<SoftPoolGradients<WebGPUResult<T>>>;
  /** Gradient of the input. */
  <T extends AnyTensor>(
    gradOutput: T extends GPUTensor ? GPUTensor : Tensor,
    x: T,
    options: WebGPUOptions<O>,
  ): Promise<WebGPUResult<T>>;
}

/** Global SoftPool, with options that may be left out. */
export type WebGPUGlobalPool<O> = <T extends AnyTensor>(
  x: T,
  options?: WebGPUOptions<O>,
) => Promise<WebGPUResult<T>>;

type Rank = "1d" | "2d" | "3d";
type Plain = "avgPool" | "maxPool" | "sumPool";

/** The poolings by name: those of `softpool`, each a promise of what the other returns. */
export type WebGPUPoolings = {
  readonly [N in `softPool${Rank}`]: WebGPUPool<SoftPoolOptions>;
} & {
  readonly [N in `softPool${Rank}Backward`]: WebGPUSoftPoolBackward<SoftPoolBackwardOptions>;
} & {
  readonly [N in `${Plain}${Rank}`]: WebGPUPool<PoolOptions>;
} & {
  readonly [N in `${Plain}${Rank}Backward`]: WebGPUPoolBackward<PoolOptions>;
} & {
  readonly [N in `powerAvgPool${Rank}`]: WebGPUPool<PowerAvgPoolOptions>;
} & {
  readonly [N in `powerAvgPool${Rank}Backward`]: WebGPUPoolBackward<PowerAvgPoolOptions>;
} & {
  readonly globalSoftPool: WebGPUGlobalPool<GlobalSoftPoolOptions>;
  readonly globalSoftPoolBackward: WebGPUSoftPoolBackward<GlobalSoftPoolBackwardOptions>;
};

/** Shape and type of a tensor that does not exist yet. */
export interface TensorLike {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Element type; default `"float32"`. */
  readonly dtype?: GPUDType;
}

/** What the engine runs on. */
export interface WebGPUInfo {
  /** Always `"webgpu"`. */
  readonly engine: "webgpu";
  /** Vendor, architecture, device and description of the adapter, as far as it tells them. */
  readonly adapter: string;
  /** The adapter computes on the processor: right, but its speed says nothing about a card. */
  readonly software: boolean;
  /** `"native"` with the feature `shader-f16`, else `"packed"`: two to a word. Results are the same. */
  readonly float16: "native" | "packed";
  /** Pipelines compiled so far and kept. */
  readonly pipelines: number;
}

/** The engine, made by {@link createWebGPU}. */
export interface WebGPUEngine extends WebGPUPoolings {
  /** The device. */
  readonly device: GPUDevice;
  /**
   * Resolves when the device is lost; calls fail from then on with the reason. Create another engine,
   * and upload again: what lay on the device is gone.
   */
  readonly lost: Promise<DeviceLoss>;
  /** Tells what the engine runs on. */
  info(): WebGPUInfo;
  /** Copies a tensor to the device; float64 is refused. Give it back with `dispose()`. */
  upload(tensor: Tensor): DeviceTensor;
  /** A tensor of zeros on the device. Give it back with `dispose()`. */
  empty(shape: readonly number[], dtype?: GPUDType): DeviceTensor;
  /** Copies a tensor back, into a Float32Array, or float16 bits into a Uint16Array. */
  download(tensor: GPUTensor): Promise<Tensor<Float32Array | Uint16Array>>;
  /**
   * Prepares a pooling for tensors of one shape and type: see {@link Handle}.
   * @param name the function, such as `"softPool2d"` or `"softPool2dBackward"`
   * @param x shape and type of the input; a tensor will do
   * @param options those of the function, without `out` and `betaGradient`
   */
  prepare(
    name: keyof WebGPUPoolings,
    x: TensorLike | Tensor,
    options?: SoftPoolBackwardOptions | PowerAvgPoolOptions | GlobalSoftPoolBackwardOptions,
  ): Promise<Handle>;
  /** Destroys the device, unless it was given, and fails later calls. */
  dispose(): void;
}

const BASES: [string, Method][] = [
  ["softPool", "soft"],
  ["avgPool", "average"],
  ["maxPool", "maximum"],
  ["sumPool", "sum"],
  ["powerAvgPool", "power-average"],
];

/** All functions of the engine by name. */
function functions(): Map<string, PoolFunction> {
  const all = new Map<string, PoolFunction>();
  const enter = (base: string, method: Method, rank: PoolFunction["rank"]) => {
    for (const backward of [false, true]) {
      const name = base + (backward ? "Backward" : "");
      all.set(name, { name, method, rank, backward });
    }
  };
  for (const [base, method] of BASES) {
    for (const rank of [1, 2, 3] as const) enter(`${base}${rank}d`, method, rank);
  }
  enter("globalSoftPool", "soft", 0);
  return all;
}

/** What an adapter says of itself, and whether it computes on the processor. */
function describeAdapter(gpu: GPUDevice) {
  const info = gpu.adapterInfo as (GPUAdapterInfo & { isFallbackAdapter?: boolean }) | undefined;
  const parts = [info?.vendor, info?.architecture, info?.device, info?.description];
  const adapter = parts.filter(Boolean).join(" ") || "unknown";
  const software =
    info?.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|softwar/i.test(adapter);
  return { adapter, software };
}

/**
 * Makes a WebGPU engine.
 * @param device a device, which stays the caller's; default: one of the page's or worker's own adapter,
 *   with the largest buffers and, where possible, `shader-f16`
 * @param limits limits below those of the device
 * @throws RangeError when there is no WebGPU, no adapter, or a limit is not valid
 */
export async function createWebGPU(
  device?: GPUDevice,
  limits: WebGPULimits = {},
): Promise<WebGPUEngine> {
  const valid = device === undefined || typeof device?.createComputePipelineAsync === "function";
  if (!valid) fail("createWebGPU", "device", "a GPUDevice", show(device));
  const own = new Device(device ?? (await requestDevice()), limits);
  const all = functions();
  const poolings: Record<string, unknown> = {};
  for (const f of all.values()) {
    poolings[f.name] = async (...values: unknown[]) => {
      const count = f.backward ? 2 : 1;
      const inputs = values.slice(0, count);
      const checked = checkCall(f, inputs, values[count]);
      return run(own, f, inputs as AnyTensor[], checked);
    };
  }
  const engine: Omit<WebGPUEngine, keyof WebGPUPoolings> = {
    device: own.gpu,
    lost: own.lost,
    info: () => ({
      engine: "webgpu",
      ...describeAdapter(own.gpu),
      float16: own.limits.native ? "native" : "packed",
      pipelines: own.pipelines,
    }),
    upload(tensor) {
      const dtype = checkTensor("upload", "tensor", tensor);
      if (dtype === "float64") fail("upload", "tensor.data", "float32 or float16", dtype);
      own.check("upload");
      const result = allocateOnGPU(own, "upload", tensor.shape, dtype);
      writeElements(own, result.buffer, tensor.data);
      return result;
    },
    empty(shape, dtype = "float32") {
      if (dtype !== "float32" && dtype !== "float16") {
        fail("empty", "dtype", '"float32" or "float16"', show(dtype));
      }
      const sizes = Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
      if (!sizes) fail("empty", "shape", "an array of sizes of at least 0", show(shape));
      own.check("empty");
      return allocateOnGPU(own, "empty", shape, dtype);
    },
    async download(tensor) {
      const { buffer, shape, dtype } = checkGPUTensor("download", "tensor", tensor);
      const Class = dtype === "float16" ? Uint16Array : Float32Array;
      const data = new Class(elements(shape));
      await readElements(own, "download", buffer, data);
      return { data, shape: [...shape] };
    },
    async prepare(name, x, options) {
      const f = all.get(name);
      if (f === undefined) fail("prepare", "name", [...all.keys()].join(", "), show(name));
      const given = x as (TensorLike & { data?: FloatArray }) | undefined;
      const dtype = given?.data ? checkTensor(name, "x", given) : (given?.dtype ?? "float32");
      if (!Array.isArray(given?.shape)) fail(name, "x.shape", "an array of sizes", show(given));
      const checked = checkOptions(f, given.shape, dtype, options);
      return Handle.create(own, f, given.shape, checked, options);
    },
    dispose() {
      own.release();
      if (device === undefined) own.gpu.destroy();
    },
  };
  return Object.assign(poolings, engine) as unknown as WebGPUEngine;
}
