/** Tensors in GPU buffers: checks, upload and download. */
import { fail, show } from "../options.ts";
import { bytesPerElement, elements, type FloatArray } from "../types.ts";
import { type Device, Usage } from "./device.ts";

/** The element types of this engine: WGSL has no float64. */
export type GPUDType = "float32" | "float16";

/**
 * A dense tensor in a buffer of the engine's device, in row-major order from the first byte on. The
 * buffer needs the usage STORAGE, and COPY_SRC to be downloaded; its size is a multiple of 4.
 */
export interface GPUTensor {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** Element type; float16 elements lie two to a word. */
  readonly dtype: GPUDType;
}

/** A tensor whose buffer was made by the engine. */
export class DeviceTensor implements GPUTensor {
  /** The buffer, with the usages STORAGE, COPY_SRC and COPY_DST. */
  readonly buffer: GPUBuffer;
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: GPUDType;
  /** Whether the buffer was given back. */
  disposed = false;

  /** Use the engine's `upload` or `empty`. */
  constructor(buffer: GPUBuffer, shape: readonly number[], dtype: GPUDType) {
    this.buffer = buffer;
    this.shape = shape;
    this.dtype = dtype;
  }

  /** Gives the memory back; what was submitted before still completes. A second call does nothing. */
  dispose(): void {
    this.disposed = true;
    this.buffer.destroy();
  }
}

const { dispose } = Symbol as unknown as { dispose?: symbol };
if (dispose !== undefined) {
  Object.defineProperty(DeviceTensor.prototype, dispose, {
    value(this: DeviceTensor) {
      this.dispose();
    },
  });
}

/** Whether a value is meant to be a tensor in a buffer. */
export function isGPUTensor(value: unknown): value is GPUTensor {
  return typeof value === "object" && value !== null && "buffer" in value && !("data" in value);
}

/** Checks a tensor in a buffer. */
export function checkGPUTensor(name: string, parameter: string, value: unknown): GPUTensor {
  if (!isGPUTensor(value)) {
    fail(name, parameter, "a tensor { buffer, shape, dtype }, as x", show(value));
  }
  const { buffer, shape, dtype } = value;
  if (dtype !== "float32" && dtype !== "float16") {
    fail(name, `${parameter}.dtype`, '"float32" or "float16"', show(dtype));
  }
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    fail(name, `${parameter}.shape`, "an array of sizes of at least 0", show(shape));
  }
  if ((value as DeviceTensor).disposed === true) {
    fail(name, `${parameter}.buffer`, "a buffer that is in use", "a disposed one");
  }
  const bytes = Math.ceil((elements(shape) * bytesPerElement(dtype)) / 4) * 4;
  if (typeof buffer !== "object" || buffer === null || !(buffer.size >= bytes)) {
    const size = buffer === null ? undefined : (buffer as GPUBuffer | undefined)?.size;
    const what = size === undefined ? show(buffer) : `${size} bytes`;
    fail(name, `${parameter}.buffer`, `a buffer of at least ${bytes} bytes`, what);
  }
  if ((buffer.usage & Usage.storage) === 0) {
    fail(name, `${parameter}.buffer`, "a buffer with usage STORAGE", `usage ${buffer.usage}`);
  }
  return value;
}

/** Checks that a tensor in a buffer has a given shape and element type. */
export function checkGPULike(
  name: string,
  parameter: string,
  value: unknown,
  shape: readonly number[],
  dtype: GPUDType,
): GPUTensor {
  const tensor = checkGPUTensor(name, parameter, value);
  if (tensor.dtype !== dtype) fail(name, `${parameter}.dtype`, `${dtype}, as x`, tensor.dtype);
  const same = tensor.shape.length === shape.length && tensor.shape.every((n, i) => n === shape[i]);
  if (!same) fail(name, `${parameter}.shape`, show([...shape]), show([...tensor.shape]));
  return tensor;
}

/** Allocates a tensor; WebGPU clears new buffers, so it holds zeros. */
export function allocateOnGPU(
  device: Device,
  name: string,
  shape: readonly number[],
  dtype: GPUDType,
): DeviceTensor {
  const bytes = elements(shape) * bytesPerElement(dtype);
  const usage = Usage.storage | Usage.copyFrom | Usage.copyTo;
  return new DeviceTensor(device.buffer(name, bytes, usage), [...shape], dtype);
}

/** Copies elements to the start of a buffer. */
export function writeElements(device: Device, buffer: GPUBuffer, data: FloatArray): void {
  const { queue } = device.gpu;
  const even = data.byteLength - (data.byteLength % 4);
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  // Shared memory is refused by some browsers: copied first.
  const shared =
    typeof SharedArrayBuffer !== "undefined" &&
    (data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
  const source = shared ? bytes.slice() : bytes;
  if (even > 0) queue.writeBuffer(buffer, 0, source, 0, even);
  if (even < data.byteLength) {
    const last = new Uint8Array(4);
    last.set(source.subarray(even));
    queue.writeBuffer(buffer, even, last);
  }
}

/** Adds a copy of the first bytes of a buffer to where they can be read. */
export function copyOut(
  device: Device,
  name: string,
  encoder: GPUCommandEncoder,
  buffer: GPUBuffer,
  length: number,
  staging?: GPUBuffer,
): GPUBuffer {
  const bytes = Math.ceil(length / 4) * 4;
  const to = staging ?? device.buffer(name, bytes, Usage.read | Usage.copyTo);
  if (bytes > 0) encoder.copyBufferToBuffer(buffer, 0, to, 0, bytes);
  return to;
}

/** Fills an array from a buffer that {@link copyOut} gave, when what was submitted is done. */
export async function mapInto(staging: GPUBuffer, into: FloatArray | Int32Array): Promise<void> {
  if (into.length === 0) return;
  const bytes = Math.ceil(into.byteLength / 4) * 4;
  await staging.mapAsync(Usage.read, 0, bytes);
  const source = new Uint8Array(staging.getMappedRange(0, bytes), 0, into.byteLength);
  new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(source);
  staging.unmap();
}

/** Copies the first elements of a buffer into an array, behind all that was submitted before. */
export async function readElements(
  device: Device,
  name: string,
  buffer: GPUBuffer,
  into: FloatArray | Int32Array,
): Promise<void> {
  const { result, done } = device.scope(name, () => {
    const encoder = device.gpu.createCommandEncoder();
    const staging = copyOut(device, name, encoder, buffer, into.byteLength);
    device.gpu.queue.submit([encoder.finish()]);
    return staging;
  });
  try {
    await settled(device, name, [done], mapInto(result, into));
  } finally {
    result.destroy();
  }
}

/** Awaits scopes and a mapping: what the scopes say comes first. */
export async function settled(
  device: Device,
  name: string,
  scopes: readonly Promise<void>[],
  mapped: Promise<void>,
): Promise<void> {
  // Handled below; until then it must not count as unhandled.
  mapped.catch(() => {});
  await Promise.all(scopes);
  await device.guard(name, () => mapped);
}
