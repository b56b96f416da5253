/** The kernel for TensorFlow.js's backend `webgpu`: WGSL programs run by the backend itself. */
import { type DataType, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Dialect, type ProgramName, programInputs, shaderBeta, shaderText } from "./shader.ts";
import type { Pooling } from "./window.ts";

/** A program as the backend takes it. */
interface Program {
  variableNames: string[];
  uniforms: string;
  outputShape: number[];
  dispatchLayout: { x: number[] };
  dispatch: [number, number, number];
  workgroupSize: [number, number, number];
  size: true;
  shaderKey: string;
  getUserCode: () => string;
}

/** The part of the backend that is used here. */
export interface WebGPUBackend {
  /** Runs a program; uniforms of its own come last. */
  runWebGPUProgram(
    program: object,
    inputs: TensorInfo[],
    dtype: DataType,
    uniforms?: { type: string; data: number[] }[],
  ): TensorInfo;
  /** Makes a tensor of values. */
  makeTensorInfo(shape: number[], dtype: DataType, values?: Float32Array): TensorInfo;
  /** Gives memory back, once what was submitted is done with it. */
  disposeData(dataId: object): boolean;
}

const TYPES = { float: "f32", int: "i32", bool: "bool", vec4: "vec4<f32>" } as const;

const wgsl: Dialect = {
  declare: (type, name) => `var ${name}: ${TYPES[type]}`,
  define(name, result, parameters, body) {
    const list = parameters.map((parameter) => {
      const [type, of] = parameter.split(" ");
      return `${of}: ${TYPES[type as keyof typeof TYPES]}`;
    });
    return `fn ${name}(${list.join(", ")}) -> ${TYPES[result]} {\n${body}}\n`;
  },
  main: (body) => `fn main(index: i32) {
if (index >= uniforms.size) { return; }
let at = getCoordsFromIndex(index);
int n = at.x; int d = at.y; int h = at.z; int w = at.w; int c = at.u;
float result = 0.0;
${body}
setOutputAtIndex(index, result);
}
`,
  nan: "uniforms.NAN",
  vec4: "vec4<f32>",
};

/** The text of a program, for tests that have no device. */
export function wgslText(program: ProgramName, pooling: Pooling): string {
  return shaderText(program, pooling, wgsl, "uniforms.beta");
}

/** Runs a program over tensors `[outer, D, H, W, inner]`. */
export function runWgsl(
  backend: WebGPUBackend,
  name: ProgramName,
  pooling: Pooling,
  inputs: readonly TensorInfo[],
  outputShape: number[],
): TensorInfo {
  const { axes, beta, channels, channelsLast, zero, weightsOnly, input } = pooling;
  const size = util.sizeFromShape(outputShape);
  const threads = 128;
  const scalar = beta.length === 1;
  const values = beta.map(shaderBeta);
  const perChannel = scalar
    ? []
    : [backend.makeTensorInfo([channels], "float32", Float32Array.from(values))];
  // The outer size stands in the text of two programs only.
  const outer = name === "forward" ? 0 : input[0];
  const key = [axes, outer, channels, channelsLast, zero, weightsOnly, scalar];
  const program: Program = {
    variableNames: [...programInputs[name], ...(scalar ? [] : ["b"])],
    uniforms: "beta : f32,",
    outputShape,
    dispatchLayout: { x: [0, 1, 2, 3, 4] },
    dispatch: [Math.ceil(size / threads), 1, 1],
    workgroupSize: [threads, 1, 1],
    size: true,
    shaderKey: `SoftPool ${name} ${JSON.stringify(key)}`,
    getUserCode: () => wgslText(name, pooling),
  };
  const uniforms = [{ type: "float32", data: [scalar ? values[0] : 0] }];
  try {
    return backend.runWebGPUProgram(program, [...inputs, ...perChannel], "float32", uniforms);
  } finally {
    for (const info of perChannel) backend.disposeData(info.dataId);
  }
}
