/**
 * The properties, borders and conversions that the other engines are tested for, on the WebGPU engine: many windows
 * in each call, since a call on the software adapter takes long and windows do not.
 */
import { expect, test } from "vitest";
import { webgpuEngine } from "../../test/engines.ts";
import { fromHalf, halfUnit, random, toHalf } from "../../test/oracle.ts";
import { skipWebGPU } from "../../test/webgpu.ts";

type Any<A = Float32Array> = { data: A; shape: number[] };
type Call = <A>(...values: unknown[]) => Promise<Any<A>>;
const webgpuTest = test.skipIf(skipWebGPU);
const inf = Number.POSITIVE_INFINITY;
const most = 3.4028234663852886e38;

async function functions(): Promise<Record<string, Call>> {
  return (await webgpuEngine()) as unknown as Record<string, Call>;
}

/** Windows of the same size as the rows of a plane, and the options that pool them. */
function rows(windows: readonly (readonly number[])[]) {
  const k = windows[0].length;
  const x = { data: Float32Array.from(windows.flat()), shape: [1, 1, windows.length, k] };
  return { x, window: { kernelSize: [1, k] } };
}

webgpuTest("between average and maximum, monotone in beta, with its limits", async () => {
  const { softPool2d, softPool2dBackward } = await functions();
  const next = random(3);
  for (const k of [1, 2, 4, 9]) {
    const windows = Array.from({ length: 500 }, () =>
      Array.from({ length: k }, () => Math.fround((next() - 0.5) * 40)),
    );
    const { x, window } = rows(windows);
    const pool = async (beta: number, data = x.data) =>
      (await softPool2d({ ...x, data }, { ...window, beta })).data as Float32Array;
    const all: Float32Array[] = [];
    for (const beta of [-inf, -3, -1, 0, 0.5, 1, 4, inf]) all.push(await pool(beta));
    const soft = all[5];
    const turned = await pool(1, rows(windows.map((w) => [...w].reverse())).x.data);
    const scaled = await pool(
      1 / 3,
      x.data.map((v) => 3 * v),
    );
    const shifted = await pool(
      1,
      x.data.map((v) => v + 64),
    );
    const g = { data: new Float32Array(500).fill(1), shape: [1, 1, 500, 1] };
    const slopes = (await softPool2dBackward(g, x, window)).data as Float32Array;
    windows.forEach((w, i) => {
      const mean = w.reduce((a, b) => a + b) / k;
      all.slice(1).forEach((y, j) => {
        expect(y[i]).toBeGreaterThanOrEqual(all[j][i] - 1e-4);
      });
      expect(all[0][i]).toBe(Math.min(...w));
      expect(all[7][i]).toBe(Math.max(...w));
      expect(Math.abs(all[3][i] - mean)).toBeLessThan(1e-5);
      expect(Math.abs(turned[i] - soft[i])).toBeLessThan(2e-5);
      expect(Math.abs(scaled[i] - 3 * soft[i])).toBeLessThan(1e-4);
      expect(Math.abs(shifted[i] - 64 - soft[i])).toBeLessThan(1e-4);
      const sum = slopes.subarray(i * k, (i + 1) * k).reduce((a, b) => a + b);
      expect(Math.abs(sum - 1)).toBeLessThan(2e-4);
      if (k === 1) expect(soft[i]).toBe(w[0]);
    });
  }
});

webgpuTest(
  "NaN, infinities and the largest numbers, each in every place of its window",
  async () => {
    const { softPool2d, softPool2dBackward, avgPool2d } = await functions();
    for (const [window, beta, wanted] of [
      [[1, Number.NaN, 2, 0], 1, Number.NaN],
      [[1, inf, 2, 0], 1, inf],
      [[1, -inf, 1, 1], 1, 1],
      [[-inf, -inf, -inf, -inf], 1, -inf],
      [[inf, -inf, 0, 0], 1, inf],
      [[1, -inf, 2, 0], -1, -inf],
      [[1, inf, 1, 1], -1, 1],
      [[inf, inf, inf, inf], -1, inf],
      [[most, most, most, most], 1, most],
      [[-most, most, 0, 1], 1, most],
      [[-most, -most, -most, -most], 1, -most],
      [[1000, 0, -1000, 999], 1, 1000 - 1 / (1 + Math.E)],
      [[89, 0, 0, 0], 1, 89],
      [[-104, -1000, -1000, -1000], 1, -104],
    ] as [number[], number, number][]) {
      // All rotations, as rows, and as windows of 2x2, which have kernels of their own.
      const turns = window.map((_, i) => [...window.slice(i), ...window.slice(0, i)]);
      const { x, window: whole } = rows(turns);
      const square = { data: x.data, shape: [4, 1, 2, 2] };
      for (const [input, kernelSize] of [
        [x, whole.kernelSize],
        [square, 2],
      ] as const) {
        const y = (await softPool2d(input, { kernelSize, beta })).data as Float32Array;
        for (const v of y) {
          if (Number.isFinite(wanted)) {
            expect(Math.abs(v - wanted)).toBeLessThanOrEqual(4e-6 * Math.max(1, Math.abs(wanted)));
          } else expect(v).toBe(wanted);
        }
        if (!window.every(Number.isFinite)) continue;
        const mean = (await avgPool2d(input, { kernelSize })).data as Float32Array;
        expect(mean.every(Number.isFinite)).toBe(true);
        const g = {
          data: new Float32Array(4).fill(1),
          shape: input === x ? [1, 1, 4, 1] : [4, 1, 1, 1],
        };
        const slopes = await softPool2dBackward(g, input, { kernelSize, beta });
        expect((slopes.data as Float32Array).every(Number.isFinite)).toBe(true);
      }
    }
  },
);

webgpuTest("a value anywhere is seen by the windows that have it, and by no other", async () => {
  const call = await functions();
  const failures: string[] = [];
  for (const [axis, sizes] of [
    [0, [70, 3]],
    [1, [3, 300]],
  ] as const)
    for (const [kernelSize, stride, padding] of [
      [2, 2, 0],
      [3, 2, 1],
      [3, 1, 1],
      [5, 3, 2],
    ])
      for (const layout of ["NCHW", "NHWC"])
        for (const method of ["softPool", "maxPool"]) {
          const length = sizes[axis];
          const line = axis === 0 ? sizes[1] : 1;
          const plane = sizes[0] * sizes[1];
          // Plane t has NaN at position t of the axis, everywhere else the same number.
          const data = new Float32Array(length * plane).fill(0.5);
          for (let t = 0; t < length; t++) data[t * plane + t * line] = Number.NaN;
          const shape = layout === "NCHW" ? [length, 1, ...sizes] : [length, ...sizes, 1];
          const o = { kernelSize, stride, padding, layout };
          const y = await call[`${method}2d`]<Float32Array>({ data, shape }, o);
          const [height, width] = y.shape.slice(layout === "NCHW" ? 2 : 1);
          const step = axis === 0 ? width : 1;
          for (let t = 0; t < length; t++)
            for (let at = 0; at < (axis === 0 ? height : width); at++) {
              const tap = t - (at * stride - padding);
              const v = y.data[t * height * width + at * step];
              if (tap >= 0 && tap < kernelSize ? !Number.isNaN(v) : v !== 0.5) {
                failures.push(`${method} ${JSON.stringify(o)} axis ${axis}, ${t}: ${at} is ${v}`);
              }
            }
        }
  expect(failures.slice(0, 3), `${failures.length} failures`).toEqual([]);
});

webgpuTest(
  "all float16 numbers pass unchanged, and averages are rounded to the nearest",
  async () => {
    const { maxPool1d, softPool2d, avgPool2d } = await functions();
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const plain = (bits: number) =>
      bits === 0x8000 ? 0 : (bits & 0x7fff) > 0x7c00 ? 0x7e00 : bits;
    const same = async (pool: Call, data: Uint16Array, shape: number[], kernelSize: number) => {
      const { data: got } = await pool<Uint16Array>({ data, shape }, { kernelSize });
      const wrong = all.find((bits, i) => plain(got[i]) !== plain(bits));
      expect(wrong?.toString(16)).toBe(undefined);
    };
    await same(maxPool1d, all, [1, 1, 65536], 1);
    // Windows of four equal numbers.
    const four = new Uint16Array(4 * 65536);
    for (let i = 0; i < 65536; i++) {
      for (const tap of [0, 1]) four[2 * i + tap] = four[131072 + 2 * i + tap] = all[i];
    }
    for (const pool of [softPool2d, avgPool2d]) await same(pool, four, [1, 1, 2, 131072], 2);
    // Windows of a number and its neighbour: a quarter, a half, three quarters of a unit.
    for (const share of [1, 2, 3]) {
      const data = new Uint16Array(4 * 0x7bff);
      for (let a = 0; a < 0x7bff; a++)
        for (let tap = 0; tap < 4; tap++) {
          data[(tap >> 1) * 2 * 0x7bff + 2 * a + (tap & 1)] = tap < 4 - share ? a : a + 1;
        }
      const x = { data, shape: [1, 1, 2, 2 * 0x7bff] };
      const { data: got } = await avgPool2d<Uint16Array>(x, { kernelSize: 2 });
      for (let a = 0; a < 0x7bff; a++) {
        const exact = (fromHalf(a) * (4 - share) + fromHalf(a + 1) * share) / 4;
        // Below the normal numbers an adapter may flush to zero.
        if (a < 0x400) expect(Math.abs(fromHalf(got[a]) - exact)).toBeLessThanOrEqual(halfUnit(0));
        else if (got[a] !== toHalf(exact)) expect(`${a} ${share}: ${got[a]}`).toBe(toHalf(exact));
      }
    }
  },
);
