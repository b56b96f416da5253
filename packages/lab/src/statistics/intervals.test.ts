/** Intervals against SciPy, against a maximised likelihood, and against the tests they belong to. */
import { uniforms } from "@softpool/poolings";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bootstrapMean, pairedDifference, wilson } from "./intervals.ts";

test("Wilson's interval", () => {
  const cases = [
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371109, 1],
    [7, 10, 0.39677814746114526, 0.892208732593699],
    [1, 3, 0.06149194472039626, 0.7923403991979523],
    [8357, 10000, 0.828308742990355, 0.8428334405035728],
    [35633, 50000, 0.7086773283692611, 0.7166099971557796],
  ];
  for (const [hits, trials, low, high] of cases) {
    const found = wilson(hits, trials);
    expect(found.value).toBe(hits / trials);
    expect(found.low).toBeCloseTo(low, 14);
    expect(found.high).toBeCloseTo(high, 14);
  }
  expect(() => wilson(11, 10)).toThrow("hits: expected at most trials = 10, received 11");
  expect(() => wilson(0, 0)).toThrow("trials: expected a whole number from 1, received 0");
  expect(() => wilson(0.5, 10)).toThrow("hits: expected a whole number from 0, received 0.5");
});

test("Tango's interval of paired differences", () => {
  // Both right, only A, only B, both wrong; the bounds by maximising the likelihood with 40 digits.
  const cases = [
    [10, 25, 15, 50, -0.0245630050832758, 0.22235445174464],
    [36, 12, 2, 0, 0.061112406186344, 0.344708748282149],
    [31838, 3795, 3011, 11356, 0.0124510050566035, 0.0189142401879565],
    [34090, 3246, 2940, 9724, 0.00303787441643778, 0.00920451423402223],
    [0, 5, 0, 0, 0.13103507043365, 1],
    [0, 0, 7, 0, -1, -0.291339129866625],
    [20, 0, 0, 3, -0.143116618450427, 0.143116618450427],
    [0, 3, 3, 0, -0.624767387034699, 0.624767387034699],
    [90, 8, 1, 1, 0.0143154290404502, 0.141768984697379],
    [0, 10, 2, 0, 0.103938275494053, 0.906069715632292],
    [9840, 96, 64, 0, 0.000729525240938817, 0.00574192658896907],
  ];
  for (const [both, onlyA, onlyB, neither, low, high] of cases) {
    const found = pairedDifference(onlyA, onlyB, both + onlyA + onlyB + neither);
    expect(found.low, `${onlyA}, ${onlyB}`).toBeCloseTo(low, 12);
    expect(found.high, `${onlyA}, ${onlyB}`).toBeCloseTo(high, 12);
  }
  const cell = fc.integer({ min: 0, max: 400 });
  fc.assert(
    fc.property(cell, cell, fc.integer({ min: 1, max: 5000 }), (onlyA, onlyB, rest) => {
      const items = onlyA + onlyB + rest;
      const { value, low, high } = pairedDifference(onlyA, onlyB, items);
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
      // It holds 0 when the chi-square does not reject, and turns over with the models.
      const statistic = (onlyA - onlyB) ** 2 / Math.max(1, onlyA + onlyB);
      expect(low <= 0 && high >= 0).toBe(statistic <= 1.959963984540054 ** 2);
      const turned = pairedDifference(onlyB, onlyA, items);
      expect(turned.low).toBeCloseTo(-high, 12);
    }),
  );
  expect(() => pairedDifference(3, 4, 6)).toThrow("expected at least onlyA + onlyB = 7");
});

test("the bootstrap of a mean: seeded, equivariant, as wide as the theory says", () => {
  const values = Float64Array.from(uniforms(400, { seed: 9, layer: 1 }));
  const found = bootstrapMean(values, { resamples: 2000 });
  expect(bootstrapMean(values, { resamples: 2000 })).toEqual(found);
  expect(bootstrapMean(values, { resamples: 2000, seed: 1 }).low).not.toBe(found.low);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  const half = 1.96 * Math.sqrt(variance / values.length);
  expect(found.value).toBeCloseTo(mean, 14);
  expect((found.high - found.low) / (2 * half)).toBeGreaterThan(0.93);
  expect((found.high - found.low) / (2 * half)).toBeLessThan(1.07);
  const moved = bootstrapMean(
    values.map((v) => 3 - 2 * v),
    { resamples: 2000 },
  );
  expect(moved.low).toBeCloseTo(3 - 2 * found.high, 12);
  expect(moved.high).toBeCloseTo(3 - 2 * found.low, 12);
  // Of three numbers, 1/27 of the draws is the smallest thrice: more than 2.5 %.
  expect(bootstrapMean([1, 2, 6])).toEqual({ value: 3, low: 1, high: 6 });
  expect(() => bootstrapMean([1])).toThrow("values: expected at least 2 numbers, received 1");
  expect(() => bootstrapMean([1, Number.NaN])).toThrow("received NaN at 1");
  expect(() => bootstrapMean([1, 2], { resamples: 5 })).toThrow("resamples: expected");
  expect(() => bootstrapMean([1, 2], { seed: -1 })).toThrow("seed: expected");
});
