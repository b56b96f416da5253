/** Properties of average, maximum, sum and power-average pooling, and of padding for every method. */
import { describe, expect, test } from "vitest";
import { fromHalf, random, toHalf } from "../test/oracle.ts";
import * as api from "./index.ts";
import type { EngineName } from "./options.ts";

interface Plain {
  data: Float64Array;
  shape: number[];
}
type Call = (...args: unknown[]) => Plain;
const functions = api as unknown as Record<string, Call>;
const methods = ["softPool", "avgPool", "maxPool", "sumPool", "powerAvgPool"];
const engines: EngineName[] = ["wasm", "reference"];

/** Values without ties, away from the kinks of |x|. */
function wave(count: number, seed = 1): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length: count }, () => {
    const v = (next() * 2 - 1) * 3;
    return v + Math.sign(v) * 0.1;
  });
}

const product = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
const near = (got: ArrayLike<number>, wanted: ArrayLike<number>, limit: number, what: string) => {
  expect(got.length, what).toBe(wanted.length);
  let maxdiff = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(got[i] - wanted[i]);
    if (!(difference <= maxdiff)) maxdiff = difference;
  }
  expect(maxdiff, `${what}: maxdiff`).toBeLessThanOrEqual(limit);
};

/** One window of numbers, in float64. */
const one = (values: number[]) => ({
  data: Float64Array.from(values),
  shape: [1, 1, values.length],
});

describe.each(engines)("engine %s", (engine) => {
  const pool = (name: string, values: number[], options = {}) =>
    functions[`${name}1d`](one(values), { kernelSize: values.length, engine, ...options }).data[0];
  const slopes = (name: string, values: number[], options = {}) => [
    ...functions[`${name}1dBackward`](one([1]), one(values), {
      kernelSize: values.length,
      engine,
      ...options,
    }).data,
  ];

  test("every backward equals central differences, in 1D to 3D and both layouts", () => {
    const cases: [number, number[], object][] = [
      [1, [2, 2, 9], { kernelSize: 3, stride: 2, padding: [[1, 0]], ceilMode: true }],
      [1, [2, 9, 2], { kernelSize: 2, stride: 3, dilation: 2, layout: "NLC" }],
      [2, [1, 2, 5, 6], { kernelSize: [3, 2], stride: [2, 1], padding: [1, 0] }],
      [2, [1, 4, 6, 2], { kernelSize: 2, layout: "NHWC", paddingMode: "zero", padding: 1 }],
      [3, [1, 1, 3, 4, 4], { kernelSize: 2, stride: 1, padding: [0, 1, [0, 1]] }],
      [3, [1, 3, 4, 4, 2], { kernelSize: [1, 2, 3], stride: 2, padding: 0, layout: "NDHWC" }],
    ];
    const extras: Record<string, object[]> = {
      softPool: [{}, { beta: [1.5, -0.7] }],
      powerAvgPool: [{}, { p: 3, normalized: true }, { p: 1.5 }],
    };
    const h = 1e-5;
    for (const method of methods)
      for (const [rank, shape, window] of cases)
        for (const extra of extras[method] ?? [{}]) {
          const channels = (extra as { beta?: number[] }).beta;
          const last = String((window as { layout?: string }).layout).endsWith("C");
          if (channels !== undefined && shape[last ? rank + 1 : 1] !== channels.length) continue;
          const o = { ...window, ...extra, engine };
          const label = `${method}${rank}d ${JSON.stringify(o)}`;
          const data = wave(product(shape), rank);
          const forward = functions[`${method}${rank}d`];
          const y = forward({ data, shape }, o);
          const g = { data: wave(y.data.length, 9), shape: y.shape };
          const gx = functions[`${method}${rank}dBackward`](g, { data, shape }, o).data;
          const loss = (i: number, step: number) => {
            const moved = data.slice();
            moved[i] += step;
            return forward({ data: moved, shape }, o).data.reduce(
              (s, v, j) => s + v * g.data[j],
              0,
            );
          };
          const numeric = data.map((_, i) => (loss(i, h) - loss(i, -h)) / (2 * h));
          near(gx, numeric, 1e-7, label);
        }
  });

  test("padded zeros are what padding the tensor with zeros gives", () => {
    const [height, width] = [6, 7];
    const data = wave(height * width);
    const padded = new Float64Array((height + 2) * (width + 2));
    for (let h = 0; h < height; h++) {
      padded.set(data.subarray(h * width, (h + 1) * width), (h + 1) * (width + 2) + 1);
    }
    for (const method of methods)
      for (const [kernelSize, stride] of [
        [2, 2],
        [3, 2],
        [3, 1],
        [5, 3],
      ]) {
        const label = `${method} ${kernelSize} ${stride}`;
        const o = { kernelSize, stride, engine };
        const x = { data, shape: [1, 1, height, width] };
        const whole = { data: padded, shape: [1, 1, height + 2, width + 2] };
        const inner = { ...o, padding: 1, paddingMode: "zero" };
        const y = functions[`${method}2d`](x, inner);
        const wanted = functions[`${method}2d`](whole, o);
        expect(y.shape, label).toEqual(wanted.shape);
        near(y.data, wanted.data, 1e-12, label);
        // The gradient of the padding is dropped. A tie of the maximum with a padded zero cannot occur.
        const gx = functions[`${method}2dBackward`](y, x, inner).data;
        const all = functions[`${method}2dBackward`](wanted, whole, o).data;
        const kept = data.map(
          (_, i) => all[(Math.floor(i / width) + 1) * (width + 2) + (i % width) + 1],
        );
        near(gx, kept, 1e-12, `${label} backward`);
      }
  });

  test("taps in the padding do not exist by default", () => {
    const o = { kernelSize: 3, stride: 1, padding: 1, engine };
    const x = { data: Float64Array.of(-1, -2, -3, -4), shape: [1, 1, 2, 2] };
    expect([...functions.maxPool2d(x, o).data]).toEqual([-1, -1, -1, -1]);
    expect([...functions.avgPool2d(x, o).data]).toEqual([-2.5, -2.5, -2.5, -2.5]);
    const zero = { ...o, paddingMode: "zero" };
    expect([...functions.maxPool2d(x, zero).data]).toEqual([0, 0, 0, 0]);
    near(functions.avgPool2d(x, zero).data, new Array(4).fill(-10 / 9), 1e-15, "average of nine");
    // The overhang of ceil mode is no padding: it does not count.
    const row = one([1, 2, 3]);
    const ceil = { kernelSize: 2, ceilMode: true, paddingMode: "zero", engine };
    expect([...functions.avgPool1d(row, ceil).data]).toEqual([1.5, 3]);
  });

  test("gradients of shift equivariant poolings add up to those of the output", () => {
    const shape = [2, 3, 7, 8];
    const x = { data: wave(product(shape)), shape };
    for (const method of ["softPool", "avgPool", "maxPool"])
      for (const [kernelSize, stride, padding] of [
        [2, 2, 0],
        [3, 2, 1],
        [3, 1, 1],
      ]) {
        const o = { kernelSize, stride, padding, engine };
        const y = functions[`${method}2d`](x, o);
        const gx = functions[`${method}2dBackward`](y, x, o).data;
        const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
        expect(Math.abs(sum(gx) - sum(y.data)), `${method} ${kernelSize}`).toBeLessThan(1e-10);
      }
  });

  test("maximum: the first of equals, equivariant, zero elsewhere", () => {
    const values = [2, 7, -1, 7, 3];
    expect(slopes("maxPool", values)).toEqual([0, 1, 0, 0, 0]);
    expect(pool("maxPool", values.map(Math.exp))).toBe(Math.exp(7));
    expect(
      pool(
        "maxPool",
        values.map((v) => v - 100),
      ),
    ).toBe(-93);
    expect(slopes("maxPool", [0, -0, 0])).toEqual([1, 0, 0]);
    expect(slopes("maxPool", [1, Number.NaN])).toEqual([Number.NaN, Number.NaN]);
    // Overlapping windows, all of them tied: each gives to its own first tap.
    for (const Class of [Float32Array, Float64Array]) {
      const x = { data: new Class(9).fill(-4), shape: [1, 1, 3, 3] };
      const g = { data: Class.of(1, 2, 4, 8), shape: [1, 1, 2, 2] };
      const o = { kernelSize: 2, stride: 1, engine };
      expect([...functions.maxPool2dBackward(g, x, o).data]).toEqual([1, 2, 0, 4, 8, 0, 0, 0, 0]);
    }
  });

  test("average and sum", () => {
    const values = [...wave(12)];
    const mean = pool("avgPool", values);
    expect(Math.abs(pool("sumPool", values) - 12 * mean)).toBeLessThan(1e-12);
    expect(Math.abs(pool("softPool", values, { beta: 0 }) - mean)).toBeLessThan(1e-12);
    expect(pool("avgPool", [3.7, 3.7, 3.7])).toBeCloseTo(3.7, 14);
    expect(slopes("sumPool", values)).toEqual(values.map(() => 1));
    near(slopes("avgPool", values), new Array(12).fill(1 / 12), 1e-16, "slopes");
    // float16 is summed in float32 or better: 4096 taps of 16 are 65536, too large for it.
    const half = { data: new Uint16Array(4096).fill(toHalf(16)), shape: [1, 1, 64, 64] };
    const at = (name: string, x: object) =>
      fromHalf(functions[name](x, { kernelSize: 64, engine }).data[0]);
    expect(at("avgPool2d", half)).toBe(16);
    expect(at("sumPool2d", half)).toBe(Number.POSITIVE_INFINITY);
    expect(at("softPool2d", half)).toBe(16);
  });

  test("power-average: sums and norms, limits, homogeneity, Euler's identity", () => {
    const values = [...wave(9)];
    const size = Math.max(...values.map(Math.abs));
    const absolute = values.reduce((s, v) => s + Math.abs(v), 0);
    const norm = Math.hypot(...values);
    const close = (got: number, wanted: number) =>
      expect(Math.abs(got - wanted)).toBeLessThan(1e-12 * Math.max(1, Math.abs(wanted)));
    close(pool("powerAvgPool", values, { p: 1 }), absolute);
    close(pool("powerAvgPool", values, { p: 1, normalized: true }), absolute / 9);
    close(pool("powerAvgPool", values), norm);
    close(pool("powerAvgPool", values, { normalized: true }), norm / 3);
    const large = pool("powerAvgPool", values, { p: 64 });
    expect(large).toBeGreaterThanOrEqual(size);
    expect(large).toBeLessThanOrEqual(size * 9 ** (1 / 64));
    const powers = [0.5, 1, 1.5, 2, 3, 8, 64];
    for (const normalized of [false, true]) {
      const ys = powers.map((p) => pool("powerAvgPool", values, { p, normalized }));
      const sorted = [...ys].sort((a, b) => (normalized ? a - b : b - a));
      expect(ys).toEqual(sorted);
      powers.forEach((p, k) => {
        const scaled = pool(
          "powerAvgPool",
          values.map((v) => -5 * v),
          { p, normalized },
        );
        close(scaled, 5 * ys[k]);
        const slope = slopes("powerAvgPool", values, { p, normalized });
        close(
          slope.reduce((s, v, i) => s + v * values[i], 0),
          ys[k],
        );
      });
    }
    expect(pool("powerAvgPool", [0, -0, 0], { p: 3 })).toBe(0);
    expect(slopes("powerAvgPool", [0, 0, 0], { p: 3 }).map(Math.abs)).toEqual([0, 0, 0]);
    expect(slopes("powerAvgPool", [0, 4], { p: 1.5 })).toEqual([0, 1]);
    // |x|^p alone would overflow or vanish.
    for (const scale of [1e-200, 1e-30, 1e30, 1e200]) {
      const y = pool("powerAvgPool", [3 * scale, -4 * scale]);
      expect(Math.abs(y / scale - 5)).toBeLessThan(1e-12);
      near(slopes("powerAvgPool", [3 * scale, -4 * scale]), [0.6, -0.8], 1e-12, "slopes");
    }
    const single = { data: Float32Array.of(3e30, 4e30), shape: [1, 1, 2] };
    const y = functions.powerAvgPool1d(single, { kernelSize: 2, engine }).data[0];
    expect(Math.abs(y / 5e30 - 1)).toBeLessThan(1e-6);
  });
});
