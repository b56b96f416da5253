/**
 * One suite for every engine: the product of window options, layouts, types and methods, forward and
 * backward, against the naive oracle in test/oracle.ts.
 */
import { describe, expect, test } from "vitest";
import { browsers, engines } from "../test/engines.ts";
import { geometries, layouts, optionsOf } from "../test/geometries.ts";
import {
  channelsLast,
  type DType,
  exactValues,
  fromHalf,
  oracle,
  oracleSize,
  random,
  type Tolerances,
  toHalf,
} from "../test/oracle.ts";

const names = {
  soft: "softPool",
  average: "avgPool",
  maximum: "maxPool",
  sum: "sumPool",
  "power-average": "powerAvgPool",
} as const;

function encode(data: Float64Array, dtype: DType) {
  if (dtype === "float64") return data;
  if (dtype === "float32") return Float32Array.from(data);
  return Uint16Array.from(data, toHalf);
}

/** The largest excess over the tolerance, in words, or nothing. */
function compare(
  got: ArrayLike<number>,
  wanted: Float64Array,
  dtype: DType,
  tolerances: Tolerances,
  what: () => string,
): string | undefined {
  if (got.length !== wanted.length) {
    return `${what()}: ${got.length} elements, not ${wanted.length}`;
  }
  let worst = 0;
  let message: string | undefined;
  for (let i = 0; i < wanted.length; i++) {
    const value = dtype === "float16" ? fromHalf(got[i]) : got[i];
    const maxdiff = Math.abs(value - wanted[i]);
    const excess = maxdiff / tolerances[dtype](wanted[i]);
    if (!(excess <= 1) && !(excess < worst)) {
      worst = excess;
      message = `${what()} [${i}]: ${value}, not ${wanted[i]}: maxdiff ${maxdiff}`;
    }
  }
  return message;
}

const betas = [
  [1],
  [0],
  [-1.5],
  [Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY],
  [0.5, -2, 3],
];

describe.each([...engines, ...browsers])("engine $name", (engine) => {
  test.each([1, 2, 3])("%dD: the product of all options", async (rank) => {
    const failures: string[] = [];
    let cases = 0;
    const running: Promise<void>[] = [];
    let turn = 0;
    let part = 0;
    for (const geometry of geometries(rank)) {
      for (const [batch, channels] of [
        [1, 3],
        [3, 1],
      ]) {
        turn++;
        const next = random(turn);
        const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)];
        const sizesIn = geometry.axes.map((a) => a.size);
        const count = batch * channels * sizesIn.reduce((a, b) => a * b, 1);
        // Small values take the kernels that compute in the type itself, large ones those in float64.
        const x = exactValues(count, pick([20, 5, 2]), next);
        const zero = pick([true, false, false]);
        for (const method of Object.keys(names) as (keyof typeof names)[]) {
          const soft = method === "soft";
          const weights = soft && pick([true, false, false]);
          const beta = pick(betas).slice(0, channels === 1 ? 1 : undefined);
          const normalized = pick([true, false]);
          const problem = { method, batch, channels, zero, weights, normalized, ...geometry };
          const shapeOut = geometry.axes.map((a) => oracleSize(a, geometry.ceil));
          const outputs = batch * channels * shapeOut.reduce((a, b) => a * b, 1);
          const g = exactValues(outputs, 2, next);
          const wanted = oracle(soft ? { ...problem, beta } : problem, x, g);
          for (const [last, layout] of layouts[rank - 1].entries()) {
            const arrange = (data: Float64Array) =>
              last ? channelsLast(data, batch, channels) : data;
            const shapeOf = (spatial: number[]) => {
              const used = spatial.slice(3 - rank);
              return last ? [batch, ...used, channels] : [batch, channels, ...used];
            };
            for (const [which, dtype] of engine.dtypes.entries()) {
              // In 3D the reference is slow: it takes every third combination, another one each time.
              const every = engine.name === "reference" && rank === 3 ? 3 : engine.every;
              part += every === 3 ? 0 : 1;
              if ((every === 3 ? turn + last + which : part) % every !== 0) continue;
              cases++;
              const options = {
                ...optionsOf(geometry, rank, layout, zero),
                ...(soft ? { beta: beta.length === 1 ? beta[0] : beta } : {}),
                ...(method === "power-average" ? { normalized } : {}),
              };
              const input = { data: encode(arrange(x), dtype), shape: shapeOf(sizesIn) };
              const label = (what: string) => () =>
                `${what} of ${method} ${dtype} ${JSON.stringify(options)} of [${input.shape}]`;
              const gradOutput = { data: encode(arrange(g), dtype), shape: shapeOf(shapeOut) };
              const slopes = soft ? { gradient: weights ? "weights" : "exact" } : {};
              const name = `${names[method]}${rank}d`;
              const check = async () => {
                const y = await engine.call(name, input, options);
                const back = { ...options, ...slopes };
                const gx = await engine.call(`${name}Backward`, gradOutput, input, back);
                for (const message of [
                  compare(y.data, arrange(wanted.y), dtype, engine.tolerances, label("forward")),
                  compare(gx.data, arrange(wanted.gx), dtype, engine.tolerances, label("backward")),
                  `${y.shape}` === `${gradOutput.shape}` ? undefined : label(`[${y.shape}]`)(),
                  `${gx.shape}` === `${input.shape}` ? undefined : label(`[${gx.shape}]`)(),
                ]) {
                  if (message !== undefined) failures.push(message);
                }
              };
              // Some at a time: an engine that answers later is not waited for each time.
              if (running.push(check()) === 16) await Promise.all(running.splice(0));
            }
          }
        }
      }
    }
    await Promise.all(running);
    expect(failures.slice(0, 5), `${failures.length} of ${cases} cases`).toEqual([]);
    expect(cases).toBeGreaterThan(engine.every > 50 ? 80 : 500);
  });
});
