/** The kernel for TensorFlow.js's backend `webgl`: GLSL programs run by the backend itself. */
import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import { type Dialect, type ProgramName, programInputs, shaderBeta, shaderText } from "./shader.ts";
import type { Pooling } from "./window.ts";

/** The part of the backend that is used here. */
export interface WebGLBackend {
  /** Runs a program. */
  compileAndRun(
    program: { variableNames: string[]; outputShape: number[]; userCode: string },
    inputs: TensorInfo[],
    dtype: DataType,
  ): TensorInfo;
  /** Makes a tensor of values. */
  makeTensorInfo(shape: number[], dtype: DataType, values?: Float32Array): TensorInfo;
  /** Gives memory back. */
  disposeIntermediateTensorInfo(info: TensorInfo): void;
}

const glsl: Dialect = {
  declare: (type, name) => `${type} ${name}`,
  define: (name, result, parameters, body) =>
    `${result} ${name}(${parameters.join(", ")}) {\n${body}}\n`,
  main: (body) => `void main() {
ivec5 at = getOutputCoords();
int n = at.x; int d = at.y; int h = at.z; int w = at.w; int c = at.u;
float result = 0.0;
${body}
setOutput(result);
}
`,
  nan: "NAN",
  vec4: "vec4",
};

const SELECT = "float select(float no, float yes, bool which) { return which ? yes : no; }\n";

/** The text of a program, for tests that have no device. */
export function glslText(program: ProgramName, pooling: Pooling): string {
  return SELECT + shaderText(program, pooling, glsl, shaderBeta(pooling.beta[0]).toExponential(9));
}

/** Runs a program over tensors `[outer, D, H, W, inner]`. */
export function runGlsl(
  backend: WebGLBackend,
  name: ProgramName,
  pooling: Pooling,
  inputs: readonly TensorInfo[],
  outputShape: number[],
): TensorInfo {
  const { beta, channels } = pooling;
  const perChannel: TensorInfo[] = [];
  if (beta.length > 1) {
    const values = Float32Array.from(beta, shaderBeta);
    perChannel.push(backend.makeTensorInfo([channels], "float32", values));
  }
  const variableNames = [...programInputs[name], ...perChannel.map(() => "b")];
  const program = { variableNames, outputShape, userCode: glslText(name, pooling) };
  try {
    return backend.compileAndRun(program, [...inputs, ...perChannel], "float32");
  } finally {
    for (const info of perChannel) backend.disposeIntermediateTensorInfo(info);
  }
}
