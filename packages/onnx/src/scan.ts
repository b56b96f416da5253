/**
 * A walk over the bytes of a protobuf message before it is decoded. It allocates next to nothing, so
 * that a hostile file costs no more than its own length: it finds truncated and garbage bytes, nesting
 * too deep, texts that would not be written as they were read, and so many parts that decoding them
 * would fill the memory.
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { OnnxError } from "./error.ts";

/** Nesting of messages beyond which a file is refused; protobuf's own limit. */
const MAX_DEPTH = 100;

/**
 * Memory of decoded parts, in bytes, beyond which a file is refused. Tensors in `raw_data` take none:
 * they are views. Lists of floating-point numbers do not count: they take no more than twice their bytes.
 */
const MAX_MEMORY = 2 ** 30;

/**
 * What parts take when they are decoded, in bytes: measured on Node 20. A message takes as much again
 * for each list that it may hold.
 */
const MEMORY = { message: 100, list: 36, bytes: 110, value: 36, small: 10, unknown: 160 };

/** The largest field number that protobuf allows. */
const MAX_FIELD = 2 ** 29 - 1;

/** How a field is encoded, and what it takes. */
interface Field {
  readonly name: string;
  readonly message?: DescMessage;
  /** Whether it is a list of numbers, which may be packed into one part. */
  readonly numbers: boolean;
  readonly text: boolean;
  /** Bytes of a number of fixed size; 0 for others. */
  readonly fixed: number;
  readonly wire: number;
  readonly memory: number;
}

const tables = new WeakMap<DescMessage, Map<number, Field>>();

function tableOf(message: DescMessage): Map<number, Field> {
  let table = tables.get(message);
  if (table === undefined) {
    table = new Map();
    for (const field of message.fields) {
      const scalar = field.scalar ?? ScalarType.INT32;
      const fixed = scalar === ScalarType.DOUBLE ? 8 : scalar === ScalarType.FLOAT ? 4 : 0;
      const text = scalar === ScalarType.STRING;
      const long = text || scalar === ScalarType.BYTES || field.message !== undefined;
      const lists = field.message?.fields.filter(({ fieldKind }) => fieldKind === "list").length;
      table.set(field.number, {
        name: field.name,
        message: field.message,
        numbers: field.fieldKind === "list" && !long,
        text,
        fixed,
        wire: long ? 2 : fixed === 8 ? 1 : fixed === 4 ? 5 : 0,
        memory:
          lists !== undefined
            ? MEMORY.message + MEMORY.list * lists
            : scalar === ScalarType.BYTES
              ? MEMORY.bytes
              : fixed > 0 || field.scalar === ScalarType.INT32
                ? MEMORY.small
                : MEMORY.value,
      });
    }
    tables.set(message, table);
  }
  return table;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Whether bytes are UTF-8: what is not would be changed by reading and writing it. */
function isText(bytes: Uint8Array, begin: number, end: number): boolean {
  let i = begin;
  while (i < end && bytes[i] < 128) i++;
  if (i === end) return true;
  try {
    decoder.decode(bytes.subarray(i, end));
    return true;
  } catch {
    return false;
  }
}

/**
 * Checks that `bytes` can be a message of a type.
 * @param bytes the whole message
 * @param type its description
 * @param what what it is called in errors
 * @throws OnnxError for bytes that are truncated, no such message, nested too deep or too many
 */
export function scanMessage(bytes: Uint8Array, type: DescMessage, what: string): void {
  let position = 0;
  let memory = 0;

  const fail = (reason: string): never => {
    throw new OnnxError(`${what}: ${reason} at byte ${position} of ${bytes.length}`);
  };
  const take = (size: number): void => {
    memory += size;
    if (memory > MAX_MEMORY) {
      fail(`so many parts that reading them would take more than ${MAX_MEMORY / 2 ** 20} MiB`);
    }
  };

  /** A variable-length integer; only its low 53 bits count here. */
  const varint = (end: number): number => {
    let value = 0;
    for (let shift = 1, i = 0; i < 10; i++, shift *= 128) {
      if (position >= end) fail("the data end inside a number");
      const byte = bytes[position++];
      if (i < 8) value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    return fail("a number is longer than 10 bytes");
  };

  /** A list of numbers in one part. */
  const packed = (field: Field, begin: number, end: number): void => {
    if (field.fixed > 0) {
      if ((end - begin) % field.fixed !== 0) fail("the data end inside a number");
      return;
    }
    let numbers = 0;
    for (let i = begin; i < end; i++) if (bytes[i] < 128) numbers++;
    take(numbers * field.memory);
    if (end > begin && bytes[end - 1] >= 128) fail("the data end inside a number");
  };

  const walk = (end: number, table: Map<number, Field> | undefined, depth: number): void => {
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} messages inside each other`);
    while (position < end) {
      const key = varint(end);
      const wire = key % 8;
      const number = Math.floor(key / 8);
      if (number === 0 || number > MAX_FIELD) fail(`a field has number ${number}`);
      const field = table?.get(number);
      if (field !== undefined && wire !== field.wire && !(wire === 2 && field.numbers)) {
        fail(`${field.name} has another kind than in ONNX`);
      }
      take(field === undefined ? MEMORY.unknown : field.memory);
      if (wire === 0) {
        varint(end);
      } else if (wire === 1 || wire === 5) {
        position += wire === 1 ? 8 : 4;
        if (position > end) fail("the data end inside a number");
      } else if (wire === 2) {
        const length = varint(end);
        const inner = position + length;
        if (inner > end) fail(`a part of ${length} bytes is longer than what holds it`);
        if (field?.message) walk(inner, tableOf(field.message), depth + 1);
        else if (field?.numbers) packed(field, position, inner);
        else if (field?.text && !isText(bytes, position, inner)) {
          fail(`${field.name} is no UTF-8 text`);
        }
        position = inner;
      } else fail(`the bytes are no ONNX model (wire type ${wire})`);
    }
  };
  walk(bytes.length, tableOf(type), 1);
}
