/**
 * The numbers that are pooled: one file per run, read by every process, so that all libraries see the
 * same. Values are close to normal, mean 0 and standard deviation 1 (the sum of four uniform numbers),
 * like activations after batch normalisation.
 *
 * The file holds the largest input, then the gradient of the largest output; workloads use the front of
 * both.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";

/**
 * Where the numbers are.
 * @typedef {object} Source
 * @property {string} path file of little-endian numbers of the element type
 * @property {number} gradientOffset number of elements before the gradient
 */

const CHUNK = 1 << 20;
/** Scales the sum of four 16-bit numbers, whose variance is 65536^2 / 3. */
const SCALE = Math.sqrt(3) / 65536;

/**
 * A source of numbers: a function that fills an array with the next ones.
 * @param {number} [seed] a 32-bit number, not 0; without it the numbers are those of the file
 * @returns {(values: Float32Array | Float64Array) => void}
 */
export function normalNumbers(seed = 0x9e3779b9) {
  let state = seed;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
  return (values) => {
    for (let i = 0; i < values.length; i++) {
      const a = random();
      const b = random();
      const sum = (a >>> 16) + (a & 65535) + (b >>> 16) + (b & 65535);
      values[i] = (sum - 131070) * SCALE;
    }
  };
}

/**
 * Writes `count` numbers to a file in the given element type. Float16 is float32 without its last
 * bits, so that both types see the same numbers.
 * @param {string} path
 * @param {number} count
 * @param {"float32" | "float16"} dtype
 */
export function writeNumbers(path, count, dtype) {
  const file = openSync(path, "w");
  const values = new Float32Array(CHUNK);
  const halves = new Uint16Array(CHUNK);
  const fill = normalNumbers();
  for (let start = 0; start < count; start += CHUNK) {
    const length = Math.min(CHUNK, count - start);
    fill(values.subarray(0, length));
    if (dtype === "float16") toHalf(values, halves);
    const view = dtype === "float16" ? halves : values;
    writeSync(file, view.subarray(0, length));
  }
  closeSync(file);
}

/**
 * Cuts float32 numbers to float16 bits; numbers below the least normal one become 0.
 * @param {Float32Array} values
 * @param {Uint16Array} halves
 */
function toHalf(values, halves) {
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const exponent = ((bits[i] >>> 23) & 255) - 112;
    const sign = (bits[i] >>> 16) & 0x8000;
    halves[i] = exponent < 1 ? sign : sign | (exponent << 10) | ((bits[i] >>> 13) & 1023);
  }
}

/**
 * The numbers that float16 bits stand for; only normal ones and zero are exact.
 * @param {Uint16Array} halves
 * @returns {Float32Array}
 */
export function fromHalf(halves) {
  return Float32Array.from(halves, (h) => {
    const exponent = (h >>> 10) & 31;
    const magnitude =
      exponent === 0 ? (h & 1023) * 2 ** -24 : (1 + (h & 1023) / 1024) * 2 ** (exponent - 15);
    return h & 0x8000 ? -magnitude : magnitude;
  });
}

/**
 * Fills an array from a file of its element type.
 * @param {string} path
 * @param {number} start first element
 * @param {Float32Array | Uint16Array} target
 */
export function readNumbers(path, start, target) {
  const file = openSync(path, "r");
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  for (let done = 0; done < bytes.length; ) {
    const position = start * target.BYTES_PER_ELEMENT + done;
    const got = readSync(file, bytes, done, bytes.length - done, position);
    if (got === 0) throw new Error(`readNumbers: ${path} ends too early`);
    done += got;
  }
  closeSync(file);
}

/**
 * Where the first and the last picture of a batch lie in a tensor, as they are compared: between them
 * they touch both ends of every axis.
 * @param {number} length elements of the tensor
 * @param {number} batch pictures in it
 * @returns {[start: number, end: number][]}
 */
export function endsOfBatch(length, batch) {
  const each = length / batch;
  return [
    [0, each],
    [length - each, length],
  ];
}
