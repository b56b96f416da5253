/** Wrong arguments: one sentence that names operator, parameter, what was expected and what came. */
import { expect, test } from "vitest";
import {
  avgPool2d,
  empty,
  globalSoftPool,
  pooledShape,
  softPool1d,
  softPool2d,
  softPool2dAsync,
  softPool2dBackward,
  softPool3d,
} from "./index.ts";

const x = { data: new Float32Array(2 * 3 * 8 * 8), shape: [2, 3, 8, 8] };
// Wrong types are the point.
const call =
  (options: unknown, input: unknown = x) =>
  () =>
    softPool2d(input as typeof x, options as never);

const cases: [string, () => unknown, string][] = [
  [
    "no options",
    call(undefined),
    "softPool2d: options: expected an object with kernelSize, received undefined",
  ],
  [
    "no kernel",
    call({}),
    "softPool2d: kernelSize: expected an integer of at least 1 or 2 of them (height, width), received undefined",
  ],
  [
    "kernel 0",
    call({ kernelSize: 0 }),
    "softPool2d: kernelSize: expected an integer of at least 1 or 2 of them (height, width), received 0",
  ],
  [
    "kernel 1.5",
    call({ kernelSize: [1.5, 2] }),
    "softPool2d: kernelSize: expected an integer of at least 1 or 2 of them (height, width), received [1.5, 2]",
  ],
  ["three kernels", call({ kernelSize: [2, 2, 2] }), "received [2, 2, 2]"],
  [
    "stride 0",
    call({ kernelSize: 2, stride: 0 }),
    "softPool2d: stride: expected an integer of at least 1",
  ],
  [
    "dilation -1",
    call({ kernelSize: 2, dilation: -1 }),
    "softPool2d: dilation: expected an integer of at least 1",
  ],
  [
    "padding too large",
    call({ kernelSize: 3, padding: [2, 1] }),
    "softPool2d: padding (height): expected at most 1, half the window of 3, received 2 (pad the tensor itself for more)",
  ],
  [
    "padding -1",
    call({ kernelSize: 3, padding: -1 }),
    "softPool2d: padding: expected an integer of at least 0 or an array with one entry per axis, each an integer or [begin, end], received -1",
  ],
  [
    "window too large",
    call({ kernelSize: [2, 9] }),
    "softPool2d: kernelSize (width): expected a window of at most the padded size 8, received a window of 9 (use a smaller kernel or dilation, or more padding)",
  ],
  [
    "layout",
    call({ kernelSize: 2, layout: "NCL" }),
    'softPool2d: layout: expected "NCHW" or "NHWC", received "NCL"',
  ],
  [
    "padding mode",
    call({ kernelSize: 2, paddingMode: "reflect" }),
    'softPool2d: paddingMode: expected "ignore" or "zero", received "reflect"',
  ],
  [
    "engine",
    call({ kernelSize: 2, engine: "gpu" }),
    'softPool2d: engine: expected "wasm" or "reference", received "gpu"',
  ],
  [
    "threads",
    call({ kernelSize: 2, threads: 0 }),
    "softPool2d: threads: expected an integer of at least 1, received 0",
  ],
  [
    "ceil mode",
    call({ kernelSize: 2, ceilMode: 1 }),
    "softPool2d: ceilMode: expected true or false, received 1",
  ],
  [
    "beta NaN",
    call({ kernelSize: 2, beta: Number.NaN }),
    "softPool2d: beta: expected a number or one per channel, not NaN, received NaN",
  ],
  [
    "two betas",
    call({ kernelSize: 2, beta: [1, 2] }),
    "softPool2d: beta: expected a number or one per channel, 3 in all, received 2 numbers",
  ],
  [
    "gradient",
    () => softPool2dBackward(x, x, { kernelSize: 1, gradient: "true" as never }),
    'softPool2dBackward: gradient: expected "exact" or "weights", received "true"',
  ],
  ["unknown option", call({ kernelSize: 2, kernel: 3 }), "received kernel"],
  [
    "beta of an average",
    () => avgPool2d(x, { kernelSize: 2, beta: 1 } as never),
    "avgPool2d: options: expected kernelSize",
  ],
  [
    "no tensor",
    call({ kernelSize: 2 }, 5),
    "softPool2d: x: expected a tensor { data, shape }, received 5",
  ],
  [
    "integers",
    call({ kernelSize: 2 }, { data: new Int32Array(4), shape: [1, 1, 2, 2] }),
    "softPool2d: x.data: expected a Float32Array, Float64Array, Float16Array or Uint16Array (float16 bits), received Int32Array of 4 elements",
  ],
  [
    "rank",
    call({ kernelSize: 2 }, { data: new Float32Array(4), shape: [2, 2] }),
    "softPool2d: x.shape: expected 4 sizes, received [2, 2] (batch and channel axes are required, add them with size 1)",
  ],
  [
    "size",
    call({ kernelSize: 2 }, { data: new Float32Array(4), shape: [1, 1, 2, 3] }),
    "softPool2d: x.data: expected 6 elements for [1, 1, 2, 3], received 4",
  ],
  [
    "out shape",
    call({ kernelSize: 2, out: x }),
    "softPool2d: out.shape: expected [2, 3, 4, 4], received [2, 3, 8, 8]",
  ],
  [
    "out type",
    call({ kernelSize: 1, out: { data: new Float64Array(384), shape: x.shape } }),
    "softPool2d: out.data: expected float32, as x, received float64",
  ],
  [
    "out overlaps",
    call({ kernelSize: 1, out: x }),
    "softPool2d: out: expected memory apart from x, received memory that overlaps it",
  ],
  [
    "gradient shape",
    () => softPool2dBackward(x, x, { kernelSize: 2 }),
    "softPool2dBackward: gradOutput.shape: expected [2, 3, 4, 4], received [2, 3, 8, 8]",
  ],
  [
    "empty windows",
    () =>
      softPool1d(
        { data: new Float32Array(1), shape: [1, 1, 1] },
        { kernelSize: 2, dilation: 2, padding: 1 },
      ),
    "softPool1d: dilation (length): expected windows that have a tap inside the input",
  ],
  ["3D rank", () => softPool3d(x, { kernelSize: 2 }), "softPool3d: x.shape: expected 5 sizes"],
  [
    "global rank",
    () => globalSoftPool({ data: new Float32Array(4), shape: [2, 2] }),
    "globalSoftPool: x.shape: expected 3 to 5 sizes, received [2, 2]",
  ],
  [
    "global window",
    () => globalSoftPool(x, { kernelSize: 2 } as never),
    "globalSoftPool: options: expected beta",
  ],
  [
    "empty type",
    () => empty([1], "int8" as never),
    'empty: dtype: expected "float32" or "float64" or "float16", received "int8"',
  ],
  [
    "empty shape",
    () => empty([-1]),
    "empty: shape: expected an array of sizes of at least 0, received [-1]",
  ],
  [
    "too large",
    () => empty([1e6, 1e6]),
    "empty: shape: expected a tensor that fits in WebAssembly memory",
  ],
  [
    "dimensions",
    () => pooledShape("4d" as never, [1], { kernelSize: 2 }),
    'pooledShape: dimensions: expected "1d" or "2d" or "3d", received "4d"',
  ],
];

test("wrong arguments give one sentence", async () => {
  for (const [what, run, message] of cases) {
    let received = "no error";
    try {
      run();
    } catch (error) {
      expect(error, what).toBeInstanceOf(RangeError);
      received = (error as Error).message;
    }
    expect(received, what).toContain(message);
    expect(received, what).not.toContain("\n");
  }
  await expect(softPool2dAsync(x, { kernelSize: 0 })).rejects.toThrow(
    "softPool2dAsync: kernelSize",
  );
});

test("shapes without computing", () => {
  expect(pooledShape("2d", [1, 3, 7, 8], { kernelSize: 3, stride: 2, padding: 1 })).toEqual([
    1, 3, 4, 4,
  ]);
  expect(
    pooledShape("2d", [1, 7, 8, 3], { kernelSize: 2, ceilMode: true, layout: "NHWC" }),
  ).toEqual([1, 4, 4, 3]);
  expect(pooledShape("1d", [2, 1, 10], { kernelSize: 2, stride: 3, padding: [[0, 1]] })).toEqual([
    2, 1, 4,
  ]);
  expect(pooledShape("3d", [1, 1, 5, 6, 7], { kernelSize: [1, 2, 3] })).toEqual([1, 1, 5, 3, 2]);
});

test("a batch of nothing gives nothing", () => {
  for (const engine of ["wasm", "reference"] as const) {
    const y = softPool2d(
      { data: new Float32Array(0), shape: [0, 3, 4, 4] },
      { kernelSize: 2, engine },
    );
    expect(y).toEqual({ data: new Float32Array(0), shape: [0, 3, 2, 2] });
  }
});
