import { axisOf, poolWindow, type Tensor, tensor } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainDense, plainDraw, plainMean } from "../test/plain/s3.ts";
import {
  evaluated,
  expectClose,
  noiseOf,
  numbers,
  OPSETS,
  onCpu,
  seeded,
  stands,
  trials,
} from "../test/run.ts";
import { s3 as method } from "./s3.ts";

/** Windows that tile, with and without ceil mode, and grids that fit them. */
const tiled = fc
  .record({
    trial: trials({ tiled: true, rich: false }),
    ceilMode: fc.boolean(),
    times: fc.integer({ min: 0, max: 4 }),
    seed: fc.nat(1000),
  })
  .map(({ trial, ceilMode, times, seed }) => {
    const kernel = times === 0 ? trial.window.kernel : trial.window.kernel.map(() => 2);
    const window = poolWindow(kernel, { strides: kernel, ceilMode });
    return { x: trial.x, window, settings: { grid: 2 * times }, seed };
  })
  .filter(({ x, window }) => window.kernel.every((k, i) => k <= x.shape[i + 2]));

const arrays = (noise: Readonly<Record<string, Tensor>>) =>
  Object.values(noise).map(({ data }) => data);

test("the plain forms: draws and inference", () => {
  fc.assert(
    fc.property(tiled, ({ seed, ...call }) => {
      const noise = noiseOf({ method, ...call }, seed);
      const mean = plainMean(call.x, call.window);
      const draw = plainDraw(call.x, call.window, arrays(noise), call.settings.grid);
      for (const options of [{}, { known: false }, { dtype: "float64" as const }]) {
        expectClose(evaluated({ method, ...call }, options), mean, 1e-9);
        expectClose(evaluated({ method, ...call, noise }, options), draw, 1e-9);
      }
    }),
    seeded(),
  );
});

test("ONNX Runtime, every operator set, known and unknown sizes", async () => {
  for (const [i, { seed, ...call }] of fc.sample(tiled, seeded(30)).entries()) {
    const opset = OPSETS[i % OPSETS.length];
    if (!stands(call.window, opset)) continue;
    const noise = noiseOf({ method, ...call }, seed);
    const mean = plainMean(call.x, call.window);
    const draw = plainDraw(call.x, call.window, arrays(noise), call.settings.grid);
    for (const known of [true, false]) {
      const options = { opset, known };
      expectClose(await onCpu({ method, ...call }, options), mean, 2e-5, `opset ${opset}`);
      expectClose(await onCpu({ method, ...call, noise }, options), draw, 2e-5, `opset ${opset}`);
    }
  }
});

/** The rows that are drawn from a column of `rows` values, whose maximum of stride 1 is itself. */
function drawn(rows: number, kernel: number, grid: number, seed: number): number[] {
  const data = Array.from({ length: rows }, (_, i) => -i);
  const x = tensor("float32", [1, 1, rows], data);
  const window = poolWindow([kernel], { strides: [kernel] });
  const call = { method, x, window, settings: { grid } };
  return [...evaluated({ ...call, noise: noiseOf(call, seed) }).data].map((v) => -v || 0);
}

test("draws: distinct, increasing, all sets of a grid equally often", () => {
  for (const [kernel, grid, sets] of [
    [2, 0, 2],
    [2, 4, 6],
    [3, 6, 15],
    [3, 3, 3],
    [2, 6, 20],
  ]) {
    const size = grid || kernel;
    const grids = 6000;
    const rows = drawn(grids * size, kernel, grid, 7);
    expect(rows.length).toBe((grids * size) / kernel);
    expect(rows.every((row, i) => i === 0 || row > rows[i - 1])).toBe(true);
    const each = size / kernel;
    const counts = new Map<string, number>();
    for (let i = 0; i < grids; i++) {
      const own = rows.slice(i * each, (i + 1) * each).map((row) => row - i * size);
      expect(own.every((row) => row >= 0 && row < size)).toBe(true);
      counts.set(`${own}`, (counts.get(`${own}`) ?? 0) + 1);
    }
    expect(counts.size).toBe(sets);
    const expected = grids / sets;
    const chi = [...counts.values()].reduce((a, n) => a + (n - expected) ** 2 / expected, 0);
    // Five standard deviations above the mean of chi-square.
    expect(chi).toBeLessThan(sets - 1 + 5 * Math.sqrt(2 * (sets - 1)));
  }
  expect(drawn(40, 2, 4, 7)).toEqual(drawn(40, 2, 4, 7));
  expect(drawn(40, 2, 4, 7)).not.toEqual(drawn(40, 2, 4, 8));
});

test("a window of 1 is the identity, constants stay, every output is a maximum", () => {
  const x = numbers([2, 2, 7, 5], 3);
  const one = { method, x, window: poolWindow([1, 1]) };
  expectClose(evaluated({ ...one, noise: noiseOf(one) }), x, 0);
  expectClose(evaluated(one), x, 0);
  const window = poolWindow([2, 2], { strides: [2, 2], ceilMode: true });
  const call = { method, x, window, settings: { grid: 4 } };
  const dense = new Set(plainDense(x, window).data);
  expect(evaluated({ ...call, noise: noiseOf(call) }).data.every((v) => dense.has(v))).toBe(true);
  const constant = { ...call, x: { ...x, data: x.data.map(() => 1.5) } };
  for (const noise of [undefined, noiseOf(call)]) {
    expect([...new Set(evaluated({ ...constant, noise }).data)]).toEqual([1.5]);
  }
});

test("inference is the expectation of draws from grids of the kernel", () => {
  const x = numbers([1, 2, 5, 6], 9);
  const window = poolWindow([2, 3], { strides: [2, 3], ceilMode: true });
  const [h, w] = [0, 1].map((i) => axisOf(window, i, x.shape[i + 2]).out);
  const pick = (out: number, k: number, row: number) =>
    tensor(
      "float32",
      [out, k],
      Array.from({ length: out * k }, (_, i) => (i % k === row ? 0.9 : 0.1)),
    );
  const total = new Float64Array(2 * h * w);
  for (let row = 0; row < 2; row++) {
    for (let column = 0; column < 3; column++) {
      const noise = { axis0: pick(h, 2, row), axis1: pick(w, 3, column) };
      for (const [i, v] of evaluated({ method, x, window, noise }).data.entries()) {
        total[i] += v / 6;
      }
    }
  }
  expectClose(tensor("float32", [1, 2, h, w], total), evaluated({ method, x, window }), 1e-12);
});

test("extreme values and NaN", async () => {
  const M = 3.4028234663852886e38;
  const window = poolWindow([2, 2], { strides: [2, 2] });
  const x = tensor("float32", [1, 1, 4, 2], [1e30, -1e30, 1e-42, 0, M, M, M, M]);
  const y = await onCpu({ method, x, window });
  expect(y.data.every(Number.isFinite)).toBe(true);
  expect(y.data[1]).toBe(M);
  const noise = noiseOf({ method, x, window });
  expect((await onCpu({ method, x, window, noise })).data.every(Number.isFinite)).toBe(true);
  x.data[0] = NaN;
  expect([...(await onCpu({ method, x, window })).data]).toEqual([NaN, M]);
});

test("what cannot be sampled is refused", () => {
  const why = (window: ReturnType<typeof poolWindow>, grid = 0) =>
    method.refuse?.({ window, channels: 1 }, { grid });
  expect(why(poolWindow([3, 3], { strides: [2, 2] }))).toMatch(/tile/);
  expect(why(poolWindow([2, 2], { strides: [2, 2], pads: [1, 1, 1, 1] }))).toMatch(/padding/);
  expect(why(poolWindow([2, 2], { strides: [2, 2], dilations: [2, 1] }))).toMatch(/dilation/);
  expect(why(poolWindow([2, 2], { strides: [2, 2], autoPad: "SAME_LOWER" }))).toMatch(/auto_pad/);
  expect(why(poolWindow([2, 3], { strides: [2, 3] }), 4)).toMatch(/4 is none of 3/);
  expect(why(poolWindow([2, 3], { strides: [2, 3] }), 6)).toBeUndefined();
});
