/**
 * Tensors with values: the constants of a graph, and what the evaluator computes with. Values are held
 * as numbers in a `Float64Array` whatever the element type; integers are exact up to 2^53.
 */
import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import { bitsPerElement, type DType, dtypeCode, dtypeOfCode } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";

/** A dense tensor with its values, row-major. */
export interface Tensor {
  /** Element type in the graph. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** The values as numbers (booleans as 0 and 1), as many as the product of `shape`. */
  readonly data: Float64Array;
}

/** The largest tensor that is held as numbers here, in elements (4 GiB). */
export const MAX_ELEMENTS: number = 2 ** 29;

/** Sizes in words; only the first of many. */
function sizes(shape: readonly (number | bigint)[]): string {
  return shape.length <= 16 ? shape.join(", ") : `${shape.slice(0, 16).join(", ")}, ...`;
}

/** The number of elements of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * A tensor from numbers.
 * @param dtype element type
 * @param shape sizes of the axes
 * @param values the values, or one value for all elements
 * @throws OnnxError when the number of values does not fit the shape
 */
export function tensor(
  dtype: DType,
  shape: readonly number[],
  values: ArrayLike<number> | number,
): Tensor {
  const count = elements(shape);
  if (!(count <= MAX_ELEMENTS) || shape.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new OnnxError(
      `tensor: expected sizes from 0 with at most ${MAX_ELEMENTS} elements, received [${sizes(shape)}]`,
    );
  }
  if (typeof values === "number") {
    return { dtype, shape, data: new Float64Array(count).fill(values) };
  }
  if (values.length !== count) {
    throw new OnnxError(
      `tensor: expected ${count} values for shape [${shape.join(", ")}], received ${values.length}`,
    );
  }
  return {
    dtype,
    shape,
    data: values instanceof Float64Array ? values : Float64Array.from(values),
  };
}

/** A one-dimensional int64 tensor: what shape operators take. */
export function int64s(values: readonly number[]): Tensor {
  return tensor("int64", [values.length], values);
}

/** A tensor without axes. */
export function scalar(dtype: DType, value: number): Tensor {
  return tensor(dtype, [], [value]);
}

/** The value of float16 bits. */
export function halfToNumber(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return (
    sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
  );
}

/** Float16 bits of a number, rounded to nearest, ties to even. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  // Units of the last place: 2^-24 below the normal range, else 2^(e - 10).
  const e = Math.max(-14, Math.floor(Math.log2(size || 2 ** -30)));
  const exponent = size >= 2 ** (e + 1) ? e + 1 : size < 2 ** e && e > -14 ? e - 1 : e;
  const units = roundEven(size / 2 ** (exponent - 10));
  // A full binade of units carries into the exponent by itself.
  return sign | (((exponent + 14) << 10) + units);
}

/** Rounds to the nearest integer, ties to even. */
export function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The value of bfloat16 bits: the upper half of a float32. */
export function bfloatToNumber(bits: number): number {
  word[0] = bits << 16;
  return single[0];
}

/** Bfloat16 bits of a number, rounded to nearest, ties to even. */
export function numberToBfloat(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  single[0] = value;
  const bits = word[0];
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

interface Storage {
  read(view: DataView, offset: number): number;
  write(view: DataView, offset: number, value: number): void;
}

const storages: Partial<Record<DType, Storage>> = {
  float32: {
    read: (v, o) => v.getFloat32(o, true),
    write: (v, o, x) => v.setFloat32(o, x, true),
  },
  float64: {
    read: (v, o) => v.getFloat64(o, true),
    write: (v, o, x) => v.setFloat64(o, x, true),
  },
  float16: {
    read: (v, o) => halfToNumber(v.getUint16(o, true)),
    write: (v, o, x) => v.setUint16(o, numberToHalf(x), true),
  },
  bfloat16: {
    read: (v, o) => bfloatToNumber(v.getUint16(o, true)),
    write: (v, o, x) => v.setUint16(o, numberToBfloat(x), true),
  },
  int8: { read: (v, o) => v.getInt8(o), write: (v, o, x) => v.setInt8(o, x) },
  uint8: { read: (v, o) => v.getUint8(o), write: (v, o, x) => v.setUint8(o, x) },
  bool: { read: (v, o) => (v.getUint8(o) ? 1 : 0), write: (v, o, x) => v.setUint8(o, x ? 1 : 0) },
  int16: { read: (v, o) => v.getInt16(o, true), write: (v, o, x) => v.setInt16(o, x, true) },
  uint16: { read: (v, o) => v.getUint16(o, true), write: (v, o, x) => v.setUint16(o, x, true) },
  int32: { read: (v, o) => v.getInt32(o, true), write: (v, o, x) => v.setInt32(o, x, true) },
  uint32: { read: (v, o) => v.getUint32(o, true), write: (v, o, x) => v.setUint32(o, x, true) },
  int64: {
    read: (v, o) => Number(v.getBigInt64(o, true)),
    write: (v, o, x) => v.setBigInt64(o, clampInt64(x), true),
  },
  uint64: {
    read: (v, o) => Number(v.getBigUint64(o, true)),
    write: (v, o, x) => v.setBigUint64(o, BigInt(Math.round(Math.max(0, x))), true),
  },
};

/** A number as int64; beyond the range, the nearest end of it. */
export function clampInt64(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (value <= -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.round(value));
}

/**
 * The values of a tensor of a model.
 * @param proto the tensor as the file holds it
 * @param external the bytes of a tensor stored outside the file; without them it is refused
 * @throws OnnxError when its size and its data do not agree, or its type cannot be held as numbers
 */
export function tensorFromProto(proto: TensorProto, external?: Uint8Array): Tensor {
  const what = `tensor ${quote(proto.name)}`;
  const dtype = dtypeOfCode(proto.dataType);
  if (dtype === undefined) {
    throw new OnnxError(`${what}: expected a known element type, received code ${proto.dataType}`);
  }
  const shape = proto.dims.map(Number);
  const count = elements(shape);
  if (shape.some((size) => size < 0) || !(count <= MAX_ELEMENTS)) {
    throw new OnnxError(
      `${what}: expected sizes from 0 with at most ${MAX_ELEMENTS} elements, received [${sizes(proto.dims)}]`,
    );
  }
  const storage = storages[dtype];
  if (storage === undefined) {
    throw new OnnxError(`${what}: values of type ${dtype} cannot be read as numbers`);
  }
  const isExternal = proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  if (isExternal && external === undefined) {
    throw new OnnxError(`${what}: its data lie in another file, which was not given`);
  }
  const raw = isExternal ? external! : proto.rawData;
  // Nothing is allocated before the data are known to be there: a hostile shape costs nothing.
  const size = bitsPerElement(dtype) / 8;
  if (raw.length > 0 || isExternal) {
    if (raw.length !== count * size) {
      throw new OnnxError(
        `${what}: expected ${count * size} bytes for [${shape.join(", ")}] ${dtype}, received ${raw.length}`,
      );
    }
    const data = new Float64Array(count);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let i = 0; i < count; i++) data[i] = storage.read(view, i * size);
    return { dtype, shape, data };
  }
  const list = listOf(proto, dtype);
  if (list.length !== count) {
    throw new OnnxError(
      `${what}: expected ${count} values for [${shape.join(", ")}], received ${list.length}`,
    );
  }
  const data = new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = Number(list[i]);
  if (dtype === "float16") for (let i = 0; i < count; i++) data[i] = halfToNumber(data[i]);
  if (dtype === "bfloat16") for (let i = 0; i < count; i++) data[i] = bfloatToNumber(data[i]);
  return { dtype, shape, data };
}

/** The typed list that holds the values of a type when they are not raw. */
function listOf(proto: TensorProto, dtype: DType): readonly (number | bigint)[] {
  switch (dtype) {
    case "float32":
      return proto.floatData;
    case "float64":
      return proto.doubleData;
    case "int64":
      return proto.int64Data;
    case "uint32":
    case "uint64":
      return proto.uint64Data;
    default:
      return proto.int32Data;
  }
}

/**
 * A tensor as a model holds it, as raw little-endian data.
 * @throws OnnxError for types that cannot be written from numbers
 */
export function tensorToProto(value: Tensor, name = ""): TensorProto {
  const storage = storages[value.dtype];
  if (storage === undefined) {
    throw new OnnxError(
      `tensor ${quote(name)}: type ${value.dtype} cannot be written from numbers`,
    );
  }
  const size = bitsPerElement(value.dtype) / 8;
  const raw = new Uint8Array(value.data.length * size);
  const view = new DataView(raw.buffer);
  for (let i = 0; i < value.data.length; i++) storage.write(view, i * size, value.data[i]);
  return create(TensorProtoSchema, {
    name,
    dims: value.shape.map(BigInt),
    dataType: dtypeCode(value.dtype),
    rawData: raw,
  });
}
