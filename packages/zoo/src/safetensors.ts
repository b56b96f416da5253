/**
 * The file format safetensors: named tensors.
 *
 *     8 bytes     n, the length of the header, little-endian
 *     n bytes     JSON: { NAME: { dtype, shape, data_offsets: [begin, end] }, "__metadata__": { ... } }
 *     the rest    the data, little-endian, row-major, one tensor after the other without gaps
 *
 * Tensors are views of the bytes; nothing is copied. Source: the format as its project documents it,
 * https://github.com/huggingface/safetensors
 */
import { bfloatToNumber, halfToNumber, OnnxError } from "@softpool/onnx";

/** A tensor of a file. */
export interface FileTensor {
  /** Element type as the format spells it: `F32`, `F16`, `BF16`, `F64`, `I64` ... */
  readonly dtype: string;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** The values, little-endian, row-major. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a file holds. */
export interface TensorFile {
  /** The tensors by name, in the order of the header. */
  readonly tensors: Map<string, FileTensor>;
  /** The texts of `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of an element. */
const sizes: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** The longest header that is read, as the format says. */
const MAX_HEADER = 100_000_000;

const quote = (value: unknown) => JSON.stringify(value);

/**
 * Reads a file.
 * @param bytes the file; tensors are views of it
 * @param name what it is called in errors; default "safetensors"
 * @throws OnnxError when it is truncated, garbage, or its tensors overlap or leave gaps
 */
export function readSafetensors(bytes: Uint8Array<ArrayBuffer>, name = "safetensors"): TensorFile {
  const fail = (reason: string): never => {
    throw new OnnxError(`${name}: ${reason}`);
  };
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    fail(
      "expected a safetensors file, received a zip archive, as PyTorch's .pth is; write it with safetensors.torch.save_file(torch.load(FILE), ...)",
    );
  }
  if (bytes.length < 10) fail(`expected a safetensors file, received ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER || 8 + length > bytes.length || bytes[8] !== 0x7b) {
    fail("expected a safetensors file, received something else or a part of one");
  }
  let header: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
    header = JSON.parse(text);
  } catch {
    fail("its header is no JSON");
  }
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, FileTensor>();
  const ranges: [begin: number, end: number, name: string][] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [key, entry] of Object.entries(header as object)) {
    if (key === "__metadata__") {
      metadata = textsOf(entry) ?? fail("its __metadata__ is no list of texts");
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
    const where = `tensor ${quote(key)}`;
    if (typeof dtype !== "string" || !Object.hasOwn(sizes, dtype)) {
      return fail(`${where}: expected a known dtype, received ${quote(dtype)}`);
    }
    if (!isSizes(shape)) return fail(`${where}: expected sizes from 0, received ${quote(shape)}`);
    if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
      return fail(`${where}: expected data_offsets [begin, end], received ${quote(offsets)}`);
    }
    const expected = shape.reduce((product, size) => product * size, sizes[dtype]);
    if (offsets[1] - offsets[0] !== expected || offsets[1] > data.length) {
      const inside = `${offsets[1] - offsets[0]} up to ${offsets[1]} of ${data.length}`;
      return fail(`${where}: expected ${expected} bytes of data, received ${inside}`);
    }
    ranges.push([offsets[0], offsets[1], key]);
    tensors.set(key, { dtype, shape, bytes: data.subarray(offsets[0], offsets[1]) });
  }
  let end = 0;
  for (const range of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (range[0] !== end) {
      fail(`tensor ${quote(range[2])}: expected its data at ${end}, found them at ${range[0]}`);
    }
    end = range[1];
  }
  if (end !== data.length) fail(`expected ${end} bytes of data, received ${data.length}`);
  return { tensors, metadata };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function textsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const texts = Object.entries(value).every(([, text]) => typeof text === "string");
  return texts ? (value as Record<string, string>) : undefined;
}

/**
 * Writes a file.
 * @param tensors the tensors by name; their data lie in this order
 * @param metadata texts for `__metadata__`; default none
 * @throws OnnxError when the bytes of a tensor do not fit its shape
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, FileTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push(["__metadata__", metadata]);
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    const expected = shape.reduce((product, size) => product * size, sizes[dtype] ?? Number.NaN);
    if (bytes.length !== expected || name === "__metadata__") {
      throw new OnnxError(
        `writeSafetensors: tensor ${quote(name)}: expected ${expected} bytes for ${dtype} [${shape.join(", ")}], received ${bytes.length}`,
      );
    }
    entries.push([name, { dtype, shape, data_offsets: [offset, offset + bytes.length] }]);
    offset += bytes.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // Filled with spaces, so that the data begin at a multiple of 8.
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  let at = 8 + length;
  for (const { bytes } of tensors.values()) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/**
 * The values of a floating-point tensor as float32.
 * @returns the bytes of the float32 numbers: those of the file where it has float32, otherwise new ones;
 *   `undefined` for other element types
 */
export function float32Bytes({ dtype, bytes }: FileTensor): Uint8Array<ArrayBuffer> | undefined {
  if (dtype === "F32") return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read: Partial<Record<string, (at: number) => number>> = {
    F64: (at) => view.getFloat64(at, true),
    F16: (at) => halfToNumber(view.getUint16(at, true)),
    BF16: (at) => bfloatToNumber(view.getUint16(at, true)),
  };
  const value = read[dtype];
  if (value === undefined) return undefined;
  const size = sizes[dtype];
  const result = new Uint8Array((bytes.length / size) * 4);
  const out = new DataView(result.buffer);
  for (let i = 0; i < bytes.length / size; i++) out.setFloat32(4 * i, value(i * size), true);
  return result;
}
