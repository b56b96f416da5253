/**
 * Average pooling: y = (1 / N) sum x_i over the N taps that exist. Padded taps are not counted, unlike
 * PyTorch's default.
 *
 * One AveragePool node, or the sum of the taps over their number where there is no kernel for it:
 * float64, and dilations before operator set 19. As in every runtime, a sum beyond the largest number
 * of the type is infinite.
 */
import { averagePool, div, type Graph, type PoolWindow, type Value } from "@softpool/onnx";
import { isTrusted, tapCount, tapTotal } from "./frame.ts";
import type { Method } from "./method.ts";

/**
 * Whether one pooling node may have a window: ceil mode and dilations came with operator set 10, and
 * some windows of ceil mode are better framed.
 */
export function hasNode(g: Graph, window: PoolWindow): boolean {
  const plain = !window.ceilMode && window.dilations.every((d) => d === 1);
  return (g.opset >= 10 || plain) && isTrusted(window);
}

/**
 * Composes average pooling.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @returns the pooled value
 */
export function averagePooling(g: Graph, x: Value, window: PoolWindow): Value {
  const dilated = window.dilations.some((d) => d !== 1);
  if (x.dtype !== "float64" && (!dilated || g.opset >= 19) && hasNode(g, window)) {
    return averagePool(g, x, window);
  }
  return div(g, tapTotal(g, x, window), tapCount(g, x, window));
}

/** The method `average`. */
export const average: Method = {
  name: "average",
  aliases: ["avg", "mean"],
  summary: "the mean of the taps",
  source: "LeCun et al.: Handwritten digit recognition with a back-propagation network, NIPS 1989",
  axes: [1, 2, 3],
  random: false,
  trained: false,
  infer: ({ g, x, window }) => averagePooling(g, x, window),
};
