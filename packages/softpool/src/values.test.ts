/**
 * NaN, infinities and extreme numbers in every kernel: one value of a tensor is replaced, the windows
 * that see it must give what the definition says, and all others what they gave before.
 */
import { describe, expect, test } from "vitest";
import { engines } from "../test/engines.ts";
import { type DType, fromHalf, random, type Tolerances, toHalf } from "../test/oracle.ts";

const inf = Number.POSITIVE_INFINITY;

const types: Record<DType, (values: ArrayLike<number>) => ArrayLike<number>> = {
  float32: (values) => Float32Array.from(values),
  float64: (values) => Float64Array.from(values),
  float16: (values) => Uint16Array.from(values, toHalf),
};
const decode = (values: ArrayLike<number>, dtype: DType): number[] =>
  Array.from(values, (v) => (dtype === "float16" ? fromHalf(v) : v));

/** Windows with kernels of their own, and some without: kernel, stride and padding along H and W. */
const windows = [
  { kernelSize: [2, 2], stride: [2, 2], padding: [0, 0] },
  { kernelSize: [3, 3], stride: [2, 2], padding: [1, 1] },
  { kernelSize: [3, 3], stride: [1, 1], padding: [1, 1] },
  { kernelSize: [1, 5], stride: [1, 3], padding: [0, 2] },
];
const [C, H, W] = [8, 5, 19];

/** The result of windows that see NaN, +Infinity, -Infinity; "absent": the value has weight 0. */
const rules: [string, object, (number | "absent")[]][] = [
  ["softPool2d", {}, [Number.NaN, inf, "absent"]],
  ["softPool2d", { beta: -1 }, [Number.NaN, "absent", -inf]],
  ["softPool2d", { beta: [1, 1, 1, 2, 1, 1, 1, 1] }, [Number.NaN, inf, "absent"]],
  ["softPool2d", { beta: inf }, [Number.NaN, inf, "absent"]],
  ["softPool2d", { beta: 0 }, [Number.NaN, inf, -inf]],
  ["maxPool2d", {}, [Number.NaN, inf, "absent"]],
  ["avgPool2d", {}, [Number.NaN, inf, -inf]],
  ["sumPool2d", {}, [Number.NaN, inf, -inf]],
  ["powerAvgPool2d", {}, [Number.NaN, inf, inf]],
];

/** The first element where two rounded results differ by more than their tolerances, in words. */
function difference(
  got: number[],
  wanted: number[],
  dtype: DType,
  tolerances: Tolerances,
): string | undefined {
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got[i], wanted[i]];
    if (Object.is(a, b) || a === b || Math.abs(a - b) <= 2 * tolerances[dtype](b)) continue;
    return `[${i}]: ${a}, not ${b}`;
  }
  return undefined;
}

describe.each(engines)("engine $name", (engine) => {
  const { call, dtypes, tolerances } = engine;

  test("one value that is not finite changes the windows that see it, and no other", async () => {
    const failures: string[] = [];
    const next = random(7);
    // Halves of float16's precision, so that all types see the same values.
    const values = Array.from({ length: C * H * W }, () => Math.round(next() * 96 - 48) / 16);
    const replaced = (at: number, value: number) => values.map((v, i) => (i === at ? value : v));
    const running: Promise<void>[] = [];
    for (const window of windows)
      for (const dtype of dtypes)
        for (const layout of ["NCHW", "NHWC"])
          for (const [method, options, results] of rules) {
            // In one vector or the next, in the middle or in the last columns.
            const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)];
            const [h, w] = pick([
              [3, 4],
              [2, 10],
              [1, 17],
            ]);
            const channel = pick([3, 6]);
            const first = layout === "NCHW";
            const at = first ? (channel * H + h) * W + w : (h * W + w) * C + channel;
            const o = { ...window, ...options, layout };
            const shape = first ? [1, C, H, W] : [1, H, W, C];
            const check = async () => {
              const forward = (list: number[]) =>
                call(method, { data: types[dtype](list), shape }, o);
              const plain = await forward(values);
              const [outH, outW] = first ? plain.shape.slice(2) : plain.shape.slice(1, 3);
              const sees = Array.from({ length: plain.data.length }, (_, i) => {
                const c = first ? Math.floor(i / (outH * outW)) : i % C;
                const position = first ? i % (outH * outW) : Math.floor(i / C);
                const [oh, ow] = [Math.floor(position / outW), position % outW];
                const inside = [oh, ow].every((out, axis) => {
                  const tap = [h, w][axis] - (out * window.stride[axis] - window.padding[axis]);
                  return tap >= 0 && tap < window.kernelSize[axis];
                });
                return c === channel && inside;
              });
              // Only the windows that see the value have a gradient.
              const g = { data: types[dtype](sees.map((s) => (s ? 0.5 : 0))), shape: plain.shape };
              const total = 0.5 * sees.filter(Boolean).length;
              const backward = async (list: number[]) => {
                const x = { data: types[dtype](list), shape };
                return decode((await call(`${method}Backward`, g, x, o)).data, dtype);
              };
              const slopes = await backward(values);
              for (const [kind, value] of [Number.NaN, inf, -inf].entries()) {
                const result = results[kind];
                const label = `${method} ${dtype} ${JSON.stringify(o)}, ${value} at ${h}, ${w}`;
                const list = replaced(at, value);
                // e^-500 is 0 in every type.
                const far = replaced(at, value > 0 ? 500 : -500);
                const y = decode((await forward(list)).data, dtype);
                const others = decode(
                  (result === "absent" ? await forward(far) : plain).data,
                  dtype,
                );
                const wanted = others.map((v, i) => (sees[i] && result !== "absent" ? result : v));
                const wrong = difference(y, wanted, dtype, tolerances);
                if (wrong !== undefined) failures.push(`${label} ${wrong}`);

                let slope = await backward(far);
                const linear = /avg|sum/.test(method) || ("beta" in options && options.beta === 0);
                if (linear) slope = slopes;
                else if (Number.isNaN(value)) {
                  // Every tap of the windows that see it.
                  const x = { data: types[dtype](list), shape };
                  const sums = await call("sumPool2dBackward", g, x, { ...window, layout });
                  const ones = decode(sums.data, dtype);
                  slope = ones.map((v) => (v === 0 ? 0 : Number.NaN));
                } else if (result !== "absent") {
                  const sign = method.startsWith("power") ? Math.sign(value) : 1;
                  slope = slope.map((_, i) => (i === at ? sign * total : 0));
                }
                const wrongSlope = difference(await backward(list), slope, dtype, tolerances);
                if (wrongSlope !== undefined) failures.push(`backward of ${label} ${wrongSlope}`);
              }
            };
            // Some at a time, for engines that answer later.
            if (running.push(check()) === 16) await Promise.all(running.splice(0));
          }
    await Promise.all(running);
    expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
  });

  test("windows of nothing but infinities of one sign", async () => {
    const failures: string[] = [];
    const next = random(8);
    for (const window of windows)
      for (const dtype of dtypes)
        for (const layout of ["NCHW", "NHWC"])
          for (const value of [inf, -inf])
            for (const [method, options] of [
              ["softPool2d", {}],
              ["softPool2d", { beta: -1 }],
              ["softPool2d", { beta: [1, 2, 1, 1, 1, 1, 1, 1] }],
              ["maxPool2d", {}],
            ] as const) {
              const first = layout === "NCHW";
              const shape = first ? [1, C, H, W] : [1, H, W, C];
              const o = { ...window, ...options, layout };
              const channelOf = (i: number, total: number) =>
                first ? Math.floor(i / (total / C)) : i % C;
              // Channels 2 and 5 are infinite, the others are not.
              const count = C * H * W;
              const values = Array.from({ length: count }, () => Math.round(next() * 96 - 48) / 16);
              const mixed = values.map((v, i) =>
                [2, 5].includes(channelOf(i, count)) ? value : v,
              );
              const plain = await call(method, { data: types[dtype](values), shape }, o);
              const y = await call(method, { data: types[dtype](mixed), shape }, o);
              const total = plain.data.length;
              const infinite = (i: number, length: number) => [2, 5].includes(channelOf(i, length));
              const wanted = decode(plain.data, dtype).map((v, i) =>
                infinite(i, total) ? value : v,
              );
              const g = { data: types[dtype](wanted.map(() => 0.5)), shape: plain.shape };
              const run = async (name: string, list: number[], all: object) => {
                const x = { data: types[dtype](list), shape };
                return decode((await call(name, g, x, all)).data, dtype);
              };
              // Ties share equally, as the average does; the maximum gives to the first.
              const other = method === "maxPool2d" ? "maxPool2dBackward" : "avgPool2dBackward";
              const equal = values.map((v, i) => (infinite(i, count) ? 1 : v));
              const shared = await run(other, equal, { ...window, layout });
              const slopes = await run(`${method}Backward`, values, o);
              const wantedSlopes = slopes.map((v, i) => (infinite(i, count) ? shared[i] : v));
              const label = `${method} ${dtype} ${JSON.stringify(o)} of ${value}`;
              const wrong = [
                difference(decode(y.data, dtype), wanted, dtype, tolerances),
                difference(
                  await run(`${method}Backward`, mixed, o),
                  wantedSlopes,
                  dtype,
                  tolerances,
                ),
              ];
              for (const message of wrong) {
                if (message !== undefined) failures.push(`${label} ${message}`);
              }
            }
    expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
  });

  test("large inputs of each type stay finite, and right", async () => {
    const next = random(3);
    for (const [dtype, sizes] of [
      ["float16", [60, 1000, 65504]],
      ["float32", [1000, 1e20, 3.4028234663852886e38]],
      ["float64", [1000, 1e100, Number.MAX_VALUE]],
    ] as const) {
      if (!dtypes.includes(dtype)) continue;
      for (const size of sizes)
        for (const window of windows)
          for (const method of ["softPool2d", "avgPool2d", "maxPool2d"]) {
            const list = Array.from({ length: C * H * W }, () => (next() < 0.5 ? size : -size));
            const x = { data: types[dtype](list), shape: [1, C, H, W] };
            const label = `${method} ${dtype} ${size} ${JSON.stringify(window)}`;
            const y = await call(method, x, window);
            const results = decode(y.data, dtype);
            const g = { data: types[dtype](results.map(() => 1)), shape: y.shape };
            const slopes = (await call(`${method}Backward`, g, x, window)).data;
            expect(results.every(Number.isFinite), label).toBe(true);
            expect(decode(slopes, dtype).every(Number.isFinite), label).toBe(true);
            if (method === "avgPool2d") continue;
            // So far apart, the largest tap has all the weight.
            const max = decode((await call("maxPool2d", x, window)).data, dtype);
            expect(results, label).toEqual(max);
          }
    }
  });

  test("a window wider than the largest number keeps its weights", async () => {
    // softpool_beta(x) = a softpool_{a beta}(x / a)
    for (const [dtype, size] of [
      ["float64", 1e308],
      ["float32", 1e38],
    ] as const) {
      if (!dtypes.includes(dtype)) continue;
      const tensor = (list: number[]) => ({ data: types[dtype](list), shape: [1, 1, list.length] });
      const values = dtype === "float64" ? [1.7, -1.2, -1.7, 0] : [3.4, -2.4, -3.4, 0];
      const huge = tensor(values.map((v) => v * size));
      const small = tensor(values);
      for (const beta of [0.3, -2]) {
        const scaled = { kernelSize: 4, beta: beta / size };
        const o = { kernelSize: 4, beta };
        const y = (await call("softPool1d", huge, scaled)).data[0];
        const wanted = (await call("softPool1d", small, o)).data[0];
        expect(Math.abs(y / size - wanted)).toBeLessThan(tolerances[dtype](wanted));
        const slopes = (await call("softPool1dBackward", tensor([1]), huge, scaled)).data;
        const others = (await call("softPool1dBackward", tensor([1]), small, o)).data;
        expect(difference([...slopes], [...others], dtype, tolerances)).toBe(undefined);
      }
    }
  });
});
