/** Random problems: the engines against the definition, values of any size, NaN and infinities. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { browsers, engines, type Result } from "../test/engines.ts";
import { type DType, fromHalf, halfUnit, toHalf } from "../test/oracle.ts";

const reference = engines.filter(({ name }) => name === "reference")[0];
const others = [...engines.filter((engine) => engine !== reference), ...browsers];

const problem = fc.record({
  rank: fc.integer({ min: 1, max: 3 }),
  name: fc.constantFrom("softPool", "softPool", "avgPool", "maxPool", "sumPool", "powerAvgPool"),
  seed: fc.integer(),
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 9 }),
  last: fc.boolean(),
  ceilMode: fc.boolean(),
  zero: fc.boolean(),
  dtype: fc.constantFrom<DType[]>("float32", "float32", "float64", "float16"),
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

/** How each type stores numbers and gives them back. */
const types = {
  float64: {
    encode: (v: ArrayLike<number>) => Float64Array.from(v),
    decode: (v: ArrayLike<number>) => Float64Array.from(v),
  },
  float32: {
    encode: (v: ArrayLike<number>) => Float32Array.from(v),
    decode: (v: ArrayLike<number>) => Float64Array.from(v),
  },
  float16: {
    encode: (v: ArrayLike<number>) => Uint16Array.from(v, toHalf),
    decode: (v: ArrayLike<number>) => Float64Array.from(v, fromHalf),
  },
};

/** A generator of numbers in [0, 1). */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return (state >>> 8) / 2 ** 24;
  };
}

test.each(others)("$name agrees with the definition on random problems", async (engine) => {
  let compared = 0;
  const numRuns = engine.every === 1 ? 1500 : engine.every < 50 ? 400 : 60;
  await fc.assert(
    fc.asyncProperty(problem, async (p) => {
      if (!engine.dtypes.includes(p.dtype)) return;
      const next = generator(p.seed);
      const axes = p.axis.slice(0, p.rank);
      const window = axes.map((a) => a.dilation * (a.kernel - 1) + 1);
      const extra = p.rank === 3 ? 6 : 40;
      const sizes = axes.map((a, i) => Math.max(1, window[i] - 3 + (a.extra % extra)));
      const shape = p.last ? [p.batch, ...sizes, p.channels] : [p.batch, p.channels, ...sizes];
      const count = shape.reduce((a, b) => a * b, 1);
      // float16 holds no more than 65504.
      const half = p.dtype === "float16";
      const scale = half ? Math.min(p.scale, 6e4) : p.scale;
      const { encode, decode } = types[p.dtype as keyof typeof types];
      const data = new Float64Array(count).map(() => (next() * 2 - 1) * scale);
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
      const x = { data: encode(data), shape };
      // The definition sees the same values, in float64.
      const exact = { data: decode(x.data), shape };
      const forward = `${p.name}${p.rank}d`;
      const backward = `${forward}Backward`;
      let wanted: Result;
      try {
        wanted = await reference.call(forward, exact, options);
      } catch (error) {
        // Both engines refuse the same problems with the same sentence.
        await expect(engine.call(forward, x, options)).rejects.toThrow((error as Error).message);
        return;
      }
      compared++;
      const label = `${p.name}${p.rank}d ${JSON.stringify(options)} of [${shape}], scale ${scale} ${p.dtype}`;
      // float32 within 2e-6 of max(1, |y|) where |x| <= 20; beyond, relative to the inputs.
      const unit = p.dtype === "float64" ? 2e-12 : engine.tolerances.float32(1);
      // Without float64 the error of a sum is relative to what was summed; the slopes of small powers
      // are as large as a sum.
      const summed = p.name === "sumPool" || (p.name === "powerAvgPool" && p.p < 1);
      const taps = axes.reduce((n, { kernel }) => n * kernel, 1);
      const size = engine.name !== "wasm" && summed ? taps : 1;
      const check = (got: ArrayLike<number>, all: Float64Array, what: string) => {
        const values = decode(got);
        for (let i = 0; i < all.length; i++) {
          const [a, b] = [values[i], all[i]];
          // Overflow of the result type is as far as it can be.
          if (Object.is(a, b) || a === b || a === decode(encode([b]))[0]) continue;
          const maxdiff = Math.abs(a - b);
          const rounding = half ? halfUnit(b) : 0;
          const allowed = rounding + unit * Math.max(1, Math.abs(b), scale / 20) * size;
          if (!(maxdiff <= allowed) || !Number.isFinite(a)) {
            expect.fail(`${what} of ${label} [${i}]: ${a}, not ${b}: maxdiff ${maxdiff}`);
          }
        }
      };
      check((await engine.call(forward, x, options)).data, wanted.data, "forward");
      const slopes = encode(wanted.data.map(() => next() * 2 - 1));
      const g = { data: slopes, shape: wanted.shape };
      const exactG = { data: decode(slopes), shape: wanted.shape };
      const both = soft ? { gradient: p.weights ? "weights" : "exact", betaGradient: true } : {};
      const all = await reference.call(backward, exactG, exact, { ...options, ...both });
      const got = await engine.call(backward, g, x, { ...options, ...both });
      check((soft ? got.input : got).data, (soft ? all.input : all).data, "backward");
      if (!soft) return;
      got.beta.forEach((value, c) => {
        const exactness = engine.name !== "wasm" ? 1e-6 : 4e-12;
        const close = Math.abs(value - all.beta[c]) <= exactness * scale ** 2 * count;
        const same = Object.is(value, all.beta[c]);
        if (!close && !same) expect.fail(`beta of ${label}: ${value}, not ${all.beta[c]}`);
      });
    }),
    { numRuns },
  );
  expect(compared).toBeGreaterThan(numRuns / 4);
});
