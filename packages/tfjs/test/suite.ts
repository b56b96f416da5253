/**
 * The suite that every backend of TensorFlow.js passes, as a function without a test runner: Node and pages run
 * the same.
 */
import * as tf from "@tensorflow/tfjs-core";
import { softPool1d as reference } from "softpool";
import { cases, compare, extremes, special } from "./cases.ts";

type Pool = (x: tf.Tensor, options: object) => tf.Tensor;

/** The functions under test: the sources in Node, the built package in pages. */
export type Functions = Record<"softPool1d" | "softPool2d" | "softPool3d", unknown>;

/** Largest difference, relative to results above 1, by backend. */
export const tolerances: Record<string, number> = {
  cpu: 2e-6,
  wasm: 2e-6,
  // Exponentials of shaders have errors of some units in the last place.
  webgl: 4e-6,
  webgpu: 4e-6,
};

/** What a run of the suite found. */
export interface Outcome {
  /** How many poolings were compared. */
  cases: number;
  /** What was wrong, in words. */
  failures: string[];
}

/** The value and the gradient, both read. */
async function run(pool: Pool, x: tf.Tensor, g: tf.Tensor | undefined, options: object) {
  const [y, slopes] = tf.tidy(() => {
    if (g === undefined) return [pool(x, options), undefined];
    const { value, grad } = tf.valueAndGrad((input: tf.Tensor) => pool(input, options))(x, g);
    return [value, grad];
  });
  const read = { y: await y.data(), shape: y.shape, gx: await slopes?.data() };
  tf.dispose([y, ...(slopes ? [slopes] : [])]);
  return read;
}

/**
 * The product of window options against the oracle, forward and backward.
 * @param step every so many cases
 */
export async function checkWindows(
  functions: Functions,
  rank: 1 | 2 | 3,
  step = 1,
): Promise<Outcome> {
  const tolerance = tolerances[tf.getBackend()];
  const failures: string[] = [];
  const pool = functions[`softPool${rank}d`] as Pool;
  let count = 0;
  for (const { options, input, output, x, g, y, gx } of cases(rank, step)) {
    count++;
    const [tx, tg] = [
      tf.tensor(Float32Array.from(x), input),
      tf.tensor(Float32Array.from(g), output),
    ];
    const label = (what: string) => () => `${what} of ${JSON.stringify(options)} of [${input}]`;
    try {
      const got = await run(pool, tx, tg, options);
      const wrong = [
        compare(got.y, y, tolerance, label("forward")),
        compare(got.gx ?? [], gx, tolerance, label("backward")),
        `${got.shape}` === `${output}` ? undefined : label(`shape [${got.shape}]`)(),
      ];
      failures.push(...wrong.filter((message) => message !== undefined));
    } catch (error) {
      failures.push(`${label("a call")()}: ${error}`);
    }
    tf.dispose([tx, tg]);
  }
  return { cases: count, failures };
}

/** Numbers at the limits of float32 and beyond: finite ones are exact, others follow the rules. */
export async function checkValues(functions: Functions): Promise<Outcome> {
  const tolerance = tolerances[tf.getBackend()];
  const pool = functions.softPool1d as Pool;
  const failures: string[] = [];
  let count = 0;
  // A window apart, and all of them in one tensor, where one must not disturb another.
  const sets = [...extremes.map((row) => [row]), extremes];
  for (const rows of sets)
    for (const beta of [1, -1, 0.3, 30, 0, 1e-30, Number.POSITIVE_INFINITY, -1e30]) {
      const data = Float32Array.from(rows.flat());
      const shape = [1, 1, data.length];
      const wanted = reference(
        { data: Float64Array.from(data), shape },
        { kernelSize: 4, beta, engine: "reference" },
      );
      const x = tf.tensor(data, [1, data.length, 1]);
      const g = tf.ones([1, rows.length, 1]);
      count++;
      const label = () => `beta ${beta} of ${JSON.stringify(rows)}`;
      const got = await run(pool, x, g, { kernelSize: 4, beta });
      // float32 rounds the largest numbers to itself.
      const expected = Float32Array.from(wanted.data);
      failures.push(...[compare(got.y, expected, tolerance, label)].filter((m) => m !== undefined));
      const slopes = got.gx as Float32Array;
      rows.forEach((_, i) => {
        const sum = slopes.slice(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0);
        if (!(Math.abs(sum - 1) < 1e-4)) failures.push(`${label()}: gradients sum to ${sum}`);
      });
      tf.dispose([x, g]);
    }
  for (const [taps, beta, y] of special) {
    count++;
    const x = tf.tensor(Float32Array.from(taps), [1, 4, 1]);
    const got = await run(pool, x, undefined, { kernelSize: 4, beta });
    const label = () => `beta ${beta} of ${taps}`;
    failures.push(...[compare(got.y, [y], tolerance, label)].filter((m) => m !== undefined));
    x.dispose();
  }
  return { cases: count, failures };
}

/** Calls leave no memory behind. */
export async function checkMemory(functions: Functions): Promise<Outcome> {
  const x = tf.randomNormal([2, 6, 6, 3]) as tf.Tensor4D;
  const failures: string[] = [];
  const before = tf.memory();
  for (const beta of [1, [1, 2, 3]]) {
    const g = tf.ones([2, 3, 3, 3]);
    await run(functions.softPool2d as Pool, x, g, { kernelSize: 2, beta });
    g.dispose();
  }
  const after = tf.memory();
  for (const key of ["numTensors", "numDataBuffers"] as const) {
    if (after[key] !== before[key])
      failures.push(`${key}: ${before[key]} before, ${after[key]} after`);
  }
  x.dispose();
  return { cases: 2, failures };
}
