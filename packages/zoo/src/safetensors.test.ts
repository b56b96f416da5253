import { numberToBfloat, numberToHalf } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type FileTensor, float32Bytes, readSafetensors, writeSafetensors } from "./safetensors.ts";

const sizes: Record<string, number> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1, BOOL: 1 };

const anyTensor = fc
  .record({
    dtype: fc.constantFrom(...Object.keys(sizes)),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.nat(255),
  })
  .map(({ dtype, shape, seed }): FileTensor => {
    const count = shape.reduce((product, size) => product * size, sizes[dtype]);
    return { dtype, shape, bytes: Uint8Array.from({ length: count }, (_, i) => seed + 31 * i) };
  });

test("what is written is read, whatever the names, and data are aligned", () => {
  const name = fc.string({ unit: "binary" }).filter((text) => text !== "__metadata__");
  fc.assert(
    fc.property(
      fc.dictionary(name, anyTensor),
      fc.dictionary(fc.string(), fc.string()),
      (all, notes) => {
        const tensors = new Map(Object.entries(all));
        const bytes = writeSafetensors(tensors, notes);
        const read = readSafetensors(bytes);
        expect([...read.tensors]).toEqual([...tensors]);
        expect({ ...read.metadata }).toEqual({ ...notes });
        expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
      },
    ),
  );
});

/** A file from a header's text and data. */
function file(header: string, data: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (dtype: string, shape: number[], offsets: number[]) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

test("files that are cut, garbage or contradict themselves are refused", () => {
  const cases: [Uint8Array<ArrayBuffer>, RegExp][] = [
    [new Uint8Array(3), /w: expected a safetensors file, received 3 bytes/],
    [Uint8Array.from([0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 0, 0]), /zip archive, as PyTorch's .pth/],
    [new Uint8Array(64).fill(255), /received something else or a part of one/],
    [file("{", 0).subarray(0, 9), /received 9 bytes/],
    [file("{nonsense", 0), /its header is no JSON/],
    [file('{"__metadata__": {"a": 1}}', 0), /__metadata__ is no list of texts/],
    [file('{"a": null}', 0), /tensor "a": expected a known dtype, received undefined/],
    [file(`{"a": ${entry("F99", [1], [0, 4])}}`, 4), /expected a known dtype, received "F99"/],
    [file(`{"a": ${entry("F32", [-1], [0, 4])}}`, 4), /expected sizes from 0, received \[-1\]/],
    [file(`{"a": ${entry("F32", [1], [4, 0])}}`, 4), /expected data_offsets \[begin, end\]/],
    [
      file(`{"a": ${entry("F32", [2], [0, 4])}}`, 4),
      /expected 8 bytes of data, received 4 up to 4/,
    ],
    [file(`{"a": ${entry("F32", [2], [0, 8])}}`, 4), /received 8 up to 8 of 4/],
    [
      file(`{"a": ${entry("F32", [1], [0, 4])}, "b": ${entry("F32", [1], [0, 4])}}`, 4),
      /tensor "b": expected its data at 4, found them at 0/,
    ],
    [file(`{"a": ${entry("F32", [1], [4, 8])}}`, 8), /tensor "a": expected its data at 0/],
    [file(`{"a": ${entry("F32", [1], [0, 4])}}`, 9), /expected 4 bytes of data, received 9/],
  ];
  for (const [bytes, message] of cases) expect(() => readSafetensors(bytes, "w")).toThrow(message);
  const wrong = new Map([["a", { dtype: "F32", shape: [2], bytes: new Uint8Array(4) }]]);
  expect(() => writeSafetensors(wrong)).toThrow(/tensor "a": expected 8 bytes/);
  // Any cut of a good file is refused.
  const good = writeSafetensors(
    new Map([["a", { dtype: "U8", shape: [5], bytes: new Uint8Array(5) }]]),
  );
  for (let n = 0; n < good.length; n++) {
    expect(() => readSafetensors(good.slice(0, n))).toThrow(/safetensors: /);
  }
});

test("other floating-point types become float32", () => {
  const values = [0, -0, 1.5, -2.25, 65504, 2 ** -24, Infinity, 3.140625];
  const bytesOf = (array: Uint16Array | Float64Array | Float32Array) =>
    new Uint8Array(array.buffer as ArrayBuffer);
  const files: FileTensor[] = [
    { dtype: "F64", shape: [8], bytes: bytesOf(Float64Array.from(values)) },
    { dtype: "F16", shape: [8], bytes: bytesOf(Uint16Array.from(values, numberToHalf)) },
    { dtype: "F32", shape: [8], bytes: bytesOf(Float32Array.from(values)) },
  ];
  for (const one of files) {
    expect(Array.from(new Float32Array(float32Bytes(one)!.buffer)), one.dtype).toEqual(values);
  }
  const short = [1.5, -3, 2 ** 100];
  const bfloats = bytesOf(Uint16Array.from(short, numberToBfloat));
  const converted = float32Bytes({ dtype: "BF16", shape: [3], bytes: bfloats })!;
  expect(Array.from(new Float32Array(converted.buffer))).toEqual(short);
  expect(float32Bytes({ dtype: "I64", shape: [1], bytes: new Uint8Array(8) })).toBeUndefined();
});
