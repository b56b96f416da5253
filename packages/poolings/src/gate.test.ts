import { expect, test } from "vitest";
import { plainGate } from "../test/plain/mixtures.ts";
import { initialParameters, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import { gate as method } from "./gate.ts";

const plain: Plain = (x, window, _, { omega, bias }) =>
  plainGate(x, window, omega.data, bias?.data);

const settings = ["layer", "channel"].flatMap((share) => [0, 1].map((bias) => ({ share, bias })));

suite({ method, plain, settings: [{}, ...settings] });

test("golden vectors: half of maximum and average at first", () => {
  expect(onSquare(method, [1, 2, 4, 5])).toBe(4);
  expect(onSquare(method, [-1, 2, 0, -3])).toBe(0.75);
});

test("parameters", () => {
  const { window } = square([1, 2, 3, 4]);
  const x = { dtype: "float32", shape: [1, 3, 2, 2], data: new Float64Array(12) } as const;
  const shapes = settings.map((setting) => {
    const all = initialParameters({ method, x, window, settings: setting });
    return Object.entries(all).map(([name, { shape }]) => `${name} ${shape}`);
  });
  expect(shapes).toEqual([
    ["omega 2,2"],
    ["omega 2,2", "bias 1"],
    ["omega 3,2,2"],
    ["omega 3,2,2", "bias 3"],
  ]);
});

test("between average and maximum, towards them by the bias; the gate sees places", () => {
  const values = [1, -2, 0.5, 3];
  const at = (bias: number, omega: number[] = [0, 0, 0, 0]) =>
    onSquare(method, values, { bias: 1 }, { bias, omega });
  expect(at(-60)).toBeCloseTo(0.625, 12);
  expect(at(60)).toBeCloseTo(3, 12);
  let before = 0.625;
  for (const bias of [-4, -1, 0, 1, 4]) {
    expect(at(bias)).toBeGreaterThan(before);
    expect(at(bias)).toBeLessThan(3);
    before = at(bias);
  }
  // Only the last place has a coefficient: sigmoid(2 * 3).
  const a = 1 / (1 + Math.exp(-6));
  expect(at(0, [0, 0, 0, 2])).toBeCloseTo(a * 3 + (1 - a) * 0.625, 12);
  for (const omega of [-3, 5]) {
    expect(onSquare(method, [2, 2, 2, 2], {}, { omega: [omega, 1, 2, omega] })).toBeCloseTo(2, 12);
  }
});

test("extreme values and NaN", async () => {
  await expectFinite({ method, plain });
  const omega = { dtype: "float32", shape: [2, 2], data: Float64Array.of(1, -2, 3, -1) } as const;
  await expectFinite({ method, plain, parameters: { omega } });
  await expectNaN(method);
});
