/**
 * Ordinal pooling: the taps of a window in descending order, x_(1) >= x_(2) >= ..., weighted by rank.
 *
 *     y = sum w_r x_(r) / sum w_r,  w = max(v, 0),  r = 1 .. N
 *
 * with one learned v for every rank of every channel. (1, 0, .., 0) is the maximum, equal ones the
 * average. Taps that do not exist have no rank: the weights of the first N ranks are divided by their own
 * sum. Where that sum is 0 all ranks weigh the same.
 *
 * Ranks come from a sorting network, so the window has at most 64 taps.
 *
 * Source: Deliege, Istasse, Kumar, De Vleeschouwer, Van Droogenbroeck: Ordinal pooling, BMVC 2019.
 */
import {
  add,
  cast,
  div,
  type Graph,
  greater,
  less,
  mul,
  type PoolWindow,
  type Value,
  where,
} from "@softpool/onnx";
import { coefficients, weightedSum } from "./coefficients.ts";
import { frame, isPlain, sumOf, tapCount, taps } from "./frame.ts";
import type { Method } from "./method.ts";
import { constantLike, largest } from "./numbers.ts";
import { sortDescending } from "./sorting.ts";

/** Windows with more taps than this are refused: the network has about n (log n)^2 / 4 comparators. */
const MAX_TAPS = 64;

/** The weight of every rank besides its own: what is left where all weights are 0. */
const LEAST_WEIGHT = 1e-20;

/**
 * Composes ordinal pooling.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window of K taps; padded taps do not exist
 * @param weights the weights of the ranks, `[C, K]`; negative ones are taken for 0
 * @returns the pooled value
 */
export function ordinalPooling(g: Graph, x: Value, window: PoolWindow, weights: Value): Value {
  const number = (value: number) => constantLike(g, x, value);
  // Not Relu: at 0 a weight can still be learned.
  const kept = where(g, less(g, weights, number(0)), number(0), weights);
  const all = taps(g, frame(g, x, window, -largest(x.dtype)), window);
  const positive = add(g, kept, number(LEAST_WEIGHT));
  const own = coefficients(g, positive, all.length, window.kernel.length);
  const sorted = sortDescending(g, all);
  if (isPlain(window)) return div(g, weightedSum(g, sorted, own), sumOf(g, own));
  // Taps that do not exist have the last ranks; 0 times them is 0, 0 times NaN is NaN.
  const count = tapCount(g, x, window);
  const there = own.map((w, rank) => {
    // The number of taps is the mean of ones times K: it may be off by a rounding.
    const exists = cast(g, greater(g, count, number(rank + 0.5)), x.dtype ?? "float32");
    return mul(g, w, exists);
  });
  return div(g, weightedSum(g, sorted, there), sumOf(g, there));
}

/** Weights of a random point of the simplex, each point as probable as another. */
function simplex(channels: number, count: number, uniform: () => number): Float64Array {
  const values = new Float64Array(channels * count);
  for (let channel = 0; channel < channels; channel++) {
    const row = values.subarray(channel * count, (channel + 1) * count);
    for (let k = 0; k < count; k++) row[k] = -Math.log1p(-uniform());
    const total = row.reduce((a, b) => a + b, 0);
    for (let k = 0; k < count; k++) row[k] = total > 0 ? row[k] / total : 1 / count;
  }
  return values;
}

/** The method `ordinal`. */
export const ordinal: Method = {
  name: "ordinal",
  aliases: [],
  summary: "the sorted taps weighted by learned weights of the ranks",
  source: "Deliege, Istasse, Kumar, De Vleeschouwer, Van Droogenbroeck: Ordinal pooling, BMVC 2019",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [
    {
      name: "initial",
      summary: "the weights before training: random, or those of the average or the maximum",
      default: "random",
      values: ["random", "average", "maximum"],
    },
  ],
  refuse: ({ window }) => {
    const count = window.kernel.reduce((product, k) => product * k, 1);
    if (count <= MAX_TAPS) return undefined;
    return `its window has ${count} taps and sorting is composed for at most ${MAX_TAPS}`;
  },
  parameters: ({ window, channels }, settings) => {
    const count = window.kernel.reduce((product, k) => product * k, 1);
    return [
      {
        name: "weights",
        shape: [channels, count],
        initial: (uniform) => {
          if (settings.initial === "average") return 1 / count;
          if (settings.initial === "random") return simplex(channels, count, uniform);
          return Float64Array.from({ length: channels * count }, (_, i) => +(i % count === 0));
        },
      },
    ];
  },
  infer: ({ g, x, window, parameters }) => ordinalPooling(g, x, window, parameters.weights),
};
