/**
 * The gradient of Resize and Upsample. Along each axis they are a product with a matrix R of outputs by
 * inputs, so that the gradient is one with its transpose: dL/dx = R^T dL/dy. Where each element is
 * repeated a whole number of times it is a sum over windows side by side, as an average times a number.
 */
import type { Graph, Value } from "../graph.ts";
import { elements, tensor } from "../tensor.ts";
import { matMul } from "./matmul.ts";
import { reshape } from "./reshape.ts";
import { reshapeLike, scaled } from "./rules.ts";
import { knownSizes } from "./spatial.ts";

/** The inputs that an output is made of, with their weights; `undefined` for a constant. */
export type Mix = readonly (readonly [index: number, weight: number])[];

/** One axis that was resized. */
export interface Resized {
  /** Its place among the axes. */
  readonly axis: number;
  /** Its input size. */
  readonly size: number;
  /** What each output is made of. */
  readonly mix: readonly (Mix | undefined)[];
}

/** How often every element of an axis is repeated; `undefined` when it is something else. */
function repeats({ size, mix }: Resized): number | undefined {
  const factor = mix.length / size;
  const whole = mix.every(
    (parts, o) =>
      parts?.length === 1 && parts[0][1] === 1 && parts[0][0] === Math.floor(o / factor),
  );
  return Number.isInteger(factor) && whole ? factor : undefined;
}

/**
 * Gives a gradient back through resized axes.
 * @param dy the gradient of the result
 * @param x the input
 * @param resized the axes that were resized
 * @throws OnnxError when sizes from the first resized axis on are not known
 */
export function resizedBack(g: Graph, dy: Value, x: Value, resized: readonly Resized[]): Value {
  const factors = resized.map(repeats);
  const spatial = resized.length > 0 && resized.every(({ axis }) => axis >= 2);
  const rank = x.shape?.length ?? 0;
  if (spatial && rank <= 5 && factors.every((factor) => factor !== undefined)) {
    const kernel = new Array<number>(rank - 2).fill(1);
    for (const [i, { axis }] of resized.entries()) kernel[axis - 2] = factors[i] as number;
    const means = g.op("AveragePool", [dy], { kernel_shape: kernel, strides: kernel });
    return scaled(g, means, elements(kernel));
  }
  let current = dy;
  let shape = [...(dy.shape ?? [])];
  for (const { axis, size, mix } of resized) {
    const inner = elements(knownSizes({ ...current, shape }, axis + 1));
    const transposed = new Float64Array(size * mix.length);
    for (const [o, parts] of mix.entries()) {
      for (const [j, weight] of parts ?? []) transposed[j * mix.length + o] += weight;
    }
    const matrix = g.constant(tensor(x.dtype ?? "float32", [size, mix.length], transposed));
    current = matMul(g, matrix, reshape(g, current, [-1, mix.length, inner]));
    shape = shape.map((dim, i) => (i === axis ? size : dim));
  }
  return reshapeLike(g, current, x);
}
