import { poolWindow, type Tensor, tensor } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainSoftBeta } from "../test/plain/soft-beta.ts";
import {
  evaluated,
  expectClose,
  initialParameters,
  numbers,
  OPSETS,
  onCpu,
  seeded,
  square,
  stands,
  trials,
} from "../test/run.ts";
import { softBeta as method } from "./soft-beta.ts";

const betas = (values: readonly number[]): Record<string, Tensor> => ({
  beta: tensor("float32", [values.length], values),
});

test("golden vectors", () => {
  const golden: [beta: number, values: number[], y: number][] = [
    [1, [1, 2, 4, 5], 4.588781],
    [1, [-1, 2, 0, -3], 1.6193165],
    [0.5, [1, 2, 4, 5], 4.0751828],
    [0.5, [-1, 2, 0, -3], 0.9148406],
    [2, [1, 2, 4, 5], 4.8733792],
    [2, [-1, 2, 0, -3], 1.9566097],
    [10, [1, 2, 4, 5], 4.9999546],
    [0, [1, 2, 4, 5], 3],
  ];
  for (const [beta, values, y] of golden) {
    const found = evaluated({ method, ...square(values), parameters: betas([beta]) });
    expect(found.data[0]).toBeCloseTo(y, 6);
  }
});

test("the plain form, temperatures per layer and per channel of both signs", () => {
  const beta = fc.oneof(fc.constantFrom(0, 1, -1), fc.double({ min: -20, max: 20, noNaN: true }));
  fc.assert(
    fc.property(trials(), fc.array(beta, { minLength: 3, maxLength: 3 }), (trial, values) => {
      const own = values.slice(0, trial.x.shape[1]);
      for (const [share, given] of [
        ["channel", own],
        ["layer", own.slice(0, 1)],
      ] as const) {
        const call = { method, ...trial, settings: { share }, parameters: betas(given) };
        const expected = plainSoftBeta(trial.x, trial.window, given);
        for (const options of [{}, { known: false }, { dtype: "float64" as const }]) {
          expectClose(evaluated(call, options), expected, 1e-9);
        }
      }
    }),
    seeded(),
  );
});

test("initial values are the paper's", () => {
  const trial = { x: numbers([2, 3, 5, 6], 4), window: poolWindow([2, 3], { strides: [2, 1] }) };
  for (const share of ["layer", "channel"]) {
    const call = { method, ...trial, settings: { share } };
    const parameters = initialParameters(call);
    expect(parameters.beta.shape).toEqual([share === "layer" ? 1 : 3]);
    expectClose(evaluated(call), plainSoftBeta(trial.x, trial.window, [1]), 1e-12);
  }
});

test("limits: average, minimum, maximum; monotone in beta; shift and scale", () => {
  const x = numbers([1, 1, 9], 8);
  const window = poolWindow([3], { strides: [2], pads: [1, 1] });
  const at = (beta: number, input = x) =>
    evaluated({ method, x: input, window, parameters: betas([beta]) });
  const map = (f: (v: number) => number) => ({ ...x, data: x.data.map(f) });
  let before = at(-1e6);
  for (const beta of [-40, -3, -1, -1e-3, 0, 1e-3, 1, 3, 40, 1e6, 1e38]) {
    const y = at(beta);
    for (const [i, v] of y.data.entries()) expect(v).toBeGreaterThanOrEqual(before.data[i] - 1e-12);
    before = y;
  }
  expectClose(at(1e38), at(1e6), 1e-9);
  expectClose(
    at(-1e6),
    {
      ...at(1e6),
      data: at(
        1e6,
        map((v) => -v),
      ).data.map((v) => -v),
    },
    1e-12,
  );
  expectClose(at(0), plainSoftBeta(x, window, [0]), 1e-12);
  const shifted = at(
    1,
    map((v) => v + 1e4),
  );
  expectClose({ ...shifted, data: shifted.data.map((v) => v - 1e4) }, at(1), 1e-9);
  const scaled = at(
    1,
    map((v) => 3 * v),
  );
  expectClose({ ...scaled, data: scaled.data.map((v) => v / 3) }, at(3), 1e-9);
});

test("ONNX Runtime, every operator set, known and unknown sizes", async () => {
  for (const [i, trial] of fc.sample(trials(), seeded(30)).entries()) {
    const opset = OPSETS[i % OPSETS.length];
    if (!stands(trial.window, opset)) continue;
    const values = [-2, 0, 1.5].slice(0, trial.x.shape[1]);
    const call = { method, ...trial, settings: { share: "channel" }, parameters: betas(values) };
    const expected = plainSoftBeta(trial.x, trial.window, values);
    for (const known of [true, false]) {
      expectClose(await onCpu(call, { opset, known }), expected, 2e-5, `opset ${opset}`);
    }
  }
});

test("extreme values: right where the reference is, finite, infinities and NaN in their windows", async () => {
  const M = 3.4028234663852886e38;
  const inputs = [
    [1e30, -1e30, 1e30, 0],
    [M, -M, -M, -M],
    [M, M, M, M],
    [-M, -M, -M, -M],
    [1e-40, 2e-40, -3e-40, 0],
    [0, 0, 0, 0],
    [1000, 999, -1000, 998.5],
    [-104, -105, -110, -104],
  ];
  for (const values of inputs) {
    for (const beta of [-1e30, -1, -1e-30, 0, 1e-38, 1e-3, 1, 50]) {
      const call = { method, ...square(values), parameters: betas([beta]) };
      const y = (await onCpu(call)).data[0];
      const b = Math.fround(beta);
      const shift = Math.max(...values.map((v) => b * v));
      const w = values.map((v) => Math.exp(b * v - shift));
      const s = w.reduce((p, q) => p + q);
      const expected = values.reduce((t, v, i) => t + (v * w[i]) / s, 0);
      const what = `${values} beta ${beta}`;
      expect(Math.abs(y - expected) / Math.max(1, Math.abs(expected)), what).toBeLessThan(1e-6);
    }
  }
  const special: [values: number[], beta: number, y: number][] = [
    [[Infinity, 1, 2, 3], 1, Infinity],
    [[-Infinity, 1, 1, 1], 1, 1],
    [[-Infinity, -Infinity, -Infinity, -Infinity], 1, -Infinity],
    [[Infinity, -Infinity, 0, 0], 2, Infinity],
    [[-Infinity, 1, 2, 3], -1, -Infinity],
    [[Infinity, 1, 1, 1], -1, 1],
    [[NaN, 1, 2, 3], 1, NaN],
    [[3, 2, 1, NaN], -1, NaN],
    [[3, 2, NaN, Infinity], 0, NaN],
  ];
  for (const [values, beta, y] of special) {
    const call = { method, ...square(values), parameters: betas([beta]) };
    expect((await onCpu(call)).data[0], `${values} beta ${beta}`).toBe(y);
    expect(evaluated(call).data[0], `${values} beta ${beta}`).toBe(y);
  }
  // Only in their own windows.
  const x = numbers([1, 1, 6, 6], 2);
  x.data[0] = NaN;
  x.data[35] = Infinity;
  const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 0, 0], ceilMode: true });
  const y = await onCpu({ method, x, window });
  const finite = [...y.data].map((v) => Number.isFinite(v));
  expect(finite).toEqual([...y.data].map((_, i) => i !== 0 && i !== y.data.length - 1));
});
