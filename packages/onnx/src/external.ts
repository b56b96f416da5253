/**
 * Tensors that lie outside the model's file: which they are, and what the model says of where they lie.
 * Nothing here touches files; see `@softpool/onnx/files`.
 *
 * The format: https://onnx.ai/onnx/repo-docs/ExternalData.html
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { bitsPerElement, dtypeOfCode } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";

/** The place of a tensor in another file. */
export interface ExternalPlace {
  /** The file, relative to the model's folder, with `/` between its parts. */
  readonly location: string;
  /** Where the tensor begins, in bytes; default 0. */
  readonly offset: number;
  /** How many bytes it takes; `undefined` when the model does not say it. */
  readonly length: number | undefined;
}

/** The fields of messages through which tensors are reached, found in the schema. */
const routes: ReadonlyMap<DescMessage, readonly DescField[]> = findRoutes();

function findRoutes(): Map<DescMessage, DescField[]> {
  const messages = new Set<DescMessage>([ModelProtoSchema]);
  for (const message of messages) {
    for (const field of message.fields) if (field.message) messages.add(field.message);
  }
  const found = new Map<DescMessage, DescField[]>([[TensorProtoSchema, []]]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const message of messages) {
      if (message === TensorProtoSchema) continue;
      const fields = message.fields.filter((field) => field.message && found.has(field.message));
      if (fields.length > 0) found.set(message, fields);
    }
  }
  return found;
}

/**
 * Calls `f` for every tensor of a model, wherever it is: initializers, sparse ones, attributes,
 * subgraphs, functions, training.
 */
export function forEachTensor(model: ModelProto, f: (tensor: TensorProto) => void): void {
  const walk = (message: unknown, type: DescMessage): void => {
    if (type === TensorProtoSchema) {
      f(message as TensorProto);
      return;
    }
    for (const field of routes.get(type) ?? []) {
      const value = (message as Record<string, unknown>)[field.localName];
      const inner = field.message as DescMessage;
      if (Array.isArray(value)) for (const item of value) walk(item, inner);
      else if (value !== undefined) walk(value, inner);
    }
  };
  walk(model, ModelProtoSchema);
}

/** Whether a tensor lies in another file. */
export function isExternal(tensor: TensorProto): boolean {
  return (
    tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || tensor.externalData.length > 0
  );
}

/**
 * Where an external tensor lies.
 * @throws OnnxError for a place that is not said, not a relative path inside the model's folder, or not
 *   whole numbers from 0
 */
export function externalPlace(tensor: TensorProto): ExternalPlace {
  const what = `tensor ${quote(tensor.name)}`;
  const entries = new Map<string, string>();
  for (const { key, value } of tensor.externalData) {
    if (entries.has(key)) {
      throw new OnnxError(`${what}: its external data give ${quote(key)} twice`);
    }
    entries.set(key, value);
  }
  const location = entries.get("location");
  if (location === undefined) {
    throw new OnnxError(`${what}: expected the location of its external data, found none`);
  }
  const wrong = whyRefused(location);
  if (wrong !== undefined) {
    throw new OnnxError(
      `${what}: expected external data inside the model's folder, found ${quote(location)} (${wrong})`,
    );
  }
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,19}$/.test(text) || !Number.isSafeInteger(Number(text))) {
      throw new OnnxError(
        `${what}: external data: expected a whole number from 0 as ${key}, found ${quote(text)}`,
      );
    }
    return Number(text);
  };
  return { location, offset: number("offset") ?? 0, length: number("length") };
}

/** Why a location is refused, on every system for what would be a trick on any. */
function whyRefused(location: string): string | undefined {
  if (location === "") return "it is empty";
  if (location.includes("\0")) return "it holds a zero byte";
  if (location.includes("\\")) return "it holds a backslash";
  if (location.startsWith("/")) return "it is an absolute path";
  if (/^[a-z]:/i.test(location)) return "it begins with a drive letter";
  // Windows drops dots and spaces at the end of a name.
  if (location.split("/").some((part) => /^\.[. ]+$/.test(part))) return "it leads upwards";
  if (location.endsWith("/")) return "it is a folder";
  return undefined;
}

/** Bytes that a tensor takes by its shape and type; `undefined` for strings and unknown types. */
export function byteLength(tensor: TensorProto): number | undefined {
  const dtype = dtypeOfCode(tensor.dataType);
  if (dtype === undefined || dtype === "string") return undefined;
  const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  return Math.ceil((count * bitsPerElement(dtype)) / 8);
}
