/**
 * The Gaussian window of SSIM over a plane that arrives row by row, and the means of the SSIM map
 * (Wang, Bovik, Sheikh and Simoncelli 2004):
 *
 *   l = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1)      cs = (2 s_xy + C2) / (s_x^2 + s_y^2 + C2)
 *
 * with means m, variances s^2 and covariance s_xy under an 11 x 11 Gaussian window of sigma 1.5 whose
 * weights sum to 1 (s^2 = E[x^2] - m^2, no sample correction), C1 = (0.01 L)^2, C2 = (0.03 L)^2 and L
 * the data range, over the valid area: the positions where the window lies inside the plane.
 *
 * The window is separable: 11 taps along rows into a ring of 11 filtered rows, then 11 along columns,
 * so that no filtered plane is ever held. All sums are float64.
 */

/** The side of the window. */
export const windowSize = 11;

/** The one-dimensional window's distinct weights, from its rim (5 away) to its middle. */
const [w5, w4, w3, w2, w1, w0]: number[] = (() => {
  const g = [5, 4, 3, 2, 1, 0].map((d) => Math.exp(-(d * d) / (2 * 1.5 ** 2)));
  const sum = 2 * (g[0] + g[1] + g[2] + g[3] + g[4]) + g[5];
  return g.map((v) => v / sum);
})();

/** The rings and rows that a filter of planes of up to `width` columns works in. */
class Rows {
  readonly square: Float64Array;
  readonly product: Float64Array;
  readonly mean: Float64Array;
  readonly second: Float64Array;
  readonly mixed: Float64Array;
  readonly rings: readonly Float64Array[];

  constructor(width: number) {
    const row = (n: number) => new Float64Array(n);
    [this.square, this.product] = [row(width), row(width)];
    [this.mean, this.second, this.mixed] = [row(width), row(width), row(width)];
    const ring = windowSize * Math.max(0, width - windowSize + 1);
    this.rings = [row(ring), row(ring), row(ring)];
  }
}

/** A reference plane and its moments at every position of the window. */
export class Moments {
  /** Columns of the plane. */
  readonly width: number;
  /** Rows of the plane. */
  readonly height: number;
  /** The plane's `height * width` samples. */
  readonly plane: Float32Array | Float64Array;
  /** Positions of the window along a row: `width - 10`, or 0. */
  readonly columns: number;
  /** The mean at every position, `height - 10` rows of `columns`. */
  readonly mean: Float64Array;
  /** The variance at every position. */
  readonly variance: Float64Array;

  /** @param plane `height * width` samples; kept, not copied */
  constructor(plane: Float32Array | Float64Array, width: number, height: number) {
    this.plane = plane;
    this.width = width;
    this.height = height;
    this.columns = Math.max(0, width - windowSize + 1);
    const { columns } = this;
    const length = columns * Math.max(0, height - windowSize + 1);
    this.mean = new Float64Array(length);
    this.variance = new Float64Array(length);
    if (length === 0) return;
    const plain = new Float64Array(width);
    const { square, mean, second, rings } = new Rows(width);
    for (let row = 0; row < height; row++) {
      for (let i = 0, k = row * width; i < width; i++, k++) {
        const v = plane[k];
        plain[i] = v;
        square[i] = v * v;
      }
      const slot = (row % windowSize) * columns;
      filterRow(plain, rings[0], slot, columns);
      filterRow(square, rings[1], slot, columns);
      if (row < windowSize - 1) continue;
      filterColumns(rings[0], row + 1, columns, mean);
      filterColumns(rings[1], row + 1, columns, second);
      const line = (row - windowSize + 1) * columns;
      for (let i = 0; i < columns; i++) {
        this.mean[line + i] = mean[i];
        this.variance[line + i] = second[i] - mean[i] * mean[i];
      }
    }
  }
}

/** Compares planes that arrive row by row with reference planes; used again and again. */
export class Comparer {
  readonly #rows: Rows;
  #reference: Moments | undefined;
  #width = 0;
  #height = 0;
  #row = 0;
  #c1 = 0;
  #c2 = 0;
  #ssim = 0;
  #structure = 0;

  /** @param width the most columns that a plane will have */
  constructor(width: number) {
    this.#rows = new Rows(width);
  }

  /**
   * Begins a comparison with the top left `width x height` part of a reference.
   *
   * @param dataRange the range L of the values
   */
  begin(reference: Moments, width: number, height: number, dataRange: number): void {
    this.#reference = reference;
    this.#width = width;
    this.#height = height;
    this.#c1 = (0.01 * dataRange) ** 2;
    this.#c2 = (0.03 * dataRange) ** 2;
    this.#row = 0;
    this.#ssim = 0;
    this.#structure = 0;
  }

  /** Takes the next row of the other plane, `width` samples from index 0. */
  push(plain: Float64Array): void {
    const reference = this.#reference as Moments;
    const row = this.#row++;
    const width = this.#width;
    const columns = width - windowSize + 1;
    if (columns < 1) return;
    const { square, product, mean, second, mixed, rings } = this.#rows;
    const { plane } = reference;
    for (let i = 0, k = row * reference.width; i < width; i++, k++) {
      const v = plain[i];
      square[i] = v * v;
      product[i] = v * plane[k];
    }
    const slot = (row % windowSize) * columns;
    filterRow(plain, rings[0], slot, columns);
    filterRow(square, rings[1], slot, columns);
    filterRow(product, rings[2], slot, columns);
    if (row < windowSize - 1) return;
    filterColumns(rings[0], row + 1, columns, mean);
    filterColumns(rings[1], row + 1, columns, second);
    filterColumns(rings[2], row + 1, columns, mixed);
    this.#add(reference, (row - windowSize + 1) * reference.columns, columns);
  }

  /** The mean of l cs over the rows taken: SSIM. NaN when the window fits nowhere. */
  get ssim(): number {
    return this.#ssim / this.#positions;
  }

  /** The mean of cs over the rows taken. NaN when the window fits nowhere. */
  get structure(): number {
    return this.#structure / this.#positions;
  }

  get #positions(): number {
    const [columns, rows] = [this.#width, this.#height].map((n) => Math.max(0, n - windowSize + 1));
    return columns * rows;
  }

  /** Adds one row of the map, whose reference moments begin at `line`. */
  #add(reference: Moments, line: number, columns: number): void {
    const { mean, second, mixed } = this.#rows;
    const { mean: means, variance: variances } = reference;
    const c1 = this.#c1;
    const c2 = this.#c2;
    let ssim = 0;
    let structures = 0;
    for (let i = 0; i < columns; i++) {
      const mx = means[line + i];
      const my = mean[i];
      const mxy = mx * my;
      const xx = mx * mx;
      const yy = my * my;
      const luminance = (2 * mxy + c1) / (xx + yy + c1);
      const structure = (2 * (mixed[i] - mxy) + c2) / (variances[line + i] + (second[i] - yy) + c2);
      ssim += luminance * structure;
      structures += structure;
    }
    this.#ssim += ssim;
    this.#structure += structures;
  }
}

/** The window slides over `s` with its eleven samples in variables: one load for each result. */
function filterRow(s: Float64Array, to: Float64Array, target: number, columns: number): void {
  let [a, b, c, d, e] = [s[0], s[1], s[2], s[3], s[4]];
  let [f, g, h, j, k] = [s[5], s[6], s[7], s[8], s[9]];
  for (let i = 0; i < columns; i++) {
    const l = s[i + 10];
    to[target + i] =
      w5 * (a + l) + w4 * (b + k) + w3 * (c + j) + w2 * (d + h) + w1 * (e + g) + w0 * f;
    a = b;
    b = c;
    c = d;
    d = e;
    e = f;
    f = g;
    g = h;
    h = j;
    j = k;
    k = l;
  }
}

/** `oldest` is congruent (mod 11) to the ring's row that is the window's first. */
function filterColumns(
  ring: Float64Array,
  oldest: number,
  columns: number,
  to: Float64Array,
): void {
  const at = (k: number) => ((oldest + k) % windowSize) * columns;
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
