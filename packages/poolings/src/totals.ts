/**
 * Sums over windows and numbers of taps for windows of every kind.
 *
 * ONNX Runtime merges a Pad with 0 into the AveragePool after it, and then refuses padding that is not
 * below the kernel size, as the frame of a dilated window may have: there the taps are added one by one.
 */
import { type Graph, type PoolWindow, scalar, type Value } from "@softpool/onnx";
import { frame, isPlain, sumOf, tapCount, taps, tapWeights, windowSum } from "./frame.ts";

const isDilated = (window: PoolWindow) => window.dilations.some((d) => d !== 1);

/** The sum of the taps of every window. */
export function tapTotal(g: Graph, x: Value, window: PoolWindow): Value {
  const framed = frame(g, x, window, 0);
  return isDilated(window) && !isPlain(window)
    ? sumOf(g, taps(g, framed, window))
    : windowSum(g, framed, window);
}

/** How many taps every window has, of shape `[1, 1, ...]`, or a scalar where all taps exist. */
export function tapNumber(g: Graph, x: Value, window: PoolWindow): Value {
  if (!isDilated(window)) return tapCount(g, x, window);
  const dtype = x.dtype ?? "float32";
  const exist = tapWeights(g, x, window, dtype);
  const count = window.kernel.reduce((product, k) => product * k, 1);
  return exist === undefined ? g.constant(scalar(dtype, count)) : sumOf(g, exist);
}
