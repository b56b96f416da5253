/**
 * The cases of the engine suite for frameworks: windows, layouts and temperatures with what the naive oracle
 * of the package `softpool` makes of them. Runs in browsers too.
 */
import { geometries, layouts, optionsOf } from "../../softpool/test/geometries.ts";
import {
  channelsLast,
  exactValues,
  oracle,
  oracleSize,
  random,
} from "../../softpool/test/oracle.ts";

/** One pooling, its input and what must come out. */
export interface Case {
  /** Number of spatial axes. */
  rank: 1 | 2 | 3;
  /** Options of the pooling. */
  options: Record<string, unknown> & { layout: string };
  /** Shapes of input and output in the layout. */
  input: number[];
  output: number[];
  /** Input, and gradient of the output. */
  x: Float64Array;
  g: Float64Array;
  /** Output, and gradient of the input. */
  y: Float64Array;
  gx: Float64Array;
}

const betas = [
  [1],
  [1],
  [0],
  [-1.5],
  [Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY],
  [0.5, -2, 3],
];

/**
 * The cases of one rank.
 * @param rank number of spatial axes
 * @param step take every so many of them, others for each rank
 */
export function* cases(rank: 1 | 2 | 3, step = 1): Generator<Case> {
  let turn = 0;
  for (const geometry of geometries(rank)) {
    const { axes, ceil } = geometry;
    for (const [batch, channels] of [
      [1, 3],
      [3, 1],
    ]) {
      turn++;
      if ((turn + rank) % step !== 0) continue;
      const next = random(turn);
      const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)];
      const spatial = axes.map((a) => a.size);
      const count = batch * channels * spatial.reduce((a, b) => a * b, 1);
      const x = exactValues(count, pick([20, 5, 2]), next);
      const zero = pick([true, false, false]);
      const weights = pick([true, false, false]);
      const beta = pick(betas).slice(0, channels === 1 ? 1 : undefined);
      const last = pick([0, 1]);
      const out = axes.map((a) => oracleSize(a, ceil));
      const g = exactValues(batch * channels * out.reduce((a, b) => a * b, 1), 2, next);
      const problem = { method: "soft", batch, channels, axes, ceil, zero, weights, beta };
      const { y, gx } = oracle(problem, x, g);
      const arrange = (data: Float64Array) => (last ? channelsLast(data, batch, channels) : data);
      const shape = (all: number[]) => {
        const own = all.slice(3 - rank);
        return last ? [batch, ...own, channels] : [batch, channels, ...own];
      };
      yield {
        rank,
        options: {
          ...optionsOf(geometry, rank, layouts[rank - 1][last], zero),
          beta: beta.length === 1 ? beta[0] : beta,
          gradient: weights ? "weights" : "exact",
        },
        input: shape(spatial),
        output: shape(out),
        x: arrange(x),
        g: arrange(g),
        y: arrange(y),
        gx: arrange(gx),
      };
    }
  }
}

const most = 3.4028234663852886e38;

/** Rows of four finite numbers at the limits of float32, each a window. */
export const extremes: number[][] = [
  [most, most, most, most],
  [-most, most, 0, 1],
  [most, -most, most, -most],
  [-most, -most, -most, -most],
  [-most, -most, -most, -most / 2],
  [1e-45, -1e-45, 1e-40, 0],
  [89, 0, 0, 0],
  [88.6, -1, 0, 88.6],
  [88, 88, 88, 88],
  [-104, -105, -106, -1000],
  [-90, -91, -92, -93],
  [1000, 1001, 999, 1000.5],
  [1e4, 1e4 + 1, 1e4 - 2, 1e4 + 0.5],
  [1e30, -1e30, 1e20, 3],
  [60, 60.5, -60, 59],
];

/** Windows with numbers that are not finite, beta, and what they give. */
export const special: [taps: number[], beta: number, y: number][] = [
  [[1, Number.NaN, 2, 3], 1, Number.NaN],
  [[1, Number.POSITIVE_INFINITY, 2, 3], 1, Number.POSITIVE_INFINITY],
  [[1, Number.NEGATIVE_INFINITY, 1, 1], 1, 1],
  [new Array(4).fill(Number.NEGATIVE_INFINITY), 1, Number.NEGATIVE_INFINITY],
  [[1, Number.NEGATIVE_INFINITY, 2, 1], -1, Number.NEGATIVE_INFINITY],
  [[1, Number.POSITIVE_INFINITY, 1, 1], -1, 1],
];

/** The largest excess of a result over its tolerance, in words, or nothing. */
export function compare(
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  what: () => string,
): string | undefined {
  if (got.length !== wanted.length) {
    return `${what()}: ${got.length} elements, not ${wanted.length}`;
  }
  let worst = 1;
  let message: string | undefined;
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(got[i], wanted[i]) || got[i] === wanted[i]) continue;
    const maxdiff = Math.abs(got[i] - wanted[i]);
    const excess = maxdiff / (tolerance * Math.max(1, Math.abs(wanted[i])));
    if (!(excess <= worst)) {
      worst = Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
      message = `${what()} [${i}]: ${got[i]}, not ${wanted[i]}: maxdiff ${maxdiff}`;
    }
  }
  return message;
}
