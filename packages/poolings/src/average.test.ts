import fc from "fast-check";
import { expect, test } from "vitest";
import { plainAverage } from "../test/plain/basic.ts";
import { evaluated, expectClose, numbers, seeded, trials } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, suite } from "../test/suite.ts";
import { average as method } from "./average.ts";
import { sum } from "./sum.ts";

suite({ method, plain: plainAverage });

test("golden vectors", () => {
  expect(onSquare(method, [1, 2, 4, 5])).toBe(3);
  expect(onSquare(method, [-1, 2, 0, -3])).toBe(-0.5);
});

test("a constant stays; N times it is the sum", () => {
  fc.assert(
    fc.property(trials(), ({ x, window }) => {
      const constant = evaluated({ method, x: { ...x, data: x.data.map(() => 2.5) }, window });
      for (const y of constant.data) expect(y).toBeCloseTo(2.5, 12);
      const ones = { ...x, data: x.data.map(() => 1) };
      const count = evaluated({ method: sum, x: ones, window });
      const y = evaluated({ method, x, window });
      const product = { ...y, data: y.data.map((v, i) => v * count.data[i]) };
      expectClose(product, evaluated({ method: sum, x, window }), 1e-12);
    }),
    seeded(20),
  );
});

test("extreme values and NaN", async () => {
  await expectFinite({ method, plain: plainAverage });
  await expectNaN(method);
  // Infinities are added.
  const x = { ...numbers([1, 1, 2, 2], 1), data: Float64Array.of(1, Infinity, 2, 3) };
  expect(evaluated({ method, x, window: { ...trialWindow } }).data[0]).toBe(Infinity);
});

const trialWindow = {
  kernel: [2, 2],
  strides: [2, 2],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  ceilMode: false,
};
