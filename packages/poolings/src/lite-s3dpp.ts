/**
 * Lite-S3DPP: detail-preserving pooling at every position, sampled as S3Pool samples. With p the kernel
 * along an axis:
 *
 *     M = lite-dpp over p x p windows at every position, the last element replicated beyond the end
 *     training:   rows and columns of M drawn from grids, p to 1, as the method s3 does
 *     inference:  y = average of M over p x p tiles
 *
 * Grids are half the input's first spatial axis long, two of them, and equally many tiles on the other
 * axes. The reward is the symmetric one.
 *
 * Source: Saeedan, Weber, Goesele, Roth: Detail-preserving pooling in deep networks, CVPR 2018; Zhai et
 * al.: S3Pool: Pooling with stochastic spatial sampling, CVPR 2017.
 */
import {
  cast,
  constantOfShape,
  type Graph,
  gather,
  neg,
  OnnxError,
  type PoolWindow,
  pad,
  poolWindow,
  reshape,
  shapeOf,
  slice,
  tensor,
  type Value,
} from "@softpool/onnx";
import { averagePooling } from "./average.ts";
import { dppPooling, rewardParameters } from "./dpp.ts";
import type { Context, Method } from "./method.ts";
import { drawS3, s3 } from "./s3.ts";
import { alongChannels } from "./soft-beta.ts";
import { refuseTiles, wholeTiles } from "./tiles.ts";

/** The pooling of every position: as large as the input, or as the tiles that are kept. */
function densePooling({ g, x, window, parameters }: Context): Value {
  const { kernel } = window;
  const whole = wholeTiles(g, x, window);
  const begins = new Array<number>(kernel.length + 2).fill(0);
  const more = pad(g, whole, [...begins, 0, 0, ...kernel.map((k) => k - 1)], 0, "edge");
  return dppPooling(g, more, poolWindow(kernel), {
    logAlpha: alongChannels(g, parameters.log_alpha, kernel.length),
    logLambda: alongChannels(g, parameters.log_lambda, kernel.length),
  });
}

/** The numbers 0, -1, -2, .. along an axis of a value, as float32 `[1, 1, size]`. */
function falling(g: Graph, x: Value, axis: number): Value {
  const size = x.shape?.[axis];
  if (typeof size === "number") {
    const data = Array.from({ length: size }, (_, i) => 0 - i);
    return g.constant(tensor("float32", [1, 1, size], data));
  }
  const length = slice(g, shapeOf(g, x), { axes: [0], starts: [axis], ends: [axis + 1] });
  const ones = constantOfShape(g, length, tensor("float32", [1], [1]));
  const positions = g.op("NonZero", [ones]);
  return neg(g, cast(g, reshape(g, positions, [1, 1, -1]), "float32"));
}

/** Tiles of a grid: as the setting says, or half of the tiles along the first spatial axis. */
function tilesOfGrid(settings: Context["settings"], window: PoolWindow, tiles: number): number {
  const grid = settings.grid as number;
  return grid === 0 ? Math.ceil(tiles / 2) : grid / window.kernel[0];
}

function train(context: Context): Value {
  const { g, window, noise, settings } = context;
  const dense = densePooling(context);
  const first = dense.shape?.[2];
  if (typeof first !== "number" && settings.grid === 0) {
    throw new OnnxError(
      "lite-s3dpp: grid: expected a number for an input of unknown size, received 0; set a multiple of the kernel",
    );
  }
  const tiles = typeof first === "number" ? Math.floor(first / window.kernel[0]) : 0;
  const each = tilesOfGrid(settings, window, tiles);
  let y = dense;
  for (const [axis, k] of window.kernel.entries()) {
    // Of a falling row every number is the maximum from its place on: what is drawn are the places.
    const row = poolWindow([k], { strides: [k] });
    const drawn = drawS3(g, falling(g, dense, axis + 2), row, [noise[`axis${axis}`]], each * k);
    y = gather(g, y, cast(g, neg(g, reshape(g, drawn, [-1])), "int64"), axis + 2);
  }
  return y;
}

/** The method `lite-s3dpp`. */
export const liteS3dpp: Method = {
  name: "lite-s3dpp",
  aliases: ["s3dpp"],
  summary: "lite-dpp at every position; training draws rows and columns, inference averages them",
  source:
    "Saeedan, Weber, Goesele, Roth: Detail-preserving pooling in deep networks, CVPR 2018; sampling: Zhai et al., CVPR 2017",
  axes: [1, 2, 3],
  random: true,
  trained: true,
  settings: [
    {
      name: "grid",
      summary:
        "positions of the first axis that are drawn from together, a multiple of the kernel; 0 for half of them",
      default: 0,
      check: s3.settings?.[0].check,
    },
  ],
  refuse: ({ window }, settings) => {
    const [grid, first] = [settings.grid as number, window.kernel[0]];
    return grid % first === 0
      ? refuseTiles(window)
      : `its grid must be a multiple of the kernel, ${grid} is none of ${first}`;
  },
  parameters: rewardParameters,
  noise: ({ window }, settings) =>
    window.kernel.map((k, axis) => ({
      name: `axis${axis}`,
      shape: (_, output) => {
        const each = tilesOfGrid(settings, window, output[2]);
        return [Math.ceil(output[axis + 2] / each), each * k];
      },
    })),
  infer: (context) => {
    const { g, window } = context;
    const { kernel } = window;
    return averagePooling(g, densePooling(context), poolWindow(kernel, { strides: kernel }));
  },
  train,
};
