/** McNemar's test: the published tables from their cells, small numbers by hand, edges. */
import { expect, test } from "vitest";
import { formatP, verdict } from "./describe.ts";
import { type Cells, mcnemar } from "./mcnemar.ts";
import {
  impossibleTotals,
  PUBLISHED_PICTURES,
  publishedTables,
  strayAccuracies,
} from "./published.ts";

test("the published tables, from their cells", () => {
  const expected: [string, string, string, string, string][] = [
    ["ResNet-18", "90.31", "2.04e-21", "90.08", "2.29e-21"],
    ["ResNet-34", "15.14", "1.00e-4", "15.04", "1.05e-4"],
    ["ResNet-50", "62.00", "3.43e-15", "61.80", "3.81e-15"],
    ["ResNet-101", "23.27", "1.41e-6", "23.13", "1.51e-6"],
    ["ResNet-152", "50.51", "1.19e-12", "50.29", "1.33e-12"],
    ["DenseNet-121", "411.54", "1.69e-91", "411.02", "2.19e-91"],
    ["DenseNet-161", "46.67", "8.38e-12", "46.52", "9.07e-12"],
    ["DenseNet-169", "27.45", "1.61e-7", "27.32", "1.72e-7"],
    ["ResNeXt-50 32x4d", "45.32", "1.67e-11", "45.13", "1.85e-11"],
    ["ResNeXt-101 32x8d", "696.75", "1.52e-153", "695.87", "2.37e-153"],
    ["Wide-ResNet-50", "39.58", "3.15e-10", "39.41", "3.43e-10"],
    ["Inception V1", "106.66", "5.28e-25", "106.41", "5.98e-25"],
    ["Inception V3", "80.44", "3.00e-19", "80.19", "3.40e-19"],
  ];
  const found = publishedTables.map(({ network, cells }) => {
    const { pictures, chiSquare, corrected, exact, midP } = mcnemar(cells);
    expect(pictures).toBe(PUBLISHED_PICTURES);
    // The exact p lies beside the corrected one, mid-p beside the other; far out all part slowly.
    expect(Math.abs(exact.log10P / (corrected?.log10P ?? 0) - 1), network).toBeLessThan(0.04);
    expect(midP.p).toBeLessThan(exact.p);
    const tests = [chiSquare, corrected];
    const numbers = tests.flatMap((t) => [t?.statistic.toFixed(2), t?.p.toExponential(2)]);
    return [network, ...numbers];
  });
  expect(found).toEqual(expected);
});

test("two printed totals are impossible, by their own cells", () => {
  expect(impossibleTotals()).toEqual([
    {
      network: "Wide-ResNet-50",
      finding:
        "Wide-ResNet-50: 38,781 pictures are printed as right for the original, the total of " +
        "ResNeXt-50 32x4d, but the cells give 39,274 (36,638 + 2,636)",
    },
    {
      network: "Inception V3",
      finding:
        "Inception V3: 14,874 pictures are printed as right for SoftPool, but the cells give " +
        "39,370 (36,341 + 3,029)",
    },
  ]);
  expect(strayAccuracies().map(({ finding }) => finding)).toEqual([
    "ResNet-34: the original has 74.06 % right by the cells, 73.30 % elsewhere",
    "ResNet-101: the original has 77.65 % right by the cells, 77.37 % elsewhere",
    "DenseNet-121: the original has 72.70 % right by the cells, 74.65 % elsewhere",
    "ResNeXt-101 32x8d: SoftPool has 82.44 % right by the cells, 80.12 % elsewhere",
    "Inception V3: SoftPool has 78.74 % right by the cells, 79.04 % elsewhere",
  ]);
  // A printed total that fits is no finding.
  const [{ network, cells }] = publishedTables;
  const printed = { rightA: cells.both + cells.onlyA };
  expect(impossibleTotals([{ network, cells, printed }])).toEqual([]);
});

test("p-values as text, below all doubles too", () => {
  const shown = [1, 0.99999, 0.5, 0.0149, 0.00101, 0.000999, 2.0362e-21].map((p) =>
    formatP({ p, log10P: Math.log10(p) }),
  );
  expect(shown).toEqual(["1", "1", "0.500", "0.0149", "0.00101", "9.99e-4", "2.04e-21"]);
  expect(formatP({ p: 0, log10P: -10859.8096 })).toBe("1.55e-10860");
  expect(formatP({ p: 0, log10P: -500.0001 })).toBe("1.00e-500");
});

test("what the words say goes with the numbers", () => {
  const cases: [Cells, string][] = [
    [{ both: 100, onlyA: 60, onlyB: 20, neither: 20 }, "chance at the 5 % level: A is right more"],
    [{ both: 100, onlyA: 20, onlyB: 60, neither: 20 }, "chance at the 5 % level: B is right more"],
    [
      { both: 0, onlyA: 5, onlyB: 0, neither: 10 },
      "fewer than 25 pictures that only one has right",
    ],
    [{ both: 0, onlyA: 10, onlyB: 1, neither: 90 }, "chance at the 5 % level: A is right more"],
    [{ both: 0, onlyA: 27, onlyB: 14, neither: 10 }, "mid-p says that A is right more often, the"],
    [{ both: 10, onlyA: 25, onlyB: 15, neither: 50 }, "one of up to 22.24 points is not excluded"],
    [{ both: 10, onlyA: 15, onlyB: 25, neither: 50 }, "one of up to 22.24 points is not excluded"],
    [{ both: 3, onlyA: 0, onlyB: 0, neither: 1 }, "No picture tells the two models apart"],
  ];
  for (const [cells, words] of cases) expect(verdict(mcnemar(cells))).toContain(words);
});

test("small numbers by hand", () => {
  const { chiSquare, corrected, exact, midP, accuracyA, accuracyB, difference } = mcnemar({
    both: 10,
    onlyA: 25,
    onlyB: 15,
    neither: 50,
  });
  expect(chiSquare?.statistic).toBe(100 / 40);
  expect(corrected?.statistic).toBe(81 / 40);
  expect([accuracyA.value, accuracyB.value, difference.value]).toEqual([0.35, 0.25, 0.1]);
  expect(difference.low).toBeCloseTo(-0.0245630050832758, 12);
  expect(difference.high).toBeCloseTo(0.22235445174464, 12);
  // 2 P(X <= 15) of 40, and less the probability of 15.
  let [term, sum] = [1, 0];
  for (let i = 0; i <= 15; i++) {
    sum += term;
    if (i < 15) term *= (40 - i) / (i + 1);
  }
  expect(exact.p).toBeCloseTo((2 * sum) / 2 ** 40, 14);
  expect(midP.p).toBeCloseTo((2 * sum - term) / 2 ** 40, 14);
});

test("edges: no disagreement, an even one, one side only, p below all doubles", () => {
  const same = mcnemar({ both: 7, onlyA: 0, onlyB: 0, neither: 3 });
  expect([same.chiSquare, same.corrected, same.exact.p, same.midP.p]).toEqual([
    undefined,
    undefined,
    1,
    1,
  ]);
  expect(same.difference.high).toBeGreaterThan(0.2);
  const even = mcnemar({ both: 0, onlyA: 4, onlyB: 4, neither: 0 });
  expect([even.chiSquare?.statistic, even.corrected?.statistic]).toEqual([0, 0]);
  expect([even.exact.p, even.midP.p, even.corrected?.p]).toEqual([1, 1, 1]);
  const one = mcnemar({ both: 0, onlyA: 0, onlyB: 5, neither: 0 });
  expect(one.exact.p).toBeCloseTo(2 / 32, 15);
  expect(one.midP.p).toBeCloseTo(1 / 32, 15);
  const far = mcnemar({ both: 0, onlyA: 900_000, onlyB: 100_000, neither: 0 });
  expect([far.exact.p, far.chiSquare?.p]).toEqual([0, 0]);
  expect(far.exact.log10P).toBeCloseTo((-368070.7121076244 + Math.LN2) / Math.LN10, 6);
  const cells: Cells = { both: 1, onlyA: 1, onlyB: 1, neither: 1 };
  for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => mcnemar({ ...cells, onlyB: wrong })).toThrow(/^mcnemar: onlyB: expected/);
  }
  expect(() => mcnemar({ both: 0, onlyA: 0, onlyB: 0, neither: 0 })).toThrow("received 0");
  expect(() => mcnemar({ ...cells, neither: 2e9 })).toThrow("expected 1 to 1000000000");
});
