/**
 * What inference knows of tensors with values: the integers (and booleans)
 * that shape arithmetic computes with, and
 * the short lists of floating-point numbers that decide shapes (the scales of Resize).
 */
import { type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { type DType, dtypeOfCode } from "./dtype.ts";
import type { Inferred } from "./ops/operator.ts";
import { type Tensor, tensorFromProto } from "./tensor.ts";

/** Tensors of at most this many integers are known to shape arithmetic. */
export const MAX_CONTENTS = 1024;

/** Tensors of at most this many floating-point numbers are known to shape rules. */
export const MAX_NUMBERS = 64;

const integral: ReadonlySet<DType | undefined> = new Set<DType>(["int64", "int32", "bool"]);
const floating: ReadonlySet<DType | undefined> = new Set<DType>([
  "float32",
  "float64",
  "float16",
  "bfloat16",
]);

/** Whether values of a type are `contents` of {@link Inferred}. */
export function hasContents(dtype: DType | undefined): boolean {
  return integral.has(dtype);
}

/** Whether values of a type are `numbers` of {@link Inferred}. */
function hasNumbers(dtype: DType | undefined): boolean {
  return floating.has(dtype);
}

/** The integers or booleans of a tensor when they are few: its `contents` for inference. */
export function contentsOf({ dtype, data }: Tensor): readonly number[] | undefined {
  return hasContents(dtype) && data.length <= MAX_CONTENTS ? Array.from(data) : undefined;
}

/** What is known of a tensor: its type, and its values when they are few. */
export function knownTensor(value: Tensor): Inferred {
  const { dtype, shape, data } = value;
  const short = hasNumbers(dtype) && data.length <= MAX_NUMBERS;
  const numbers = short ? Array.from(data) : undefined;
  return { dtype, shape, contents: contentsOf(value), numbers };
}

/**
 * What is known of a tensor of a file. Long ones are not read, nor those outside the file.
 * @throws OnnxError when the data of a short one do not fit its shape
 */
export function knownProto(proto: TensorProto): Inferred {
  const dtype = dtypeOfCode(proto.dataType);
  const count = proto.dims.reduce((product, dim) => product * dim, 1n);
  const short =
    (hasContents(dtype) && count <= MAX_CONTENTS) || (hasNumbers(dtype) && count <= MAX_NUMBERS);
  const external =
    proto.externalData.length > 0 || proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  if (short && !external) return knownTensor(tensorFromProto(proto));
  return { dtype, shape: proto.dims.map(Number) };
}
