import { poolWindow, type Tensor, tensor } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainDenseDpp, plainDrawDpp, plainMeanDpp } from "../test/plain/lite-s3dpp.ts";
import {
  evaluated,
  expectClose,
  initialParameters,
  modelOf,
  noiseOf,
  numbers,
  onCpu,
  seeded,
  square,
  trials,
} from "../test/run.ts";
import { expectFinite, onSquare, type Plain, randomParameters, suite } from "../test/suite.ts";
import { liteS3dpp as method } from "./lite-s3dpp.ts";

const formOf = (parameters: Readonly<Record<string, Tensor>>) => ({
  a: parameters.log_alpha.data,
  l: parameters.log_lambda.data,
});

const plain: Plain = (x, window, { grid = 0 }, parameters, noise) => {
  const all = window.kernel.map((_, i) => noise[`axis${i}`]?.data);
  if (all[0] === undefined) return plainMeanDpp(x, window, formOf(parameters));
  return plainDrawDpp(x, window, formOf(parameters), all, grid as number);
};

/** Windows that tile, with and without ceil mode. */
const tiled = fc
  .tuple(trials({ tiled: true, rich: false }), fc.boolean())
  .map(([{ x, window }, ceilMode]) => ({ x, window: { ...window, ceilMode } }));

// Multiples of all kernels.
const settings = [{ grid: 60 }, { grid: 120 }];
suite({ method, plain, settings, trials: tiled, training: true, rounded: 1e-7 });

test("grids of half the input, small ones, odd sizes", () => {
  fc.assert(
    fc.property(tiled, fc.nat(1000), fc.constantFrom(0, 1, 2), ({ x, window }, seed, tiles) => {
      const call = { method, x, window, settings: { grid: tiles * window.kernel[0] } };
      const parameters = randomParameters(call, seed);
      const noise = noiseOf(call, seed);
      const expected = plain(x, window, call.settings, parameters, noise);
      expectClose(evaluated({ ...call, parameters, noise }), expected, 1e-7);
    }),
    seeded(40),
  );
  const call = { method, x: numbers([1, 1, 9, 14], 1), window: square([0, 0, 0, 0]).window };
  const shapes = Object.values(noiseOf(call)).map(({ shape }) => shape);
  // 4 tiles in two grids of 2; 7 tiles in grids of as many.
  expect(shapes).toEqual([
    [2, 4],
    [4, 4],
  ]);
});

test("draws: elements of the dense pooling, increasing rows, each equally often", () => {
  const count = 4000;
  const x = tensor(
    "float32",
    [1, 1, count],
    Array.from({ length: count }, (_, i) => i),
  );
  const window = poolWindow([2], { strides: [2] });
  const call = { method, x, window, settings: { grid: 4 } };
  // Two neighbours are equally far from their mean: the position and a half.
  const y = evaluated({ ...call, noise: noiseOf(call, 5) });
  const rows = Array.from(y.data, (v) => Math.floor(v));
  expect(rows.every((row, i) => i === 0 || row > rows[i - 1])).toBe(true);
  const counts = [0, 0, 0, 0];
  for (const row of rows) counts[row % 4]++;
  for (const n of counts) expect(Math.abs(n - 500)).toBeLessThan(5 * Math.sqrt(1000 * 0.25));
  expect(evaluated({ ...call, noise: noiseOf(call, 5) })).toEqual(y);
  expect(evaluated({ ...call, noise: noiseOf(call, 6) })).not.toEqual(y);
});

test("golden vectors: a window alone; constants stay; a window of 1 is the identity", () => {
  // Dense: the golden mean, two columns, two rows, one element.
  const values = [1, 2, 4, 5];
  expect(onSquare(method, values)).toBeCloseTo((3 + 3.5 + 4.5 + 5) / 4, 7);
  expect(onSquare(method, [3, 3, 3, 3])).toBeCloseTo(3, 12);
  const x = numbers([1, 2, 5, 4], 3);
  const one = { method, x, window: poolWindow([1, 1]) };
  expectClose(evaluated(one), x, 1e-12);
  expectClose(evaluated({ ...one, noise: noiseOf(one) }), x, 1e-12);
});

test("inference is the average of the draws of all places where grids are tiles", () => {
  const x = numbers([1, 2, 4, 6], 9);
  const { window } = square([0, 0, 0, 0]);
  const call = { method, x, window, settings: { grid: 2 } };
  const at = (row: number, out: number) =>
    tensor(
      "float32",
      [out, 2],
      Array.from({ length: out * 2 }, (_, i) => (i % 2 === row ? 0.75 : 0.25)),
    );
  const mean = new Float64Array(12);
  for (const [row, column] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]) {
    const noise = { axis0: at(row, 2), axis1: at(column, 3) };
    for (const [i, v] of evaluated({ ...call, noise }).data.entries()) mean[i] += v / 4;
  }
  expectClose(tensor("float32", [1, 2, 2, 3], mean), evaluated(call), 1e-12);
});

test("extreme values and NaN; refusals; unknown sizes need a grid", async () => {
  await expectFinite({ method, plain });
  const x = numbers([1, 1, 4, 4], 2);
  x.data[10] = NaN;
  const { window } = square([0, 0, 0, 0]);
  const call = { method, x, window };
  const dense = plainDenseDpp(x, window, formOf(initialParameters(call)));
  expect(dense.data.filter(Number.isNaN).length).toBe(4);
  for (const y of [evaluated(call), await onCpu(call)]) {
    expect([...y.data].map(Number.isNaN)).toEqual([true, true, true, true]);
  }
  const why = (other: ReturnType<typeof poolWindow>, grid = 0) =>
    method.refuse?.({ window: other, channels: 1 }, { grid });
  expect(why(window)).toBeUndefined();
  expect(why(poolWindow([3, 3], { strides: [2, 2] }))).toMatch(/tile/);
  expect(why(poolWindow([2, 2], { strides: [2, 2], pads: [1, 1, 1, 1] }))).toMatch(/padding/);
  expect(why(window, 3)).toBe("its grid must be a multiple of the kernel, 3 is none of 2");
  expect(() => modelOf({ ...call, noise: noiseOf(call) }, { known: false })).toThrow(
    /^lite-s3dpp: grid: expected a number.*received 0; set a multiple of the kernel$/,
  );
});
