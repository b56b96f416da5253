/** Names, types and values as text: the small parts that `print.ts` puts together. */
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  type SparseTensorProto,
  type StringStringEntryProto,
  type TensorProto,
  type TensorShapeProto,
  type TypeProto,
} from "onnx-buf";
import { type DType, dtypeOfCode } from "./dtype.ts";
import { OnnxError, quoted } from "./error.ts";
import { isExternal } from "./external.ts";
import type { Inferred } from "./ops/operator.ts";
import {
  bfloatToNumber,
  halfToNumber,
  numberToBfloat,
  numberToHalf,
  tensorFromProto,
} from "./tensor.ts";

/** Tensors of at most this many elements are shown with their values. */
const MAX_VALUES = 8;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A name: as it is when it is an identifier (dots allowed), else in quotes. */
export function nameText(name: string): string {
  return /^[A-Za-z_][\w.]*$/.test(name) ? name : quoted(name);
}

/** Bytes that should be text; in hexadecimal digits when they are not UTF-8. */
export function bytesText(bytes: Uint8Array): string {
  try {
    return quoted(decoder.decode(bytes));
  } catch {
    return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
}

/** Pairs of texts. */
export function entriesText(entries: readonly StringStringEntryProto[]): string {
  return `[${entries.map(({ key, value }) => `${quoted(key)}: ${quoted(value)}`).join(", ")}]`;
}

/** The name of an element type, as ONNX's own text spells it. */
function elementText(code: number): string {
  const dtype = dtypeOfCode(code);
  if (dtype === undefined) return code === 0 ? "undefined" : `type${code}`;
  return dtype === "float32" ? "float" : dtype === "float64" ? "double" : dtype;
}

function shapeText(shape: TensorShapeProto | undefined): string {
  if (shape === undefined) return "";
  const dims = shape.dim.map(({ value }) => {
    if (value.case === "dimValue") return String(value.value);
    return value.case === "dimParam" && value.value !== "" ? nameText(value.value) : "?";
  });
  return `[${dims.join(",")}]`;
}

/** A stated type: `float[N,3]`, `float` without a known shape, `seq(...)`, `map(...)`, `optional(...)`. */
export function typeText(type: TypeProto | undefined): string {
  const what = type?.value;
  switch (what?.case) {
    case "tensorType":
      return elementText(what.value.elemType) + shapeText(what.value.shape);
    case "sparseTensorType":
      return `sparse_tensor(${elementText(what.value.elemType)}${shapeText(what.value.shape)})`;
    case "sequenceType":
      return `seq(${typeText(what.value.elemType)})`;
    case "optionalType":
      return `optional(${typeText(what.value.elemType)})`;
    case "mapType":
      return `map(${elementText(what.value.keyType)}, ${typeText(what.value.valueType)})`;
    default:
      return "?";
  }
}

/** An inferred type, in the same form. */
export function inferredText(type: Inferred | undefined): string {
  const { dtype, shape } = type ?? {};
  const name = dtype === "float32" ? "float" : dtype === "float64" ? "double" : (dtype ?? "?");
  const dims = shape?.map((dim) => (typeof dim === "string" ? nameText(dim) : (dim ?? "?")));
  return dims === undefined ? name : `${name}[${dims.join(",")}]`;
}

const rounded: Partial<Record<DType, (value: number) => number>> = {
  float32: Math.fround,
  float16: (value) => halfToNumber(numberToHalf(value)),
  bfloat16: (value) => bfloatToNumber(numberToBfloat(value)),
  float64: (value) => value,
};

/** A floating-point number with as few digits as give it back in its type, and with a point. */
export function floatText(value: number, dtype: DType = "float32"): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const round = rounded[dtype] ?? Math.fround;
  let short = value;
  for (let digits = 1; digits <= 17; digits++) {
    short = Number(value.toPrecision(digits));
    if (round(short) === value) break;
  }
  const text = String(short);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** The values of a tensor of few elements; `undefined` when they cannot be shown. */
function valuesText(tensor: TensorProto): string[] | undefined {
  const dtype = dtypeOfCode(tensor.dataType);
  const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  if (!(count <= MAX_VALUES)) return undefined;
  if (dtype === "string") {
    return tensor.stringData.length === count ? tensor.stringData.map(bytesText) : undefined;
  }
  try {
    const { data } = tensorFromProto(tensor);
    if (dtype === "int64" || dtype === "uint64") return wideText(tensor, dtype, count);
    if (dtype === "bool") return Array.from(data, (value) => String(value !== 0));
    const isReal = dtype !== undefined && rounded[dtype] !== undefined;
    return Array.from(data, (value) => (isReal ? floatText(value, dtype) : String(value)));
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  }
}

/** Integers of 64 bits, which numbers do not hold exactly. */
function wideText(tensor: TensorProto, dtype: "int64" | "uint64", count: number): string[] {
  const raw = tensor.rawData;
  if (raw.length === 0) {
    return (dtype === "int64" ? tensor.int64Data : tensor.uint64Data).map(String);
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: count }, (_, i) =>
    String(dtype === "int64" ? view.getBigInt64(8 * i, true) : view.getBigUint64(8 * i, true)),
  );
}

/** The element type and sizes of a tensor. */
export function tensorType(tensor: TensorProto): string {
  return `${elementText(tensor.dataType)}[${tensor.dims.join(",")}]`;
}

/**
 * The values of a tensor: `{1, 2}`, `["location": "w.bin"]` for one that lies in another file; nothing
 * for more than 8 elements and for values that cannot be shown.
 */
export function tensorValues(tensor: TensorProto): string {
  if (isExternal(tensor)) return entriesText(tensor.externalData);
  const values = valuesText(tensor);
  return values === undefined ? "" : `{${values.join(", ")}}`;
}

/** A tensor without a place to be named: type, name and values. */
function tensorText(tensor: TensorProto | undefined): string {
  if (tensor === undefined) return "?";
  const name = tensor.name === "" ? "" : nameText(tensor.name);
  return [tensorType(tensor), name, tensorValues(tensor) || "{...}"].filter(Boolean).join(" ");
}

/** A sparse tensor: its sizes, then values and indices. */
export function sparseText({ dims, values, indices }: SparseTensorProto): string {
  return `sparse[${dims.join(",")}] (${tensorText(values)}, ${tensorText(indices)})`;
}

/** The kind of an attribute; files of the first years leave it out. */
function kindOf(item: AttributeProto): Kind {
  if (item.type !== Kind.UNDEFINED) return item.type;
  if (item.ints.length > 0) return Kind.INTS;
  if (item.floats.length > 0) return Kind.FLOATS;
  if (item.strings.length > 0) return Kind.STRINGS;
  if (item.tensors.length > 0) return Kind.TENSORS;
  if (item.t !== undefined) return Kind.TENSOR;
  if (Object.hasOwn(item, "s")) return Kind.STRING;
  if (Object.hasOwn(item, "f")) return Kind.FLOAT;
  return Object.hasOwn(item, "i") ? Kind.INT : Kind.UNDEFINED;
}

/** An attribute that holds no graph: `strides = [2, 2]`, `alpha: float = @slope` for a reference. */
export function attributeText(item: AttributeProto): string {
  const name = nameText(item.name);
  const kind = kindOf(item);
  const typed = `${name}: ${Kind[kind]?.toLowerCase() ?? kind}`;
  if (item.refAttrName !== "") return `${typed} = @${nameText(item.refAttrName)}`;
  const list = (values: readonly string[]) =>
    `${values.length === 0 ? typed : name} = [${values.join(", ")}]`;
  switch (kind) {
    case Kind.INT:
      return `${name} = ${item.i}`;
    case Kind.FLOAT:
      return `${name} = ${floatText(item.f)}`;
    case Kind.STRING:
      return `${name} = ${bytesText(item.s)}`;
    case Kind.TENSOR:
      return `${name} = ${tensorText(item.t)}`;
    case Kind.SPARSE_TENSOR:
      return `${name} = ${item.sparseTensor ? sparseText(item.sparseTensor) : "?"}`;
    case Kind.TYPE_PROTO:
      return `${name} = ${typeText(item.tp)}`;
    case Kind.INTS:
      return list(item.ints.map(String));
    case Kind.FLOATS:
      return list(item.floats.map((value) => floatText(value)));
    case Kind.STRINGS:
      return list(item.strings.map(bytesText));
    case Kind.TENSORS:
      return list(item.tensors.map(tensorText));
    case Kind.SPARSE_TENSORS:
      return list(item.sparseTensors.map(sparseText));
    case Kind.TYPE_PROTOS:
      return list(item.typeProtos.map(typeText));
    default:
      return `${typed} = ?`;
  }
}
