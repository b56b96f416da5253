/**
 * SSIM and MS-SSIM of a plane that arrives row by row against a prepared reference.
 *
 * MS-SSIM (Wang, Simoncelli and Bovik 2003), over five scales, each half the one before:
 *
 *   MS-SSIM = cs_1^.0448 cs_2^.2856 cs_3^.3001 cs_4^.2363 (l cs)_5^.1333
 *
 * with the mean over the valid area of cs (contrast and structure) at the first four scales and of
 * l cs at the last; see `ssim-map.ts` for both and for the window, the same at every scale. A scale is
 * the 2 x 2 average of the one before, an odd last row or column dropped. A negative mean counts as 0.
 */
import { Comparer, Moments, windowSize } from "./ssim-map.ts";

const exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/** The least side that has a window at the last scale: 11 x 2^4 = 176. */
export const leastSide: number = windowSize * 2 ** (exponents.length - 1);

/** What `PyramidComparer` finds. */
export interface Structure {
  /** SSIM; NaN when a side is shorter than 11 samples. */
  readonly ssim: number;
  /** MS-SSIM; NaN when a side is shorter than 176 samples, or it was not asked for. */
  readonly msSsim: number;
}

/** A reference plane at one scale, or at all five where MS-SSIM is wanted and the plane large enough. */
export class Pyramid {
  /** The moments of every scale, the full plane's first. */
  readonly scales: readonly Moments[];

  /**
   * @param plane `height * width` samples; kept, not copied
   * @param multiscale whether MS-SSIM is wanted
   */
  constructor(plane: Float32Array, width: number, height: number, multiscale: boolean) {
    const scales = [new Moments(plane, width, height)];
    if (multiscale && Math.min(width, height) >= leastSide) {
      while (scales.length < exponents.length) scales.push(half(scales[scales.length - 1]));
    }
    this.scales = scales;
  }
}

/** Compares planes that arrive row by row with pyramids; used again and again. */
export class PyramidComparer {
  readonly #comparers: Comparer[] = [];
  readonly #halves: Float64Array[] = [];
  readonly #width: number;
  #widths: number[] = [];
  #rows: number[] = [];

  /** @param width the most columns that a plane will have */
  constructor(width: number) {
    this.#width = width;
  }

  /** Begins a comparison with the top left `width x height` part of a pyramid. */
  begin(pyramid: Pyramid, width: number, height: number, dataRange: number): void {
    const levels = Math.min(width, height) < leastSide ? 1 : pyramid.scales.length;
    this.#widths = [];
    this.#rows = [];
    for (let i = 0; i < levels; i++) {
      const scaled = width >> i;
      this.#comparers[i] ??= new Comparer(this.#width >> i);
      this.#halves[i] ??= new Float64Array(this.#width >> (i + 1));
      this.#comparers[i].begin(pyramid.scales[i], scaled, height >> i, dataRange);
      this.#widths.push(scaled);
      this.#rows.push(0);
    }
  }

  /** Takes the next row of the other plane, `width` samples from index 0; all rows must come. */
  push(row: Float64Array): void {
    this.#push(row, 0);
  }

  #push(row: Float64Array, level: number): void {
    this.#comparers[level].push(row);
    if (level + 1 === this.#widths.length) return;
    const sums = this.#halves[level];
    const columns = this.#widths[level + 1];
    if (this.#rows[level]++ % 2 === 0) {
      for (let i = 0; i < columns; i++) sums[i] = row[2 * i] + row[2 * i + 1];
    } else {
      for (let i = 0; i < columns; i++) sums[i] = (sums[i] + (row[2 * i] + row[2 * i + 1])) / 4;
      this.#push(sums, level + 1);
    }
  }

  /** What the rows that came give. */
  result(): Structure {
    const levels = this.#widths.length;
    let msSsim = levels === exponents.length ? 1 : Number.NaN;
    for (let i = 0; i < levels; i++) {
      const { ssim, structure } = this.#comparers[i];
      msSsim *= Math.max(0, i + 1 === exponents.length ? ssim : structure) ** exponents[i];
    }
    return { ssim: this.#comparers[0].ssim, msSsim };
  }
}

/** The next scale of a plane: its 2 x 2 average. */
function half({ plane, width, height }: Moments): Moments {
  const [columns, rows] = [width >> 1, height >> 1];
  const to = new Float64Array(columns * rows);
  for (let y = 0, k = 0; y < rows; y++) {
    const line = 2 * y * width;
    for (let x = 0; x < columns; x++, k++) {
      const top = line + 2 * x;
      to[k] = (plane[top] + plane[top + 1] + (plane[top + width] + plane[top + width + 1])) / 4;
    }
  }
  return new Moments(to, columns, rows);
}
