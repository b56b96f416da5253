/** The types that a file states for values (`TypeProto`), to and from what we hold. */
import { create } from "@bufbuild/protobuf";
import {
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { dtypeCode, dtypeOfCode } from "./dtype.ts";
import type { Dim, Shape, ValueType } from "./shape.ts";

/** What a stated type says; nothing is known of sequences, maps and optionals. */
export function typeFromProto(type: TypeProto | undefined): ValueType {
  if (type?.value.case !== "tensorType") return {};
  const { elemType, shape } = type.value.value;
  const dims = shape?.dim.map(({ value }): Dim => {
    if (value.case === "dimValue") return value.value >= 0n ? Number(value.value) : null;
    return value.case === "dimParam" && value.value !== "" ? value.value : null;
  });
  return { dtype: dtypeOfCode(elemType), shape: dims };
}

/** A named value with its type, as a file holds it. */
export function valueInfo(name: string, type: ValueType): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type:
      type.dtype === undefined
        ? undefined
        : create(TypeProtoSchema, {
            value: {
              case: "tensorType",
              value: create(TypeProto_TensorSchema, {
                elemType: dtypeCode(type.dtype),
                shape: type.shape === undefined ? undefined : shapeProto(type.shape),
              }),
            },
          }),
  });
}

function shapeProto(shape: Shape) {
  return create(TensorShapeProtoSchema, {
    dim: shape.map((dim) =>
      create(TensorShapeProto_DimensionSchema, {
        value:
          typeof dim === "string"
            ? { case: "dimParam", value: dim }
            : dim !== null && Number.isInteger(dim) && dim >= 0
              ? { case: "dimValue", value: BigInt(dim) }
              : { case: undefined },
      }),
    ),
  });
}
