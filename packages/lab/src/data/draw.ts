/**
 * Random numbers of the data: streams that a purpose, a seed, an epoch and a picture's number define,
 * apart from the noise of a network trained with the same seed, and the order of an epoch.
 */
import { philox, uniformStream } from "@softpool/poolings/random";

/** What numbers are drawn for; each has numbers of its own. */
export type Purpose = "shuffle" | "augment" | "texture" | "lattice";

const purposes: readonly Purpose[] = ["shuffle", "augment", "texture", "lattice"];

/** The word "data" in ASCII: sets the seeds made here apart from those given. */
const MARK = 0x64617461;

/**
 * A stream of numbers in [0, 1), multiples of 2^-24.
 * @param purpose what they are for
 * @param seed a whole number from 0 to 2^53 - 1
 * @param epoch from 0 to 2^32 - 1
 * @param index number of the picture, from 0 to 2^53 - 1
 * @throws RangeError for a number out of range
 */
export function stream(purpose: Purpose, seed: number, epoch: number, index: number): () => number {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed: expected a whole number from 0 to 2^53 - 1, received ${seed}`);
  }
  const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const [low, high] = philox([MARK, purposes.indexOf(purpose), 0, 0], key);
  return uniformStream({ seed: low + (high & 0x1fffff) * 2 ** 32, step: index, layer: epoch });
}

/**
 * The order in which an epoch takes the pictures: a permutation by Fisher and Yates.
 * @param length how many pictures there are
 * @param seed seed of the run
 * @param epoch number of the epoch, from 0
 */
export function order(length: number, seed: number, epoch: number): Uint32Array {
  const next = stream("shuffle", seed, epoch, 0);
  const result = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    // Two numbers: 24 bits alone would favour some places in a set of millions.
    const j = Math.floor((next() + next() / 2 ** 24) * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
