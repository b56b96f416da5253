/**
 * S3Pool, stochastic spatial sampling: a maximum pooling of stride 1, then rows and columns drawn at
 * random. With p the kernel along an axis, g the grid (a multiple of p):
 *
 *     M = max over p x p windows at every position, the last element replicated beyond the end
 *     training:   every axis is cut into grids of g positions; of each, g / p distinct ones are drawn
 *                 uniformly and kept in order; y = M[rows][columns]
 *     inference:  y = average of M over p x p tiles
 *
 * Replication makes M as large as the input, so that all grids are equal; where the tiles end inside a
 * grid, the last grid is smaller by whole tiles. A draw is shared by all samples and channels. For
 * g = p inference is the expectation of training.
 *
 * A grid's draw takes the positions of its g / p largest noise numbers, found with TopK. The maximum
 * keeps NaN, so that NaN in a tile gives NaN where it is drawn.
 *
 * Source: Zhai et al.: S3Pool: Pooling with stochastic spatial sampling, CVPR 2017.
 */
import {
  add,
  cast,
  constantOfShape,
  div,
  type Graph,
  gather,
  int64s,
  less,
  max,
  mul,
  neg,
  type PoolWindow,
  poolWindow,
  reshape,
  scalar,
  shapeOf,
  slice,
  tensor,
  type Value,
  where,
} from "@softpool/onnx";
import { frame, taps, windowSum } from "./frame.ts";
import type { Method, Noise } from "./method.ts";
import { constantLike } from "./numbers.ts";
import { keepsPartial, refuseTiles, wholeTiles } from "./tiles.ts";

/** The maximum of stride 1 over whole tiles: as large as its input, or as the tiles that are kept. */
function denseMaximum(g: Graph, x: Value, window: PoolWindow): Value {
  let m = wholeTiles(g, x, window);
  // One axis after another: sums of kernel sizes, not products.
  for (const [axis, k] of window.kernel.entries()) {
    if (k === 1) continue;
    const kernel = window.kernel.map((_, i) => (i === axis ? k : 1));
    const pads = [...kernel.map(() => 0), ...kernel.map((size) => size - 1)];
    const along = poolWindow(kernel, { pads });
    m = max(g, ...taps(g, frame(g, m, along, -Infinity), along));
  }
  return m;
}

/** The numbers 0, 1, .. below a value of one int64. */
function countTo(g: Graph, count: Value): Value {
  const known = count.contents?.[0];
  if (typeof known === "number") {
    return g.constant(int64s(Array.from({ length: known }, (_, i) => i)));
  }
  const ones = constantOfShape(g, count, tensor("int64", [1], [1]));
  return reshape(g, g.op("NonZero", [ones]), [-1]);
}

/** `TopK`: the k largest along axis 1 and their positions, from the largest on. */
function topK(g: Graph, x: Value, k: number): Value[] {
  if (g.opset < 10) return g.node("TopK", [x], { axis: 1, k }, { outputs: 2 });
  return g.node("TopK", [x, g.constant(int64s([k]))], { axis: 1 }, { outputs: 2 });
}

/**
 * The positions of one axis that are drawn.
 * @param noise numbers in [0, 1), `[grids, grid]`
 * @param tiles the number of tiles as int64 `[1]`
 * @param kernel the size of a tile
 * @param grid the size of a grid
 * @returns as many positions as there are tiles, int64, increasing
 */
function drawPositions(g: Graph, noise: Value, tiles: Value, kernel: number, grid: number): Value {
  const numbers = (values: readonly number[]) => g.constant(int64s(values));
  const each = grid / kernel;
  const grids = slice(g, shapeOf(g, noise), { axes: [0], starts: [0], ends: [1] });
  const row = reshape(g, countTo(g, grids), [-1, 1]);
  /** Numbers 0, 1, .. in rows of `size`, whether they are less than `limit`. */
  const below = (size: number, limit: Value) => {
    const columns = numbers(Array.from({ length: size }, (_, i) => i));
    return less(g, add(g, mul(g, row, numbers([size])), columns), limit);
  };
  // Positions beyond the last tile are drawn last.
  const exists = below(grid, mul(g, tiles, numbers([kernel])));
  const [, drawn] = topK(g, where(g, exists, noise, constantLike(g, noise, -1)), each);
  // What the last grid draws beyond its tiles comes after all others.
  const kept = where(
    g,
    below(each, tiles),
    cast(g, drawn, "float32"),
    g.constant(scalar("float32", grid)),
  );
  // Increasing order: the largest of the negated ones first.
  const [ordered] = topK(g, neg(g, kept), each);
  const chosen = add(g, cast(g, neg(g, ordered), "int64"), mul(g, row, numbers([grid])));
  return gather(g, reshape(g, chosen, [-1]), countTo(g, tiles), 0);
}

/** The number of tiles along an axis as int64 `[1]`. */
function tilesAlong(g: Graph, x: Value, window: PoolWindow, axis: number): Value {
  const k = window.kernel[axis];
  const more = keepsPartial(window) ? k - 1 : 0;
  const known = x.shape?.[axis + 2];
  if (typeof known === "number") return g.constant(int64s([Math.floor((known + more) / k)]));
  const size = slice(g, shapeOf(g, x), { axes: [0], starts: [axis + 2], ends: [axis + 3] });
  return g.op("Div", [add(g, size, g.constant(int64s([more]))), g.constant(int64s([k]))]);
}

/** The grid along an axis. */
const gridAlong = (window: PoolWindow, axis: number, grid: number) =>
  grid === 0 ? window.kernel[axis] : grid;

/**
 * Composes a draw of rows and columns.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window windows that tile the input
 * @param noise numbers in [0, 1) for each axis, `[grids, grid]`
 * @param grid positions that are drawn from together; 0 for the kernel
 * @returns the pooled value
 */
export function drawS3(
  g: Graph,
  x: Value,
  window: PoolWindow,
  noise: readonly Value[],
  grid: number,
): Value {
  let y = denseMaximum(g, x, window);
  for (const [axis, k] of window.kernel.entries()) {
    const tiles = tilesAlong(g, x, window, axis);
    const along = gridAlong(window, axis, grid);
    // Comparisons of numbers that are exact in float32.
    const keys = cast(g, noise[axis], "float32");
    y = gather(g, y, drawPositions(g, keys, tiles, k, along), axis + 2);
  }
  return y;
}

/**
 * Composes inference: the average of the maximum of stride 1 over tiles.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window windows that tile the input
 * @returns the pooled value
 */
export function meanS3(g: Graph, x: Value, window: PoolWindow): Value {
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const m = denseMaximum(g, x, window);
  // Smaller by a power of two first, so that the sum does not overflow.
  const c = 2 ** -Math.ceil(Math.log2(count));
  const { kernel, strides } = window;
  const sum = windowSum(g, mul(g, m, constantLike(g, x, c)), poolWindow(kernel, { strides }));
  return div(g, sum, constantLike(g, x, c * count));
}

/** The method `s3`. */
export const s3: Method = {
  name: "s3",
  aliases: ["s3pool"],
  summary: "training draws rows and columns of a maximum of stride 1; inference averages them",
  source: "Zhai et al.: S3Pool: Pooling with stochastic spatial sampling, CVPR 2017",
  axes: [1, 2, 3],
  random: true,
  trained: false,
  settings: [
    {
      name: "grid",
      summary: "positions that are drawn from together, a multiple of the kernel; 0 for the kernel",
      default: 0,
      check: (value) =>
        Number.isInteger(value) && value >= 0 && value < 2 ** 24
          ? undefined
          : `expected a whole number from 0 below 2^24, received ${value}`,
    },
  ],
  refuse: ({ window }, settings) => {
    const grid = settings.grid as number;
    const odd = window.kernel.find((k) => grid % k !== 0);
    return odd === undefined
      ? refuseTiles(window)
      : `its grid must be a multiple of the kernel, ${grid} is none of ${odd}`;
  },
  noise: ({ window }, settings): Noise[] =>
    window.kernel.map((k, axis) => {
      const grid = gridAlong(window, axis, settings.grid as number);
      const shape = (_: readonly number[], output: readonly number[]) => [
        Math.ceil((output[axis + 2] * k) / grid),
        grid,
      ];
      return { name: `axis${axis}`, shape };
    }),
  infer: ({ g, x, window }) => meanS3(g, x, window),
  train: ({ g, x, window, noise, settings }) => {
    const all = window.kernel.map((_, axis) => noise[`axis${axis}`]);
    return drawS3(g, x, window, all, settings.grid as number);
  },
};
