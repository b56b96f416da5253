/**
 * The poolings of this package on the GPU, in browsers and wherever else WebGPU is.
 * @module softpool/webgpu
 */
export type { AnyTensor } from "./call.ts";
export type { DeviceLoss, WebGPULimits } from "./device.ts";
export {
  createWebGPU,
  type TensorLike,
  type WebGPUEngine,
  type WebGPUGlobalPool,
  type WebGPUInfo,
  type WebGPUOptions,
  type WebGPUPool,
  type WebGPUPoolBackward,
  type WebGPUPoolings,
  type WebGPUResult,
  type WebGPUSoftPoolBackward,
} from "./engine.ts";
export type { Handle, HandleResult } from "./handle.ts";
export type { DeviceTensor, GPUDType, GPUTensor } from "./tensor.ts";
