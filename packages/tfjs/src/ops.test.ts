/** The functions on the backends that Node has; pages run the same suite on the others. */
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { compare } from "../test/cases.ts";
import { checkMemory, checkValues, checkWindows } from "../test/suite.ts";
import * as functions from "./index.ts";
import { softPool1d, softPool2d } from "./index.ts";

describe.each(["cpu", "wasm"])("backend %s", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    expect(tf.getBackend()).toBe(backend);
  });

  test.each([1, 2, 3] as const)("%dD: the product of all options", async (rank) => {
    const { cases, failures } = await checkWindows(functions, rank);
    expect(failures.slice(0, 5), `${failures.length} of ${cases}`).toEqual([]);
    expect(cases).toBeGreaterThan(400);
  });

  test("values at the limits of float32, NaN and infinities", async () => {
    const { failures } = await checkValues(functions);
    expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
  });

  test("no memory is left behind", async () => {
    expect((await checkMemory(functions)).failures).toEqual([]);
  });
});

test("what TensorFlow.js has besides: same and valid, no batch, channels last by default", async () => {
  await tf.setBackend("wasm");
  const x = tf.randomNormal([2, 7, 8, 3], 0, 2, "float32", 4) as tf.Tensor4D;
  const o = { kernelSize: 3, stride: 2 };
  const same = softPool2d(x, { ...o, padding: "same" });
  expect(same.shape).toEqual(tf.maxPool(x, 3, 2, "same").shape);
  expect(softPool2d(x, { ...o, padding: "valid" }).shape).toEqual(
    tf.maxPool(x, 3, 2, "valid").shape,
  );
  // The limits are the poolings that TensorFlow.js has.
  for (const [beta, pool] of [
    [0, tf.avgPool],
    [Number.POSITIVE_INFINITY, tf.maxPool],
  ] as const) {
    const wanted = pool(x, 3, 2, "same").dataSync();
    const got = softPool2d(x, { ...o, padding: "same", beta }).dataSync();
    expect(compare(got, wanted, 2e-6, () => `beta ${beta}`)).toBe(undefined);
  }
  const first = tf.reshape(tf.slice(x, [1], [1]), [7, 8, 3]) as tf.Tensor3D;
  const alone = softPool2d(first, { ...o, padding: "same" });
  expect(alone.shape).toEqual(same.shape.slice(1));
  expect(alone.dataSync()).toEqual(tf.slice(same, [1], [1]).dataSync());
  const turned = softPool2d(tf.transpose(x, [0, 3, 1, 2]), {
    ...o,
    padding: "same",
    layout: "NCHW",
  });
  expect(
    compare(tf.transpose(turned, [0, 2, 3, 1]).dataSync(), same.dataSync(), 1e-6, () => "NCHW"),
  ).toBe(undefined);
});

test("arguments that are wrong are refused in one sentence", () => {
  const x = tf.zeros([1, 4, 4, 2]) as tf.Tensor4D;
  const wrong: [unknown, RegExp][] = [
    [undefined, /^softPool2d: options: expected an object with kernelSize, received undefined$/],
    [{}, /^softPool2d: kernelSize: expected an integer of at least 1/],
    [{ kernelSize: 2, stride: 0 }, /^softPool2d: stride: .*received 0$/],
    [
      { kernelSize: 2, padding: "full" },
      /^softPool2d: padding: expected "valid", "same", .*"full"$/,
    ],
    [{ kernelSize: 2, padding: 2 }, /^softPool2d: padding \(height\): expected at most 1/],
    [{ kernelSize: 9 }, /^softPool2d: kernelSize \(height\): expected a window of at most/],
    [{ kernelSize: 2, layout: "NWHC" }, /^softPool2d: layout: expected "NCHW" or "NHWC"/],
    [{ kernelSize: 2, beta: [1, 2, 3] }, /^softPool2d: beta: .*2 in all, received 3 numbers$/],
    [{ kernelSize: 2, beta: Number.NaN }, /^softPool2d: beta: .*received NaN$/],
    [
      { kernelSize: 2, beta: 1e-40 },
      /^softPool2d: beta: .*magnitude 1e-30 to 1e30, received 1e-40$/,
    ],
    [{ kernelSize: 2, gradient: "none" }, /^softPool2d: gradient: expected "exact" or "weights"/],
    [{ kernelSize: 2, engine: "wasm" }, /received engine \(the backend of TensorFlow.js computes/],
    [{ kernelSize: 2, threads: 2 }, /received threads \(/],
    [{ kernelSize: 2, out: x }, /received out \(/],
    [{ kernelSize: 2, betaGradient: true }, /received betaGradient \(/],
    [{ poolSize: 2 }, /received poolSize \(call it kernelSize\)$/],
  ];
  for (const [options, message] of wrong) {
    expect(() => softPool2d(x, options as never)).toThrow(message);
  }
  const o = { kernelSize: 2 };
  expect(() => softPool2d([1] as never, o)).toThrow(
    /^softPool2d: x: expected a tensor of TensorFlow/,
  );
  expect(() => softPool2d(tf.zeros([1, 4, 4, 2], "int32") as never, o)).toThrow(
    /^softPool2d: x.dtype: expected float32, received int32 \(cast it\)$/,
  );
  expect(() => softPool1d(x as never, o)).toThrow(
    /^softPool1d: x.shape: expected 3 sizes, or 2 without the batch, received \[1, 4, 4, 2\]$/,
  );
  const slope = (input: tf.Tensor) =>
    tf.grad((t: tf.Tensor) => softPool2d(t as tf.Tensor4D, o))(input);
  expect(() => tf.grad(slope)(x)).toThrow(/^softPool2d: gradient: expected a first derivative/);
});
