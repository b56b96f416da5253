/**
 * The ONNX graph: read, build, edit, print, infer shapes, evaluate in float64. Files and ONNX Runtime
 * have entries of their own: `@softpool/onnx/files`, `/session-node`, `/session-web`.
 */
export type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "onnx-buf";
export * from "./attributes.ts";
export * from "./check.ts";
export * from "./dtype.ts";
export * from "./error.ts";
export * from "./external.ts";
export * from "./gradients.ts";
export * from "./graph.ts";
export * from "./infer.ts";
export * from "./inline.ts";
export * from "./known.ts";
export * from "./load.ts";
export * from "./model.ts";
export * from "./names.ts";
export { blockConvolutions, blockedModel } from "./ops/blocked-convolution.ts";
export * from "./ops/blocks.ts";
export * from "./ops/constant.ts";
export * from "./ops/convolution.ts";
export * from "./ops/einsum.ts";
export * from "./ops/elementwise.ts";
export * from "./ops/gather.ts";
export * from "./ops/index.ts";
export * from "./ops/join.ts";
export * from "./ops/loss.ts";
export * from "./ops/matmul.ts";
export * from "./ops/normalization.ts";
export * from "./ops/operator.ts";
export * from "./ops/pad.ts";
export * from "./ops/pool.ts";
export * from "./ops/quantize.ts";
export * from "./ops/reduce.ts";
export * from "./ops/reshape.ts";
export * from "./ops/resize.ts";
export * from "./ops/scatter.ts";
export * from "./ops/sequence.ts";
export * from "./ops/slice.ts";
export * from "./ops/softmax.ts";
export { stackConvolutions } from "./ops/stacked-convolution.ts";
export * from "./ops/transpose.ts";
export * from "./ops/window.ts";
export * from "./order.ts";
export * from "./print.ts";
export * from "./reference.ts";
export * from "./shallow.ts";
export * from "./shape.ts";
export * from "./tensor.ts";
export * from "./types.ts";
export * from "./versions.ts";
