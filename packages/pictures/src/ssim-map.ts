/**
 * The means of the SSIM map (Wang, Bovik, Sheikh and Simoncelli 2004) of planes that arrive row by row and
 * prepared references, at one scale or several at a time:
 *
 *   l = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1)      cs = (2 s_xy + C2) / (s_x^2 + s_y^2 + C2)
 *
 * with means m, variances s^2 and covariance s_xy under the window of `window.ts` (s^2 = E[x^2] - m^2,
 * no sample correction), C1 = (0.01 L)^2, C2 = (0.03 L)^2 and L the data range, over the valid area: the
 * positions where the window lies inside the plane. A scale is the 2 x 2 mean of the one before, an odd
 * last row or column dropped.
 *
 * References and rows lie in the memory of the kernels (`assembly/level.ts` tells how): a comparison copies
 * nothing. Rows are collected and taken 32 at a time.
 */
import { head, instantiate, type Kernels, LightRow, rowBytes, windowSize } from "./window.ts";

/** What the kernels know of a scale: columns of a strip, bytes of a tile and of what is kept of a strip. */
const strip = 64;
const tileBytes = 1632;
const keptBytes = 3 * 10 * 576;

/** Bytes of a strip's squares, products and filtered rows. */
const workBytes = 2 * 640 + 3 * 43 * 576;

/** Bytes of the description of a scale, and where its sums stand in it. */
const levelBytes = 96;
const constantsAt = 56;
const sumsAt = 72;

/** Rows that are taken at once. */
const most = 32;

/** Planes that are compared at a time. */
export const lanes = 4;

/** Rows of interpolation for each plane, or each of three channels. */
const ringRows = 4;

/** The sides of a plane. */
export interface Size {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** Positions of the window along a side. */
function positions(side: number): number {
  return Math.max(0, side - windowSize + 1);
}

/** Hands out the bytes of a memory, beginning at `head`. */
class Space {
  /** Bytes handed out. */
  end: number = head;

  take(bytes: number): number {
    const at = this.end;
    this.end += 16 * Math.ceil(bytes / 16);
    return at;
  }
}

/** Where a reference lies at one scale. */
interface Tiles {
  readonly at: number;
  readonly size: Size;
}

/** Where one scale of a plane lies that is being compared. */
interface Place {
  readonly level: number;
  readonly rows: number;
  readonly step: number;
  readonly kept: number;
}

/** Means over the map at one scale. */
export interface Means {
  /** Of l cs; 0 between the first scale and the last, where it is not needed. */
  readonly ssim: number;
  /** Of cs; 0 at the last scale. */
  readonly structure: number;
}

/** A reference plane at one scale or several, and the comparison of up to `lanes` planes with it. */
export class Scales {
  /** How many scales there are. */
  readonly levels: number;
  /** The conversion of rows to linear light, for rows of the full size. */
  readonly light: LightRow;
  /** Rows for interpolations at full size: `lanes` times four. */
  readonly rings: readonly Float64Array[];
  /** The kernels in whose memory all of it lies. */
  readonly kernels: Kernels;
  readonly #tiles: readonly Tiles[];
  /** By lane and scale. */
  readonly #places: readonly (readonly Place[])[];
  readonly #work: number;
  /** By lane, the rows that are taken next. */
  readonly #rows: readonly (readonly Float64Array[])[];
  #parts: Size[] = [];
  #planes = 1;
  #reference = true;
  #filled = 0;

  /**
   * Makes room; the reference itself comes by `begin` and `take`.
   *
   * @param sizes the size of every scale, the full plane's first
   * @throws RangeError when there is no memory
   */
  constructor(sizes: readonly Size[]) {
    this.levels = sizes.length;
    const space = new Space();
    const strips = (width: number) => Math.ceil(positions(width) / strip);
    this.#places = Array.from({ length: lanes }, () =>
      sizes.map(({ width }, i) => {
        const step = rowBytes(width);
        const level = space.take(levelBytes);
        const rows = space.take((most >> i) * step);
        return { level, rows, step, kept: space.take(strips(width) * keptBytes) };
      }),
    );
    this.#work = space.take(workBytes);
    const { width } = sizes[0];
    const bytes = rowBytes(width);
    const light = space.take(2 * bytes);
    const ring = space.take(lanes * ringRows * bytes);
    this.#tiles = sizes.map((size) => ({
      at: space.take(strips(size.width) * size.height * tileBytes),
      size,
    }));
    this.kernels = instantiate(space.end);
    const { buffer } = this.kernels.memory;
    this.light = new LightRow(this.kernels, light, width);
    this.rings = Array.from(
      { length: lanes },
      (_, i) => new Float64Array(buffer, ring + i * ringRows * bytes, (ringRows * bytes) / 8),
    );
    this.#rows = this.#places.map(([{ rows, step }]) =>
      Array.from({ length: most }, (_, i) => new Float64Array(buffer, rows + i * step, width)),
    );
    this.begin(sizes[0], sizes.length, undefined);
  }

  /**
   * Begins planes.
   *
   * @param part their size: the top left part of the reference's that they are compared with
   * @param levels how many scales take part
   * @param dataRanges the range L of the values of each, `lanes` at most; undefined where one plane becomes
   *   the reference
   */
  begin({ width, height }: Size, levels: number, dataRanges: readonly number[] | undefined): void {
    this.#filled = 0;
    this.#reference = dataRanges === undefined;
    this.#parts = Array.from({ length: levels }, (_, i) => ({
      width: width >> i,
      height: height >> i,
    }));
    const ranges = dataRanges ?? [1];
    this.#planes = ranges.length;
    ranges.forEach((range, lane) => {
      for (let i = 0; i < levels; i++) this.#describe(lane, i, range);
    });
  }

  /** Writes what the kernels know of a plane at a scale, `assembly/level.ts`. */
  #describe(lane: number, scale: number, range: number): void {
    const { buffer } = this.kernels.memory;
    const { level, rows, step, kept } = this.#places[lane][scale];
    const { width } = this.#parts[scale];
    const { at, size } = this.#tiles[scale];
    const last = scale + 1 === this.#parts.length;
    const next = last ? 0 : this.#places[lane][scale + 1].level;
    const beside = lane + 1 < this.#planes ? this.#places[lane + 1][scale].level : 0;
    // SSIM is made of the first scale, MS-SSIM of l cs at the last and of cs at all before it.
    const wanted = (scale === 0 || last ? 1 : 0) + (last ? 0 : 2);
    const addresses = [at, rows, step, kept, this.#work, next];
    const counts = [size.height, width, positions(width), 0, wanted];
    new Int32Array(buffer, level, 14).set([...addresses, ...counts, beside, 0, 0]);
    const constants = [(0.01 * range) ** 2, (0.03 * range) ** 2];
    new Float64Array(buffer, level + constantsAt, 4).set([...constants, 0, 0]);
  }

  /** Where the next row of a plane is expected, from index 0; another one after each `take`. */
  row(lane = 0): Float64Array {
    return this.#rows[lane][this.#filled];
  }

  /** Says that the next row of a plane equals the one before, which saves some work. */
  repeat(lane: number): void {
    const { buffer } = this.kernels.memory;
    const same = new Uint32Array(buffer, this.#places[lane][0].level + 48, 1);
    same[0] |= 1 << this.#filled;
  }

  /** Takes the rows that stand in `row`, one of each plane. */
  take(): void {
    this.#filled++;
    if (this.#filled === most) this.#flush();
  }

  #flush(): void {
    this.kernels.take(this.#places[0][0].level, this.#filled, this.#reference ? 1 : 0);
    this.#filled = 0;
  }

  /** The means of every plane at every scale, when all rows came. NaN where the window fits nowhere. */
  end(): Means[][] {
    if (this.#filled > 0) this.#flush();
    const { buffer } = this.kernels.memory;
    return this.#places.slice(0, this.#planes).map((places) =>
      this.#parts.map(({ width, height }, i) => {
        const [ssim, structure] = new Float64Array(buffer, places[i].level + sumsAt, 2);
        const count = positions(width) * positions(height);
        return { ssim: ssim / count, structure: structure / count };
      }),
    );
  }
}
