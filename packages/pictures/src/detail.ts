/**
 * What pooling does to detail and brightness, whatever the reconstruction: figures of a pooled picture y
 * against its original x, both in sRGB values. The picture is cut into a grid of tiles of about 32 x 32
 * original pixels, whole blocks of the pooling each, which cover it exactly. With luma (BT.601), and
 * mean m, standard deviation s (no sample correction), max and min over the tile t,
 *
 *   contrast  = sum_t s_t(y) / sum_t s_t(x)
 *   bright    = sum_t (max_t(y) - m_t(x)) / sum_t (max_t(x) - m_t(x))
 *   dark      = sum_t (m_t(x) - min_t(y)) / sum_t (m_t(x) - min_t(x))
 *
 * and with the luminance of linear light Y = 0.2126 R + 0.7152 G + 0.0722 B over the whole picture
 *
 *   luminance = 100 (mean Y(y) / mean Y(x) - 1)
 *
 * Ratios of sums, so that flat tiles weigh nothing and need no threshold. A picture repeated over its
 * blocks has the same deviations and extremes as before: no enlargement is needed.
 */
import { luma } from "./luma.ts";
import { cropToMultiple, expectCount, expectPicture, expectSize, type Picture } from "./picture.ts";
import { head, instantiate, type Kernels, LightRow, rowBytes } from "./window.ts";

/** The weights of linear red, green and blue in luminance (BT.709). */
const luminanceWeights: readonly number[] = [0.2126, 0.7152, 0.0722];

/** The side of a tile in original pixels, about. */
const tileSide = 32;

/** Detail and brightness of a pooled picture, relative to the original's. */
export interface Detail {
  /** Local contrast: the ratio of local standard deviations; 1 keeps it. NaN for a flat original. */
  readonly contrast: number;
  /**
   * Share of the bright extremes kept: 1 for the maximum of a block of grey, a little more in colour,
   * where the channels' maxima come from different pixels. NaN for a flat original.
   */
  readonly bright: number;
  /** Share of the dark extremes kept, likewise 1 for the minimum. NaN for a flat original. */
  readonly dark: number;
  /** Error of the mean luminance in %, above 0 where too bright. NaN for a black original. */
  readonly luminance: number;
}

/**
 * Detail and brightness of one pooled picture; `DetailReference` for many.
 *
 * @param original sRGB values; what `factor` does not divide is cut off at the right and the bottom
 * @param pooled sRGB values, the original's size divided by `factor`, rounded down
 * @param factor the pooling kernel and stride, an integer of at least 1
 * @throws RangeError when a size does not fit
 */
export function detail(original: Picture, pooled: Picture, factor: number): Detail {
  return new DetailReference(original, factor).score(pooled);
}

/** An original prepared for the detail of many pooled versions; holds a few numbers per tile. */
export class DetailReference {
  readonly #pooled: { readonly width: number; readonly height: number; readonly channels: number };
  readonly #columns: Int32Array;
  readonly #rows: Int32Array;
  readonly #means: Float64Array;
  readonly #deviation: number;
  readonly #above: number;
  readonly #below: number;
  readonly #luminance: number;

  /**
   * @param original sRGB values; what `factor` does not divide is cut off at the right and the bottom
   * @param factor the pooling kernel and stride, an integer of at least 1
   * @throws RangeError when `factor` is larger than a side
   */
  constructor(original: Picture, factor: number) {
    expectPicture("DetailReference", "original", original);
    expectCount("DetailReference", "factor", factor);
    const picture = cropToMultiple(original, factor);
    const { width, height, channels } = picture;
    this.#pooled = { width: width / factor, height: height / factor, channels };
    this.#columns = cuts(this.#pooled.width, factor);
    this.#rows = cuts(this.#pooled.height, factor);
    const scale = (n: number) => n * factor;
    const [columns, rows] = [this.#columns.map(scale), this.#rows.map(scale)];
    const tiles = measure(luma(picture), width, columns, rows);
    this.#means = tiles.mean;
    this.#deviation = sum(tiles.deviation);
    this.#above = sum(tiles.max) - sum(tiles.mean);
    this.#below = sum(tiles.mean) - sum(tiles.min);
    this.#luminance = meanLuminance(picture);
  }

  /**
   * The detail of a pooled version of the original.
   *
   * @param pooled sRGB values, the original's size divided by the factor, the original's channels
   * @throws RangeError when the size or the channels are others
   */
  score(pooled: Picture): Detail {
    expectSize("DetailReference.score", "pooled", pooled, this.#pooled);
    return this.scorePlane(pooled, luma(pooled));
  }

  /** `score` of a picture whose size is known to fit and whose luma is at hand. */
  scorePlane(pooled: Picture, plane: Float32Array): Detail {
    const { deviation, max, min } = measure(plane, pooled.width, this.#columns, this.#rows);
    const mean = sum(this.#means);
    return {
      contrast: share(sum(deviation), this.#deviation),
      bright: share(sum(max) - mean, this.#above),
      dark: share(mean - sum(min), this.#below),
      luminance: 100 * (share(meanLuminance(pooled), this.#luminance) - 1),
    };
  }
}

/** Where the tiles of an axis of `size` pooled samples begin, and `size` itself at the end. */
function cuts(size: number, factor: number): Int32Array {
  const side = Math.max(2, Math.round(tileSide / factor));
  const count = Math.max(1, Math.round(size / side));
  return Int32Array.from({ length: count + 1 }, (_, i) => Math.floor((i * size) / count));
}

/** Statistics of luma in every tile. */
interface Tiles {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  readonly max: Float64Array;
  readonly min: Float64Array;
}

/** Measures the tiles of a plane of `y`, `width` samples a row. */
function measure(y: Float32Array, width: number, columns: Int32Array, rows: Int32Array): Tiles {
  const count = (columns.length - 1) * (rows.length - 1);
  const array = () => new Float64Array(count);
  const tiles = { mean: array(), deviation: array(), max: array(), min: array() };
  for (let j = 0, tile = 0; j + 1 < rows.length; j++) {
    for (let i = 0; i + 1 < columns.length; i++, tile++) {
      const left = columns[i];
      const right = columns[i + 1];
      const origin = y[rows[j] * width + left];
      let first = 0;
      let second = 0;
      let max = origin;
      let min = origin;
      for (let row = rows[j]; row < rows[j + 1]; row++) {
        const line = row * width;
        for (let k = line + left; k < line + right; k++) {
          const v = y[k];
          const d = v - origin;
          first += d;
          second += d * d;
          if (v > max) max = v;
          if (v < min) min = v;
        }
      }
      const area = (rows[j + 1] - rows[j]) * (columns[i + 1] - columns[i]);
      const shift = first / area;
      tiles.mean[tile] = origin + shift;
      tiles.deviation[tile] = Math.sqrt(Math.max(0, second / area - shift * shift));
      // A sample that is not a number is neither above nor below: its sum tells.
      tiles.max[tile] = Number.isNaN(first) ? Number.NaN : max;
      tiles.min[tile] = Number.isNaN(first) ? Number.NaN : min;
    }
  }
  return tiles;
}

/** NaN where there is nothing to take a share of. */
function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : Number.NaN;
}

function sum(values: Float64Array): number {
  return values.reduce((total, v) => total + v, 0);
}

/** Where rows are converted, for pictures up to a width. */
interface Luminance {
  readonly width: number;
  readonly light: LightRow;
  readonly row: Float64Array;
}

let luminance: Luminance | undefined;

/** Room for the conversion of rows of `width` samples. */
function luminanceOf(width: number): Luminance {
  if (luminance !== undefined && luminance.width >= width) return luminance;
  const bytes = rowBytes(width);
  const kernels: Kernels = instantiate(head + 3 * bytes);
  const light = new LightRow(kernels, head, width);
  const row = new Float64Array(kernels.memory.buffer, head + 2 * bytes, width);
  luminance = { width, light, row };
  return luminance;
}

/** The mean luminance of a picture of sRGB values. */
function meanLuminance({ width, height, channels, data }: Picture): number {
  const { light, row } = luminanceOf(width);
  const black = new Float32Array(width);
  const weights = channels === 1 ? [1] : luminanceWeights;
  let total = 0;
  for (let y = 0; y < height; y++) {
    weights.forEach((weight, c) => {
      const line = (c * height + y) * width;
      light.channel.set(data.subarray(line, line + width));
      light.add(black, weight, c === 0, row);
    });
    for (let x = 0; x < width; x++) total += row[x];
  }
  return total / (width * height);
}
