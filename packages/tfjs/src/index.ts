/**
 * SoftPool for TensorFlow.js: functions with gradients, layers that serialise, and the pooling of loaded Keras
 * models replaced.
 * @module @softpool/tfjs
 */

export {
  SoftPooling,
  SoftPooling1D,
  SoftPooling2D,
  SoftPooling3D,
  type SoftPoolingArgs,
  softPooling1d,
  softPooling2d,
  softPooling3d,
} from "./layers.ts";
export { softPool1d, softPool2d, softPool3d } from "./ops.ts";
export {
  type PoolingDecision,
  type PoolingKind,
  type Replaced,
  type ReplaceOptions,
  replacePooling,
} from "./replace.ts";
export type { SoftPoolOptions } from "./window.ts";
