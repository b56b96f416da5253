/** The networks of the SoftPool paper and small ones as ONNX graphs, with any pooling in any place. */
export * from "./build.ts";
export * from "./builder.ts";
export * from "./catalogue.ts";
export * from "./count.ts";
export * from "./initial.ts";
export * from "./network.ts";
export * from "./pool-spec.ts";
export { isOriginal } from "./pooling.ts";
export * from "./safetensors.ts";
export * from "./weights.ts";
