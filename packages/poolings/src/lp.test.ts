import { expect, test } from "vitest";
import { plainNorm } from "../test/plain/basic.ts";
import { initialParameters, square } from "../test/run.ts";
import {
  expectFinite,
  expectNaN,
  onSquare,
  type Plain,
  randomParameters,
  suite,
} from "../test/suite.ts";
import { exponentParameter, lp as method } from "./lp.ts";
import { powerAverage } from "./power-average.ts";

const plain: Plain = (x, window, { normalized = 0 }, { rho }) => {
  const p = [...rho.data].map((r) => 1 + Math.log1p(Math.exp(r)));
  return plainNorm(x, window, p, normalized === 1);
};

const settings = [0, 1].flatMap((normalized) =>
  ["layer", "channel"].map((share) => ({ normalized, share })),
);

suite({ method, plain, settings, parameters: [-6, 6] });

test("initially the 2-norm, or another one; parameters per channel or layer", () => {
  for (const values of [
    [1, 2, 4, 5],
    [-1, 2, 0, -3],
  ]) {
    for (const normalized of [0, 1]) {
      for (const p of [1.01, 2, 3, 40]) {
        const y = onSquare(method, values, { p, normalized });
        expect(y / onSquare(powerAverage, values, { p, normalized })).toBeCloseTo(1, 6);
      }
    }
  }
  expect(onSquare(method, [1, 2, 4, 5])).toBeCloseTo(6.78233, 6);
  expect(exponentParameter(2)).toBeCloseTo(0.541325, 6);
  const { x, window } = square([1, 2, 3, 4]);
  const three = { ...x, shape: [1, 3, 2, 2], data: new Float64Array(12) };
  for (const [share, count] of [
    ["layer", 1],
    ["channel", 3],
  ] as const) {
    const { rho } = initialParameters({ method, x: three, window, settings: { share } });
    expect(rho.shape).toEqual([count]);
  }
});

test("towards the sum of magnitudes and the largest", () => {
  const values = [1, -2, 0.25, 1.5];
  expect(onSquare(method, values, {}, { rho: -60 })).toBeCloseTo(4.75, 9);
  expect(onSquare(method, values, { normalized: 1 }, { rho: -60 })).toBeCloseTo(4.75 / 4, 9);
  expect(onSquare(method, values, {}, { rho: 2000 })).toBeCloseTo(2, 9);
});

test("extreme values and NaN", async () => {
  for (const rho of [-3, 0.5413, 3]) {
    const parameters = {
      rho: { dtype: "float32", shape: [1], data: Float64Array.of(rho) },
    } as const;
    await expectFinite({ method, plain, parameters });
  }
  await expectNaN(method);
  const { x, window } = square([0, 0, 0, 0]);
  const parameters = randomParameters({ method, x, window }, 3);
  await expectFinite({ method, plain, parameters });
  expect(onSquare(method, [0, 0, 0, 0])).toBe(0);
});
