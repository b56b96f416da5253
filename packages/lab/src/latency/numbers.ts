/** The numbers that are pooled: uniform, positive, without special values, the same everywhere. */
import { uniforms } from "@softpool/poolings";

/** Numbers that are drawn; longer tensors repeat them. */
const DRAWN = 2 ** 18;

/**
 * Fills an array with uniform numbers in [0, 1).
 * @param seed equal seeds give equal numbers
 */
export function fillUniform(array: Float32Array, seed: number): void {
  const some = uniforms(Math.min(DRAWN, array.length), { seed });
  array.set(some);
  for (let done = some.length; done < array.length; done *= 2) {
    array.copyWithin(done, 0, Math.min(done, array.length - done));
  }
}

/** Whether a sample of the numbers is finite and not all zero: what any pooling of such numbers gives. */
export function isSound(array: Float32Array): boolean {
  const step = Math.max(1, Math.floor(array.length / 10_007));
  let size = 0;
  for (let i = 0; i < array.length; i += step) size += Math.abs(array[i]);
  return Number.isFinite(size) && size > 0;
}
