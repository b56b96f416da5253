/** SoftPool at any temperature, from 1e-300 to 1e300, with values up to the largest float32. */
import { expect, test } from "vitest";
import { engines, webgpuEngine } from "../../test/engines.ts";
import { skipWebGPU } from "../../test/webgpu.ts";

const reference = engines[1];

test.skipIf(skipWebGPU)("any temperature, with any finite values", async () => {
  const engine = await webgpuEngine();
  const most = 3.4028234663852886e38;
  const failures: string[] = [];
  const running: Promise<void>[] = [];
  for (const values of [
    [most, -most, 0, 1],
    [-most, -most, most, 3e38],
    [1, 2, 4, 5],
    [1e-30, -2e-30, 5e-31, 0],
    [3e37, 1e37, -2e37, 2.5e37],
    [-5, -5, -5, -5],
    [1e10, 1.0001e10, -1e10, 1e9],
  ])
    for (const size of [
      1e-300, 1e-45, 1e-40, 1e-38, 3e-38, 1e-30, 1e-20, 1e-10, 0.001, 0.3, 1, 30, 1e5, 1e10, 1e25,
      1e30, 1e37, 3e38, 1e39, 1e300,
    ])
      for (const beta of [size, -size, [size, -1, 0]]) {
        const channels = typeof beta === "number" ? 1 : 3;
        const data = Float32Array.from([values, values, values].slice(0, channels).flat());
        const x = { data, shape: [1, channels, 4] };
        const g = { data: new Float32Array(channels).fill(1), shape: [1, channels, 1] };
        const check = async () => {
          const o = { kernelSize: 4, beta };
          const y = await engine.softPool1d(x, o);
          const gx = await engine.softPool1dBackward(g, x, o);
          const exact = { data: Float64Array.from(data), shape: x.shape };
          const wanted = await reference.call("softPool1d", exact, o);
          const one = { data: new Float64Array(channels).fill(1), shape: g.shape };
          const slopes = await reference.call("softPool1dBackward", one, exact, o);
          const range = Math.max(...values.map(Math.abs));
          for (const [what, got, all, unit] of [
            ["y", y.data, wanted.data, Math.max(1e-37, range)],
            ["slope", gx.data, slopes.data, 1],
          ] as const) {
            all.forEach((b, i) => {
              const maxdiff = Math.abs(got[i] - b);
              if (!(maxdiff <= 1e-6 * Math.max(unit, Math.abs(b)))) {
                failures.push(`${what}[${i}] of ${values}, beta ${beta}: ${got[i]}, not ${b}`);
              }
            });
          }
        };
        if (running.push(check()) === 16) await Promise.all(running.splice(0));
      }
  await Promise.all(running);
  expect(failures.slice(0, 12), `${failures.length}`).toEqual([]);
});
