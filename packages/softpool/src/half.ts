/**
 * float16 <-> number (IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits), for the places where
 * single elements are converted in JavaScript; whole tensors are converted in WebAssembly.
 */

import type { Elements, FloatArray } from "./types.ts";

const double = new Float64Array(1);
const word = new Uint32Array(double.buffer);
/** The word of a float64 with sign and exponent: all platforms of JavaScript are little-endian today. */
const HIGH = 1;

/** The value of float16 bits. */
export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The elements of an array as numbers: itself, or float16 bits converted. */
export function toNumbers(data: FloatArray): Elements {
  return data instanceof Uint16Array ? Float64Array.from(data, halfToNumber) : data;
}

/** The float16 bits nearest to a number, ties to even, in one rounding; overflow gives infinity. */
export function numberToHalf(value: number): number {
  double[0] = value;
  const sign = (word[HIGH] >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (!(magnitude < 65520)) return magnitude >= 65520 ? sign | 0x7c00 : 0x7e00;
  // The spacing of float16 numbers around the value: 2^-24 for subnormals, else 2^(exponent - 10).
  const exponent = Math.max(-14, ((word[HIGH] >>> 20) & 0x7ff) - 1023);
  const spacing = 2 ** (exponent - 10);
  const scaled = magnitude / spacing;
  let steps = Math.floor(scaled);
  const rest = scaled - steps;
  if (rest > 0.5 || (rest === 0.5 && steps % 2 === 1)) steps++;
  // A carry out of the fraction moves into the exponent by itself; subnormals have exponent field 0.
  return sign | ((exponent + 14) * 1024 + steps);
}
