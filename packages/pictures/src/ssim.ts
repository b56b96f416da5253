/**
 * Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004) on luma, data range 1:
 *
 *   SSIM = mean of (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))
 *
 * with C1 = 0.01^2, C2 = 0.03^2; means m, variances s^2 and covariance s_xy under an 11 x 11 Gaussian
 * window of sigma 1.5 whose weights sum to 1 (s^2 = E[x^2] - m^2, no sample correction); averaged
 * over the valid area, the positions where the window lies inside the picture.
 *
 * The window is separable: 11 taps along rows into a ring of 11 filtered rows, then 11 along columns.
 * All sums are float64.
 */
import { luma } from "./luma.ts";
import { expectPicture, expectSize, type Picture } from "./picture.ts";

const size = 11;
const c1 = 0.01 ** 2;
const c2 = 0.03 ** 2;

/** The one-dimensional window's distinct weights, from its rim (5 away) to its middle. */
const [w5, w4, w3, w2, w1, w0]: number[] = (() => {
  const g = [5, 4, 3, 2, 1, 0].map((d) => Math.exp(-(d * d) / (2 * 1.5 ** 2)));
  const sum = 2 * (g[0] + g[1] + g[2] + g[3] + g[4]) + g[5];
  return g.map((v) => v / sum);
})();

/**
 * SSIM of two pictures of the same size and channels, on BT.601 luma: 1 when they are equal, symmetric,
 * at most 1. NaN when a side is shorter than 11 pixels, or a sample is NaN or infinite.
 *
 * @throws RangeError when the pictures differ in size or channels
 */
export function ssim(a: Picture, b: Picture): number {
  return new SsimReference(a).compare(b);
}

/**
 * A picture that many others are compared with: its moments are computed once, so that a comparison
 * costs three filtered planes instead of five. Holds 20 bytes per pixel.
 */
export class SsimReference {
  readonly #size: { readonly width: number; readonly height: number; readonly channels: number };
  readonly #luma: Float32Array;
  readonly #mean: Float64Array;
  readonly #variance: Float64Array;
  readonly #work: Filter | undefined;

  /** @param reference the picture to compare with; later changes to its data are not seen */
  constructor(reference: Picture) {
    expectPicture("SsimReference", "reference", reference);
    const { width, height, channels, data } = reference;
    this.#size = { width, height, channels };
    const y = luma(reference);
    this.#luma = y === data ? y.slice() : y;
    const columns = Math.max(0, width - size + 1);
    const rows = Math.max(0, height - size + 1);
    this.#mean = new Float64Array(columns * rows);
    this.#variance = new Float64Array(columns * rows);
    if (columns * rows === 0) return;
    this.#work = new Filter(width, columns);
    this.#measure(this.#work);
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
    const work = this.#work;
    if (work === undefined) return Number.NaN;
    const { width, height } = this.#size;
    const x = this.#luma;
    const y = luma(other);
    const { columns, plain, square, product, mean, second, mixed } = work;
    let sum = 0;
    for (let row = 0; row < height; row++) {
      for (let i = 0, k = row * width; i < width; i++, k++) {
        const v = y[k];
        plain[i] = v;
        square[i] = v * v;
        product[i] = v * x[k];
      }
      work.pushRow(row, plain, 0);
      work.pushRow(row, square, 1);
      work.pushRow(row, product, 2);
      if (row < size - 1) continue;
      work.sumRows(row, 0, mean);
      work.sumRows(row, 1, second);
      work.sumRows(row, 2, mixed);
      sum += this.#similarity((row - size + 1) * columns, work);
    }
    return sum / this.#mean.length;
  }

  /** Fills the means and variances of the reference. */
  #measure(work: Filter): void {
    const { width, height } = this.#size;
    const { columns, plain, square, mean, second } = work;
    for (let row = 0; row < height; row++) {
      for (let i = 0, k = row * width; i < width; i++, k++) {
        const v = this.#luma[k];
        plain[i] = v;
        square[i] = v * v;
      }
      work.pushRow(row, plain, 0);
      work.pushRow(row, square, 1);
      if (row < size - 1) continue;
      work.sumRows(row, 0, mean);
      work.sumRows(row, 1, second);
      const line = (row - size + 1) * columns;
      for (let i = 0; i < columns; i++) {
        this.#mean[line + i] = mean[i];
        this.#variance[line + i] = second[i] - mean[i] * mean[i];
      }
    }
  }

  /** The sum of the SSIM map over one row, whose reference moments begin at `line`. */
  #similarity(line: number, work: Filter): number {
    const { columns, mean, second, mixed } = work;
    const means = this.#mean;
    const variances = this.#variance;
    let sum = 0;
    for (let i = 0; i < columns; i++) {
      const mx = means[line + i];
      const my = mean[i];
      const mxy = mx * my;
      const xx = mx * mx;
      const yy = my * my;
      const luminance = (2 * mxy + c1) / (xx + yy + c1);
      const structure = (2 * (mixed[i] - mxy) + c2) / (variances[line + i] + (second[i] - yy) + c2);
      sum += luminance * structure;
    }
    return sum;
  }
}

/** The separable window over rows that arrive one by one, for up to three planes at once. */
class Filter {
  /** Positions of the window along a row. */
  readonly columns: number;
  /** Rows to be filtered: samples, their squares, their products with the reference. */
  readonly plain: Float64Array;
  readonly square: Float64Array;
  readonly product: Float64Array;
  /** Rows of filtered results, `columns` long. */
  readonly mean: Float64Array;
  readonly second: Float64Array;
  readonly mixed: Float64Array;
  readonly #rings: readonly Float64Array[];

  constructor(width: number, columns: number) {
    this.columns = columns;
    const row = (n: number) => new Float64Array(n);
    this.plain = row(width);
    this.square = row(width);
    this.product = row(width);
    this.mean = row(columns);
    this.second = row(columns);
    this.mixed = row(columns);
    this.#rings = [row(size * columns), row(size * columns), row(size * columns)];
  }

  /** Filters `s` along itself and keeps it as row `row` of ring `plane`. */
  pushRow(row: number, s: Float64Array, plane: number): void {
    filterRow(s, this.#rings[plane], (row % size) * this.columns, this.columns);
  }

  /** Filters the 11 rows of ring `plane` that end at `row` along columns, into `to`. */
  sumRows(row: number, plane: number, to: Float64Array): void {
    filterColumns(this.#rings[plane], row + 1, this.columns, to);
  }
}

function filterRow(s: Float64Array, to: Float64Array, target: number, columns: number): void {
  for (let i = 0; i < columns; i++) {
    to[target + i] =
      w5 * (s[i] + s[i + 10]) +
      w4 * (s[i + 1] + s[i + 9]) +
      w3 * (s[i + 2] + s[i + 8]) +
      w2 * (s[i + 3] + s[i + 7]) +
      w1 * (s[i + 4] + s[i + 6]) +
      w0 * s[i + 5];
  }
}

/** `oldest` is congruent (mod 11) to the ring's row that is the window's first. */
function filterColumns(
  ring: Float64Array,
  oldest: number,
  columns: number,
  to: Float64Array,
): void {
  const at = (k: number) => ((oldest + k) % size) * columns;
  const [a, b, c, d, e, f] = [at(0), at(1), at(2), at(3), at(4), at(5)];
  const [g, h, j, k, l] = [at(6), at(7), at(8), at(9), at(10)];
  for (let i = 0; i < columns; i++) {
    to[i] =
      w5 * (ring[a + i] + ring[l + i]) +
      w4 * (ring[b + i] + ring[k + i]) +
      w3 * (ring[c + i] + ring[j + i]) +
      w2 * (ring[d + i] + ring[h + i]) +
      w1 * (ring[e + i] + ring[g + i]) +
      w0 * ring[f + i];
  }
}
