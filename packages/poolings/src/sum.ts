/**
 * Sum pooling: y = sum x_i over the taps that exist, N times the average. Taps that do not exist and
 * taps that are 0 are the same.
 */
import type { Graph, PoolWindow, Value } from "@softpool/onnx";
import { tapTotal } from "./frame.ts";
import type { Method } from "./method.ts";

/**
 * Composes sum pooling.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window
 * @returns the pooled value
 */
export function sumPooling(g: Graph, x: Value, window: PoolWindow): Value {
  return tapTotal(g, x, window);
}

/** The method `sum`. */
export const sum: Method = {
  name: "sum",
  aliases: [],
  summary: "the sum of the taps",
  source:
    "as in Stergiou, Poppe, Kalliatakis: Refining activation downsampling with SoftPool, ICCV 2021",
  axes: [1, 2, 3],
  random: false,
  trained: false,
  infer: ({ g, x, window }) => sumPooling(g, x, window),
};
