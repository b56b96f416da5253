/**
 * Maximum pooling: y = max x_i over the taps that exist. Padded taps are never 0: a window of negative
 * values keeps its maximum.
 *
 * One MaxPool node. ONNX Runtime's MaxPool drops NaN on the CPU in most places of a window, and gives
 * another tap, not always the largest. The reference evaluator gives NaN, and so do all methods that weigh every tap besides.
 */
import { type Graph, max, maxPool, type PoolWindow, type Value } from "@softpool/onnx";
import { hasNode } from "./average.ts";
import { frame, plainWindow, taps } from "./frame.ts";
import type { Method } from "./method.ts";
import { largest } from "./numbers.ts";

/**
 * Composes maximum pooling.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @returns the pooled value
 */
export function maximumPooling(g: Graph, x: Value, window: PoolWindow): Value {
  if (hasNode(g, window)) return maxPool(g, x, window);
  const framed = frame(g, x, window, -largest(x.dtype));
  const dilated = window.dilations.some((d) => d !== 1);
  return dilated ? max(g, ...taps(g, framed, window)) : maxPool(g, framed, plainWindow(window));
}

/** The method `maximum`. */
export const maximum: Method = {
  name: "maximum",
  aliases: ["max"],
  summary: "the largest tap",
  source: "Ranzato, Boureau, LeCun: Sparse feature learning for deep belief networks, NIPS 2007",
  axes: [1, 2, 3],
  random: false,
  trained: false,
  infer: ({ g, x, window }) => maximumPooling(g, x, window),
};
