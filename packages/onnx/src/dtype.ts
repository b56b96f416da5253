/**
 * Element types of ONNX tensors: names, the codes of the file format (`TensorProto.DataType`) and how
 * many bits an element takes in `raw_data`.
 */

/** The name of an element type, as NumPy spells it where NumPy has it. */
export type DType =
  | "float32"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "int32"
  | "int64"
  | "string"
  | "bool"
  | "float16"
  | "float64"
  | "uint32"
  | "uint64"
  | "complex64"
  | "complex128"
  | "bfloat16"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "uint4"
  | "int4"
  | "float4e2m1"
  | "float8e8m0"
  | "uint2"
  | "int2";

/** All element types in the order of their codes, which begin at 1. */
export const dtypes: readonly DType[] = [
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "uint4",
  "int4",
  "float4e2m1",
  "float8e8m0",
  "uint2",
  "int2",
];

/** The code of an element type in the file format. */
export function dtypeCode(dtype: DType): number {
  return dtypes.indexOf(dtype) + 1;
}

/** The element type of a code; `undefined` for 0 and for codes that are not known. */
export function dtypeOfCode(code: number): DType | undefined {
  return dtypes[code - 1];
}

const bits: Partial<Record<DType, number>> = {
  float32: 32,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  uint2: 2,
  int2: 2,
  string: 0,
};

/** Bits of one element in `raw_data`; 0 for strings, which cannot be stored there. */
export function bitsPerElement(dtype: DType): number {
  return bits[dtype] ?? 8;
}

/** Whether the type is a real floating-point type. */
export function isFloat(dtype: DType): boolean {
  return /^b?float/.test(dtype);
}

/** Whether the type is an integer type (`bool` is none). */
export function isInteger(dtype: DType): boolean {
  return /^u?int/.test(dtype);
}
