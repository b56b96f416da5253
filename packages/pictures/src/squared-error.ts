/**
 * The squared error of a reconstruction without the reconstruction. Nearest, bilinear and bicubic are
 * linear and separable: the pooled plane P becomes A P B^T with one row of A (of B) for each row (each
 * column) of the original X, so that
 *
 *   |X - A P B^T|^2 = |X|^2 - 2 <A^T X B, P> + <(A^T A) P (B^T B), P>
 *
 * A^T X B, as small as P, is computed once per original; A^T A and B^T B are symmetric bands. What is
 * left for each P is a few passes over the pooled size. The difference cancels where the pictures are
 * nearly equal: then, and where a value is not finite, there is no result.
 */
import type { Picture } from "./picture.ts";
import { type Reconstruction, type Taps, taps } from "./resize.ts";

/** An original prepared for the squared errors of many reconstructions. */
export class SquaredError {
  readonly #width: number;
  readonly #height: number;
  readonly #channels: number;
  /** A^T X B of every channel. */
  readonly #adjoint: Float64Array;
  readonly #energy: number;
  /** Row i of the band holds the elements (i, i) to (i, i + count - 1). */
  readonly #across: Float64Array;
  readonly #down: Float64Array;
  readonly #count: number;

  /** Prepares the top left part of `original` that `factor` divides. */
  constructor(original: Picture, factor: number, reconstruction: Reconstruction) {
    this.#width = Math.floor(original.width / factor);
    this.#height = Math.floor(original.height / factor);
    this.#channels = original.channels;
    const columns = taps(this.#width, this.#width * factor, reconstruction);
    const rows = taps(this.#height, this.#height * factor, reconstruction);
    this.#count = columns.count;
    this.#across = band(columns, this.#width);
    this.#down = band(rows, this.#height);
    const { adjoint, energy } = project(original, columns, rows, this.#width, this.#height);
    this.#adjoint = adjoint;
    this.#energy = energy;
  }

  /**
   * The sum of squared differences of the original and the reconstruction of `pooled`, within 1e-9 of
   * it; undefined where it cannot be found in this way.
   */
  of(pooled: Picture): number | undefined {
    const cross = dot(this.#adjoint, 0, pooled.data, 0, pooled.data.length);
    let reconstructed = 0;
    const area = this.#width * this.#height;
    for (let c = 0; c < this.#channels; c++) {
      reconstructed += this.#energyOf(pooled.data.subarray(c * area, (c + 1) * area));
    }
    const error = this.#energy - 2 * cross + reconstructed;
    const trusted = error > 1e-6 * (this.#energy + reconstructed) && error < Infinity;
    return trusted ? error : undefined;
  }

  /** <(A^T A) P (B^T B), P> of one plane. */
  #energyOf(plane: Float32Array): number {
    const width = this.#width;
    const count = this.#count;
    const filtered = new Float64Array(width);
    let sum = 0;
    for (let y = 0, line = 0; y < this.#height; y++, line += width) {
      multiplyBand(this.#across, count, plane, line, filtered);
      const weights = this.#down.subarray(y * count, (y + 1) * count);
      if (count === 2 && y + 1 < this.#height) {
        const [own, next] = [weights[0], 2 * weights[1]];
        for (let x = 0, k = line; x < width; x++, k++) {
          sum += filtered[x] * (own * plane[k] + next * plane[k + width]);
        }
        continue;
      }
      for (let d = 0; d < count && y + d < this.#height; d++) {
        const weight = weights[d] * (d === 0 ? 1 : 2);
        sum += weight * dot(filtered, 0, plane, line + d * width, width);
      }
    }
    return sum;
  }
}

type Samples = Float32Array | Float64Array;

/** The sum of `count` products, in four chains, which processors work on at the same time. */
function dot(a: Samples, from: number, b: Samples, at: number, count: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const whole = count - (count % 4);
  let i = 0;
  for (; i < whole; i += 4) {
    s0 += a[from + i] * b[at + i];
    s1 += a[from + i + 1] * b[at + i + 1];
    s2 += a[from + i + 2] * b[at + i + 2];
    s3 += a[from + i + 3] * b[at + i + 3];
  }
  for (; i < count; i++) s0 += a[from + i] * b[at + i];
  return s0 + s1 + (s2 + s3);
}

/** The upper half of W^T W, W the matrix of the taps. */
function band({ count, index, weight }: Taps, size: number): Float64Array {
  const to = new Float64Array(size * count);
  for (let first = 0; first < index.length; first += count) {
    for (let a = first; a < first + count; a++) {
      for (let b = first; b < first + count; b++) {
        const distance = index[b] - index[a];
        if (distance >= 0) to[index[a] * count + distance] += weight[a] * weight[b];
      }
    }
  }
  return to;
}

/** Multiplies the row of `plane` at `line` by a symmetric band. */
function multiplyBand(
  upper: Float64Array,
  count: number,
  plane: Float32Array,
  line: number,
  to: Float64Array,
): void {
  const width = to.length;
  if (count === 2) {
    let [before, weight] = [0, 0];
    for (let x = 0; x + 1 < width; x++) {
      const v = plane[line + x];
      const w = upper[2 * x + 1];
      to[x] = weight * before + upper[2 * x] * v + w * plane[line + x + 1];
      before = v;
      weight = w;
    }
    to[width - 1] = weight * before + upper[2 * width - 2] * plane[line + width - 1];
    return;
  }
  for (let x = 0; x < width; x++) to[x] = upper[x * count] * plane[line + x];
  for (let d = 1; d < count; d++) {
    for (let x = 0; x + d < width; x++) {
      const w = upper[x * count + d];
      to[x] += w * plane[line + x + d];
      to[x + d] += w * plane[line + x];
    }
  }
}

/** For each of `size` inputs the outputs that look at it, `first` to `first + count - 1`, and how much. */
interface Transposed {
  readonly first: Int32Array;
  readonly count: number;
  /** `count` weights for each input. */
  readonly weight: Float64Array;
}

/** The matrix of taps by columns: every input is seen by successive outputs. */
function transpose({ count, index, weight }: Taps, size: number): Transposed {
  const first = new Int32Array(size).fill(-1);
  const last = new Int32Array(size);
  const outputs = index.length / count;
  for (let k = 0; k < index.length; k++) {
    const output = Math.floor(k / count);
    if (first[index[k]] < 0) first[index[k]] = output;
    last[index[k]] = output;
  }
  const most = first.reduce((found, output, i) => Math.max(found, last[i] - output + 1), 1);
  // All look at as many outputs, within the picture; what an input does not touch weighs 0.
  for (let i = 0; i < size; i++) first[i] = Math.min(first[i], outputs - most);
  const to = new Float64Array(size * most);
  for (let k = 0; k < index.length; k++) {
    to[index[k] * most + Math.floor(k / count) - first[index[k]]] += weight[k];
  }
  return { first, count: most, weight: to };
}

/** A^T X B and |X|^2 over the part of the original that the taps cover: rows first, A^T X. */
function project(
  original: Picture,
  columns: Taps,
  rows: Taps,
  width: number,
  height: number,
): { adjoint: Float64Array; energy: number } {
  const outputs = columns.index.length / columns.count;
  const across = transpose(columns, width);
  const down = transpose(rows, height);
  const adjoint = new Float64Array(width * height * original.channels);
  const sums = new Float64Array(outputs);
  const { data } = original;
  let energy = 0;
  for (let c = 0; c < original.channels; c++) {
    const plane = c * original.height * original.width;
    for (let y = 0; y < rows.index.length / rows.count; y++) {
      const line = plane + y * original.width;
      energy += dot(data, line, data, line, outputs);
    }
    for (let row = 0; row < height; row++) {
      weigh(data, plane, original.width, down, row, sums);
      gather(sums, across, adjoint, (c * height + row) * width);
    }
  }
  return { adjoint, energy };
}

/** Row `row` of A^T X, in pairs of rows of X. */
function weigh(
  data: Float32Array,
  plane: number,
  step: number,
  { first, count, weight }: Transposed,
  row: number,
  to: Float64Array,
): void {
  const line = plane + first[row] * step;
  const weights = weight.subarray(row * count, (row + 1) * count);
  if (count % 2 === 0) to.fill(0);
  else for (let x = 0, w = weights[0]; x < to.length; x++) to[x] = w * data[line + x];
  for (let j = count % 2; j < count; j += 2) {
    const [a, b] = [weights[j], weights[j + 1]];
    if (a === 0 && b === 0) continue;
    for (let x = 0, k = line + j * step, l = k + step; x < to.length; x++, k++, l++) {
      to[x] += a * data[k] + b * data[l];
    }
  }
}

/** Multiplies a row by the transposed matrix. */
function gather(
  row: Float64Array,
  { first, count, weight }: Transposed,
  to: Float64Array,
  target: number,
): void {
  const inputs = weight.length / count;
  for (let x = 0; x < inputs; x++) to[target + x] = dot(weight, x * count, row, first[x], count);
}
