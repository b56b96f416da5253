import { poolWindow, tensor } from "@softpool/onnx";
import { expect, test } from "vitest";
import { plainAverage, plainMaximum } from "../test/plain/basic.ts";
import { plainOrdinal } from "../test/plain/ordinal.ts";
import { evaluated, expectClose, initialParameters, numbers, onCpu, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import { ordinal as method } from "./ordinal.ts";

const plain: Plain = (x, window, _, { weights }) => plainOrdinal(x, window, weights.data);

// Weights below 0 are among them.
suite({ method, plain, parameters: [-0.5, 1] });

test("golden vectors", () => {
  const weights = [0.4, 0.3, 0.2, 0.1];
  expect(onSquare(method, [1, 2, 4, 5], {}, { weights })).toBeCloseTo(3.7, 6);
  expect(onSquare(method, [-1, 2, 0, -3], {}, { weights })).toBeCloseTo(0.3, 6);
});

test("average, maximum, minimum, middle; the order of taps does not matter", () => {
  const x = numbers([2, 3, 7, 8], 6);
  const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], ceilMode: true });
  for (const [initial, expected] of [
    ["average", plainAverage],
    ["maximum", plainMaximum],
  ] as const) {
    const y = evaluated({ method, x, window, settings: { initial } });
    expectClose(y, expected(x, window), 1e-7);
  }
  const values = [3, -1, 2, 7];
  expect(onSquare(method, values, {}, { weights: [0, 0, 0, 2] })).toBe(-1);
  expect(onSquare(method, values, {}, { weights: [0, 3, 3, 0] })).toBe(2.5);
  const weights = [0.5, 0.125, 0.25, 0.125];
  const y = onSquare(method, values, {}, { weights });
  expect(onSquare(method, [2, 7, 3, -1], {}, { weights })).toBe(y);
  // Nothing left, or nothing of the ranks that exist: all weigh the same.
  expect(onSquare(method, values, {}, { weights: [0, -1, 0, 0] })).toBeCloseTo(11 / 4, 12);
  const edge = poolWindow([3], { strides: [3], pads: [1, 1] });
  const last = tensor("float32", [1, 3], [0, 0, 1]);
  const row = tensor("float32", [1, 1, 4], [1, 5, 3, 4]);
  const found = evaluated({ method, x: row, window: edge, parameters: { weights: last } });
  expectClose(found, tensor("float32", [1, 1, 2], [3, 3.5]), 1e-12);
});

test("initial weights: points of the simplex; windows that are too large", () => {
  const x = numbers([1, 4, 4, 4], 2);
  const { window } = square([0, 0, 0, 0]);
  const { weights } = initialParameters({ method, x, window });
  expect(weights.shape).toEqual([4, 4]);
  for (let c = 0; c < 4; c++) {
    const row = weights.data.subarray(4 * c, 4 * c + 4);
    expect(row.reduce((p, q) => p + q)).toBeCloseTo(1, 12);
    expect(Math.min(...row)).toBeGreaterThan(0);
  }
  expect(new Set(weights.data).size).toBe(16);
  const refused = (kernel: number[]) =>
    method.refuse?.({ window: poolWindow(kernel), channels: 1 }, {});
  expect(refused([8, 8])).toBeUndefined();
  expect(refused([8, 9])).toBe("its window has 72 taps and sorting is composed for at most 64");
});

test("a large window on ONNX Runtime", async () => {
  const x = numbers([1, 2, 9, 9], 9);
  const call = { method, x, window: poolWindow([7, 7], { pads: [3, 3, 3, 3], strides: [3, 3] }) };
  const parameters = initialParameters(call, 5);
  const expected = plainOrdinal(x, call.window, parameters.weights.data);
  expectClose(await onCpu({ ...call, parameters }), expected, 2e-5);
});

test("extreme values and NaN", async () => {
  await expectFinite({ method, plain });
  await expectNaN(method);
});
