/**
 * Reading and writing loses nothing: bytes of every field of the schema, made here without the library
 * that reads them, come back as they were.
 */
import {
  create,
  createRegistry,
  type DescField,
  type DescMessage,
  equals,
  ScalarType,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  TensorProtoSchema,
} from "onnx-buf";
import { expect, test } from "vitest";
import { Graph } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { metadata, readModel, setMetadata, writeModel } from "./model.ts";
import { printModel } from "./print.ts";
import { evaluate } from "./reference.ts";
import { tensorFromProto } from "./tensor.ts";

/** Random choices that begin alike for the same seed, so that a message can be written in two orders. */
class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 below `end` (at most 2^32). */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  bytes(length = this.below(9)): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** 64 bits, as many of them as not 0. */
  bits(): bigint {
    const all = new DataView(this.bytes(8).buffer).getBigUint64(0);
    return all >> BigInt(this.below(65));
  }

  /** A number that no rounding changes, of any size and kind. */
  real(): number {
    return this.of([0, -0, 1.5, -Infinity, 2 ** -149, (this.below(2 ** 24) - 2 ** 23) * 2 ** 20]);
  }

  text(): string {
    return this.of(["", "\ufeffü", "a\0b", "日本", "😀", "plain", `n${this.below(1e6)}`]);
  }
}

/** A field with its encoded entries, in order; unknown fields have no description. */
type Entries = { readonly number: number; readonly parts: readonly Uint8Array[] };

const join = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.from([...bytes, Number(rest)]);
}

const key = (number: number, wire: number) => varint(BigInt(number * 8 + wire));
const prefixed = (bytes: Uint8Array) => join([varint(BigInt(bytes.length)), bytes]);
const number = (size: 4 | 8, value: number) =>
  new Uint8Array((size === 4 ? Float32Array : Float64Array).of(value).buffer);

/** One value of a field, without its key. */
function scalarBytes(field: DescField, g: Choices): Uint8Array {
  switch (field.scalar) {
    case ScalarType.STRING:
      return prefixed(new TextEncoder().encode(g.text()));
    case ScalarType.BYTES:
      return prefixed(g.bytes());
    case ScalarType.FLOAT:
      return number(4, g.real());
    case ScalarType.DOUBLE:
      return number(8, g.real());
    case ScalarType.INT64:
      return varint(g.bits());
    case ScalarType.UINT64:
      return varint(g.bits());
    case ScalarType.INT32:
      return varint(BigInt(g.below(2 ** 32) - 2 ** 31));
    default: {
      const values = field.enum?.values.map((value) => value.number) ?? [];
      expect(values.length, `the scalar type of ${field} is not known here`).toBeGreaterThan(0);
      return varint(BigInt(g.of(values)));
    }
  }
}

const wireOf = (field: DescField) => {
  if (field.message || field.scalar === ScalarType.STRING) return 2;
  if (field.scalar === ScalarType.BYTES) return 2;
  return field.scalar === ScalarType.FLOAT ? 5 : field.scalar === ScalarType.DOUBLE ? 1 : 0;
};

/** The entries of a field: one value, or several of a list, packed where the schema says so. */
function entriesOf(field: DescField, depth: number, g: Choices, mix: boolean): Uint8Array[] {
  const count = field.fieldKind === "list" ? 1 + g.below(2) : 1;
  const value = () =>
    field.message
      ? prefixed(messageBytes(field.message, depth - 1, g, mix))
      : scalarBytes(field, g);
  const values = Array.from({ length: count }, value);
  const packed = field.fieldKind === "list" && field.packed;
  if (packed) return [join([key(field.number, 2), prefixed(join(values))])];
  return values.map((bytes) => join([key(field.number, wireOf(field)), bytes]));
}

/** Fields that the schema does not know. */
function unknownParts(g: Choices): Uint8Array[] {
  const wires = Array.from({ length: 1 + g.below(3) }, () => g.of([0, 1, 2, 5]));
  return wires.map((wire) => {
    const head = key(g.of([500, 2000, 2 ** 29 - 1]), wire);
    if (wire === 0) return join([head, varint(g.bits())]);
    if (wire === 2) return join([head, prefixed(g.bytes())]);
    return join([head, g.bytes(wire === 1 ? 8 : 4)]);
  });
}

/**
 * A message with all its fields; messages inside it `depth` levels deep.
 * @param mix whether fields come in any order; else as numbered, the unknown ones last
 */
function messageBytes(message: DescMessage, depth: number, g: Choices, mix: boolean): Uint8Array {
  const chosen = new Map(message.oneofs.map((o) => [o, g.of(o.fields)]));
  const entries: Entries[] = message.fields
    .filter((field) => field.oneof === undefined || chosen.get(field.oneof) === field)
    .filter((field) => field.message === undefined || depth > 0)
    .map((field) => ({ number: field.number, parts: entriesOf(field, depth, g, mix) }))
    .sort((a, b) => a.number - b.number);
  entries.push({ number: Infinity, parts: unknownParts(g) });
  return join(mix ? shuffled(entries) : entries.flatMap(({ parts }) => parts));
}

/** Entries in another order; those of one field keep theirs. No choices: it must not change them. */
function shuffled(entries: readonly Entries[]): Uint8Array[] {
  const queues = [...entries].reverse().map(({ parts }) => [...parts]);
  const result: Uint8Array[] = [];
  for (let i = 0; queues.some((queue) => queue.length > 0); i++) {
    const part = queues[i % queues.length].shift();
    if (part !== undefined) result.push(part);
  }
  return result;
}

/** For every message of the schema the fields that lead to it from a model. */
function paths(): Map<DescMessage, DescField[]> {
  const found = new Map<DescMessage, DescField[]>([[ModelProtoSchema, []]]);
  for (const [message, path] of found) {
    for (const field of message.fields) {
      if (field.message && !found.has(field.message)) found.set(field.message, [...path, field]);
    }
  }
  return found;
}

test("every field of every message comes back byte for byte, in any order as in the right one", () => {
  const registry = createRegistry();
  const all = paths();
  expect(all.size).toBeGreaterThan(25);
  for (const [message, path] of all) {
    const property = fc.property(fc.nat(), (seed) => {
      const [canonical, mixed] = [false, true].map((mix) => {
        let bytes = messageBytes(message, 2, new Choices(seed), mix);
        for (const { number } of [...path].reverse()) {
          bytes = join([key(number, 2), prefixed(bytes)]);
        }
        return bytes;
      });
      const model = readModel(canonical, { check: false });
      expect(Buffer.compare(writeModel(model), canonical), message.typeName).toBe(0);
      const other = readModel(mixed, { check: false });
      expect(equals(ModelProtoSchema, other, model, { unknown: true, registry })).toBe(true);
      expect(Buffer.compare(writeModel(other), canonical), message.typeName).toBe(0);
    });
    fc.assert(property, { numRuns: 30, seed: 1 });
  }
});

test("values of enumerations that are not known yet are kept", () => {
  for (const value of [99n, -1n, 2n ** 31n - 1n]) {
    // AttributeProto: type = value; a model, graph, node and attribute around it.
    let bytes = join([key(20, 0), varint(value)]);
    for (const number of [5, 1, 7]) bytes = join([key(number, 2), prefixed(bytes)]);
    const model = readModel(bytes, { check: false });
    expect(Buffer.from(writeModel(model))).toEqual(Buffer.from(bytes));
    expect(model.graph?.node[0].attribute[0].type).toBe(AttributeProto_AttributeType.UNDEFINED);
    expect(printModel(model)).toContain("undefined = ?");
  }
});

test("not-a-numbers are kept with their bits", () => {
  const floats = Uint32Array.of(0x7fc00000, 0xffc00001, 0x7fd23456);
  const doubles = BigUint64Array.of(0x7ff8000000000001n, 0xfff8000000000000n);
  const inner = join([
    join([key(4, 2), prefixed(new Uint8Array(floats.buffer))]),
    join([key(10, 2), prefixed(new Uint8Array(doubles.buffer))]),
  ]);
  let bytes = inner;
  for (const number of [5, 7]) bytes = join([key(number, 2), prefixed(bytes)]);
  expect(Buffer.from(writeModel(readModel(bytes, { check: false })))).toEqual(Buffer.from(bytes));
});

test("raw data are views of the bytes that were read", () => {
  const g = new Graph(17);
  g.initializer("w", { dtype: "float32", shape: [2], data: Float64Array.of(1, 2) });
  const bytes = writeModel(g.toModel());
  const [{ rawData }] = readModel(bytes).graph?.initializer ?? [];
  expect(rawData.buffer).toBe(bytes.buffer);
});

test("sparse and string tensors are read, typed and printed; as numbers they are refused by name", () => {
  const g = new Graph(17);
  g.output(g.op("Identity", [{ name: "s" }]));
  const model = g.toModel();
  const values = create(TensorProtoSchema, { name: "s", dims: [1n], dataType: 1, floatData: [2] });
  const indices = create(TensorProtoSchema, { dims: [1n], dataType: 7, int64Data: [4n] });
  const words = create(TensorProtoSchema, {
    name: "words",
    dims: [2n],
    dataType: 8,
    stringData: [Uint8Array.of(0xff), Uint8Array.of()],
  });
  model.graph?.sparseInitializer.push(
    create(SparseTensorProtoSchema, { dims: [9n], values, indices }),
  );
  model.graph?.initializer.push(words);
  const read = readModel(writeModel(model));
  expect(equals(ModelProtoSchema, read, model)).toBe(true);
  const types = inferTypes(read).of(read.graph!);
  expect(types.get("s")).toMatchObject({ dtype: "float32", shape: [9] });
  expect(types.get("words")).toMatchObject({ dtype: "string", shape: [2] });
  expect(printModel(read)).toContain('string[2] words = {0xff, ""}');
  const refusal = 'tensor "words": values of type string cannot be read as numbers';
  expect(() => tensorFromProto(words)).toThrow(refusal);
  expect(() => evaluate(read, {})).toThrow(/"words"|"s"/);
});

test("metadata are set once", () => {
  const model = new Graph(17).toModel();
  for (const value of ["a", "b"]) setMetadata(model, "key", value);
  expect(metadata(model, "key")).toBe("b");
  expect(metadata(model, "other")).toBeUndefined();
  expect(model.metadataProps).toHaveLength(1);
});
