/**
 * Resampling by interpolation, without antialiasing.
 *
 * Pixels are unit squares and a sample lies at the middle of its square, so output i of n looks at
 * position u = (i + 1/2) m / n - 1/2 among m inputs. The value there is a weighted sum of the inputs
 * around it; inputs beyond the edge are the edge's.
 *
 *   nearest   the input whose square holds the position
 *   bilinear  weights 1 - |d| for |d| < 1, d the distance to the input
 *   bicubic   Keys 1981 with a = -1/2:  1.5 |d|^3 - 2.5 |d|^2 + 1            for |d| <= 1
 *                                       -0.5 |d|^3 + 2.5 |d|^2 - 4 |d| + 2   for |d| < 2
 *
 * Separable: rows first, into a ring of as many rows as the kernel is high, then columns.
 */
import { expectCount, expectPicture, type Picture } from "./picture.ts";
import type { Kernels } from "./window.ts";

/** How a picture is read between its samples. */
export type Reconstruction = "nearest" | "bilinear" | "bicubic";

/** The inputs and weights of every output along one axis; the weights of an output sum to 1. */
export interface Taps {
  /** Inputs of an output: 1, 2 or 4. */
  readonly count: number;
  /** Output i looks at the inputs `index[i * count]` to `index[i * count + count - 1]`, ascending. */
  readonly index: Int32Array;
  /** The weights of these inputs. */
  readonly weight: Float64Array;
}

/**
 * Resamples a picture to another size, larger or smaller, in the values it has.
 *
 * At the same size the result is an exact copy. Accumulates in float64 and rounds once. Bicubic
 * overshoots at edges; nothing is clipped. A NaN or an infinity spoils the outputs that look at it.
 *
 * @param p the picture
 * @param width columns of the result, at least 1
 * @param height rows of the result, at least 1
 * @param reconstruction `nearest`, `bilinear` or `bicubic`
 * @throws RangeError for a size below 1 or an unknown reconstruction
 */
export function resize(
  p: Picture,
  width: number,
  height: number,
  reconstruction: Reconstruction,
): Picture {
  expectPicture("resize", "p", p);
  expectCount("resize", "width", width);
  expectCount("resize", "height", height);
  const data = new Float32Array(width * height * p.channels);
  const resized = { width, height, channels: p.channels, data };
  const enlarger = new Enlarger(p.width, p.height, width, height, reconstruction);
  if (width === p.width && height === p.height) {
    data.set(p.data);
    return resized;
  }
  const row = new Float64Array(width);
  for (let c = 0, to = 0; c < p.channels; c++) {
    enlarger.begin(p.data.subarray(c * p.width * p.height, (c + 1) * p.width * p.height));
    for (let y = 0; y < height; y++, to += width) {
      enlarger.row(y, row);
      data.set(row, to);
    }
  }
  return resized;
}

/** Rows in the memory of kernels that interpolate between them. */
export interface Lines {
  /** Room for the rows, four at most. */
  readonly ring: Float64Array;
  /** The kernels of `window.ts`, in whose memory the rows lie. */
  readonly kernels: Kernels;
}

/** The interpolation of planes, row by row from the top, in float64; used again and again. */
export class Enlarger {
  readonly #kernels: Kernels | undefined;
  readonly #width: number;
  #last = -1;
  readonly #fromWidth: number;
  readonly #columns: Taps;
  readonly #rows: Taps;
  readonly #ring: Float64Array;
  readonly #held: Int32Array;
  #from: Float32Array = new Float32Array();

  /**
   * From `fromWidth x fromHeight` samples to `width x height`.
   *
   * @param lines where rows are interpolated; others may use it between one `begin` and the next. Default
   *   its own, and no kernels
   */
  constructor(
    fromWidth: number,
    fromHeight: number,
    width: number,
    height: number,
    reconstruction: Reconstruction,
    lines?: Lines,
  ) {
    this.#kernels = lines?.kernels;
    this.#width = width;
    this.#fromWidth = fromWidth;
    this.#columns = taps(fromWidth, width, reconstruction);
    this.#rows = taps(fromHeight, height, reconstruction);
    this.#ring = lines?.ring ?? new Float64Array(this.#rows.count * width);
    this.#held = new Int32Array(this.#rows.count).fill(-1);
  }

  /** Takes the plane to interpolate, `fromHeight * fromWidth` samples; kept until the next. */
  begin(plane: Float32Array): void {
    this.#from = plane;
    this.#held.fill(-1);
    this.#last = -1;
  }

  /**
   * Writes row `y` of the result to `to`, from index 0. With kernels, `to` is in their memory, and what lies
   * behind the row may be overwritten.
   *
   * @returns whether it is known to equal the row of the last call
   */
  row(y: number, to: Float64Array): boolean {
    const width = this.#width;
    const ring = this.#ring;
    const { count, index, weight } = this.#rows;
    const first = y * count;
    for (let j = 0; j < count; j++) {
      const row = index[first + j];
      const slot = row % count;
      if (this.#held[slot] === row) continue;
      stretchRow(this.#from, row * this.#fromWidth, ring, slot * width, this.#columns);
      this.#held[slot] = row;
    }
    if (count === 1) {
      to.set(ring.subarray(0, width));
      const same = this.#last === index[first];
      this.#last = index[first];
      return same;
    }
    const at = (j: number) => (index[first + j] % count) * width;
    if (this.#kernels !== undefined) {
      this.#blend(this.#kernels, y, to);
      return false;
    }
    const s0 = at(0);
    const w0 = weight[first];
    const w1 = weight[first + 1];
    if (count === 2) {
      const s1 = at(1);
      for (let x = 0; x < width; x++) to[x] = w0 * ring[s0 + x] + w1 * ring[s1 + x];
    } else {
      const [s1, s2, s3] = [at(1), at(2), at(3)];
      const w2 = weight[first + 2];
      const w3 = weight[first + 3];
      for (let x = 0; x < width; x++) {
        to[x] = w0 * ring[s0 + x] + w1 * ring[s1 + x] + w2 * ring[s2 + x] + w3 * ring[s3 + x];
      }
    }
    return false;
  }

  /** A row between two or four rows of the ring. */
  #blend(kernels: Kernels, y: number, to: Float64Array): void {
    const { count, index, weight } = this.#rows;
    const first = y * count;
    const four = count === 4;
    const at = (j: number) =>
      this.#ring.byteOffset + 8 * this.#width * (index[first + (four ? j : j % 2)] % count);
    const w = (j: number) => (four ? weight[first + j] : 0);
    kernels.blend(
      ...([to.byteOffset, this.#width, four ? 1 : 0] as const),
      ...([at(0), at(1), at(2), at(3)] as const),
      ...([weight[first], weight[first + 1], w(2), w(3)] as const),
    );
  }
}

/** The inputs and weights of every output along one axis of `from` inputs and `to` outputs. */
export function taps(from: number, to: number, reconstruction: Reconstruction): Taps {
  const count = { nearest: 1, bilinear: 2, bicubic: 4 }[reconstruction];
  if (count === undefined) {
    throw new RangeError(
      `resize: reconstruction must be "nearest", "bilinear" or "bicubic", got ${JSON.stringify(reconstruction)}`,
    );
  }
  const index = new Int32Array(to * count);
  const weight = new Float64Array(to * count);
  for (let i = 0; i < to; i++) {
    if (count === 1) {
      index[i] = Math.floor(((2 * i + 1) * from) / (2 * to));
      weight[i] = 1;
      continue;
    }
    const position = ((i + 0.5) * from) / to - 0.5;
    const base = Math.floor(position);
    const t = position - base;
    for (let j = 0; j < count; j++) {
      const input = base + j - (count / 2 - 1);
      index[i * count + j] = Math.min(from - 1, Math.max(0, input));
    }
    if (count === 2) weight.set([1 - t, t], i * 2);
    else weight.set([keys(1 + t), keys(t), keys(1 - t), keys(2 - t)], i * 4);
  }
  return { count, index, weight };
}

/** Keys' cubic convolution kernel with a = -1/2 at distance d >= 0. */
function keys(d: number): number {
  if (d <= 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/** Interpolates one row of `from` at `source` along its columns into `to` at `target`. */
function stretchRow(
  from: Float32Array,
  source: number,
  to: Float64Array,
  target: number,
  columns: Taps,
): void {
  const { count, index, weight } = columns;
  if (count === 1) {
    for (let k = 0, x = target; k < index.length; k++, x++) to[x] = from[source + index[k]];
    return;
  }
  if (count === 2) {
    for (let k = 0, x = target; k < index.length; k += 2, x++) {
      to[x] = weight[k] * from[source + index[k]] + weight[k + 1] * from[source + index[k + 1]];
    }
    return;
  }
  for (let k = 0, x = target; k < index.length; k += 4, x++) {
    to[x] =
      weight[k] * from[source + index[k]] +
      weight[k + 1] * from[source + index[k + 1]] +
      weight[k + 2] * from[source + index[k + 2]] +
      weight[k + 3] * from[source + index[k + 3]];
  }
}
