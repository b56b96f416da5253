/** Properties of the poolings, on random inputs and at the edges of the number range. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  avgPool2d,
  avgPool2dBackward,
  globalSoftPool,
  globalSoftPoolBackward,
  maxPool2d,
  maxPool2dBackward,
  powerAvgPool2dBackward,
  softPool1d,
  softPool2d,
  softPool2dBackward,
  softPool3d,
  sumPool2d,
  sumPool2dBackward,
} from "./index.ts";
import type { EngineName } from "./options.ts";

const engines: EngineName[] = ["wasm", "reference"];
const inf = Number.POSITIVE_INFINITY;

/** A `[1, 1, 1, n]` tensor. */
const row = <A extends Float32Array | Float64Array>(data: A) => ({
  data,
  shape: [1, 1, 1, data.length],
});
const f64 = (...values: number[]) => row(Float64Array.from(values));
const f32 = (...values: number[]) => row(Float32Array.from(values));

/** SoftPool of one window. */
function soft(engine: EngineName, values: number[], beta = 1): number {
  return softPool2d(f64(...values), { kernelSize: [1, values.length], beta, engine }).data[0];
}

/** Gradients of one window. */
function slopes(engine: EngineName, values: number[], beta = 1): number[] {
  const options = { kernelSize: [1, values.length], beta, engine };
  return [...softPool2dBackward(f64(1), f64(...values), options).data];
}

const windows = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), {
  minLength: 1,
  maxLength: 9,
});

describe.each(engines)("engine %s", (engine) => {
  test("between average and maximum, monotone in beta, with its limits", () => {
    fc.assert(
      fc.property(windows, (x) => {
        const mean = x.reduce((a, b) => a + b) / x.length;
        const close = 1e-9 * Math.max(1, ...x.map(Math.abs));
        const values = [-inf, -3, -1, 0, 0.5, 1, 4, inf].map((beta) => soft(engine, x, beta));
        values.slice(1).forEach((y, i) => {
          expect(y).toBeGreaterThanOrEqual(values[i] - close);
        });
        // Either zero will do.
        expect(values[0] + 0).toBe(Math.min(...x) + 0);
        expect(Math.abs(values[3] - mean)).toBeLessThan(close);
        expect(values[7] + 0).toBe(Math.max(...x) + 0);
        expect(Math.abs(soft(engine, x, 1e-9) - mean)).toBeLessThan(1e-6);
      }),
    );
  });

  test("constants, shifts, scales, permutations, single taps", () => {
    fc.assert(
      fc.property(windows, fc.double({ min: -1e4, max: 1e4, noNaN: true }), (x, c) => {
        const y = soft(engine, x);
        expect(
          Math.abs(
            soft(
              engine,
              x.map(() => c),
            ) - c,
          ),
        ).toBeLessThanOrEqual(1e-11 * Math.abs(c));
        expect(
          Math.abs(
            soft(
              engine,
              x.map((v) => v + c),
            ) -
              y -
              c,
          ),
        ).toBeLessThan(1e-10);
        const scaled = soft(
          engine,
          x.map((v) => 3 * v),
          1 / 3,
        );
        expect(Math.abs(scaled - 3 * y)).toBeLessThan(1e-10);
        expect(Math.abs(soft(engine, [...x].reverse()) - y)).toBeLessThan(1e-11);
        expect(soft(engine, [c]) === c).toBe(true);
      }),
    );
    // In float32 a shift costs a few units in the last place of the shifted value.
    for (const c of [10, 100, 1000, -10000, 10000]) {
      const x = [0.25, 1.5, -2, 3];
      const y = softPool2d(f32(...x), { kernelSize: [1, 4], engine }).data[0];
      const shifted = softPool2d(f32(...x.map((v) => v + c)), { kernelSize: [1, 4], engine });
      expect(Math.abs(shifted.data[0] - c - y)).toBeLessThan(4 * 2 ** -23 * Math.abs(c) + 1e-6);
    }
  });

  test("gradients sum to 1, and equal central differences", () => {
    const window = { kernelSize: 3, stride: 2, padding: 1, engine };
    const shape = [2, 3, 7, 6];
    const count = 2 * 3 * 7 * 6;
    const value = (i: number) => Math.sin(i * 1.7) * 3 + 0.001 * i;
    const data = Float64Array.from({ length: count }, (_, i) => value(i));
    const cases = [
      { f: softPool2d, b: softPool2dBackward, o: window },
      { f: softPool2d, b: softPool2dBackward, o: { ...window, beta: [0.5, -1, 2] } },
      { f: softPool2d, b: softPool2dBackward, o: { ...window, paddingMode: "zero" as const } },
      { f: avgPool2d, b: avgPool2dBackward, o: window },
      { f: maxPool2d, b: maxPool2dBackward, o: window },
      { f: sumPool2d, b: sumPool2dBackward, o: { ...window, dilation: 2, stride: 1 } },
    ] as const;
    for (const { f, b, o } of cases) {
      const x = { data, shape };
      const forward = f as (x: unknown, o: unknown) => { data: Float64Array; shape: number[] };
      const y = forward(x, o);
      const g = { data: y.data.map((_, i) => Math.cos(i)), shape: y.shape };
      const backward = b as (g: unknown, x: unknown, o: unknown) => { data: Float64Array };
      const gx = backward(g, x, o).data;
      for (let i = 0; i < count; i += 5) {
        const h = 1e-5;
        const loss = (delta: number) => {
          const moved = data.slice();
          moved[i] += delta;
          return forward({ data: moved, shape }, o).data.reduce((s, v, j) => s + v * g.data[j], 0);
        };
        expect(Math.abs((loss(h) - loss(-h)) / (2 * h) - gx[i])).toBeLessThan(1e-7);
      }
    }
    fc.assert(
      fc.property(windows, (x) => {
        expect(slopes(engine, x).reduce((a, b) => a + b)).toBeCloseTo(1, 9);
      }),
    );
  });

  test("the gradient of beta equals central differences", () => {
    const data = Float64Array.from({ length: 72 }, (_, i) => Math.sin(i * 2.3) * 2);
    const x = { data, shape: [1, 2, 6, 6] };
    for (const beta of [[0.7, -1.3], 1, 0]) {
      const o = { kernelSize: 3, stride: 1, beta, engine };
      const y = softPool2d(x, o);
      const g = { data: y.data.map((_, i) => Math.cos(i)), shape: y.shape };
      const { beta: got, input } = softPool2dBackward(g, x, { ...o, betaGradient: true });
      expect(input.data).toEqual(softPool2dBackward(g, x, o).data);
      expect(got.length).toBe(typeof beta === "number" ? 1 : 2);
      got.forEach((slope, c) => {
        const loss = (h: number) => {
          const moved =
            typeof beta === "number" ? beta + h : beta.map((b, i) => (i === c ? b + h : b));
          return softPool2d(x, { ...o, beta: moved }).data.reduce(
            (s, v, i) => s + v * g.data[i],
            0,
          );
        };
        expect(Math.abs((loss(1e-5) - loss(-1e-5)) / 2e-5 - slope)).toBeLessThan(1e-7);
      });
    }
  });

  test("NaN and infinities", () => {
    expect(soft(engine, [1, Number.NaN, 2])).toBeNaN();
    expect(soft(engine, [1, Number.NaN, inf], -1)).toBeNaN();
    expect(soft(engine, [1, inf, 2])).toBe(inf);
    expect(soft(engine, [1, -inf, 1])).toBe(1);
    expect(soft(engine, [-inf, -inf])).toBe(-inf);
    expect(soft(engine, [inf, -inf])).toBe(inf);
    expect(soft(engine, [1, -inf, 2], -1)).toBe(-inf);
    expect(soft(engine, [1, inf, 1], -1)).toBe(1);
    expect(soft(engine, [inf, inf], -1)).toBe(inf);
    expect(slopes(engine, [1, Number.NaN, 2])).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(slopes(engine, [inf, 0, inf])).toEqual([0.5, 0, 0.5]);
    expect(slopes(engine, [-inf, -inf])).toEqual([0.5, 0.5]);
    expect(slopes(engine, [3, 1, 3, 2], inf)).toEqual([0.5, 0, 0.5, 0]);
    expect(slopes(engine, [3, 1, 1, 2], -inf)).toEqual([0, 0.5, 0.5, 0]);
    const x = f32(3, 1, 3, 2);
    const max = maxPool2dBackward(f32(1), x, { kernelSize: [1, 4], engine });
    expect([...max.data]).toEqual([1, 0, 0, 0]);
    for (const make of [f32, f64]) {
      // The common windows have kernels of their own: the same must hold there.
      const wide = make(...Array.from({ length: 24 }, (_, i) => (i === 5 ? Number.NaN : i)));
      const nan = { data: wide.data, shape: [1, 1, 2, 12] };
      const y = softPool2d(nan, { kernelSize: 2, engine }).data;
      expect([...y].map(Number.isNaN)).toEqual([false, false, true, false, false, false]);
      const m = maxPool2d(nan, { kernelSize: 2, engine }).data;
      expect([...m].map(Number.isNaN)).toEqual([false, false, true, false, false, false]);
    }
  });

  test("no finite input overflows", () => {
    const most = 3.4028234663852886e38;
    for (const values of [
      [most, most, most, most],
      [-most, most, 0, 1],
      [most, -most, most, -most],
      [-most, -most, -most, -most],
      [1e-45, -1e-45, 1e-40, 0],
      [89, 0, 0, 0],
      [88.6, -1, 0, 88.6],
      [-104, -105, -106, -1000],
      [1000, 1001, 999, 1000.5],
    ]) {
      const x = { data: Float32Array.from(values), shape: [1, 1, 2, 2] };
      const wanted = softPool2d(
        { data: Float64Array.from(x.data), shape: x.shape },
        { kernelSize: 2, engine: "reference" },
      ).data[0];
      const y = softPool2d(x, { kernelSize: 2, engine }).data[0];
      expect(Math.abs(y - wanted)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(wanted)));
      const mean = avgPool2d(x, { kernelSize: 2, engine }).data[0];
      expect(Number.isFinite(mean)).toBe(true);
      const g = { data: Float32Array.of(1), shape: [1, 1, 1, 1] };
      for (const slope of softPool2dBackward(g, x, { kernelSize: 2, engine }).data) {
        expect(Number.isFinite(slope)).toBe(true);
      }
    }
    const huge = f64(1.7e308, 1.7e308, -1.7e308, 1.7e308);
    const window = { kernelSize: [1, 4], engine };
    expect(avgPool2d(huge, window).data[0]).toBeCloseTo(0.85e308, -297);
    expect(softPool2d(huge, window).data[0]).toBe(1.7e308);
    expect(Number.isFinite(softPool2d(huge, { ...window, beta: 1e-309 }).data[0])).toBe(true);
  });

  test("channels do not mix, inputs stay, sums are averages", () => {
    const data = Float32Array.from({ length: 2 * 3 * 63 }, (_, i) => Math.sin(i * 0.9) * 4);
    const shape = [2, 3, 7, 9];
    const before = data.slice();
    const o = { kernelSize: 3, stride: 2, engine };
    const y = softPool2d({ data, shape }, o);
    const other = data.slice();
    other.fill(7, 63, 126);
    const changed = softPool2d({ data: other, shape }, o);
    const each = y.data.length / 6;
    for (const plane of [0, 2, 3, 4, 5]) {
      const part = (t: { data: Float32Array }) => t.data.slice(plane * each, (plane + 1) * each);
      expect(part(changed)).toEqual(part(y));
    }
    softPool2dBackward(y, { data, shape }, o);
    powerAvgPool2dBackward(y, { data, shape }, o);
    expect(data).toEqual(before);
    const sums = sumPool2d({ data, shape }, o).data;
    avgPool2d({ data, shape }, o).data.forEach((mean, i) => {
      expect(sums[i]).toBeCloseTo(9 * mean, 4);
    });
  });

  test("global SoftPool is one window over everything", () => {
    const data = Float32Array.from({ length: 2 * 2 * 60 }, (_, i) => Math.sin(i * 0.77) * 5);
    for (const [shape, layout, pool, kernelSize] of [
      [[2, 2, 60], "NCL", softPool1d, 60],
      [[2, 2, 6, 10], "NCHW", softPool2d, [6, 10]],
      [[2, 6, 10, 2], "NHWC", softPool2d, [6, 10]],
      [[2, 2, 3, 4, 5], "NCDHW", softPool3d, [3, 4, 5]],
    ] as const) {
      const x = { data, shape: [...shape] };
      const o = { layout, engine, beta: [1, -0.5] };
      const whole = globalSoftPool(x, o);
      const windowed = (pool as typeof softPool2d)(x, { ...o, kernelSize } as never);
      expect(whole.shape).toEqual(windowed.shape);
      expect(whole.data).toEqual(windowed.data);
      const gx = globalSoftPoolBackward(whole, x, o);
      expect(gx.shape).toEqual(x.shape);
    }
    expect(globalSoftPool({ data, shape: [2, 2, 60] }).shape).toEqual([2, 2, 1]);
  });
});
