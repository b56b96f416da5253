/**
 * The means of the SSIM map (Wang, Bovik, Sheikh and Simoncelli 2004) of a plane that arrives row by
 * row and a prepared reference:
 *
 *   l = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1)      cs = (2 s_xy + C2) / (s_x^2 + s_y^2 + C2)
 *
 * with means m, variances s^2 and covariance s_xy under the window of `window.ts` (s^2 = E[x^2] - m^2,
 * no sample correction), C1 = (0.01 L)^2, C2 = (0.03 L)^2 and L the data range, over the valid area: the
 * positions where the window lies inside the plane.
 */
import { prepare, type WindowRows, windowSize } from "./window.ts";

/** A reference plane and its moments at every position of the window. */
export class Moments {
  /** Columns of the plane. */
  readonly width: number;
  /** Rows of the plane. */
  readonly height: number;
  /** The plane's `height * width` samples. */
  readonly plane: Float64Array;
  /** Positions of the window along a row: `width - 10`, or 0. */
  readonly columns: number;
  /** The mean at every position, `height - 10` rows of `columns`. */
  readonly mean: Float64Array;
  /** The variance at every position. */
  readonly variance: Float64Array;

  /** @param plane `height * width` samples; kept, not copied */
  constructor(plane: Float64Array, width: number, height: number) {
    this.plane = plane;
    this.width = width;
    this.height = height;
    this.columns = Math.max(0, width - windowSize + 1);
    const { columns } = this;
    const length = columns * Math.max(0, height - windowSize + 1);
    this.mean = new Float64Array(length);
    this.variance = new Float64Array(length);
    if (length === 0) return;
    const [rows] = prepare([width]);
    const { plain, mean, second } = rows;
    for (let row = 0, line = 0; row < height; row++) {
      plain.set(plane.subarray(row * width, (row + 1) * width));
      if (!rows.take(row)) continue;
      this.mean.set(mean, line);
      for (let i = 0; i < columns; i++) {
        this.variance[line + i] = second[i] - mean[i] * mean[i];
      }
      line += columns;
    }
  }
}

/** The comparison of the top left part of a reference with a plane whose rows arrive from the top. */
export class Comparer {
  /** Where the next row is expected, from index 0. */
  readonly row: Float64Array;
  readonly #rows: WindowRows;
  readonly #reference: Moments;
  readonly #height: number;
  readonly #both: boolean;
  readonly #c1: number;
  readonly #c2: number;
  #next = 0;
  #ssim = 0;
  #structure = 0;

  /**
   * @param rows made for the width of the part; in use until the comparison ends
   * @param reference the moments to compare with
   * @param height rows of the part
   * @param dataRange the range L of the values
   * @param both whether cs alone is wanted beside l cs
   */
  constructor(
    rows: WindowRows,
    reference: Moments,
    height: number,
    dataRange: number,
    both: boolean,
  ) {
    this.#rows = rows;
    this.row = rows.plain;
    this.#reference = reference;
    this.#height = height;
    this.#both = both;
    this.#c1 = (0.01 * dataRange) ** 2;
    this.#c2 = (0.03 * dataRange) ** 2;
  }

  /** A row of one channel, for `addLight`. */
  get channel(): Float64Array {
    return this.#rows.channel;
  }

  /** Adds `channel` in linear light to `row`, as `WindowRows.addLight` does. */
  addLight(original: Float32Array, weight: number, begin: boolean): number {
    return this.#rows.addLight(original, weight, begin);
  }

  /** Takes the row that stands in `row`. */
  take(): void {
    const { plane, mean, variance, width, columns } = this.#reference;
    const rows = this.#rows;
    const row = this.#next++;
    rows.reference.set(plane.subarray(row * width, row * width + rows.reference.length));
    if (!rows.take(row)) return;
    const line = (row - windowSize + 1) * columns;
    rows.means.set(mean.subarray(line, line + rows.means.length));
    rows.variances.set(variance.subarray(line, line + rows.variances.length));
    rows.similarity(this.#c1, this.#c2, this.#both);
    this.#ssim += rows.sums[0];
    this.#structure += rows.sums[1];
  }

  /** The mean of l cs over the rows taken, all of them: SSIM. NaN when the window fits nowhere. */
  get ssim(): number {
    return this.#ssim / this.#positions;
  }

  /** The mean of cs, where asked for; NaN when the window fits nowhere. */
  get structure(): number {
    return this.#structure / this.#positions;
  }

  get #positions(): number {
    return this.#rows.mean.length * Math.max(0, this.#height - windowSize + 1);
  }
}
