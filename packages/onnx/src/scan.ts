/**
 * A walk over the bytes of a protobuf message before it is decoded. It allocates nothing, so that a
 * hostile file costs no more than its own length: it finds truncated and garbage bytes, nesting too
 * deep, and so many messages that decoding them would fill the memory.
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { OnnxError } from "./error.ts";

/** Nesting of messages beyond which a file is refused; protobuf's own limit. */
const MAX_DEPTH = 100;

/**
 * Messages and list elements beyond which a file is refused: about 2 GB of objects. Lists of
 * floating-point numbers do not count: they take no more than twice their bytes.
 */
const MAX_OBJECTS = 20_000_000;

/** What a field is decoded to: a message, a list of numbers, or something without cost. */
interface Field {
  readonly message?: DescMessage;
  readonly list: boolean;
  readonly fixed: number;
  readonly wire: number;
}

const tables = new WeakMap<DescMessage, Map<number, Field>>();

function tableOf(message: DescMessage): Map<number, Field> {
  let table = tables.get(message);
  if (table === undefined) {
    table = new Map();
    for (const field of message.fields) {
      const scalar = field.scalar ?? ScalarType.INT32;
      const fixed = scalar === ScalarType.DOUBLE ? 8 : scalar === ScalarType.FLOAT ? 4 : 0;
      const bytes = scalar === ScalarType.STRING || scalar === ScalarType.BYTES;
      table.set(field.number, {
        message: field.message,
        list: field.fieldKind === "list" && !bytes,
        fixed,
        wire: field.message || bytes ? 2 : fixed === 8 ? 1 : fixed === 4 ? 5 : 0,
      });
    }
    tables.set(message, table);
  }
  return table;
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
  let objects = 0;

  const fail = (reason: string): never => {
    throw new OnnxError(`${what}: ${reason} at byte ${position} of ${bytes.length}`);
  };
  const count = (n: number): void => {
    objects += n;
    if (objects > MAX_OBJECTS) fail(`more than ${MAX_OBJECTS} parts`);
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

  const walk = (end: number, table: Map<number, Field> | undefined, depth: number): void => {
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} messages inside each other`);
    while (position < end) {
      const key = varint(end);
      const wire = key % 8;
      const number = Math.floor(key / 8);
      if (number === 0) fail("a field has number 0");
      const field = table?.get(number);
      if (field !== undefined && wire !== field.wire && !(wire === 2 && field.list)) {
        fail(`field ${number} has another kind than in ONNX`);
      }
      if (wire === 0) {
        varint(end);
        count(1);
      } else if (wire === 1 || wire === 5) {
        position += wire === 1 ? 8 : 4;
        if (position > end) fail("the data end inside a number");
        count(1);
      } else if (wire === 2) {
        const length = varint(end);
        const inner = position + length;
        if (inner > end) fail(`a part of ${length} bytes is longer than what holds it`);
        count(1);
        if (field?.message) walk(inner, tableOf(field.message), depth + 1);
        else if (field?.list) {
          // Packed numbers: one object at most for each of them.
          if (field.fixed === 0) {
            let numbers = 0;
            for (let i = position; i < inner; i++) if (bytes[i] < 128) numbers++;
            count(numbers);
            if (length > 0 && bytes[inner - 1] >= 128) fail("the data end inside a number");
          }
        }
        position = inner;
      } else fail(`the bytes are no ONNX model (wire type ${wire})`);
    }
  };
  walk(bytes.length, tableOf(type), 1);
}
