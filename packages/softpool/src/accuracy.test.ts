/**
 * float32 and float16 against float64 where rounding is worst: nearly equal weights of large values,
 * values at the limits up to which each kernel computes in float32, and large windows.
 */
import { expect, test } from "vitest";
import { engines } from "../test/engines.ts";
import { fromHalf, random, toHalf } from "../test/oracle.ts";
import { softPool2d, softPool2dBackward } from "./index.ts";

const windows = [
  { kernelSize: 2 },
  { kernelSize: 2, stride: 1 },
  { kernelSize: 3, stride: 2, padding: 1 },
  { kernelSize: 3, stride: 1, padding: 1 },
  { kernelSize: [17, 23], stride: [4, 5] },
];
const shape = [1, 1, 24, 60];
const count = 24 * 60;

/** Kinds of values in [-1, 1]. */
const kinds: ((next: () => number, i: number) => number)[] = [
  (next) => next() * 2 - 1,
  (next) => (next() < 0.5 ? 1 : -1),
  (_, i) => (2 * i) / count - 1,
  (next) => (next() < 0.02 ? 1 : -1 + next() * 1e-3),
];

const others = engines.filter(({ name }) => name !== "reference");

test.each(others)(
  "$name: float32 and float16 within tolerance, forward and backward",
  async ({ call, every, tolerances }) => {
    const failures: string[] = [];
    const running: Promise<void>[] = [];
    let turn = 0;
    const next = random(1);
    for (const window of windows)
      for (const beta of [0.003, 0.05, 0.16, 0.3, 1, -1, 8])
        for (const limit of [1, 2.9, 3.4, 5.9, 11, 20])
          for (const kind of kinds)
            for (const dtype of ["float32", "float16"] as const) {
              if (turn++ % every !== 0) continue;
              const half = dtype === "float16";
              const encode = (v: ArrayLike<number>) =>
                half ? Uint16Array.from(v, toHalf) : Float32Array.from(v);
              const decode = (v: ArrayLike<number>) =>
                Float64Array.from(v, half ? fromHalf : (x: number) => x);
              const data = encode(
                Float64Array.from({ length: count }, (_, i) => kind(next, i) * limit),
              );
              const o = { ...window, beta };
              const exact = softPool2d({ data: decode(data), shape }, o);
              // Of one sign: where upstream gradients cancel, an error is relative to what was summed.
              const upstream = encode(exact.data.map(() => 0.5 + next() / 2));
              const g = { data: decode(upstream), shape: exact.shape };
              const slopes = softPool2dBackward(g, { data: decode(data), shape }, o);
              const check = async () => {
                const y = await call("softPool2d", { data, shape }, o);
                const gradOutput = { data: upstream, shape: y.shape };
                const gx = await call("softPool2dBackward", gradOutput, { data, shape }, o);
                for (const [what, got, wanted] of [
                  ["forward", decode(y.data), exact.data],
                  ["backward", decode(gx.data), slopes.data],
                ] as const) {
                  let maxdiff = 0;
                  wanted.forEach((v, i) => {
                    const part = Math.abs(got[i] - v) / tolerances[dtype](v);
                    if (!(part <= maxdiff)) maxdiff = part;
                  });
                  if (!(maxdiff <= 1)) {
                    const label = `${dtype} ${what} of ${JSON.stringify(o)}, kind ${kinds.indexOf(kind)}`;
                    failures.push(
                      `${label} in [-${limit}, ${limit}]: ${maxdiff} times the tolerance`,
                    );
                  }
                }
              };
              if (running.push(check()) === 16) await Promise.all(running.splice(0));
            }
    await Promise.all(running);
    expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
  },
);
