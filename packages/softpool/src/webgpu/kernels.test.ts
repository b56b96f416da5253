/**
 * The fast kernels: every method, layout and type over the windows that matter, on tensors large enough
 * for them, against the definition; with values among them that the careful code must take over.
 */
import { expect, test } from "vitest";
import { engines, webgpuEngine } from "../../test/engines.ts";
import { type DType, fromHalf, random, toHalf, tolerances } from "../../test/oracle.ts";
import { skipWebGPU } from "../../test/webgpu.ts";

const [wasm] = engines;
const inf = Number.POSITIVE_INFINITY;

interface Case {
  method: string;
  shape: number[];
  options: object;
  dtype: DType;
}

const k2 = { kernelSize: 2 };
const k3 = { kernelSize: 3, stride: 2, padding: 1 };
const last = { layout: "NHWC" };
const f32 = "float32";
const f16 = "float16";

/** Windows and methods; each is a shader of its own forward, and one or two backward. */
const cases: Case[] = [
  { method: "softPool2d", shape: [2, 3, 64, 64], options: k2, dtype: f32 },
  { method: "softPool2d", shape: [2, 3, 66, 64], options: k2, dtype: f16 },
  {
    method: "softPool2d",
    shape: [2, 5, 64, 60],
    options: { ...k3, beta: [1, -2, 0.5, 3, 1] },
    dtype: f32,
  },
  {
    method: "softPool2d",
    shape: [1, 3, 65, 60],
    options: { ...k3, paddingMode: "zero" },
    dtype: f16,
  },
  {
    method: "softPool2d",
    shape: [1, 2, 45, 56],
    options: { kernelSize: 3, stride: 1, padding: 1 },
    dtype: f32,
  },
  { method: "softPool2d", shape: [1, 64, 66, 12], options: { ...k2, ...last }, dtype: f32 },
  {
    method: "softPool2d",
    shape: [1, 65, 66, 12],
    options: { ...k3, ...last, beta: [1, 2, -1, 1, 3, 1, 1, 0.5, 1, 1, -4, 1] },
    dtype: f32,
  },
  {
    method: "softPool2d",
    shape: [2, 65, 34, 12],
    options: { ...k3, ...last, ceilMode: true, gradient: "weights" },
    dtype: f16,
  },
  // Gaps between windows, windows that miss the end, paddings of two sizes.
  {
    method: "softPool2d",
    shape: [1, 130, 83, 8],
    options: { kernelSize: [2, 1], stride: [3, 2], padding: [[1, 0], 0], ...last },
    dtype: f32,
  },
  {
    method: "softPool2d",
    shape: [3, 5, 63, 68],
    options: { kernelSize: [2, 2], stride: [2, 3] },
    dtype: f32,
  },
  {
    method: "softPool3d",
    shape: [1, 3, 8, 26, 32],
    options: { kernelSize: 2, stride: [1, 2, 2] },
    dtype: f32,
  },
  {
    method: "softPool1d",
    shape: [1, 3, 9000],
    options: { kernelSize: 3, stride: 2, dilation: 2, padding: 2 },
    dtype: f32,
  },
  { method: "softPool2d", shape: [2, 3, 64, 64], options: { ...k2, beta: -inf }, dtype: f32 },
  { method: "maxPool2d", shape: [2, 3, 64, 64], options: k2, dtype: f32 },
  { method: "maxPool2d", shape: [1, 65, 66, 12], options: { ...k3, ...last }, dtype: f16 },
  {
    method: "avgPool2d",
    shape: [3, 3, 65, 60],
    options: { ...k3, paddingMode: "zero", ceilMode: true },
    dtype: f32,
  },
  { method: "avgPool2d", shape: [1, 65, 66, 12], options: { ...k3, ...last }, dtype: f32 },
  { method: "sumPool2d", shape: [2, 3, 64, 64], options: k2, dtype: f32 },
  // Large windows, which a workgroup shares.
  { method: "globalSoftPool", shape: [2, 3, 40, 41], options: { beta: [1, -0.5, 0] }, dtype: f32 },
  { method: "globalSoftPool", shape: [1, 50, 33, 5], options: last, dtype: f16 },
  {
    method: "maxPool2d",
    shape: [1, 2, 30, 41],
    options: { kernelSize: [17, 23], stride: [4, 5], padding: 8 },
    dtype: f32,
  },
  {
    method: "powerAvgPool1d",
    shape: [1, 3, 901],
    options: { kernelSize: 300, stride: 100, paddingMode: "zero", padding: 20 },
    dtype: f32,
  },
  {
    method: "avgPool1d",
    shape: [1, 901, 3],
    options: { kernelSize: 300, stride: 100, padding: 20, layout: "NLC" },
    dtype: f16,
  },
];

test.skipIf(skipWebGPU).concurrent.each(cases)(
  "$method of $shape, $options, $dtype",
  async ({ method, shape, options, dtype }) => {
    const engine = await webgpuEngine();
    const call = (name: string, ...values: unknown[]) =>
      (engine as unknown as Record<string, (...values: unknown[]) => Promise<never>>)[name](
        ...values,
      );
    const half = dtype === f16;
    const encode = (v: ArrayLike<number>) =>
      half ? Uint16Array.from(v, toHalf) : Float32Array.from(v);
    const decode = (v: ArrayLike<number>) =>
      Float64Array.from(v, half ? fromHalf : (x: number) => x);
    const next = random(shape.length + shape[1]);
    const count = shape.reduce((a, b) => a * b, 1);
    const value = () => Math.round(next() * 1280 - 640) / 64;
    const plain = Float64Array.from({ length: count }, value);
    const wild = plain.slice();
    const large = half ? 65504 : 3.4028234663852886e38;
    for (const special of [Number.NaN, inf, -inf, large, -large, large]) {
      for (let i = 0; i < 3; i++) wild[Math.floor(next() * count)] = special;
    }
    const failures: string[] = [];
    const compare = (got: ArrayLike<number>, wanted: ArrayLike<number>, what: string) => {
      const a = decode(got);
      let worst = 0;
      let message = "";
      for (const [i, b] of Array.from(wanted).entries()) {
        // Sums of numbers near the largest may leave the type.
        if (Object.is(a[i], b) || a[i] === b || a[i] === decode(encode([b]))[0]) continue;
        const maxdiff = Math.abs(a[i] - b) / tolerances.webgpu[dtype](b);
        if (!(maxdiff <= 1) && !(maxdiff < worst)) {
          worst = maxdiff;
          message = `${what} [${i}]: ${a[i]}, not ${b}: ${maxdiff} times the tolerance`;
        }
      }
      if (message !== "") failures.push(message);
    };
    for (const [kind, values] of [
      ["plain", plain],
      ["wild", wild],
    ] as const) {
      const x = { data: encode(values), shape };
      const exact = { data: decode(x.data), shape };
      const y = (await call(method, x, options)) as { data: Float32Array; shape: number[] };
      const wanted = await wasm.call(method, exact, options);
      expect(y.shape).toEqual(wanted.shape);
      compare(y.data, wanted.data, `forward of ${kind} values`);
      const upstream = Array.from(y.data, () => Math.round(next() * 64) / 32);
      if (kind === "wild") {
        // A power of 2^-128 is exact to 1e-5, which the largest gradient would make visible.
        const all = [Number.NaN, inf, -inf, ...(method.startsWith("power") ? [] : [large])];
        for (const special of all) {
          upstream[Math.floor(next() * upstream.length)] = special;
        }
      }
      const g = { data: encode(upstream), shape: y.shape };
      const name = `${method}Backward`;
      const gx = (await call(name, g, x, options)) as { data: Float32Array };
      const slopes = await wasm.call(
        name,
        { data: decode(g.data), shape: y.shape },
        exact,
        options,
      );
      compare(gx.data, slopes.data, `backward of ${kind} values`);
    }
    expect(failures).toEqual([]);
  },
);
