import { expect, test } from "vitest";
import { philox, uniformStream, uniforms } from "./random.ts";

const hex = (values: Uint32Array) =>
  [...values].map((v) => v.toString(16).padStart(8, "0")).join(" ");

/** Counter, key and result of the authors' known-answer file for philox4x32 with 10 rounds. */
const known: [counter: number[], key: number[], result: string][] = [
  [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    "408f276d 41c83b0e a20bc7c6 6d5451fd",
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    "d16cfe09 94fdcceb 5001e420 24126ea1",
  ],
];

test("known answers", () => {
  for (const [counter, key, result] of known) expect(hex(philox(counter, key))).toBe(result);
});

test("an independent form with big integers", () => {
  const mask = (1n << 32n) - 1n;
  const plain = (counter: number[], key: number[]) => {
    let x = counter.map(BigInt);
    const k = key.map(BigInt);
    for (let i = 0n; i < 10n; i++) {
      const [p, q] = [0xd2511f53n * x[0], 0xcd9e8d57n * x[2]];
      const [a, b] = [k[0] + i * 0x9e3779b9n, k[1] + i * 0xbb67ae85n];
      x = [((q >> 32n) ^ x[1] ^ a) & mask, q & mask, ((p >> 32n) ^ x[3] ^ b) & mask, p & mask];
    }
    return hex(Uint32Array.from(x, Number));
  };
  let words = [1, 2, 3, 4];
  for (let i = 0; i < 200; i++) {
    const key = [words[3], words[0] ^ i].map((v) => v >>> 0);
    const next = philox(words, key);
    expect(hex(next)).toBe(plain(words, key));
    words = [...next];
  }
});

test("numbers: exact in float32, uniform, a function of the place alone", () => {
  const key = { seed: 5, step: 7, layer: 2 };
  const values = uniforms(40_001, key);
  expect(values.length).toBe(40_001);
  expect(values.every((v) => v >= 0 && v < 1 && Number.isInteger(v * 2 ** 24))).toBe(true);
  // Any beginning is the same.
  expect([...uniforms(6, key)]).toEqual([...values.slice(0, 6)]);
  const next = uniformStream(key);
  expect(Array.from({ length: 11 }, next)).toEqual([...values.slice(0, 11)]);
  // Chi-square with 63 degrees of freedom: 124 has a probability of about 1e-5.
  const bins = new Array<number>(64).fill(0);
  for (const v of values) bins[Math.floor(v * 64)]++;
  const expected = values.length / 64;
  const chi = bins.reduce((total, n) => total + (n - expected) ** 2 / expected, 0);
  expect(chi).toBeGreaterThan(20);
  expect(chi).toBeLessThan(124);
  // Neighbours are not correlated, nor are neighbouring places.
  const correlation = (a: ArrayLike<number>, b: ArrayLike<number>, n: number) => {
    let total = 0;
    for (let i = 0; i < n; i++) total += (a[i] - 0.5) * (b[i] - 0.5);
    return (total / n) * 12;
  };
  const n = 40_000;
  expect(Math.abs(correlation(values, values.subarray(1), n))).toBeLessThan(0.025);
  const others = [
    { ...key, seed: 6 },
    { ...key, seed: 5 + 2 ** 32 },
    { ...key, step: 8 },
    { ...key, step: 7 + 2 ** 32 },
    { ...key, layer: 3 },
  ];
  for (const other of others) {
    expect(Math.abs(correlation(values, uniforms(n, other), n))).toBeLessThan(0.025);
  }
});

test("keys out of range", () => {
  for (const wrong of [-1, 0.5, NaN, 2 ** 53]) {
    expect(() => uniforms(1, { seed: wrong })).toThrow(/^uniforms: seed: expected .* received/);
    expect(() => uniforms(1, { seed: 0, step: wrong })).toThrow(/step/);
    expect(() => uniformStream({ seed: 0, layer: wrong })).toThrow(/layer/);
  }
  expect(() => uniforms(-1, { seed: 0 })).toThrow(/count/);
  expect(uniforms(0, { seed: 0 })).toEqual(new Float32Array(0));
});
