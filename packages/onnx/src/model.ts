/**
 * Bytes and models. A model is the protobuf message of an ONNX file (the classes of `onnx-buf`) and
 * stays one while it is edited, so that everything nobody touched is written as it was read: unknown
 * fields, metadata, functions, sparse and external tensors.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
} from "onnx-buf";
import { checkModel } from "./check.ts";
import { OnnxError } from "./error.ts";
import { scanMessage } from "./scan.ts";
import { irVersionFor } from "./versions.ts";

/** The most bytes that protobuf allows a message: larger models keep their tensors outside the file. */
export const MAX_MODEL_BYTES: number = 2 ** 31 - 1;

/** What {@link readModel} looks at. */
export interface ReadOptions {
  /** What the model is called in errors; default "model". */
  readonly name?: string;
  /** Whether names, links and operator sets are checked too; default true. */
  readonly check?: boolean;
}

/**
 * Reads an ONNX model. Tensors are views of `bytes`, which must not be changed afterwards.
 * @param bytes the file
 * @param options its name in errors, and whether it is checked
 * @throws OnnxError when the bytes are truncated, garbage or hostile, or the model is wrong
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): ModelProto {
  const what = options.name ?? "model";
  if (bytes.length === 0) throw new OnnxError(`${what}: expected an ONNX model, received no bytes`);
  scanMessage(bytes, ModelProtoSchema, what);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new OnnxError(`${what}: the bytes are no ONNX model (${(error as Error).message})`);
  }
  if (options.check !== false) checkModel(model, what);
  return model;
}

/**
 * The bytes of a model.
 * @throws OnnxError when it is larger than protobuf allows (2 GiB)
 */
export function writeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = toBinary(ModelProtoSchema, model);
  } catch (error) {
    throw new OnnxError(`the model cannot be written: ${(error as Error).message}`);
  }
  if (bytes.length > MAX_MODEL_BYTES) {
    throw new OnnxError(
      `the model has ${bytes.length} bytes, more than the 2 GiB that a file may have; store its tensors as external data`,
    );
  }
  return bytes;
}

/**
 * An empty model.
 * @param opset version of the standard operators
 * @param name name of the graph
 */
export function createModel(opset: number, name = "graph"): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: BigInt(irVersionFor(opset)),
    producerName: "softpool",
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(opset) })],
    graph: create(GraphProtoSchema, { name }),
  });
}

/** A metadata entry of a model, or `undefined`. */
export function metadata(model: ModelProto, key: string): string | undefined {
  return model.metadataProps.find((entry) => entry.key === key)?.value;
}

/** Sets a metadata entry of a model. */
export function setMetadata(model: ModelProto, key: string, value: string): void {
  const found = model.metadataProps.find((entry) => entry.key === key);
  if (found !== undefined) found.value = value;
  else model.metadataProps.push(create(StringStringEntryProtoSchema, { key, value }));
}
