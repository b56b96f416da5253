/**
 * Numbers that PyTorch and the tests compute alike, so that no weights are stored: `formula.py` is the
 * same and says what they are.
 */
import type { Shape } from "@softpool/onnx";

const fnv = (name: string) =>
  new TextEncoder()
    .encode(name)
    .reduce((h, byte) => Math.imul(h ^ byte, 0x01000193) >>> 0, 0x811c9dc5);

/** How many numbers a shape has. */
export const countOf = (shape: Shape): number =>
  shape.reduce<number>((product, size) => product * Number(size), 1);

/** Numbers in [0, 1), keyed by a name. */
export function uniforms(name: string, count: number): Float64Array {
  const h = fnv(name);
  return Float64Array.from({ length: count }, (_, i) => {
    let v = (h + Math.imul(0x9e3779b9, i)) | 0;
    v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
    v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
    return ((v ^ (v >>> 16)) >>> 0) / 2 ** 32;
  });
}

/** Numbers in [low, high), rounded to float32. */
export function between(name: string, shape: Shape, low: number, high: number): Float64Array {
  return uniforms(name, countOf(shape)).map((u) => Math.fround(low + (high - low) * u));
}

/** The values of a stored tensor; those of running statistics are 0.5. */
export function parameter(name: string, shape: readonly number[]): Float64Array {
  if (name.includes(".running_")) return new Float64Array(countOf(shape)).fill(0.5);
  if (shape.length > 1) {
    const bound = Math.sqrt(6 / countOf(shape.slice(1)));
    return between(name, shape, -bound, bound);
  }
  return name.endsWith(".weight")
    ? between(name, shape, 0.5, 1.5)
    : between(name, shape, -0.3, 0.3);
}

/** What is kept of a gradient: sum, norm, the product with a fixed direction, two of its elements. */
export function summary(name: string, values: ArrayLike<number>): number[] {
  const direction = uniforms(`${name}/direction`, values.length);
  let [sum, squares, along] = [0, 0, 0];
  for (const [i, u] of direction.entries()) {
    sum += values[i];
    squares += values[i] ** 2;
    along += values[i] * (2 * u - 1);
  }
  const some = [values[Math.floor(values.length / 3)], values[values.length - 1]];
  return [sum, Math.sqrt(squares), along, ...some];
}

/**
 * The largest error of a summary, in units of what such a number may be: sqrt(n) times the norm for
 * sums, the norm (at least 0.001) for others. 1 where a gradient is unrelated to the right one.
 */
export function errorOf(found: readonly number[], kept: string, count: number): number {
  const right = kept.split(" ").map(Number);
  const norm = Math.max(right[1], 1e-3);
  const root = Math.sqrt(count);
  const units = [root, 1, 1, 1, 1].map((factor) => factor * norm);
  return found.reduce((worst, value, i) => {
    const error = Math.abs(value - right[i]) / units[i];
    return error <= worst ? worst : Number.isNaN(error) ? Infinity : error;
  }, 0);
}
