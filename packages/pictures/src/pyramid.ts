/**
 * SSIM and MS-SSIM of a plane that arrives row by row against a prepared reference.
 *
 * MS-SSIM (Wang, Simoncelli and Bovik 2003), over five scales, each half the one before:
 *
 *   MS-SSIM = cs_1^.0448 cs_2^.2856 cs_3^.3001 cs_4^.2363 (l cs)_5^.1333
 *
 * with the mean over the valid area of cs (contrast and structure) at the first four scales and of
 * l cs at the last; see `ssim-map.ts` for both; the window is the same at every scale. A negative mean
 * counts as 0.
 */
import { type Means, Scales, type Size } from "./ssim-map.ts";
import { type Kernels, type LightRow, windowSize } from "./window.ts";

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
  readonly #scales: Scales;

  /**
   * @param plane `height * width` samples; copied
   * @param multiscale whether MS-SSIM is wanted
   */
  constructor(plane: Float32Array, width: number, height: number, multiscale: boolean) {
    const levels = multiscale && Math.min(width, height) >= leastSide ? exponents.length : 1;
    const sizes: Size[] = Array.from({ length: levels }, (_, i) => ({
      width: width >> i,
      height: height >> i,
    }));
    const scales = new Scales(sizes);
    for (let line = 0; line < plane.length; line += width) {
      scales.row().set(plane.subarray(line, line + width));
      scales.take();
    }
    scales.end();
    this.#scales = scales;
  }

  /** Rows for interpolations, in the memory of `kernels`: four for each of `lanes` planes or channels. */
  get rings(): readonly Float64Array[] {
    return this.#scales.rings;
  }

  /** The kernels in whose memory the rows lie. */
  get kernels(): Kernels {
    return this.#scales.kernels;
  }

  /** The way of rows to linear light. */
  get light(): LightRow {
    return this.#scales.light;
  }

  /**
   * Begins comparisons with the top left part of the plane; they end those before.
   *
   * @param width columns of the part
   * @param height rows of the part
   * @param dataRanges the range of the values of each compared plane, `lanes` of them at most
   */
  compare(width: number, height: number, dataRanges: readonly number[]): PyramidComparer {
    const levels = Math.min(width, height) < leastSide ? 1 : this.#scales.levels;
    this.#scales.begin({ width, height }, levels, dataRanges);
    return new PyramidComparer(this.#scales);
  }
}

/** The comparison of the top left part of a pyramid with planes whose rows arrive from the top. */
export class PyramidComparer {
  readonly #scales: Scales;

  /** @param scales has begun planes */
  constructor(scales: Scales) {
    this.#scales = scales;
  }

  /** Where the next row of a plane is expected, from index 0; another one after each `take`. */
  row(lane = 0): Float64Array {
    return this.#scales.row(lane);
  }

  /** Says that the next row of a plane equals the one before. */
  repeat(lane: number): void {
    this.#scales.repeat(lane);
  }

  /** Takes the rows that stand in `row`, one of each plane; all must come. */
  take(): void {
    this.#scales.take();
  }

  /** What the rows that came give, for each plane. */
  result(): Structure[] {
    return this.#scales.end().map(structureOf);
  }
}

/** SSIM and MS-SSIM of the means at all scales. */
function structureOf(means: readonly Means[]): Structure {
  let msSsim = means.length === exponents.length ? 1 : Number.NaN;
  means.forEach(({ ssim, structure }, i) => {
    msSsim *= Math.max(0, i + 1 === exponents.length ? ssim : structure) ** exponents[i];
  });
  return { ssim: means[0].ssim, msSsim };
}
