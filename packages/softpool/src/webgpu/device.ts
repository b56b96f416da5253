/**
 * A WebGPU device as the engine uses it: found or given, its limits, its pipelines by their WGSL, and what
 * became of it. Every failure becomes one sentence; a lost device fails all later calls with the reason.
 */
import { fail, show } from "../options.ts";
import type { PlanLimits } from "./plan.ts";

/** Why a device does not work any more. */
export interface DeviceLoss {
  /** `"destroyed"` after `destroy` or `dispose`, else `"unknown"`. */
  readonly reason: string;
  /** What the browser or driver said, in its words; may be empty. */
  readonly message: string;
}

/** Limits below those of the device, to save memory or to test that tensors are cut. */
export interface WebGPULimits {
  /** Most bytes of a tensor, or a part of one, that a kernel sees at once; at least 1024. */
  readonly bindingBytes?: number;
  /** Most bytes of a buffer; tensors in arrays are computed in parts of this size; at least 1024. */
  readonly bufferBytes?: number;
  /** Most workgroups of a dispatch along one dimension; at least 1. */
  readonly workgroups?: number;
}

/** Usages of buffers; the globals that name them do not exist everywhere. */
export const Usage = { read: 1, copyFrom: 4, copyTo: 8, uniform: 64, storage: 128 } as const;

const CURE = "create the engine again with createWebGPU";

/** A limit as the caller gave it, not above the device's. */
function limit(name: string, value: number | undefined, most: number, least: number): number {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= least)) {
    fail("createWebGPU", name, `an integer of at least ${least}`, show(value));
  }
  return Math.min(most, value ?? most);
}

/** The pipelines of each device by their WGSL; several engines of one device share them. */
const compiled = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>();

/** A device with its pipelines. */
export class Device {
  /** The device itself. */
  readonly gpu: GPUDevice;
  /** What plans need to know. */
  readonly limits: PlanLimits;
  /** Most bytes of a buffer. */
  readonly bufferBytes: number;
  /** Most workgroups of a dispatch along one dimension. */
  readonly workgroups: number;
  /** Resolves when the device is lost. */
  readonly lost: Promise<DeviceLoss>;
  #loss: DeviceLoss | undefined;
  readonly #pipelines: Map<string, Promise<GPUComputePipeline>>;

  /**
   * Takes a device into use.
   * @param gpu the device
   * @param limits limits below its own
   */
  constructor(gpu: GPUDevice, limits: WebGPULimits) {
    const own = gpu.limits;
    this.gpu = gpu;
    this.#pipelines = compiled.get(gpu) ?? new Map();
    compiled.set(gpu, this.#pipelines);
    this.limits = {
      bindingBytes: limit(
        "bindingBytes",
        limits.bindingBytes,
        Math.floor(own.maxStorageBufferBindingSize / 4) * 4,
        1024,
      ),
      alignment: own.minStorageBufferOffsetAlignment,
      native: gpu.features.has("shader-f16"),
    };
    this.bufferBytes = limit("bufferBytes", limits.bufferBytes, own.maxBufferSize, 1024);
    this.workgroups = limit(
      "workgroups",
      limits.workgroups,
      own.maxComputeWorkgroupsPerDimension,
      1,
    );
    this.lost = gpu.lost.then(({ reason, message }) => {
      this.#loss = { reason: reason ?? "unknown", message };
      this.#pipelines.clear();
      return this.#loss;
    });
  }

  /** Marks the device as given back. */
  release(): void {
    this.#loss = { reason: "destroyed", message: "the engine was disposed" };
  }

  /** Fails when the device is lost. */
  check(name: string): void {
    if (this.#loss === undefined) return;
    const { reason, message } = this.#loss;
    const why = message === "" ? reason : `${reason}: ${message.trim()}`;
    throw new Error(
      `${name}: device: expected a working device, received one that was lost (${why}; ${CURE})`,
    );
  }

  /** Number of pipelines kept. */
  get pipelines(): number {
    return this.#pipelines.size;
  }

  /** The pipeline of a shader, compiled once. */
  pipeline(name: string, code: string): Promise<GPUComputePipeline> {
    this.check(name);
    const known = this.#pipelines.get(code);
    if (known !== undefined) return known;
    const made = this.guard(name, async () => {
      const module = this.gpu.createShaderModule({ code });
      return this.gpu.createComputePipelineAsync({
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
    });
    this.#pipelines.set(code, made);
    made.catch(() => this.#pipelines.delete(code));
    return made;
  }

  /** Awaits what the device promised; where it was lost meanwhile, that is the error. */
  async guard<T>(name: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      // The loss may be reported a moment after what it made fail.
      await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, 20))]);
      this.check(name);
      throw new Error(`${name}: device: ${(error as Error).message}`, { cause: error });
    }
  }

  /**
   * Runs commands; `done` settles when the device took them: its errors become errors of the call. Does
   * not wait until they are done.
   */
  scope<T>(name: string, commands: () => T): { result: T; done: Promise<void> } {
    this.check(name);
    const { gpu } = this;
    gpu.pushErrorScope("out-of-memory");
    gpu.pushErrorScope("validation");
    let errors: Promise<GPUError | null>[] = [];
    try {
      const result = commands();
      const done = this.#settle(name, () => errors);
      // Who awaits it learns of it; who failed before that has another error to tell.
      done.catch(() => {});
      return { result, done };
    } finally {
      errors = [gpu.popErrorScope(), gpu.popErrorScope()];
    }
  }

  async #settle(name: string, errors: () => Promise<GPUError | null>[]): Promise<void> {
    // The scopes are popped before this goes on.
    await Promise.resolve();
    const [invalid, memory] = await this.guard(name, () => Promise.all(errors()));
    this.check(name);
    const error = memory ?? invalid;
    if (error) {
      const kind = memory ? "memory" : "valid use of buffers";
      throw new Error(`${name}: device: expected ${kind}, received "${error.message.trim()}"`);
    }
  }

  /** {@link scope}, awaited. */
  async scoped<T>(name: string, commands: () => T): Promise<T> {
    const { result, done } = this.scope(name, commands);
    await done;
    return result;
  }

  /** A new buffer of at least `bytes`. */
  buffer(name: string, bytes: number, usage: number): GPUBuffer {
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    if (size > this.bufferBytes) {
      const most = `a buffer of at most ${this.bufferBytes} bytes`;
      fail(name, "x", most, `${size} bytes`, "pool it in parts, or as an array");
    }
    return this.gpu.createBuffer({ size, usage });
  }
}

/** The device of the page or worker, with all that its adapter allows. */
export async function requestDevice(): Promise<GPUDevice> {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    fail(
      "createWebGPU",
      "device",
      "a GPUDevice, or an environment with WebGPU and an adapter",
      gpu ? "no adapter" : "no navigator.gpu",
      "in Node give a device of the package webgpu",
    );
  }
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  return adapter.requestDevice({
    requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
    requiredFeatures: adapter.features.has("shader-f16") ? ["shader-f16"] : [],
  });
}
