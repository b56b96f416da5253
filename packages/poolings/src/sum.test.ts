import { expect, test } from "vitest";
import { plainSum } from "../test/plain/basic.ts";
import { expectFinite, expectNaN, onSquare, suite } from "../test/suite.ts";
import { powerAverage } from "./power-average.ts";
import { sum as method } from "./sum.ts";

suite({ method, plain: plainSum });

test("golden vectors", () => {
  expect(onSquare(method, [1, 2, 4, 5])).toBe(12);
  expect(onSquare(method, [-1, 2, 0, -3])).toBe(-2);
});

test("the 1-norm of values that are not negative", () => {
  const values = [0, 2.5, 0.125, 7];
  expect(onSquare(method, values)).toBe(onSquare(powerAverage, values, { p: 1 }));
});

test("extreme values and NaN", async () => {
  await expectFinite({ method, plain: plainSum });
  await expectNaN(method);
});
