/** float16 conversion, exhaustively: every number in every kernel, and every rounding between two. */
import { expect, test } from "vitest";
import { fromHalf, toHalf } from "../test/oracle.ts";
import { halfToNumber, numberToHalf } from "./half.ts";
import { avgPool2d, maxPool1d, maxPool1dBackward, maxPool2d, softPool2d } from "./index.ts";

const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const finite = all.filter((bits) => (bits & 0x7fff) < 0x7c00);
const isNan = (bits: number) => (bits & 0x7fff) > 0x7c00;
const isZero = (bits: number) => (bits & 0x7fff) === 0;

/** The first elements that differ; NaN of any payload are equal, and so are the zeros. */
function different(got: ArrayLike<number>, wanted: ArrayLike<number>): string[] {
  expect(got.length).toBe(wanted.length);
  const texts: string[] = [];
  for (let i = 0; i < wanted.length && texts.length < 5; i++) {
    const [a, b] = [got[i], wanted[i]];
    if (a === b || (isNan(a) && isNan(b)) || (isZero(a) && isZero(b))) continue;
    texts.push(`[${i}]: ${a.toString(16)}, not ${b.toString(16)}`);
  }
  return texts;
}

/**
 * A plane with `rows` rows of `count` windows of 2x2. With one row another kernel computes them than
 * with several.
 */
function windowsOf(rows: number, count: number, value: (window: number, tap: number) => number) {
  const width = 2 * count;
  const data = new Uint16Array(2 * rows * width);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < count; i++)
      for (let tap = 0; tap < 4; tap++) {
        data[(2 * row + (tap >> 1)) * width + 2 * i + (tap & 1)] = value(i, tap);
      }
  return { data, shape: [1, 1, 2 * rows, width] };
}

test("all float16 numbers pass unchanged", () => {
  expect(Array.from(finite, (bits) => numberToHalf(halfToNumber(bits)))).toEqual([...finite]);
  // With NaN and infinities the kernels for any value compute, without them the fast ones.
  for (const engine of ["wasm", "reference"] as const)
    for (const data of [all, finite]) {
      const x = { data, shape: [1, 1, data.length] };
      const one = { kernelSize: 1, engine };
      expect(different(maxPool1d(x, one).data, data)).toEqual([]);
      const other = { data: new Uint16Array(data.length), shape: x.shape };
      expect(different(maxPool1dBackward(x, other, one).data, data)).toEqual([]);
      for (const rows of [1, 2]) {
        const same = windowsOf(rows, data.length, (i) => data[i]);
        const wanted = new Uint16Array(rows * data.length);
        for (let row = 0; row < rows; row++) wanted.set(data, row * data.length);
        for (const pool of [maxPool2d, softPool2d, avgPool2d]) {
          expect(different(pool(same, { kernelSize: 2, engine }).data, wanted)).toEqual([]);
        }
      }
    }
});

test("averages between two neighbours round to nearest, ties to even", () => {
  // Windows (a, a, a, b), (a, a, b, b), (a, b, b, b): a quarter, a half, three quarters of a unit.
  const count = 0x7bff;
  for (const engine of ["wasm", "reference"] as const)
    for (const sign of [0, 0x8000])
      for (const share of [1, 2, 3])
        for (const rows of [1, 2]) {
          const x = windowsOf(rows, count, (a, tap) => sign | (tap < 4 - share ? a : a + 1));
          const wanted = Uint16Array.from({ length: rows * count }, (_, i) => {
            const a = sign | (i % count);
            return toHalf((fromHalf(a) * (4 - share) + fromHalf(a + 1) * share) / 4);
          });
          const { data } = avgPool2d(x, { kernelSize: 2, engine });
          expect(different(data, wanted), `${engine}, ${sign}, ${share} of 4, ${rows}`).toEqual([]);
        }
});
