/**
 * Random numbers without state: Philox4x32-10, a counter-based generator. Four numbers are a function
 * of a counter and a key alone, so that any number of a training run can be made again at any time, in
 * any order and on any machine.
 *
 * One round, with (x0, x1, x2, x3) the counter and (k0, k1) the key:
 *
 *     (h0, l0) = 0xD2511F53 x0,  (h1, l1) = 0xCD9E8D57 x2      high and low halves of the products
 *     x = (h1 ^ x1 ^ k0, l1, h0 ^ x3 ^ k1, l0)
 *     k = (k0 + 0x9E3779B9, k1 + 0xBB67AE85)                   before the next round
 *
 * Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011.
 */

/** Where in a training run numbers are drawn. Equal places give equal numbers. */
export interface RandomKey {
  /** Seed of the run, a whole number from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Step of the run, a whole number from 0 to 2^53 - 1; default 0. */
  readonly step?: number;
  /** Number of the layer (or of the noise input) in the network, from 0 to 2^32 - 1; default 0. */
  readonly layer?: number;
}

const ROUNDS = 10;

/** Writes the upper and the lower half of a product of two 32-bit numbers into `out`. */
function multiply(a: number, b: number, out: Uint32Array): void {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const rest = a0 * b1 + (middle % 0x10000);
  out[0] = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(rest / 0x10000);
  out[1] = Math.imul(a, b);
}

/**
 * One block of the generator.
 * @param counter four 32-bit numbers
 * @param key two 32-bit numbers
 * @returns four 32-bit numbers, uniformly distributed
 */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>): Uint32Array {
  const x = Uint32Array.from(counter);
  const k = Uint32Array.from(key);
  const first = new Uint32Array(2);
  const second = new Uint32Array(2);
  for (let round = 0; round < ROUNDS; round++) {
    multiply(0xd2511f53, x[0], first);
    multiply(0xcd9e8d57, x[2], second);
    x[0] = second[0] ^ x[1] ^ k[0];
    x[1] = second[1];
    x[2] = first[0] ^ x[3] ^ k[1];
    x[3] = first[1];
    k[0] += 0x9e3779b9;
    k[1] += 0xbb67ae85;
  }
  return x;
}

function checked(name: string, value: number, limit: number): number {
  if (Number.isInteger(value) && value >= 0 && value < limit) return value;
  throw new RangeError(
    `uniforms: ${name}: expected a whole number from 0 below ${limit}, received ${value}`,
  );
}

/** Gives the blocks of a place by number: seed in the key; step, layer and number in the counter. */
function blocks({ seed, step = 0, layer = 0 }: RandomKey): (block: number) => Uint32Array {
  const halves = (value: number) => [value % 2 ** 32, Math.floor(value / 2 ** 32)];
  const key = halves(checked("seed", seed, 2 ** 53));
  // A step has 21 bits above its lower 32; the block number has the other word.
  const [low, high] = halves(checked("step", step, 2 ** 53));
  const last = checked("layer", layer, 2 ** 32);
  return (block) => philox([block, low, high, last], key);
}

/** A number in [0, 1) of the 24 upper bits: exact in float32. */
const toUniform = (bits: number) => (bits >>> 8) / 2 ** 24;

/**
 * Uniformly distributed numbers in [0, 1), multiples of 2^-24.
 * @param count how many, at most 2^34
 * @param key seed, step and layer
 * @throws RangeError for a count or a key out of range
 */
export function uniforms(count: number, key: RandomKey): Float32Array<ArrayBuffer> {
  checked("count", count, 2 ** 34 + 1);
  const block = blocks(key);
  const result = new Float32Array(count);
  for (let i = 0; i < count; i += 4) {
    const four = block(i / 4);
    for (let j = 0; j < 4 && i + j < count; j++) result[i + j] = toUniform(four[j]);
  }
  return result;
}

/**
 * The same numbers one after another: what initial values of parameters are drawn from.
 * @param key seed, step and layer
 * @throws RangeError for a key out of range
 */
export function uniformStream(key: RandomKey): () => number {
  const block = blocks(key);
  let four: Uint32Array = new Uint32Array(0);
  let next = 0;
  return () => {
    if (next % 4 === 0) four = block(next / 4);
    return toUniform(four[next++ % 4]);
  };
}
