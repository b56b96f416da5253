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

/** The upper half of the product of two 32-bit numbers, from the products of their 16-bit halves. */
function upper(a: number, b: number): number {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const [right, left] = [Math.imul(a0, b1), Math.imul(a1, b0)];
  const middle = (Math.imul(a0, b0) >>> 16) + (right & 0xffff) + (left & 0xffff);
  return (Math.imul(a1, b1) + (right >>> 16) + (left >>> 16) + (middle >>> 16)) | 0;
}

/** One block into `out`, from the words of the counter and of the key. */
function round10(
  out: Uint32Array,
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): void {
  let [x0, x1, x2, x3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [h0, l0] = [upper(0xd2511f53, x0), Math.imul(0xd2511f53, x0)];
    const [h1, l1] = [upper(0xcd9e8d57, x2), Math.imul(0xcd9e8d57, x2)];
    [x0, x1, x2, x3] = [h1 ^ x1 ^ k0, l1, h0 ^ x3 ^ k1, l0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/**
 * One block of the generator.
 * @param counter four 32-bit numbers
 * @param key two 32-bit numbers
 * @returns four 32-bit numbers, uniformly distributed
 */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>): Uint32Array {
  const out = new Uint32Array(4);
  round10(out, [counter[0], counter[1], counter[2], counter[3]], [key[0], key[1]]);
  return out;
}

function checked(name: string, value: number, limit: number): number {
  if (Number.isInteger(value) && value >= 0 && value < limit) return value;
  throw new RangeError(
    `uniforms: ${name}: expected a whole number from 0 below ${limit}, received ${value}`,
  );
}

/**
 * Gives the blocks of a place by number, each in the same array: seed in the key; step, layer and number
 * in the counter.
 */
function blocks({ seed, step = 0, layer = 0 }: RandomKey): (block: number) => Uint32Array {
  const halves = (value: number): [number, number] => [
    value % 2 ** 32,
    Math.floor(value / 2 ** 32),
  ];
  const key = halves(checked("seed", seed, 2 ** 53));
  // A step has 21 bits above its lower 32; the block number has the other word.
  const [low, high] = halves(checked("step", step, 2 ** 53));
  const last = checked("layer", layer, 2 ** 32);
  const out = new Uint32Array(4);
  return (block) => {
    round10(out, [block, low, high, last], key);
    return out;
  };
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
  let four = new Uint32Array(0);
  let next = 0;
  return () => {
    if (next % 4 === 0) four = block(next / 4) as Uint32Array<ArrayBuffer>;
    return toUniform(four[next++ % 4]);
  };
}
