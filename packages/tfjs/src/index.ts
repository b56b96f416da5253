/**
 * SoftPool for TensorFlow.js: functions with gradients, layers that serialise, and the pooling of loaded Keras
 * models replaced.
 * @module @softpool/tfjs
 */
export { softPool1d, softPool2d, softPool3d } from "./ops.ts";
export type { SoftPoolOptions } from "./window.ts";
