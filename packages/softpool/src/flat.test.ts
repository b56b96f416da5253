/**
 * Windows that overlap little or not at all, in every order of elements: the sums whose rows are added before
 * their columns (assembly/flat.ts) against the definition, and the same bits however a tensor is cut.
 */
import { expect, test } from "vitest";
import { random, toHalf, tolerances } from "../test/oracle.ts";
import { empty, softPool2d, softPool2dBackward, softPool3d } from "./index.ts";

const next = random(23);
const among = <T>(...values: T[]) => values[Math.floor(next() * values.length)];

/** float16 bits of 512 numbers in [-4, 4). */
const bits = Array.from({ length: 512 }, (_, i) => toHalf((i - 256) / 64));

test("windows apart, adjacent and barely overlapping agree with the definition", () => {
  const failures: string[] = [];
  let compared = 0;
  for (let turn = 0; turn < 300; turn++) {
    const kernel = [among(1, 2, 3), among(1, 2, 3, 4, 5, 7, 8), among(1, 2, 3, 4, 5, 6, 7, 8, 9)];
    const stride = kernel.map((k) => Math.max(1, k + among(-2, -1, 0, 0, 0, 1, 3)));
    const padding = kernel.map((k) => [among(0, 0, Math.floor(k / 2)), among(0, k >> 1)] as const);
    const sizes = kernel.map((k, i) => k + Math.floor(next() * [3, 20, 40][i]));
    const channels = among(1, 1, 2, 3, 4, 5, 31, 32, 36);
    const last = next() < 0.5;
    const shape = last ? [2, ...sizes, channels] : [2, channels, ...sizes];
    const half = next() < 0.25;
    const count = shape.reduce((a, b) => a * b);
    const data = half
      ? Uint16Array.from({ length: count }, () => among(...bits))
      : Float32Array.from({ length: count }, () => next() * 8 - 4);
    const o = {
      kernelSize: kernel,
      stride,
      padding,
      dilation: [1, among(1, 1, 1, 2), among(1, 1, 1, 2)],
      ceilMode: next() < 0.3,
      paddingMode: among<"ignore" | "zero">("ignore", "ignore", "zero"),
      beta: among(1, 1, -1.5, 3),
      layout: last ? ("NDHWC" as const) : ("NCDHW" as const),
    };
    // What does not exist: windows larger than the input, or in the padding only.
    let wanted: Float32Array | Uint16Array;
    try {
      wanted = softPool3d({ data, shape }, { ...o, engine: "reference" }).data;
    } catch {
      continue;
    }
    compared++;
    // Behind the tensor's last element stands what must not be seen.
    const room = empty([1, 1, count + 64]);
    room.data.fill(turn % 2 ? Number.NaN : 1e30);
    const x = half ? data : room.data.subarray(0, count);
    if (!half) x.set(data);
    const got = softPool3d({ data: x, shape }, o).data;
    room.dispose();
    const most = half ? 1 : tolerances.wasm.float32(4);
    const wrong = wanted.findIndex((y, i) => !(Math.abs(got[i] - y) <= most));
    if (wrong >= 0 || got.length !== wanted.length) {
      failures.push(
        `${JSON.stringify(o)} of ${half ? "half " : ""}[${shape}] at ${wrong}: ${got[wrong]}, not ${wanted[wrong]}`,
      );
    }
  }
  expect(compared).toBeGreaterThan(200);
  expect(failures.slice(0, 3), `${failures.length} failures`).toEqual([]);
});

test("threads, and where a tensor lies, change no bit, whatever its values", () => {
  const failures: string[] = [];
  for (const [channels, kernelSize, stride] of [
    [40, 4, 4],
    [3, 3, 3],
    [1, 5, 4],
    [64, 2, 2],
  ])
    for (const large of [8, 300, 1e20]) {
      const side = Math.ceil(Math.sqrt(700_000 / channels));
      const shape = [2, side, side + 1, channels];
      const o = { kernelSize, stride, layout: "NHWC" } as const;
      const inside = empty(shape);
      inside.data.forEach((_, i, data) => {
        data[i] = next() * 4 - 2;
      });
      // A few large values decide how the blocks that see them are computed.
      for (let i = 0; i < 3; i++) inside.data[Math.floor(next() * inside.data.length)] = large;
      const outside = { data: Float32Array.from(inside.data), shape };
      const y = softPool2d(inside, { ...o, threads: 1 });
      const g = { data: y.data.map(() => next()), shape: y.shape };
      const slopes = softPool2dBackward(g, inside, { ...o, threads: 1 });
      for (const threads of [1, 3])
        for (const [where, x] of Object.entries({ inside, outside })) {
          const what = `${channels} channels, ${kernelSize}/${stride}, ${large} ${where}, ${threads}`;
          const got = softPool2d(x, { ...o, threads }).data;
          if (!got.every((v, i) => Object.is(v, y.data[i]))) failures.push(what);
          const gradient = softPool2dBackward(g, x, { ...o, threads }).data;
          if (!gradient.every((v, i) => Object.is(v, slopes.data[i])))
            failures.push(`${what}, back`);
        }
      inside.dispose();
    }
  expect(failures).toEqual([]);
});
