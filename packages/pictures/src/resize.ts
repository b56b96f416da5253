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

/** How a picture is read between its samples. */
export type Reconstruction = "nearest" | "bilinear" | "bicubic";

/** For each output, the first of its `count` inputs (clamped copies in `index`) and their weights. */
interface Taps {
  readonly count: number;
  readonly index: Int32Array;
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
  const columns = taps(p.width, width, reconstruction);
  const rows = taps(p.height, height, reconstruction);
  const data = new Float32Array(width * height * p.channels);
  const resized = { width, height, channels: p.channels, data };
  if (width === p.width && height === p.height) {
    data.set(p.data);
    return resized;
  }
  for (let c = 0; c < p.channels; c++) {
    const from = p.data.subarray(c * p.width * p.height, (c + 1) * p.width * p.height);
    const to = data.subarray(c * width * height, (c + 1) * width * height);
    if (reconstruction === "nearest") copyNearest(from, p.width, to, columns.index, rows.index);
    else interpolate(from, p.width, to, width, columns, rows);
  }
  return resized;
}

/** The inputs and weights of every output along one axis of `from` inputs and `to` outputs. */
function taps(from: number, to: number, reconstruction: Reconstruction): Taps {
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

function copyNearest(
  from: Float32Array,
  fromWidth: number,
  to: Float32Array,
  columns: Int32Array,
  rows: Int32Array,
): void {
  const width = columns.length;
  for (let y = 0; y < rows.length; y++) {
    const line = y * width;
    if (y > 0 && rows[y] === rows[y - 1]) {
      to.copyWithin(line, line - width, line);
      continue;
    }
    const source = rows[y] * fromWidth;
    for (let x = 0; x < width; x++) to[line + x] = from[source + columns[x]];
  }
}

function interpolate(
  from: Float32Array,
  fromWidth: number,
  to: Float32Array,
  width: number,
  columns: Taps,
  rows: Taps,
): void {
  const { count, weight } = rows;
  const ring = new Float64Array(count * width);
  const held = new Int32Array(count).fill(-1);
  const slots = new Int32Array(4);
  for (let y = 0; y * count < rows.index.length; y++) {
    for (let j = 0; j < count; j++) {
      const row = rows.index[y * count + j];
      const slot = row % count;
      if (held[slot] !== row) {
        stretchRow(from, row * fromWidth, ring, slot * width, columns);
        held[slot] = row;
      }
      slots[j] = slot * width;
    }
    const line = y * width;
    const [s0, s1, s2, s3] = slots;
    const w0 = weight[y * count];
    const w1 = weight[y * count + 1];
    if (count === 2) {
      for (let x = 0; x < width; x++) to[line + x] = w0 * ring[s0 + x] + w1 * ring[s1 + x];
    } else {
      const w2 = weight[y * count + 2];
      const w3 = weight[y * count + 3];
      for (let x = 0; x < width; x++) {
        to[line + x] =
          w0 * ring[s0 + x] + w1 * ring[s1 + x] + w2 * ring[s2 + x] + w3 * ring[s3 + x];
      }
    }
  }
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
