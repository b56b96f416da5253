/**
 * Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004) on luma:
 *
 *   SSIM = mean of (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))
 *
 * and its multi-scale form (Wang, Simoncelli and Bovik 2003). Window: `window.ts`;
 * constants and valid area: `ssim-map.ts`; scales: `pyramid.ts`.
 */
import { luma } from "./luma.ts";
import { expectPicture, expectSize, type Picture } from "./picture.ts";
import { Pyramid, type Structure } from "./pyramid.ts";

/** Options of SSIM and MS-SSIM. */
export interface SsimOptions {
  /**
   * The range L of the values in C1 = (0.01 L)^2 and C2 = (0.03 L)^2: a number above 0, default 1, which
   * is right for values in [0, 1]. SSIM depends on values / L alone, so 1/255 gives what comes out
   * when values of 0 to 255 are compared with a data range of 1, a known mistake.
   */
  readonly dataRange?: number;
}

/**
 * SSIM of two pictures of the same size and channels, on BT.601 luma: 1 when they are equal, symmetric,
 * at most 1. NaN when a side is shorter than 11 pixels, or a sample is NaN or infinite.
 *
 * @throws RangeError when the pictures differ in size or channels, or an option is out of range
 */
export function ssim(a: Picture, b: Picture, options: SsimOptions = {}): number {
  return compare("ssim", a, b, options, false).ssim;
}

/**
 * MS-SSIM of two pictures of the same size and channels, on BT.601 luma: 1 when they are equal,
 * symmetric, in [0, 1]. NaN when a side is shorter than 176 pixels, or a sample is NaN or infinite.
 *
 * @throws RangeError when the pictures differ in size or channels, or an option is out of range
 */
export function msSsim(a: Picture, b: Picture, options: SsimOptions = {}): number {
  return compare("msSsim", a, b, options, true).msSsim;
}

function compare(
  operation: string,
  a: Picture,
  b: Picture,
  { dataRange = 1 }: SsimOptions,
  multiscale: boolean,
): Structure {
  expectPicture(operation, "a", a);
  expectSize(operation, "b", b, a);
  expectDataRange(operation, dataRange);
  const { width, height } = a;
  const pyramid = new Pyramid(luma(a), width, height, multiscale);
  return comparePlane(pyramid, luma(b), width, height, dataRange);
}

/**
 * A picture that many others are compared with: its moments are computed once, so that a comparison
 * costs three filtered planes instead of five. Holds about 26 bytes per pixel.
 */
export class SsimReference {
  readonly #size: { readonly width: number; readonly height: number; readonly channels: number };
  readonly #pyramid: Pyramid;
  readonly #dataRange: number;

  /**
   * @param reference the picture to compare with; later changes to its data are not seen
   * @throws RangeError when an option is out of range
   */
  constructor(reference: Picture, { dataRange = 1 }: SsimOptions = {}) {
    expectPicture("SsimReference", "reference", reference);
    expectDataRange("SsimReference", dataRange);
    const { width, height, channels } = reference;
    this.#size = { width, height, channels };
    this.#dataRange = dataRange;
    this.#pyramid = new Pyramid(luma(reference), width, height, false);
  }

  /**
   * SSIM of the reference and `other`, as `ssim(reference, other)`.
   *
   * @param other a picture with the reference's size and channels
   * @returns NaN when a side is shorter than 11 pixels, or a sample is NaN or infinite
   * @throws RangeError when size or channels differ
   */
  compare(other: Picture): number {
    expectSize("SsimReference.compare", "other", other, this.#size);
    const { width, height } = other;
    return comparePlane(this.#pyramid, luma(other), width, height, this.#dataRange).ssim;
  }
}

/** Compares a whole plane of `height * width` samples with the top left part of a pyramid. */
export function comparePlane(
  pyramid: Pyramid,
  plane: Float32Array,
  width: number,
  height: number,
  dataRange: number,
): Structure {
  const comparer = pyramid.compare(width, height, [dataRange]);
  for (let y = 0; y < height; y++) {
    comparer.row().set(plane.subarray(y * width, (y + 1) * width));
    comparer.take();
  }
  return comparer.result()[0];
}

/** Throws a RangeError in the name of `operation` unless `dataRange` is a finite number above 0. */
export function expectDataRange(operation: string, dataRange: number): void {
  if (!(typeof dataRange === "number" && dataRange > 0 && dataRange < Infinity)) {
    throw new RangeError(
      `${operation}: dataRange must be a finite number above 0, got ${String(dataRange)}; use 1 for values in [0, 1]`,
    );
  }
}
