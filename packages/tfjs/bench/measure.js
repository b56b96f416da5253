/**
 * SoftPool and its gradient beside `tf.avgPool` and its gradient, on one backend: rounds of calls in alternating
 * order, the time of a round ends when one element of the last result was read. Runs in Node and in pages.
 */
import { softPool2d } from "@softpool/tfjs";
import * as tf from "@tensorflow/tfjs-core";

/** @typedef {{ shape: number[], kernel: number, stride: number, pad: "valid" | "same" }} Workload */

/** @type {[shape: number[], kernel: number, stride: number, pad: "valid" | "same"][]} */
const windows = [
  [[8, 112, 112, 64], 2, 2, "valid"],
  [[8, 112, 112, 64], 3, 2, "same"],
  [[8, 112, 112, 64], 3, 3, "valid"],
  [[8, 112, 112, 64], 5, 5, "valid"],
  [[8, 112, 112, 64], 8, 8, "valid"],
  [[8, 56, 56, 64], 3, 1, "same"],
  [[8, 28, 28, 256], 4, 4, "valid"],
  [[8, 28, 28, 256], 7, 7, "valid"],
  [[8, 7, 7, 512], 7, 7, "valid"],
  [[8, 7, 7, 512], 5, 1, "valid"],
  [[8, 224, 224, 3], 2, 2, "valid"],
  [[8, 224, 224, 3], 3, 3, "valid"],
  [[8, 224, 224, 3], 7, 7, "valid"],
  [[1, 224, 224, 3], 2, 2, "valid"],
  [[1, 28, 28, 128], 2, 2, "valid"],
];

/** @type {Record<string, Workload>} */
export const workloads = Object.fromEntries(
  windows.map(([shape, kernel, stride, pad]) => [
    `${shape.join("x")}, ${kernel}x${kernel} stride ${stride}`,
    { shape, kernel, stride, pad },
  ]),
);

/** @typedef {(x: tf.Tensor4D) => tf.Tensor4D} Pool */
/** @typedef {Record<string, number[]>} Times milliseconds of a call, by variant, round by round */

/**
 * Measures one workload on the backend in use.
 * @param {string} name one of the workloads
 * @param {number} rounds how many rounds
 * @returns {Promise<Times>}
 */
export async function measure(name, rounds) {
  const { shape, kernel, stride, pad } = workloads[name];
  const x = /** @type {tf.Tensor4D} */ (tf.randomNormal(shape, 0, 2, "float32", 1));
  /** @type {Pool} */
  const soft = (t) => softPool2d(t, { kernelSize: kernel, stride, padding: pad });
  /** @type {Pool} */
  const average = (t) => tf.avgPool(t, kernel, stride, pad);
  const g = tf.tidy(() => tf.onesLike(average(x)));
  /** @param {Pool} pool */
  const slope = (pool) => tf.grad((/** @type {tf.Tensor4D} */ t) => pool(t));
  /** @type {[string, () => tf.Tensor][]} */
  const variants = [
    ["average", () => average(x)],
    ["soft", () => soft(x)],
    ["average, with gradient", () => slope(average)(x, g)],
    ["soft, with gradient", () => slope(soft)(x, g)],
  ];
  /** @type {Times} */
  const times = Object.fromEntries(variants.map(([variant]) => [variant, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [variant, run] of round % 2 === 0 ? variants : variants.toReversed()) {
      // Calls enough that reading an element at their end is small beside them.
      const calls = 8;
      const start = performance.now();
      for (let i = 1; i < calls; i++) tf.tidy(run).dispose();
      const last = tf.tidy(() => tf.slice(tf.reshape(run(), [-1]), 0, 1));
      await last.data();
      last.dispose();
      if (round >= 0) times[variant].push((performance.now() - start) / calls);
    }
  }
  tf.dispose([x, g]);
  return times;
}
