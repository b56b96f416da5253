/**
 * SoftPool and the poolings it competes with: 1D, 2D and 3D, forward and backward, in WebAssembly
 * SIMD, for Node and browsers.
 * @module softpool
 */
export { type ArrayOf, type EngineInfo, empty, engineInfo, pooledShape, ready } from "./info.ts";
export * from "./ops/average.ts";
export * from "./ops/global-soft.ts";
export * from "./ops/maximum.ts";
export * from "./ops/power-average.ts";
export * from "./ops/soft.ts";
export * from "./ops/sum.ts";
export type {
  AxisPadding,
  EngineName,
  Layout,
  Method,
  PaddingMode,
  PoolOptions,
  PowerAvgPoolOptions,
  SoftPoolBackwardOptions,
  SoftPoolGradients,
  SoftPoolOptions,
} from "./options.ts";
export type {
  Pool,
  PoolAsync,
  PoolBackward,
  PoolBackwardAsync,
  Result,
  SoftPoolBackward,
  SoftPoolBackwardAsync,
  WithBetaGradient,
} from "./pool.ts";
export type { DType, FloatArray, NativeFloat16Array, Tensor } from "./types.ts";
export type { ResidentTensor, WasmTensor } from "./wasm/tensor.ts";
