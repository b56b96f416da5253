import { poolWindow } from "@softpool/onnx";
import { expect, test } from "vitest";
import { plainMaximum } from "../test/plain/basic.ts";
import { evaluated, expectClose, numbers, onCpu, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, suite } from "../test/suite.ts";
import { maximum as method } from "./maximum.ts";

suite({ method, plain: plainMaximum, tolerance: 0 });

test("golden vectors", () => {
  expect(onSquare(method, [1, 2, 4, 5])).toBe(5);
  expect(onSquare(method, [-1, 2, 0, -3])).toBe(2);
});

test("follows shifts and every increasing function", () => {
  const x = numbers([2, 2, 7, 6], 3);
  const window = poolWindow([3, 2], { strides: [2, 2], pads: [1, 1, 1, 0], ceilMode: true });
  const y = evaluated({ method, x, window });
  for (const f of [(v: number) => v + 100, Math.exp, Math.atan, (v: number) => v ** 3]) {
    const mapped = evaluated({ method, x: { ...x, data: x.data.map(f) }, window });
    expectClose(mapped, { ...y, data: y.data.map(f) }, 0);
  }
  // Padding is no 0 beside negative values.
  const below = evaluated({ method, x: { ...x, data: x.data.map((v) => v - 9) }, window });
  expect(Math.max(...below.data)).toBeLessThan(-5);
});

test("extreme values; NaN on the evaluator; ONNX Runtime drops it", async () => {
  await expectFinite({ method, plain: plainMaximum });
  await expectNaN(method, {}, false);
  // Why methods that use the maximum must see every tap besides.
  expect((await onCpu({ method, ...square([NaN, 1, 3, 2]) })).data[0]).not.toBeNaN();
});
