/** SoftPool for jax-js against the naive oracle, plain and under grad, jit and vmap; limits, types, arguments. */
import {
  DType,
  defaultDevice,
  grad,
  init,
  jit,
  numpy as np,
  type Array as Tensor,
  vmap,
} from "@jax-js/jax";
import { softPool1d as reference, softPool2d } from "softpool";
import { beforeAll, expect, test } from "vitest";
import { type Case, cases, compare, extremes, special } from "../../tfjs/test/cases.ts";
import { type SoftPoolOptions, softPool } from "./index.ts";

beforeAll(async () => {
  await init("wasm");
  defaultDevice("wasm");
});

const tensor = (data: ArrayLike<number>, shape: number[], dtype: DType = DType.Float32) =>
  np.array(Float32Array.from(data), { shape }).astype(dtype);

/** The value, and the gradient of sum g y. */
function both(one: Case, wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) {
  const pool = (x: Tensor) => softPool(x, one.options as unknown as SoftPoolOptions);
  const g = tensor(one.g, one.output);
  const loss = (x: Tensor) => np.sum(np.multiply(pool(x), g.ref));
  const x = tensor(one.x, one.input);
  const y = wrap(pool)(x.ref);
  const gx = wrap(grad(loss) as (x: Tensor) => Tensor)(x);
  return { shape: y.shape, y: y.dataSync(), gx: gx.dataSync() };
}

test.each([1, 2, 3] as const)(
  "%dD: the product of all options, every seventh under jit",
  (rank) => {
    const failures: string[] = [];
    let count = 0;
    for (const one of cases(rank, 6)) {
      const jitted = count++ % 7 === 0;
      const { shape, y, gx } = both(one, jitted ? (f) => jit(f) : (f) => f);
      const label = (what: string) => () =>
        `${what} of ${JSON.stringify(one.options)} of [${one.input}]${jitted ? " under jit" : ""}`;
      const wrong = [
        compare(y, one.y, 4e-6, label("forward")),
        compare(gx, one.gx, 4e-6, label("backward")),
        `${shape}` === `${one.output}` ? undefined : label(`shape [${shape}]`)(),
      ];
      failures.push(...wrong.filter((message) => message !== undefined));
    }
    expect(failures.slice(0, 5), `${failures.length} of ${count}`).toEqual([]);
    expect(count).toBeGreaterThan(70);
  },
);

test("vmap, alone and around jit and grad, is a loop", () => {
  for (const options of [
    { kernelSize: 2 },
    { kernelSize: 3, stride: 2, padding: 1, beta: [1, -2, Number.POSITIVE_INFINITY] },
    { kernelSize: [3, 2], stride: 1, dilation: 2, ceilMode: true, gradient: "weights" as const },
  ]) {
    const pool = (x: Tensor) => softPool(x, options);
    const data = Float64Array.from({ length: 4 * 2 * 3 * 7 * 6 }, (_, i) => Math.sin(1.3 * i) * 4);
    const x = tensor(data, [4, 2, 3, 7, 6]);
    const slope = grad((t: Tensor) => np.sum(pool(t))) as (x: Tensor) => Tensor;
    const parts = Array.from({ length: 4 }, (_, i) => x.ref.slice(i));
    for (const [f, g] of [
      [pool, vmap(pool)],
      [pool, jit(vmap(pool))],
      [slope, vmap(slope)],
      [slope, jit(vmap(slope))],
    ]) {
      const wanted = parts.flatMap((part) => [...f(part.ref).dataSync()]);
      const got = g(x.ref).dataSync();
      expect(compare(got, wanted, 1e-6, () => JSON.stringify(options))).toBe(undefined);
    }
    // Over the batch axis, where an array of kernelSize tells the number of axes.
    const one = {
      ...options,
      kernelSize:
        [options.kernelSize].flat().length === 2
          ? options.kernelSize
          : [options.kernelSize, options.kernelSize],
    } as SoftPoolOptions;
    const alone = vmap((t: Tensor) => softPool(t, one))(parts[0].ref).dataSync();
    expect([...alone]).toEqual([...pool(parts[0].ref).dataSync()]);
  }
});

test("numbers at the limits of float32, NaN and infinities", () => {
  for (const rows of [...extremes.map((row) => [row]), extremes])
    for (const beta of [1, -1, 0.3, 30, 0, 1e-30, Number.POSITIVE_INFINITY, -1e30]) {
      const data = Float32Array.from(rows.flat());
      const shape = [1, 1, data.length];
      const o = { kernelSize: 4, beta };
      const x64 = { data: Float64Array.from(data), shape };
      const wanted = Float32Array.from(reference(x64, { ...o, engine: "reference" }).data);
      const x = tensor(data, shape);
      const label = () => `beta ${beta} of ${JSON.stringify(rows)}`;
      const got = softPool(x.ref, o).dataSync();
      expect(compare(got, wanted, 2e-6, label)).toBe(undefined);
      const slopes = (grad((t: Tensor) => np.sum(softPool(t, o))) as (x: Tensor) => Tensor)(
        x,
      ).dataSync();
      rows.forEach((_, i) => {
        const sum = slopes.slice(4 * i, 4 * i + 4).reduce((a: number, b: number) => a + b, 0);
        expect(Math.abs(sum - 1), label()).toBeLessThan(1e-4);
      });
    }
  for (const [taps, beta, y] of special) {
    const [got] = softPool(tensor(taps, [1, 1, 4]), { kernelSize: 4, beta }).dataSync();
    expect(got, `beta ${beta} of ${taps}`).toBe(y);
  }
});

test("float64", () => {
  const shape = [2, 3, 7, 8];
  const values = Float64Array.from({ length: 336 }, (_, i) => Math.fround(Math.sin(2.1 * i) * 9));
  const o = { kernelSize: 3, stride: 2, padding: 1 };
  const wide = softPool(tensor(values, shape, DType.Float64), o);
  expect(wide.dtype).toBe("float64");
  const exact = [...wide.dataSync()];
  const flat = { data: values, shape };
  const slow = softPool2d(flat, { ...o, engine: "reference" }).data;
  // The exponential of jax-js has errors of 1e-9 in float64.
  expect(compare(exact, slow, 1e-8, () => "float64")).toBe(undefined);
});

test("arguments that are wrong are refused in one sentence", () => {
  const x = np.zeros([1, 2, 4, 4]);
  const wrong: [unknown, RegExp][] = [
    [undefined, /^softPool: options: expected an object with kernelSize, received undefined$/],
    [{}, /^softPool: kernelSize: expected an integer of at least 1/],
    [{ kernelSize: 2, padding: 2 }, /^softPool: padding \(height\): expected at most 1/],
    [{ kernelSize: 9 }, /^softPool: kernelSize \(height\): expected a window of at most/],
    [{ kernelSize: 2, layout: "NWHC" }, /^softPool: layout: expected "NCHW" or "NHWC"/],
    [{ kernelSize: 2, beta: [1, 2, 3] }, /^softPool: beta: .*2 in all, received 3 numbers$/],
    [{ kernelSize: 2, beta: Number.NaN }, /^softPool: beta: .*received NaN$/],
    [{ kernelSize: 2, gradient: "none" }, /^softPool: gradient: expected "exact" or "weights"/],
    [{ kernelSize: 2, padding: "same" }, /^softPool: padding: /],
    [{ kernelSize: 2, engine: "wasm" }, /received engine \(the device of jax-js computes/],
    [{ kernelSize: 2, threads: 2 }, /received threads \(/],
    [{ kernelSize: 2, out: x }, /received out \(/],
    [{ kernelSize: 2, betaGradient: true }, /received betaGradient \(/],
    [{ kernelSize: [2] }, /^softPool: x.shape: expected 3 sizes, or 2, received \[1, 2, 4, 4\]/],
  ];
  for (const [options, message] of wrong) {
    expect(() => softPool(x.ref, options as never)).toThrow(message);
  }
  const o = { kernelSize: 2 };
  expect(() => softPool([1] as never, o)).toThrow(/^softPool: x: expected an array of jax-js/);
  expect(() => softPool(np.zeros([1, 2, 4, 4], { dtype: DType.Int32 }), o)).toThrow(
    /^softPool: x.dtype: expected float32, float16 or float64, received int32/,
  );
  expect(() => softPool(np.zeros([4, 4]), o)).toThrow(
    /^softPool: x.shape: expected 3 to 5 sizes, received \[4, 4\]/,
  );
});
