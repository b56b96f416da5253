/**
 * Prepared poolings: pipelines, parameters and buffers are made once and kept, so that a call that is
 * repeated only copies, dispatches and copies back.
 */
import { fail, show } from "../options.ts";
import { arrayLike, bytesPerElement, elements, type Tensor } from "../types.ts";
import { type AnyTensor, type Checked, checkCall, directionOf, type PoolFunction } from "./call.ts";
import { type Device, Usage } from "./device.ts";
import { Job } from "./job.ts";
import { planFor } from "./plan.ts";
import {
  allocateOnGPU,
  copyOut,
  type DeviceTensor,
  type GPUDType,
  type GPUTensor,
  isGPUTensor,
  mapInto,
  settled,
  writeElements,
} from "./tensor.ts";

/** The result of a handle: a tensor in a buffer that the handle owns, or a tensor in an array. */
export type HandleResult<T extends AnyTensor> = T extends GPUTensor
  ? DeviceTensor
  : T extends Tensor
    ? Tensor<T["data"]>
    : never;

/** A pooling prepared for one shape, type and set of options. */
export class Handle {
  /** The function it stands for, such as `softPool2d`. */
  readonly name: string;
  /** Shape of x. */
  readonly shape: readonly number[];
  /** Shape of the result. */
  readonly resultShape: readonly number[];
  /** Element type of all tensors. */
  readonly dtype: GPUDType;
  readonly #device: Device;
  readonly #f: PoolFunction;
  readonly #options: unknown;
  readonly #job: Job;
  readonly #output: DeviceTensor;
  #inputs: DeviceTensor[] | undefined;
  #staging: GPUBuffer | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(
    device: Device,
    f: PoolFunction,
    shape: readonly number[],
    checked: Checked,
    options: unknown,
    job: Job,
    output: DeviceTensor,
  ) {
    this.name = f.name;
    this.shape = [...shape];
    this.resultShape = [...checked.shape];
    this.dtype = checked.problem.dtype;
    this.#device = device;
    this.#f = f;
    this.#options = options;
    this.#job = job;
    this.#output = output;
  }

  /** Use the engine's `prepare`. */
  static async create(
    device: Device,
    f: PoolFunction,
    shape: readonly number[],
    checked: Checked,
    options: unknown,
  ): Promise<Handle> {
    if (checked.betaGradient) {
      fail(f.name, "betaGradient", "false in a handle", "true", "call the function itself");
    }
    if (checked.out !== undefined) {
      fail(f.name, "out", "nothing in a handle, which has its own", show(checked.out));
    }
    const plan = planFor(checked.problem, directionOf(f), device.limits);
    const pipelines = await Job.compile(device, f.name, plan);
    const { job, output } = await device.scoped(f.name, () => ({
      job: Job.create(device, f.name, plan, pipelines),
      output: allocateOnGPU(device, f.name, checked.shape, checked.problem.dtype),
    }));
    return new Handle(device, f, shape, checked, options, job, output);
  }

  /**
   * Runs the pooling: `run(x)`, or `run(gradOutput, x)` of a backward, with tensors of the shapes and
   * the type that were prepared. For tensors in buffers the result is the handle's own tensor, which
   * the next run overwrites and `dispose` gives back; for arrays it is a new one.
   * @throws RangeError for other tensors, Error when the handle was disposed or the device is lost
   */
  run<T extends AnyTensor>(...inputs: T[]): Promise<HandleResult<T>> {
    const result = this.#last.then(() => this.#run(inputs));
    this.#last = result.catch(() => {});
    return result as Promise<HandleResult<T>>;
  }

  /**
   * Adds the pooling to commands of the caller's own, for tensors in buffers: `encode(encoder, x)`, or
   * `encode(encoder, gradOutput, x)` of a backward. Nothing is submitted or awaited; errors of the
   * device are the caller's to see.
   * @returns the handle's own tensor, which holds the result when the commands are done
   * @throws RangeError for other tensors, Error when the handle was disposed or the device is lost
   */
  encode(encoder: GPUCommandEncoder, ...inputs: GPUTensor[]): DeviceTensor {
    const tensors = this.#check(inputs) as GPUTensor[];
    if (!tensors.every(isGPUTensor)) {
      fail(this.name, "x", "a tensor { buffer, shape, dtype }", show(inputs[inputs.length - 1]));
    }
    this.#job.encode(encoder, this.#buffers(tensors.map(({ buffer }) => buffer)));
    return this.#output;
  }

  /** Checks the tensors of a run. */
  #check(inputs: AnyTensor[]): AnyTensor[] {
    const { name } = this;
    this.#device.check(name);
    if (this.#disposed) fail(name, "run", "a handle in use", "a disposed one", "prepare it again");
    const count = this.#f.backward ? 2 : 1;
    if (inputs.length !== count) {
      fail(name, "run", count === 2 ? "gradOutput and x" : "x", `${inputs.length} tensors`);
    }
    const x = inputs[count - 1];
    const shape = (x as AnyTensor | undefined)?.shape;
    if (Array.isArray(shape) && `${shape}` !== `${this.shape}`) {
      fail(name, "x.shape", `${show([...this.shape])}, as prepared`, show(shape));
    }
    const { dtype } = checkCall(this.#f, inputs, this.#options).problem;
    if (dtype !== this.dtype) fail(name, "x", `${this.dtype}, as prepared`, dtype);
    return inputs;
  }

  async #run(inputs: AnyTensor[]): Promise<AnyTensor> {
    const { name } = this;
    const [x] = this.#check(inputs).slice(-1);
    if (isGPUTensor(x)) {
      const buffers = this.#buffers((inputs as GPUTensor[]).map(({ buffer }) => buffer));
      await this.#device.scoped(name, () => this.#job.submit(buffers));
      return this.#output;
    }
    return this.#runOnArrays(inputs as Tensor[]);
  }

  #buffers(inputs: GPUBuffer[]) {
    const [first, second] = inputs;
    const y = this.#output.buffer;
    return second === undefined ? { x: first, y } : { g: first, x: second, y };
  }

  async #runOnArrays(inputs: Tensor[]): Promise<Tensor> {
    const { name } = this;
    const device = this.#device;
    const count = elements(this.resultShape);
    const bytes = count * bytesPerElement(this.dtype);
    const data = arrayLike(inputs[inputs.length - 1].data, count);
    const { result, done } = device.scope(name, () => {
      this.#inputs ??= inputs.map(({ shape }) => allocateOnGPU(device, name, shape, this.dtype));
      this.#staging ??= device.buffer(name, bytes, Usage.read | Usage.copyTo);
      const kept = this.#inputs;
      for (const [i, input] of inputs.entries()) writeElements(device, kept[i].buffer, input.data);
      const encoder = device.gpu.createCommandEncoder();
      this.#job.encode(encoder, this.#buffers(kept.map(({ buffer }) => buffer)));
      copyOut(device, name, encoder, this.#output.buffer, bytes, this.#staging);
      device.gpu.queue.submit([encoder.finish()]);
      return this.#staging;
    });
    await settled(device, name, [done], mapInto(result, data));
    return { data, shape: [...this.resultShape] };
  }

  /** Gives all buffers back, the result of `run` included. A second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#job.dispose();
    this.#output.dispose();
    this.#staging?.destroy();
    for (const tensor of this.#inputs ?? []) tensor.dispose();
  }
}
