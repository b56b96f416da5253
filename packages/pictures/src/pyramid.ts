/**
 * SSIM and MS-SSIM of a plane that arrives row by row against a prepared reference.
 *
 * MS-SSIM (Wang, Simoncelli and Bovik 2003), over five scales, each half the one before:
 *
 *   MS-SSIM = cs_1^.0448 cs_2^.2856 cs_3^.3001 cs_4^.2363 (l cs)_5^.1333
 *
 * with the mean over the valid area of cs (contrast and structure) at the first four scales and of
 * l cs at the last; see `ssim-map.ts` for both; the window is the same at every scale. A scale is
 * the 2 x 2 average of the one before, an odd last row or column dropped. A negative mean counts as 0.
 */
import { Comparer, Moments } from "./ssim-map.ts";
import { prepare, windowSize } from "./window.ts";

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
   * @param plane `height * width` samples; copied
   * @param multiscale whether MS-SSIM is wanted
   */
  constructor(plane: Float32Array, width: number, height: number, multiscale: boolean) {
    const scales = [new Moments(Float64Array.from(plane), width, height)];
    if (multiscale && Math.min(width, height) >= leastSide) {
      while (scales.length < exponents.length) scales.push(half(scales[scales.length - 1]));
    }
    this.scales = scales;
  }
}

/**
 * The comparison of the top left part of a pyramid with a plane whose rows arrive from the top. One
 * at a time: a new one, or a new pyramid, takes the memory of the last.
 */
export class PyramidComparer {
  /** Where the next row is expected, from index 0. */
  readonly row: Float64Array;
  readonly #scales: readonly Comparer[];
  /** Rows taken at every scale. */
  readonly #taken: number[];

  /**
   * @param pyramid the reference
   * @param width columns of the part
   * @param height rows of the part
   * @param dataRange the range of the values
   */
  constructor(pyramid: Pyramid, width: number, height: number, dataRange: number) {
    const levels = Math.min(width, height) < leastSide ? 1 : pyramid.scales.length;
    const scales = pyramid.scales.slice(0, levels);
    const rows = prepare(scales.map((_, i) => width >> i));
    this.#scales = scales.map(
      (s, i) => new Comparer(rows[i], s, height >> i, dataRange, levels > 1),
    );
    this.#taken = scales.map(() => 0);
    this.row = this.#scales[0].row;
  }

  /** The comparison at full size, for its way to linear light. */
  get full(): Comparer {
    return this.#scales[0];
  }

  /** Takes the row that stands in `row`; all rows must come. */
  take(): void {
    this.#take(0);
  }

  #take(level: number): void {
    this.#scales[level].take();
    if (level + 1 === this.#scales.length) return;
    const { row } = this.#scales[level];
    const sums = this.#scales[level + 1].row;
    if (this.#taken[level]++ % 2 === 0) {
      for (let i = 0; i < sums.length; i++) sums[i] = row[2 * i] + row[2 * i + 1];
    } else {
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] + (row[2 * i] + row[2 * i + 1])) / 4;
      this.#take(level + 1);
    }
  }

  /** What the rows that came give. */
  result(): Structure {
    let msSsim = this.#scales.length === exponents.length ? 1 : Number.NaN;
    this.#scales.forEach(({ ssim, structure }, i) => {
      msSsim *= Math.max(0, i + 1 === exponents.length ? ssim : structure) ** exponents[i];
    });
    return { ssim: this.#scales[0].ssim, msSsim };
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
