/**
 * The window of SSIM, 11 x 11 Gaussian of sigma 1.5 with weights that sum to 1, over three planes that
 * arrive row by row: samples, their squares, their products with a reference. Separable: 11 taps
 * along rows into a ring of 11 filtered rows, then 11 along columns. All sums are float64.
 *
 * This and the map of SSIM that is made of it are WebAssembly (`assembly/window.ts`), two float64 at a
 * time. The memory is one for all: it holds the rows of whoever called `prepare` last.
 */
import { binary } from "./binary.ts";
import { toLinearRow } from "./light.ts";

/** The side of the window. */
export const windowSize = 11;

/** What the binary knows of a ring: columns of a strip, bytes of a strip. */
const strip = 256;
const stripBytes = 22 * 2112;

/** Bytes at the beginning: six weights, two sums, then the binary's own constants. */
const head = 512;
const sumsAt = 48;

interface Kernels {
  readonly memory: WebAssembly.Memory;
  along(from: number, ring: number, slot: number, columns: number): void;
  across(ring: number, oldest: number, to: number, columns: number): void;
  multiply(plain: number, step: number, count: number): void;
  similarity(
    mean: number,
    step: number,
    columns: number,
    c1: number,
    c2: number,
    both: number,
  ): void;
  light(
    row: number,
    original: number,
    luma: number,
    count: number,
    weight: number,
    begin: number,
  ): number;
}

let kernels: Kernels | undefined;

function instantiate(): Kernels {
  const bytes = Uint8Array.from(atob(binary), (character) => character.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  return exports as unknown as Kernels;
}

/** The one-dimensional window's distinct weights, from its rim (5 away) to its middle. */
function weights(): number[] {
  const g = [5, 4, 3, 2, 1, 0].map((d) => Math.exp(-(d * d) / (2 * 1.5 ** 2)));
  const sum = 2 * (g[0] + g[1] + g[2] + g[3] + g[4]) + g[5];
  return g.map((v) => v / sum);
}

/** Where the rows of one width lie in the memory. */
interface Layout {
  /** Bytes from one row of samples or results to the next. */
  readonly row: number;
  /** Bytes from one ring to the next. */
  readonly ring: number;
  /** Bytes of all: nine rows and three rings. */
  readonly total: number;
}

function layout(width: number): Layout {
  // Even, and one more than what is read and written for an odd width.
  const row = 8 * (width + 2 + (width % 2));
  const ring = Math.ceil(Math.max(0, width - windowSize + 1) / strip) * stripBytes;
  return { row, ring, total: 9 * row + 3 * ring };
}

/** The window over planes of one width; valid until the next call of `prepare`. */
export class WindowRows {
  /** The row to take next: the samples, from index 0. */
  readonly plain: Float64Array;
  /** The row of the reference that they are multiplied with. */
  readonly reference: Float64Array;
  /** A row of one channel, for `addLight`; not kept by `take`. */
  readonly channel: Float64Array;
  readonly #original: Float32Array;
  /** The window's means of the samples, from index 0, as many as there are positions. */
  readonly mean: Float64Array;
  /** Those of their squares. */
  readonly second: Float64Array;
  /** Those of their products with the reference. */
  readonly mixed: Float64Array;
  /** The reference's means at the same positions, for `similarity`. */
  readonly means: Float64Array;
  /** The reference's variances, likewise. */
  readonly variances: Float64Array;
  /** What `similarity` found: the sums of l cs and of cs. */
  readonly sums: Float64Array;
  readonly #kernels: Kernels;
  readonly #origin: number;
  readonly #layout: Layout;
  readonly #columns: number;

  /** Rows of `width` samples from byte `origin` of the memory on. */
  constructor(shared: Kernels, origin: number, width: number) {
    this.#kernels = shared;
    this.#origin = origin;
    this.#layout = layout(width);
    this.#columns = Math.max(0, width - windowSize + 1);
    const view = (i: number, length: number) =>
      new Float64Array(shared.memory.buffer, origin + i * this.#layout.row, length);
    // Of the four, `take` fills the second with squares and the third with products.
    [this.plain, this.channel, this.reference] = [0, 1, 3].map((i) => view(i, width));
    this.#original = new Float32Array(shared.memory.buffer, origin + 2 * this.#layout.row, width);
    [this.mean, this.second, this.mixed] = [4, 5, 6].map((i) => view(i, this.#columns));
    [this.means, this.variances] = [7, 8].map((i) => view(i, this.#columns));
    this.sums = new Float64Array(shared.memory.buffer, sumsAt, 2);
  }

  /**
   * Takes row number `row`, which must stand in `plain`, and in `reference` the row to multiply it with;
   * rows come from 0 on. From row 10 on the results stand in `mean`, `second` and `mixed`.
   *
   * @returns whether there are results
   */
  take(row: number): boolean {
    const columns = this.#columns;
    if (columns === 0) return false;
    const origin = this.#origin;
    const { row: bytes, ring } = this.#layout;
    const rings = origin + 9 * bytes;
    this.#kernels.multiply(origin, bytes, this.plain.length);
    const slot = row % windowSize;
    for (let i = 0; i < 3; i++) {
      this.#kernels.along(origin + i * bytes, rings + i * ring, slot, columns);
    }
    if (row < windowSize - 1) return false;
    const oldest = (row + 1) % windowSize;
    for (let i = 0; i < 3; i++) {
      this.#kernels.across(rings + i * ring, oldest, origin + (4 + i) * bytes, columns);
    }
    return true;
  }

  /**
   * Converts the sRGB values in `channel` to linear light and adds them, weighted, to `plain`, or begins
   * it with them. `channel` holds nothing of use afterwards.
   *
   * @param original the same row and channel of the original, in linear light
   * @returns the sum of squared differences from it
   */
  addLight(original: Float32Array, weight: number, begin: boolean): number {
    const { row } = this.#layout;
    const width = this.plain.length;
    this.#original.set(original);
    const [from, samples] = [this.#origin + row, this.#origin + 2 * row];
    const error = this.#kernels.light(from, samples, this.#origin, width, weight, begin ? 1 : 0);
    return error >= 0 ? error : this.#addAnyLight(original, weight, begin);
  }

  /** `addLight` of any values. */
  #addAnyLight(original: Float32Array, weight: number, begin: boolean): number {
    const { channel, plain } = this;
    toLinearRow(channel);
    let sum = 0;
    for (let x = 0; x < channel.length; x++) {
      const v = channel[x];
      const d = v - original[x];
      sum += d * d;
      plain[x] = begin ? weight * v : plain[x] + weight * v;
    }
    return sum;
  }

  /**
   * Sums a row of the map of SSIM, as `ssim-map.ts` says, of the results and of what stands in `means` and
   * `variances`, into `sums`.
   *
   * @param both whether the sum of cs is wanted; else it is 0
   */
  similarity(c1: number, c2: number, both: boolean): void {
    const { row } = this.#layout;
    const mean = this.#origin + 4 * row;
    this.#kernels.similarity(mean, row, this.#columns, c1, c2, both ? 1 : 0);
  }
}

/**
 * Makes room for planes of these widths. What an earlier call returned must not be used any more.
 *
 * @throws RangeError when there is no memory
 */
export function prepare(widths: readonly number[]): WindowRows[] {
  if (kernels === undefined) {
    kernels = instantiate();
    new Float64Array(kernels.memory.buffer).set(weights());
  }
  const shared = kernels;
  const needed = widths.reduce((sum, width) => sum + layout(width).total, head);
  const missing = needed - shared.memory.buffer.byteLength;
  if (missing > 0) shared.memory.grow(Math.ceil(missing / 65536));
  let origin = head;
  return widths.map((width) => {
    const rows = new WindowRows(shared, origin, width);
    origin += layout(width).total;
    return rows;
  });
}
