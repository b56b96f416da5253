/** The way back through broadcasting, for gradients: sums over what was repeated. */
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { formatShape } from "../shape.ts";
import { reduce } from "./reduce.ts";
import { reshape, squeeze } from "./reshape.ts";

/**
 * Sums a gradient over the axes along which a value was repeated, so that it has the value's shape.
 * @param g the graph
 * @param gradient the gradient of the broadcast value
 * @param like the value that was broadcast
 * @throws OnnxError when it is not known which axes were repeated
 */
export function sumTo(g: Graph, gradient: Value, like: Value): Value {
  const [from, to] = [gradient.shape, like.shape];
  if (from === undefined || to === undefined) {
    throw new OnnxError(
      `gradient of ${quote(like.name)}: expected known numbers of axes, found ${formatShape(to)} and ${formatShape(from)}`,
    );
  }
  const extra = from.length - to.length;
  const axes: number[] = [];
  for (let i = 0; i < extra; i++) axes.push(i);
  for (const [i, size] of to.entries()) {
    const whole = from[i + extra];
    if (size === whole && size !== null) continue;
    if (size === 1) axes.push(i + extra);
    // One of them is not 1, so that the other was not repeated along this axis, unless it is unknown.
    else if (typeof size !== "number" && typeof whole !== "number" && size !== whole) {
      throw new OnnxError(
        `gradient of ${quote(like.name)}: expected known sizes, found ${formatShape(to)} in ${formatShape(from)}; give the inputs' shapes`,
      );
    }
  }
  if (axes.length === 0) return gradient;
  const sum = reduce(g, "ReduceSum", gradient, axes, true);
  if (extra === 0) return sum;
  if (to.length === 0) return reshape(g, sum, []);
  return squeeze(
    g,
    sum,
    Array.from({ length: extra }, (_, i) => i),
  );
}
