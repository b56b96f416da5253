/** Random problems: the fast engine against the definition, values of any size, NaN and infinities. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import * as api from "./index.ts";

type Call = (...args: unknown[]) => {
  data: Float64Array;
  shape: number[];
  input: { data: Float64Array };
  beta: Float64Array;
};
const functions = api as unknown as Record<string, Call>;

const problem = fc.record({
  rank: fc.integer({ min: 1, max: 3 }),
  name: fc.constantFrom("softPool", "softPool", "avgPool", "maxPool", "sumPool", "powerAvgPool"),
  seed: fc.integer(),
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 9 }),
  last: fc.boolean(),
  ceilMode: fc.boolean(),
  zero: fc.boolean(),
  double: fc.boolean(),
  scale: fc.constantFrom(1e-3, 1, 20, 20, 100, 1000, 3e38),
  special: fc.integer({ min: 0, max: 9 }),
  axis: fc.array(
    fc.record({
      extra: fc.integer({ min: 0, max: 33 }),
      kernel: fc.integer({ min: 1, max: 7 }),
      stride: fc.integer({ min: 1, max: 5 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      begin: fc.integer({ min: 0, max: 6 }),
      end: fc.integer({ min: 0, max: 6 }),
    }),
    { minLength: 3, maxLength: 3 },
  ),
  beta: fc.array(fc.constantFrom(1, 1, 1, 0.5, -1, 0, 2, Infinity, -Infinity), {
    minLength: 9,
    maxLength: 9,
  }),
  perChannel: fc.boolean(),
  p: fc.constantFrom(1, 2, 3, 0.5, 2.5),
  weights: fc.boolean(),
});

const layouts = ["NCL", "NLC", "NCHW", "NHWC", "NCDHW", "NDHWC"];

/** A generator of numbers in [0, 1). */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return (state >>> 8) / 2 ** 24;
  };
}

test("the engines agree on random problems", () => {
  let compared = 0;
  fc.assert(
    fc.property(problem, (p) => {
      const next = generator(p.seed);
      const axes = p.axis.slice(0, p.rank);
      const window = axes.map((a) => a.dilation * (a.kernel - 1) + 1);
      const extra = p.rank === 3 ? 6 : 40;
      const sizes = axes.map((a, i) => Math.max(1, window[i] - 3 + (a.extra % extra)));
      const shape = p.last ? [p.batch, ...sizes, p.channels] : [p.batch, p.channels, ...sizes];
      const count = shape.reduce((a, b) => a * b, 1);
      const Class = p.double ? Float64Array : Float32Array;
      const data = new Class(count).map(() => (next() * 2 - 1) * p.scale);
      if (p.special === 0) {
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          data[Math.floor(next() * count)] = value;
        }
      }
      const soft = p.name === "softPool";
      const options = {
        kernelSize: axes.map((a) => a.kernel),
        stride: axes.map((a) => a.stride),
        dilation: axes.map((a) => a.dilation),
        padding: axes.map((a, i) => [a.begin, a.end].map((v) => v % (1 + (window[i] >> 1)))),
        ceilMode: p.ceilMode,
        paddingMode: p.zero ? "zero" : "ignore",
        layout: layouts[2 * (p.rank - 1) + Number(p.last)],
        ...(soft ? { beta: p.perChannel ? p.beta.slice(0, p.channels) : p.beta[0] } : {}),
        ...(p.name === "powerAvgPool" ? { p: p.p, normalized: p.weights } : {}),
      };
      const x = { data, shape };
      const forward = functions[`${p.name}${p.rank}d`];
      const backward = functions[`${p.name}${p.rank}dBackward`];
      let wanted: ReturnType<Call>;
      try {
        wanted = forward(x, { ...options, engine: "reference" });
      } catch (error) {
        // Both engines refuse the same problems with the same sentence.
        expect(() => forward(x, options)).toThrow((error as Error).message);
        return;
      }
      compared++;
      const label = `${p.name}${p.rank}d ${JSON.stringify(options)} of [${shape}], scale ${p.scale}`;
      // float32 within 2e-6 of max(1, |y|) where |x| <= 20; beyond, relative to the inputs.
      const unit = p.double ? 2e-12 : 2e-6;
      const check = (got: ArrayLike<number>, all: ArrayLike<number>, what: string) => {
        for (let i = 0; i < all.length; i++) {
          const [a, b] = [got[i], all[i]];
          if (Object.is(a, b) || a === b) continue;
          const maxdiff = Math.abs(a - b);
          const allowed = unit * Math.max(1, Math.abs(b), p.scale / 20);
          if (!(maxdiff <= allowed)) {
            expect.fail(`${what} of ${label} [${i}]: ${a}, not ${b}: maxdiff ${maxdiff}`);
          }
        }
      };
      check(forward(x, options).data, wanted.data, "forward");
      const g = { data: wanted.data.map(() => next() * 2 - 1), shape: wanted.shape };
      const both = soft ? { gradient: p.weights ? "weights" : "exact", betaGradient: true } : {};
      const all = backward(g, x, { ...options, ...both, engine: "reference" });
      const got = backward(g, x, { ...options, ...both });
      check((soft ? got.input : got).data, (soft ? all.input : all).data, "backward");
      if (!soft) return;
      got.beta.forEach((value, c) => {
        const size = Math.abs(all.beta[c]) + p.scale ** 2 * count;
        const close = Math.abs(value - all.beta[c]) <= 1e-12 * size;
        const same = Object.is(value, all.beta[c]) || !Number.isFinite(all.beta[c]);
        if (!close && !same) expect.fail(`beta of ${label}: ${value}, not ${all.beta[c]}`);
      });
    }),
    { numRuns: 1500 },
  );
  expect(compared).toBeGreaterThan(700);
});
