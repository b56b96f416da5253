import { expect, test } from "vitest";
import { plainTree } from "../test/plain/mixtures.ts";
import { initialParameters, numbers, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import { tree as method } from "./tree.ts";

const plain: Plain = (x, window, _, { v1, v2, omega }) =>
  plainTree(x, window, v1.data, v2.data, omega.data);

suite({ method, plain, settings: [{}, { share: "channel" }] });

test("filters of 1 / K give the average, whatever the gate", () => {
  const quarter = [0.25, 0.25, 0.25, 0.25];
  for (const omega of [
    [0, 0, 0, 0],
    [1, -2, 3, 0.5],
  ]) {
    const parameters = { v1: quarter, v2: quarter, omega };
    expect(onSquare(method, [1, 2, 4, 5], {}, parameters)).toBeCloseTo(3, 12);
    expect(onSquare(method, [-1, 2, 0, -3], {}, parameters)).toBeCloseTo(-0.5, 12);
  }
});

test("the gate chooses between the filters", () => {
  const [v1, v2] = [
    [1, 0, 0, 0],
    [0, 0, 0, 1],
  ];
  const at = (omega: number[]) => onSquare(method, [1, 2, 4, 5], {}, { v1, v2, omega });
  expect(at([0, 0, 0, 0])).toBeCloseTo(3, 12);
  expect(at([40, 0, 0, 0])).toBeCloseTo(1, 12);
  expect(at([-40, 0, 0, 0])).toBeCloseTo(5, 12);
});

test("27 coefficients for 3x3, near the average at first", () => {
  const x = numbers([1, 4, 6, 6], 3);
  const { window } = square([1, 2, 3, 4]);
  const layer = initialParameters({ method, x, window: { ...window, kernel: [3, 3] } });
  const count = Object.values(layer).reduce((n, { data }) => n + data.length, 0);
  expect(count).toBe(27);
  for (const v of layer.v1.data) expect(Math.abs(9 * v - 1)).toBeLessThanOrEqual(0.1 + 1e-12);
  expect(layer.v1.data).not.toEqual(layer.v2.data);
  const channels = initialParameters({ method, x, window, settings: { share: "channel" } });
  expect(Object.values(channels).map(({ shape }) => shape)).toEqual(Array(3).fill([4, 2, 2]));
});

test("extreme values and NaN", async () => {
  await expectFinite({ method, plain });
  await expectNaN(method);
});
