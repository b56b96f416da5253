import { poolWindow, type Tensor, tensor } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainSoftBeta } from "../test/plain/soft-beta.ts";
import { poolPlain } from "../test/plain/windows.ts";
import { evaluated, OPSETS, onCpu, seeded, square, stands, trials } from "../test/run.ts";
import { suite } from "../test/suite.ts";
import { soft as method } from "./soft.ts";

suite({
  method,
  plain: (x, window, { beta = 1 }) => plainSoftBeta(x, window, [beta as number]),
  settings: [
    {},
    { form: "exact" },
    { beta: 0 },
    { beta: -1 },
    { beta: 0.25, form: "exact" },
    { beta: 7 },
    { beta: -40, form: "exact" },
  ],
  rounded: 1e-6,
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
    for (const form of ["guarded", "exact"]) {
      const found = evaluated({ method, ...square(values), settings: { beta, form } });
      expect(found.data[0]).toBeCloseTo(y, 6);
    }
  }
});

/** What the operator gives: NaN first, then infinities, then the equation. */
const operator = (x: Tensor, window: Parameters<typeof poolPlain>[1]) =>
  poolPlain(x, window, ({ values }) => {
    if (values.some(Number.isNaN)) return NaN;
    const m = Math.max(...values);
    if (!Number.isFinite(m)) return m;
    let s = 0;
    let t = 0;
    for (const v of values) {
      const e = Math.exp(v - m);
      s += e;
      if (e > 0) t += e * (v - m);
    }
    return m + t / s;
  });

const MAX = 3.4028234663852886e38;

/** Kinds of values: what one element is drawn from. */
const kinds: Readonly<Record<string, fc.Arbitrary<number>>> = {
  moderate: fc.double({ min: -90, max: 90, noNaN: true }),
  huge: fc.double({ min: -MAX, max: MAX, noNaN: true }),
  ends: fc.constantFrom(MAX, -MAX, 0, 1),
  lowest: fc.constantFrom(-MAX, -MAX, -MAX, -3.4028e38),
  denormal: fc.double({ min: -1e-39, max: 1e-39, noNaN: true }),
  // Windows that lie 200 and more below the largest value of the plane.
  outlier: fc.oneof(
    { weight: 30, arbitrary: fc.double({ min: 0, max: 3, noNaN: true }) },
    {
      weight: 1,
      arbitrary: fc.constant(210),
    },
  ),
  far: fc.double({ min: -300, max: -297, noNaN: true }),
  infinities: fc.constantFrom(Infinity, -Infinity, 1, 2, -3, 0),
  negative: fc.constantFrom(-Infinity, -Infinity, -Infinity, 1),
  nan: fc.constantFrom(Number.NaN, 1, 2, 5, -3, 0, Infinity, -Infinity),
};

test("ONNX Runtime: any input, within 4e-6 of max(1, |y|); NaN and infinities as the operator", async () => {
  const drawn = fc.record({
    trial: trials(),
    kind: fc.constantFrom(...Object.keys(kinds)),
    form: fc.constantFrom("guarded", "exact"),
    known: fc.boolean(),
  });
  const seen = new Set<string>();
  let worst = 0;
  for (const [i, { trial, kind, form, known }] of fc.sample(drawn, seeded(200)).entries()) {
    const opset = OPSETS[i % OPSETS.length];
    const window = stands(trial.window, opset)
      ? trial.window
      : poolWindow(trial.window.kernel, { strides: trial.window.strides });
    const count = trial.x.data.length;
    const values = fc.sample(kinds[kind], { seed: i, numRuns: count }).map(Math.fround);
    const x = tensor("float32", trial.x.shape, values);
    const expected = operator(x, window);
    const what = `${kind} ${form} opset ${opset} known ${known} ${JSON.stringify(window)}`;
    const y = await onCpu({ method, x, window, settings: { form } }, { opset, known });
    expect(y.shape, what).toEqual(expected.shape);
    for (const [k, value] of y.data.entries()) {
      const right = expected.data[k];
      if (Object.is(value, right) || value === right) continue;
      const error = Math.abs(value - right) / Math.max(1, Math.abs(right));
      expect(error, `${what} gave ${value} instead of ${right}`).toBeLessThanOrEqual(4e-6);
      worst = Math.max(worst, error);
    }
    seen.add(`${kind} ${form}`);
  }
  expect(seen.size).toBe(2 * Object.keys(kinds).length);
  expect(worst).toBeGreaterThan(0);
});

test("large windows stay as exact", async () => {
  for (const [size, kernel, stride] of [
    [14, 14, 14],
    [24, 13, 1],
    [56, 56, 56],
  ]) {
    const values = Array.from({ length: 2 * size * size }, (_, i) =>
      Math.fround(50 + 3 * Math.sin(i * i)),
    );
    const x = tensor("float32", [1, 2, size, size], values);
    const pad = stride === 1 ? kernel >> 1 : 0;
    const window = poolWindow([kernel, kernel], {
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
    const expected = operator(x, window);
    for (const form of ["guarded", "exact"]) {
      const y = await onCpu({ method, x, window, settings: { form } });
      expect(y.shape).toEqual(expected.shape);
      for (const [k, value] of y.data.entries()) {
        expect(Math.abs(value - expected.data[k]) / expected.data[k]).toBeLessThanOrEqual(4e-6);
      }
    }
  }
});

test("half precision is pooled in float32", async () => {
  const { x, window } = square([60, 59, -60, 30]);
  const right = operator(x, window).data[0];
  for (const opset of [9, 17]) {
    const y = await onCpu({ method, x, window }, { dtype: "float16", opset });
    expect(Math.abs(y.data[0] - right)).toBeLessThan(right * 2 ** -11);
  }
});

test("a temperature must be finite", () => {
  for (const beta of [Infinity, -Infinity, Number.NaN]) {
    expect(() => evaluated({ method, ...square([1, 2, 3, 4]), settings: { beta } })).toThrow(
      /soft: beta: expected (a number|0 or a temperature of magnitude 1e-30 to 1e30), received/,
    );
  }
});
