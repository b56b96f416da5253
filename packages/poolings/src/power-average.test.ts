import { expect, test } from "vitest";
import { plainNorm } from "../test/plain/basic.ts";
import { evaluated, onCpu, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import { powerAverage as method } from "./power-average.ts";

const plain: Plain = (x, window, { p = 2, normalized = 0 }) =>
  plainNorm(x, window, [p as number], normalized === 1);

const exponents = [1, 2, 3, 0.5, 1.75, 8];
const both = exponents.flatMap((p) => [0, 1].map((normalized) => ({ p, normalized })));

suite({ method, plain, settings: [{}, ...both] });

test("golden vectors", () => {
  const golden: [settings: Record<string, number>, a: number, b: number][] = [
    [{}, 6.78233, 3.7416574],
    [{ normalized: 1 }, 3.391165, 1.8708287],
    [{ p: 3 }, 5.8284767, 3.3019272],
    [{ p: 3, normalized: 1 }, 3.6717102, 2.0800838],
  ];
  for (const [settings, a, b] of golden) {
    expect(onSquare(method, [1, 2, 4, 5], settings)).toBeCloseTo(a, 6);
    expect(onSquare(method, [-1, 2, 0, -3], settings)).toBeCloseTo(b, 6);
  }
});

test("between the mean magnitude and the largest; homogeneous", () => {
  const values = [1, -2, 0.25, 1.5];
  let [before, mean] = [Infinity, 0];
  for (const p of [0.25, 0.5, 1, 1.5, 2, 4, 16, 64]) {
    // The sum's form falls in p, the mean's rises.
    const y = onSquare(method, values, { p });
    const normalized = onSquare(method, values, { p, normalized: 1 });
    expect(y).toBeLessThan(before);
    expect(normalized).toBeGreaterThan(mean);
    expect(normalized).toBeLessThan(2);
    [before, mean] = [y, normalized];
    const scaled = values.map((v) => -3 * v);
    expect(onSquare(method, scaled, { p })).toBeCloseTo(3 * y, 6);
  }
  expect(onSquare(method, values, { p: 64 })).toBeGreaterThanOrEqual(2);
  expect(onSquare(method, values, { p: 64 })).toBeLessThan(2 * 4 ** (1 / 64));
});

test("exponents that cannot be taken", () => {
  for (const p of [0, -1, Infinity, NaN]) {
    const settings = { p };
    expect(() => evaluated({ method, ...square([1, 2, 3, 4]), settings })).toThrow(
      /^power-average: p: expected a number.*received/,
    );
  }
  expect(() => onSquare(method, [1, 2, 3, 4], { normalized: 2 })).toThrow(/expected 0 or 1/);
});

test("extreme values, infinities and NaN", async () => {
  for (const settings of both) {
    // The half-norm of four equal numbers is 16 of them.
    if (settings.p < 1) continue;
    const precise: Plain = (x, window, options) => plain(x, window, options, {}, {});
    if (settings.p <= 3) await expectFinite({ method, plain: precise, settings });
    await expectNaN(method, settings);
    const call = { method, ...square([1, -Infinity, 2, 3]), settings };
    expect((await onCpu(call)).data[0]).toBe(Infinity);
    expect((await onCpu({ ...call, ...square([0, 0, 0, 0]) })).data[0]).toBe(0);
  }
});
