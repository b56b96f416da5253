/**
 * Every way of calling gives the same: arrays outside and tensors inside WebAssembly memory, `out`,
 * any number of threads, asynchronous calls, and pieces of tensors too large to be copied at once.
 */
import { expect, test } from "vitest";
import { tolerances as all, type DType, fromHalf, random, toHalf } from "../test/oracle.ts";
import * as api from "./index.ts";

interface Any {
  data: Float32Array | Float64Array | Uint16Array;
  shape: number[];
  dispose(): void;
}
type Call = (...args: unknown[]) => Any;
type Later = (...args: unknown[]) => Promise<Any>;
const functions = api as unknown as Record<string, Call>;
const later = api as unknown as Record<string, Later>;
const empty = api.empty as unknown as (shape: readonly number[], dtype: string) => Any;
const tolerances = all.wasm;
const classes = { float32: Float32Array, float64: Float64Array, float16: Uint16Array };

/** `count` values in [-limit, limit], in an array of its own. */
function values(dtype: DType, count: number, limit: number, next: () => number) {
  const data = new classes[dtype](count);
  // float16 bits from a table: rounding a million numbers takes long.
  const bits = Array.from({ length: 512 }, (_, i) => toHalf(((i - 256) / 256) * limit));
  for (let i = 0; i < count; i++) {
    data[i] = dtype === "float16" ? bits[Math.floor(next() * 512)] : (next() * 2 - 1) * limit;
  }
  return data;
}

function resident({ data, shape }: { data: Any["data"]; shape: readonly number[] }, dtype: DType) {
  const tensor = empty(shape, dtype);
  // As bytes: float16 may be another class there.
  new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, data.byteLength).set(
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return tensor;
}

const bytes = ({ data }: Any) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Adds to `failures` where two results are not equal bit for bit. */
function same(got: Any, wanted: Any, what: string, failures: string[]): void {
  if (`${got.shape}` !== `${wanted.shape}`) failures.push(`${what}: shape ${got.shape}`);
  else if (Buffer.compare(bytes(got), bytes(wanted)) !== 0) {
    const i = got.data.findIndex((v, k) => !Object.is(v, wanted.data[k]));
    failures.push(`${what} [${i}]: ${got.data[i]}, not ${wanted.data[i]}`);
  }
}

test("threads, out, resident tensors and asynchronous calls agree, for every method and type", async () => {
  const failures: string[] = [];
  const next = random(11);
  let turn = 0;
  for (const [rank, shape, window] of [
    [1, [2, 3, 22001], { kernelSize: 3, stride: 2, padding: 1 }],
    [1, [2, 30011, 2], { kernelSize: 5, stride: 2, layout: "NLC" }],
    [2, [2, 3, 131, 140], { kernelSize: 2 }],
    [2, [3, 2, 131, 140], { kernelSize: 3, stride: 2, padding: 1 }],
    [2, [1, 131, 115, 8], { kernelSize: 2, layout: "NHWC" }],
    [3, [2, 2, 20, 40, 35], { kernelSize: [2, 3, 2], stride: [1, 2, 2], ceilMode: true }],
  ] as const)
    for (const dtype of ["float32", "float64", "float16"] as const)
      for (const method of ["softPool", "avgPool", "maxPool", "sumPool", "powerAvgPool"]) {
        turn++;
        const name = `${method}${rank}d`;
        const o = { ...window, paddingMode: turn % 2 === 0 ? "zero" : "ignore" };
        const label = `${name} ${dtype} ${JSON.stringify(o)} of [${shape}]`;
        const x = { data: values(dtype, product(shape), 3, next), shape };
        const wanted = functions[name](x, { ...o, threads: 1 });
        const g = { data: values(dtype, wanted.data.length, 1, next), shape: wanted.shape };
        const slopes = functions[`${name}Backward`](g, x, { ...o, threads: 1 });
        const inside = resident(x, dtype);
        const gradient = resident(g, dtype);
        const out = { data: new classes[dtype](wanted.data.length).fill(7), shape: wanted.shape };
        const outInside = empty(wanted.shape, dtype);
        const outGradient = empty(shape, dtype);
        const results: [string, Any][] = [
          ["out", functions[name](inside, { ...o, out })],
          ["resident out", functions[name](x, { ...o, out: outInside, threads: 2 })],
          ["4 threads", functions[name](inside, { ...o, threads: 4 })],
          ["async", await later[`${name}Async`](turn % 2 ? x : inside, { ...o, threads: 3 })],
        ];
        const back = `${name}Backward`;
        const gradients: [string, Any][] = [
          ["resident", functions[back](gradient, inside, { ...o, threads: 2 })],
          ["mixed, out", functions[back](g, inside, { ...o, out: outGradient, threads: 4 })],
          ["async", await later[`${back}Async`](gradient, turn % 2 ? inside : x, o)],
        ];
        for (const [how, result] of results) same(result, wanted, `${how}: ${label}`, failures);
        for (const [how, result] of gradients) {
          same(result, slopes, `backward, ${how}: ${label}`, failures);
        }
        for (const [, result] of [...results, ...gradients]) result.dispose?.();
        for (const tensor of [inside, gradient, outInside, outGradient]) tensor.dispose();
      }
  expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
  expect(api.engineInfo().workers).toBeGreaterThanOrEqual(3);
});

test("tensors larger than a piece: cut along any axis, with overlap and padding", () => {
  const failures: string[] = [];
  const next = random(5);
  for (const [name, dtype, shape, o] of [
    // One plane: cut inside it. Along L, along D, along H with channels last.
    ["softPool1d", "float64", [1, 1, 2_700_001], { kernelSize: 5, stride: 2, padding: [[1, 2]] }],
    [
      "avgPool3d",
      "float64",
      [1, 1, 61, 191, 223],
      { kernelSize: [3, 1, 2], stride: [1, 2, 3], padding: [1, 0, 1], paddingMode: "zero" },
    ],
    [
      "softPool2d",
      "float16",
      [1, 1501, 2003, 5],
      { kernelSize: [4, 2], stride: 3, dilation: [2, 1], ceilMode: true, layout: "NHWC" },
    ],
    // Gaps between windows: a piece may begin where no window reaches.
    ["softPool2d", "float64", [1, 1, 2003, 1801], { kernelSize: [1, 2], stride: [7, 3] }],
    // Padded taps do not count: the first average of each piece is not that of the tensor.
    ["avgPool1d", "float64", [1, 3_200_003, 1], { kernelSize: 4, padding: 2, layout: "NLC" }],
    // Planes together: each piece starts with another channel's temperature.
    [
      "softPool2d",
      "float32",
      [3, 5, 803, 751],
      { kernelSize: 2, ceilMode: true, beta: [1, -1, 0.5, 2, 3] },
    ],
    ["softPool2d", "float32", [1, 1, 5001, 1501], { kernelSize: 5, stride: 3, padding: 2 }],
    ["maxPool2d", "float32", [1, 1, 3001, 2503], { kernelSize: 3, stride: 1, padding: 1 }],
    ["powerAvgPool1d", "float32", [1, 4_300_003, 1], { kernelSize: 3, layout: "NLC" }],
  ] as const) {
    const x = { data: values(dtype, product(shape), 4, next), shape };
    const inside = resident(x, dtype);
    const wanted = functions[name](inside, o);
    const got = functions[name](x, o);
    const g = { data: values(dtype, got.data.length, 1, next), shape: got.shape };
    const gradient = resident(g, dtype);
    const slopes = functions[`${name}Backward`](gradient, inside, o);
    const gotSlopes = functions[`${name}Backward`](g, x, o);
    // The kernel is chosen block by block, and blocks differ: equal up to rounding.
    const decode = (v: number) => (dtype === "float16" ? fromHalf(v) : v);
    for (const [what, a, b] of [
      ["forward", got, wanted],
      ["backward", gotSlopes, slopes],
    ] as const) {
      expect(a.shape).toEqual(b.shape);
      const i = a.data.findIndex((v, k) => {
        if (v === b.data[k]) return false;
        const exact = decode(b.data[k]);
        return !(Math.abs(decode(v) - exact) <= 2 * tolerances[dtype](exact));
      });
      if (i >= 0) failures.push(`${what} of ${name} [${i}]: ${a.data[i]}, not ${b.data[i]}`);
    }
    for (const tensor of [inside, wanted, gradient, slopes]) tensor.dispose();
  }
  expect(failures).toEqual([]);
  expect(api.engineInfo().usedBytes).toBe(0);
});

test("tensors may be disposed of while an asynchronous call reads them", async () => {
  const shape = [1, 2, 512, 512];
  const x = { data: values("float32", product(shape), 3, random(2)), shape };
  const o = { kernelSize: 2, threads: 2 };
  const wanted = functions.softPool2d(x, o);
  const both = api.softPool2dBackward(wanted, x, { ...o, betaGradient: true });
  const inside = resident(x, "float32");
  const g = resident(wanted as Any, "float32");
  const forward = [0, 1, 2].map(() => later.softPool2dAsync(inside, o));
  const backward = api.softPool2dBackwardAsync(g as never, inside as never, {
    ...o,
    betaGradient: true,
  });
  inside.dispose();
  g.dispose();
  const others = [0, 1].map(() => empty(shape, "float32"));
  for (const other of others) other.data.fill(9);
  const failures: string[] = [];
  for (const y of await Promise.all(forward)) {
    same(y, wanted, "forward", failures);
    y.dispose();
  }
  const got = (await backward) as unknown as { input: Any; beta: Float64Array };
  same(got.input, both.input as unknown as Any, "backward", failures);
  expect(failures).toEqual([]);
  expect(got.beta).toEqual(both.beta);
  for (const tensor of [got.input, ...others]) tensor.dispose();
  expect(api.engineInfo().usedBytes).toBe(0);
});

test("out must not share memory with an input, not even a part", () => {
  const all = new Float32Array(64);
  const x = { data: all.subarray(0, 36), shape: [1, 1, 6, 6] };
  const o = { kernelSize: 2 };
  const at = (start: number) => ({ data: all.subarray(start, start + 9), shape: [1, 1, 3, 3] });
  expect(() => functions.softPool2d(x, { ...o, out: at(35) })).toThrow(
    "softPool2d: out: expected memory apart from x, received memory that overlaps it",
  );
  expect(functions.softPool2d(x, { ...o, out: at(36) }).data.length).toBe(9);
  const out = { data: all.subarray(28, 64), shape: x.shape };
  expect(() => functions.softPool2dBackward(at(20), at(0), { kernelSize: 1, out: at(28) })).toThrow(
    "softPool2dBackward: out: expected memory apart from gradOutput",
  );
  const apart = { data: new Float32Array(36), shape: x.shape };
  expect(() => functions.softPool2dBackward(at(40), apart, { ...o, out })).toThrow(
    "memory apart from gradOutput",
  );
});
