import { expect, test } from "vitest";
import { comparators } from "./sorting.ts";

test("networks sort: by the 0-1 principle up to 16 values, drawn values up to 64", () => {
  const sorts = (values: number[]) => {
    const sorted = [...values];
    for (const [i, k] of comparators(values.length)) {
      if (sorted[i] < sorted[k]) [sorted[i], sorted[k]] = [sorted[k], sorted[i]];
    }
    return sorted.every((v, i) => i === 0 || sorted[i - 1] >= v);
  };
  for (let n = 1; n <= 16; n++) {
    for (let bits = 0; bits < 2 ** n; bits++) {
      if (!sorts(Array.from({ length: n }, (_, i) => (bits >> i) & 1))) {
        throw new Error(`${n} values, ${bits.toString(2)}`);
      }
    }
  }
  for (const n of [25, 27, 49, 64]) {
    for (let seed = 1; seed < 200; seed++) {
      expect(sorts(Array.from({ length: n }, (_, i) => Math.sin(seed * (i + 1) ** 2)))).toBe(true);
    }
  }
  expect([2, 4, 9].map((n) => comparators(n).length)).toEqual([1, 5, 26]);
});
