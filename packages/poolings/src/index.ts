/** Every pooling method as a composition of ONNX operators, and the swap that puts them into a network. */
export * from "./apply.ts";
export * from "./catalogue.ts";
export * from "./frame.ts";
export * from "./glob.ts";
export * from "./global.ts";
export * from "./layers.ts";
export * from "./method.ts";
export * from "./random.ts";
export * from "./soft.ts";
export * from "./swap.ts";
