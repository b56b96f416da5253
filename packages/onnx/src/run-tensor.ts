/**
 * Tensors as ONNX Runtime takes and gives them, and their conversion from and to the tensors of numbers
 * that graphs and the evaluator use. A conversion is exact or an error; only a number that its
 * floating-point type cannot hold is rounded, to nearest, ties to even.
 */
import { type DType, isInteger } from "./dtype.ts";
import { OnnxError } from "./error.ts";
import { clampInt64, elements, halfToNumber, numberToHalf, type Tensor } from "./tensor.ts";

/**
 * Values as ONNX Runtime takes them, one array class per element type: `Float32Array` float32,
 * `Float64Array` float64, `Uint16Array` uint16 and the bits of float16, `Uint8Array` uint8 and bool (0
 * or 1), `Int8Array`, `Int16Array`, `Int32Array`, `Uint32Array`, `BigInt64Array` and `BigUint64Array`
 * the integers of their name, an array of strings string.
 */
export type RunData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** A tensor as ONNX Runtime takes it, row-major. */
export interface RunTensor {
  /** Element type. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** The values, as many as the product of `shape`, in the array class of `dtype`. */
  readonly data: RunData;
}

type NumericArray = Exclude<RunData, readonly string[] | BigInt64Array | BigUint64Array>;

const arrays: Partial<Record<DType, new (values: Float64Array | number) => NumericArray>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
};

/** The class of the array that holds values of an element type; `undefined` when there is none. */
export function runArray(dtype: DType): { readonly name: string } | undefined {
  if (dtype === "int64") return BigInt64Array;
  if (dtype === "uint64") return BigUint64Array;
  return dtype === "string" ? Array : arrays[dtype];
}

/** Why a type cannot be used, as the end of an error. */
function unusable(dtype: DType): string {
  const known = [...Object.keys(arrays), "int64", "uint64"].join(", ");
  return `expected one of ${known}, received ${dtype}; cast it in the graph`;
}

/**
 * A tensor for ONNX Runtime; its data are a copy.
 * @param value dtype any that ONNX Runtime takes; 2^63 as int64 and 2^64 as uint64 stand for the
 *   largest values of these types, as they do in tensors that were read from a model
 * @throws OnnxError for other types, and for integers that are none or lie outside their type
 */
export function toRun(value: Tensor): RunTensor {
  const { dtype, shape, data } = value;
  if (data.length !== elements(shape)) {
    throw new OnnxError(
      `toRun: expected ${elements(shape)} values for shape [${shape.join(", ")}], received ${data.length}`,
    );
  }
  if (isInteger(dtype)) checkIntegers(dtype, data);
  if (dtype === "int64") return { dtype, shape, data: BigInt64Array.from(data, clampInt64) };
  if (dtype === "uint64") return { dtype, shape, data: BigUint64Array.from(data, clampUint64) };
  const Type = arrays[dtype];
  if (Type === undefined) throw new OnnxError(`toRun: ${unusable(dtype)}`);
  if (dtype !== "float16" && dtype !== "bool") return { dtype, shape, data: new Type(data) };
  const result = new Type(data.length);
  const convert = dtype === "bool" ? (x: number) => (x === 0 ? 0 : 1) : numberToHalf;
  for (let i = 0; i < data.length; i++) result[i] = convert(data[i]);
  return { dtype, shape, data: result };
}

function checkIntegers(dtype: DType, data: Float64Array): void {
  const bits = Number(/\d+$/.exec(dtype)?.[0]);
  const low = dtype.startsWith("u") ? 0 : -(2 ** (bits - 1));
  const high = dtype.startsWith("u") ? 2 ** bits : 2 ** (bits - 1);
  for (let i = 0; i < data.length; i++) {
    const x = data[i];
    if (!Number.isInteger(x) || x < low || x > high || (x === high && bits < 64)) {
      throw new OnnxError(`toRun: expected ${dtype} values, received ${x} as element ${i}`);
    }
  }
}

/** A whole number from 0 as uint64; above the range, the end of it. */
function clampUint64(value: number): bigint {
  return value >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(value);
}

/**
 * The numbers of a tensor of ONNX Runtime; its data are a copy.
 * @throws OnnxError for types without numbers, and for 64-bit integers that a number cannot hold (the
 *   largest ones become 2^63 and 2^64, which {@link toRun} turns back)
 */
export function fromRun(value: RunTensor): Tensor {
  const { dtype, shape, data } = value;
  const count = elements(shape);
  if (data.length !== count) {
    throw new OnnxError(
      `fromRun: expected ${count} values for shape [${shape.join(", ")}], received ${data.length}`,
    );
  }
  if (dtype === "int64" || dtype === "uint64") {
    const back = dtype === "int64" ? clampInt64 : clampUint64;
    const numbers = Float64Array.from(data as BigInt64Array, (x, i) => {
      const number = Number(x);
      if (back(number) === x) return number;
      throw new OnnxError(
        `fromRun: element ${i} is ${x} (${dtype}), which a number cannot hold exactly; use the data themselves`,
      );
    });
    return { dtype, shape, data: numbers };
  }
  if (arrays[dtype] === undefined) throw new OnnxError(`fromRun: ${unusable(dtype)}`);
  const numbers = new Float64Array(data as NumericArray);
  if (dtype === "float16") for (let i = 0; i < count; i++) numbers[i] = halfToNumber(numbers[i]);
  return { dtype, shape, data: numbers };
}
