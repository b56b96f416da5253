/**
 * From a call to a job: checks the arguments as the other engines do, with the same sentences, and runs
 * the pooling on tensors in buffers, or on arrays that are uploaded and downloaded.
 */

import { toNumbers } from "../half.ts";
import {
  checkDisjoint,
  checkLike,
  checkTensor,
  describe,
  fail,
  flag,
  type Operator,
  type PoolOptions,
  type Problem,
  type SoftPoolBackwardOptions,
  show,
  wholeWindow,
} from "../options.ts";
import { arrayLike, bytesPerElement, elements, type FloatArray, type Tensor } from "../types.ts";
import { type Device, Usage } from "./device.ts";
import { Job } from "./job.ts";
import { type Direction, planFor } from "./plan.ts";
import { type Piece, pieces, type Range } from "./split.ts";
import {
  allocateOnGPU,
  checkGPULike,
  checkGPUTensor,
  copyOut,
  type GPUDType,
  type GPUTensor,
  isGPUTensor,
  mapInto,
  readElements,
  settled,
  writeElements,
} from "./tensor.ts";

/** An operator as the engine's functions know it; rank 0 is that of the input. */
export interface PoolFunction {
  /** Name of the function. */
  readonly name: string;
  /** The pooling method. */
  readonly method: Operator["method"];
  /** Number of spatial axes, 0 for one window over everything. */
  readonly rank: 0 | 1 | 2 | 3;
  /** It computes the gradient. */
  readonly backward: boolean;
}

/** A tensor in an array or in a buffer. */
export type AnyTensor = Tensor | GPUTensor;

/** A call with its arguments checked. */
export interface Checked {
  /** The pooling. */
  readonly problem: Problem & { readonly dtype: GPUDType };
  /** Shape of the result. */
  readonly shape: readonly number[];
  /** Where the result goes, where the caller said so. */
  readonly out?: AnyTensor;
  /** The gradient of beta is wanted. */
  readonly betaGradient: boolean;
}

/**
 * Checks shape, type and options of a call.
 * @param f the function
 * @param shape shape of x
 * @param dtype its element type
 * @param options what the caller wrote
 */
export function checkOptions(
  f: PoolFunction,
  shape: readonly number[],
  dtype: string,
  options: unknown,
): Checked {
  const { name, method } = f;
  if (dtype !== "float32" && dtype !== "float16") {
    fail(name, "x.data", "float32 or float16", dtype, 'the engine "wasm" computes in float64');
  }
  const rank = f.rank === 0 ? shape.length - 2 : f.rank;
  if (rank !== 1 && rank !== 2 && rank !== 3) fail(name, "x.shape", "3 to 5 sizes", show(shape));
  const operator: Operator = { name, method, rank };
  const adapted = f.rank === 0 ? wholeWindow(operator, shape, options) : options;
  const { engine, out, betaGradient } = (adapted ?? {}) as PoolOptions & SoftPoolBackwardOptions;
  if (engine !== undefined && (engine as string) !== "webgpu") {
    fail(name, "engine", '"webgpu", this one', show(engine), "import the others from softpool");
  }
  // Without the engine's name, which only this engine knows.
  const rest = typeof adapted === "object" && adapted ? { ...adapted, engine: undefined } : adapted;
  const problem = describe(operator, shape, dtype, rest);
  return {
    problem: problem as Checked["problem"],
    shape: f.backward ? shape : problem.outShape,
    out,
    betaGradient: flag(name, "betaGradient", betaGradient ?? false) && f.backward,
  };
}

/** Checks a whole call: `inputs` is `[x]`, or `[gradOutput, x]` of a backward. */
export function checkCall(f: PoolFunction, inputs: readonly unknown[], options: unknown): Checked {
  const { name } = f;
  const x = inputs[inputs.length - 1];
  let dtype: string;
  if (isGPUTensor(x)) dtype = checkGPUTensor(name, "x", x).dtype;
  else dtype = checkTensor(name, "x", x, f.rank === 0 ? undefined : f.rank + 2);
  const checked = checkOptions(f, (x as AnyTensor).shape, dtype, options);
  const { problem, shape, out } = checked;
  const like = (parameter: string, value: unknown, wanted: readonly number[]) => {
    if (isGPUTensor(x)) checkGPULike(name, parameter, value, wanted, problem.dtype);
    else checkLike(name, parameter, value, wanted, problem.dtype);
  };
  if (f.backward) like("gradOutput", inputs[0], problem.outShape);
  if (out !== undefined) {
    like("out", out, shape);
    inputs.forEach((input, i) => {
      const parameter = i === inputs.length - 1 ? "x" : "gradOutput";
      if (!isGPUTensor(out)) checkDisjoint(name, out, parameter, input as Tensor);
      else if (out.buffer === (input as GPUTensor).buffer) {
        fail(name, "out", `memory apart from ${parameter}`, "the same buffer");
      }
    });
  }
  return checked;
}

/** Runs a pooling on tensors in buffers; the result may still be under way. */
export async function runOnBuffers(
  device: Device,
  problem: Checked["problem"],
  tensors: { x: GPUBuffer; y: GPUBuffer; g?: GPUBuffer },
): Promise<void> {
  const { name } = problem;
  const plan = planFor(problem, tensors.g ? "backward" : "forward", device.limits);
  const pipelines = await Job.compile(device, name, plan);
  await device.scoped(name, () => {
    const job = Job.create(device, name, plan, pipelines);
    job.submit(tensors);
    job.dispose();
  });
}

/** Arrays of a call. */
export interface Arrays {
  /** Input. */
  readonly x: FloatArray;
  /** Gradient of the output, of a backward. */
  readonly g?: FloatArray;
  /** Receives the result. */
  readonly out: FloatArray;
}

/** Runs a pooling on arrays, or the piece of it that they hold. */
async function runPiece(
  device: Device,
  problem: Checked["problem"],
  { x, g, out }: Arrays,
  piece?: Piece,
): Promise<void> {
  const { name } = problem;
  const plan = planFor(problem, g ? "backward" : "forward", device.limits, piece);
  const usage = Usage.storage | Usage.copyTo | Usage.copyFrom;
  const made: GPUBuffer[] = [];
  const buffer = (bytes: number) => {
    const result = device.buffer(name, bytes, usage);
    made.push(result);
    return result;
  };
  const upload = (data: FloatArray) => {
    const result = buffer(data.byteLength);
    writeElements(device, result, data);
    return result;
  };
  try {
    // Copied before anything is awaited, so that the caller may write to its arrays at once.
    const inputs = device.scope(name, () => ({ x: upload(x), ...(g ? { g: upload(g) } : {}) }));
    const pipelines = await Job.compile(device, name, plan);
    const output = device.scope(name, () => {
      const y = buffer(out.byteLength);
      const job = Job.create(device, name, plan, pipelines);
      const encoder = device.gpu.createCommandEncoder();
      job.encode(encoder, { ...inputs.result, y });
      const staging = copyOut(device, name, encoder, y, out.byteLength);
      made.push(staging);
      device.gpu.queue.submit([encoder.finish()]);
      job.dispose();
      return staging;
    });
    await settled(device, name, [inputs.done, output.done], mapInto(output.result, out));
  } finally {
    for (const item of made) item.destroy();
  }
}

/** Runs a pooling on arrays: in parts, where a tensor is larger than a buffer may be. */
export async function runOnArrays(
  device: Device,
  problem: Checked["problem"],
  arrays: Arrays,
): Promise<void> {
  const { x, g, out } = arrays;
  const bytes = bytesPerElement(problem.dtype);
  const { bindingBytes, alignment } = device.limits;
  if ([x, out, g].every((data) => (data?.byteLength ?? 0) <= device.bufferBytes - 4)) {
    return runPiece(device, problem, arrays);
  }
  // A part has one binding of each tensor, and of what a backward keeps, 4 bytes an output.
  const most = Math.min(device.bufferBytes - 4, bindingBytes - alignment);
  const limits = { x: Math.floor(most / bytes), y: Math.floor(most / (g ? 4 : bytes)) };
  const part = (data: FloatArray, [start, count]: Range) => data.subarray(start, start + count);
  for (const piece of pieces(problem, g !== undefined, limits)) {
    const own = {
      x: part(x, piece.x),
      ...(g ? { g: part(g, piece.y) } : {}),
      out: part(out, g ? piece.own : piece.y),
    };
    await runPiece(device, problem, own, piece);
  }
}

/**
 * The gradient of beta: the weighted variance of each window from the device, times the gradient of the
 * output, summed in float64 here.
 */
export async function betaGradient(
  device: Device,
  problem: Checked["problem"],
  x: AnyTensor,
  gradOutput: AnyTensor,
): Promise<Float64Array> {
  const { name, channels, channelsLast, batch, outShape } = problem;
  const count = elements(outShape);
  const array = async (tensor: AnyTensor): Promise<FloatArray> => {
    if (!isGPUTensor(tensor)) return tensor.data;
    const data = new (problem.dtype === "float16" ? Uint16Array : Float32Array)(count);
    await readElements(device, name, tensor.buffer, data);
    return data;
  };
  const made: { dispose(): void }[] = [];
  try {
    let buffer: GPUBuffer;
    if (isGPUTensor(x)) buffer = x.buffer;
    else {
      const tensor = allocateOnGPU(device, name, x.shape, problem.dtype);
      made.push(tensor);
      writeElements(device, tensor.buffer, x.data);
      buffer = tensor.buffer;
    }
    const plan = planFor(problem, "variance", device.limits);
    const pipelines = await Job.compile(device, name, plan);
    const variance = new Float32Array(count);
    const job = await device.scoped(name, () => {
      const all = Job.create(device, name, plan, pipelines);
      made.push(all);
      all.submit({ x: buffer });
      return all;
    });
    const shifts = new Int32Array(count);
    if (job.variances !== undefined) {
      const [mantissas, exponents] = job.variances;
      await readElements(device, name, mantissas, variance);
      await readElements(device, name, exponents, shifts);
    }
    const g = toNumbers(await array(gradOutput));
    const gradient = new Float64Array(problem.beta.length);
    const inner = channelsLast ? 1 : count / (batch * channels);
    for (let i = 0; i < count; i++) {
      const channel = Math.floor(i / inner) % channels;
      gradient[gradient.length === 1 ? 0 : channel] += g[i] * variance[i] * 2 ** shifts[i];
    }
    return gradient;
  } finally {
    for (const item of made) item.dispose();
  }
}

/** Runs a checked call. */
export async function run(
  device: Device,
  f: PoolFunction,
  inputs: readonly AnyTensor[],
  checked: Checked,
): Promise<unknown> {
  const { problem, shape, out } = checked;
  device.check(f.name);
  const x = inputs[inputs.length - 1];
  const g = f.backward ? inputs[0] : undefined;
  let result: AnyTensor;
  if (isGPUTensor(x)) {
    const y = (out as GPUTensor) ?? allocateOnGPU(device, f.name, shape, problem.dtype);
    const buffers = { x: x.buffer, y: y.buffer, g: (g as GPUTensor | undefined)?.buffer };
    await runOnBuffers(device, problem, buffers);
    result = y;
  } else {
    const data = (out as Tensor)?.data ?? arrayLike(x.data, elements(shape));
    await runOnArrays(device, problem, {
      x: x.data,
      g: (g as Tensor | undefined)?.data,
      out: data,
    });
    result = (out as Tensor) ?? { data, shape: [...shape] };
  }
  if (!checked.betaGradient) return result;
  return { input: result, beta: await betaGradient(device, problem, x, g as AnyTensor) };
}

/** Names a direction for plans. */
export function directionOf(f: PoolFunction): Direction {
  return f.backward ? "backward" : "forward";
}
