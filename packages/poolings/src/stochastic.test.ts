import { poolWindow, type Tensor, tensor } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainDraw, plainMean } from "../test/plain/stochastic.ts";
import {
  evaluated,
  expectClose,
  noiseOf,
  numbers,
  OPSETS,
  onCpu,
  seeded,
  square,
  stands,
  trials,
} from "../test/run.ts";
import { stochastic as method } from "./stochastic.ts";

test("golden vectors of inference", () => {
  expect(evaluated({ method, ...square([1, 2, 4, 5]) }).data[0]).toBeCloseTo(3.8333333, 7);
  expect(evaluated({ method, ...square([-1, 2, 0, -3]) }).data[0]).toBe(2);
});

test("the plain forms", () => {
  fc.assert(
    fc.property(trials({ low: -1 }), fc.nat(1000), (trial, seed) => {
      const noise = noiseOf({ method, ...trial }, seed);
      const mean = plainMean(trial.x, trial.window);
      const draw = plainDraw(trial.x, trial.window, noise.draw.data);
      for (const options of [{}, { known: false }, { dtype: "float64" as const }]) {
        expectClose(evaluated({ method, ...trial }, options), mean, 1e-9);
        expectClose(evaluated({ method, ...trial, noise }, options), draw, 1e-9);
      }
    }),
    seeded(),
  );
});

test("ONNX Runtime, every operator set, known and unknown sizes", async () => {
  for (const [i, trial] of fc.sample(trials({ low: -1 }), seeded(24)).entries()) {
    const opset = OPSETS[i % OPSETS.length];
    if (!stands(trial.window, opset)) continue;
    const noise = noiseOf({ method, ...trial }, i);
    const mean = plainMean(trial.x, trial.window);
    const draw = plainDraw(trial.x, trial.window, noise.draw.data);
    for (const known of [true, false]) {
      const options = { opset, known };
      expectClose(await onCpu({ method, ...trial }, options), mean, 2e-5, `opset ${opset}`);
      expectClose(await onCpu({ method, ...trial, noise }, options), draw, 2e-5, `opset ${opset}`);
    }
  }
});

/** Draws the same window many times: as many channels. */
async function draws(values: readonly number[], count: number, seed: number): Promise<Tensor> {
  const window = poolWindow([2, 2], { strides: [2, 2] });
  const data = Array.from({ length: count }, () => values).flat();
  const x = tensor("float32", [1, count, 2, 2], data);
  return onCpu({ method, x, window, noise: noiseOf({ method, x, window }, seed) });
}

test("draws: frequencies, expectation, a single positive tap, nothing positive", async () => {
  const count = 20_000;
  for (const [seed, values] of [
    [1, 2, 4, 5],
    [0, 3, 0.5, 7],
    [-2, 0.25, 1, 0],
  ].entries()) {
    const y = await draws(values, count, seed + 1);
    const r = values.map((v) => Math.max(v, 0));
    const total = r.reduce((a, b) => a + b);
    // Chi-square with at most 3 degrees of freedom: 21.1 has a probability of 1e-4.
    let chi = 0;
    for (const v of r.filter((value) => value > 0)) {
      const expected = (count * v) / total;
      chi += (y.data.filter((d) => d === v).length - expected) ** 2 / expected;
    }
    expect(chi).toBeLessThan(21.1);
    expect(y.data.every((d) => d > 0 && r.includes(d))).toBe(true);
    const mean = y.data.reduce((a, b) => a + b) / count;
    const expected = r.reduce((a, v) => a + v * v, 0) / total;
    // Five standard errors of a value between 0 and 7.
    expect(Math.abs(mean - expected)).toBeLessThan(0.1);
    expect([...(await draws(values, count, seed + 1)).data]).toEqual([...y.data]);
  }
  for (const values of [
    [3, 0, 0, 0],
    [-1, 3, -5, 0],
    [0, 0, 0, 3],
  ]) {
    expect(new Set((await draws(values, 1000, 4)).data)).toEqual(new Set([3]));
  }
  expect(new Set((await draws([0, -1, 0, -2], 1000, 4)).data)).toEqual(new Set([0]));
});

test("inference lies between average and maximum and is scaled with its input", () => {
  const x = numbers([2, 2, 7, 7], 5, 0, 4);
  const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
  const y = evaluated({ method, x, window });
  const scaled = evaluated({ method, x: { ...x, data: x.data.map((v) => v * 1e25) }, window });
  expectClose({ ...scaled, data: scaled.data.map((v) => v / 1e25) }, y, 1e-9);
  expect(y.data.every((v) => v >= 0 && v <= 4)).toBe(true);
});

test("extreme values", async () => {
  const M = 3.4028234663852886e38;
  const last = tensor("float32", [1, 1, 1, 1], [1 - 2 ** -24]);
  const cases: [values: number[], mean: number][] = [
    [[1e30, 1e30, 0, -1e30], 1e30],
    [[M, M, M, M], M],
    [[-M, -M, -M, -M], 0],
    [[1e-42, 0, 0, 1e-42], 1e-42],
    [[0, 0, 0, 0], 0],
    [[1e38, 1, 1e-38, 0], 1e38],
    [[Infinity, 1, 2, 0], Infinity],
    [[NaN, 1, 2, 0], NaN],
    [[1, 2, 3, NaN], NaN],
    [[NaN, NaN, NaN, NaN], NaN],
  ];
  for (const [values, mean] of cases) {
    const y = (await onCpu({ method, ...square(values) })).data[0];
    const what = `${values}`;
    if (mean > 0 && mean < Infinity) expect(y / Math.fround(mean), what).toBeCloseTo(1, 3);
    else expect(y, what).toBe(mean);
    for (const u of [0, 0.5, last.data[0]]) {
      const noise = { draw: { ...last, data: Float64Array.of(u) } };
      const drawn = (await onCpu({ method, ...square(values), noise })).data[0];
      if (Number.isNaN(mean)) expect(drawn, what).toBeNaN();
      else
        expect(
          values.some((v) => Math.fround(Math.max(v, 0)) === drawn),
          what,
        ).toBe(true);
    }
  }
});
