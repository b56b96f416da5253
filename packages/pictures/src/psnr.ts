/**
 * Peak signal to noise ratio in decibels over all samples of all channels, with peak 1:
 *
 *   PSNR = 10 log10(1 / mean (a - b)^2)
 *
 * The values are compared as they are, without rounding to 8 bits and without clipping.
 */
import { expectPicture, expectSize, type Picture } from "./picture.ts";

/**
 * PSNR of two pictures in dB; symmetric. Infinity when they are equal, NaN when a sample is NaN or
 * equal infinities meet, -Infinity for an infinite difference.
 *
 * @throws RangeError when the pictures differ in size or channels
 */
export function psnr(a: Picture, b: Picture): number {
  expectPicture("psnr", "a", a);
  expectSize("psnr", "b", b, a);
  const x = a.data;
  const y = b.data;
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const d = x[i] - y[i];
    sum += d * d;
  }
  return 10 * Math.log10(x.length / sum);
}

/** What `meanPsnr` found. */
export interface MeanPsnr {
  /** Mean of the values that are not Infinity, in dB; NaN when there are none. */
  readonly mean: number;
  /** How many values were Infinity: pairs of equal pictures. */
  readonly infinite: number;
}

/**
 * Averages PSNR values, counting infinite ones (equal pictures) apart instead of letting one of them
 * swallow the mean. A NaN makes the mean NaN.
 */
export function meanPsnr(values: Iterable<number>): MeanPsnr {
  let sum = 0;
  let count = 0;
  let infinite = 0;
  for (const value of values) {
    if (value === Infinity) {
      infinite++;
    } else {
      sum += value;
      count++;
    }
  }
  return { mean: sum / count, infinite };
}
