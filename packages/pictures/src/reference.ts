/**
 * One original compared with any number of pooled versions: of any kernel, under any protocol, in sRGB
 * values and in linear light.
 *
 * All that depends on the original alone is computed once, on first use: its linear light, its luma
 * and the moments of SSIM at every scale, which serve all kernels and reconstructions; for every
 * kernel its average at low resolution, its tiles, and the projections that give the squared error of
 * a reconstruction (`squared-error.ts`). A reconstruction is interpolated row by row and never held:
 * of luma alone where light and interpolation may be exchanged, of all channels where they may not.
 */
import { areaAverage } from "./area.ts";
import { type Detail, DetailReference } from "./detail.ts";
import { type Light, toLinear, toSrgb } from "./light.ts";
import { luma, lumaWeights } from "./luma.ts";
import { cropToMultiple, expectCount, expectPicture, expectSize, type Picture } from "./picture.ts";
import { findProtocol, type Protocol } from "./protocols.ts";
import { psnr } from "./psnr.ts";
import { Pyramid } from "./pyramid.ts";
import { Enlarger, type Reconstruction } from "./resize.ts";
import { SquaredError } from "./squared-error.ts";
import { comparePlane, expectDataRange } from "./ssim.ts";
import { lanes } from "./ssim-map.ts";

/** What is compared, and how. */
export interface Comparison {
  /** The name of the protocol: how the two come to the same size. */
  readonly protocol: Protocol["name"];
  /** What is compared: sRGB values, or linear light, converted after the reconstruction. */
  readonly light: Light;
  /** The data range of SSIM and MS-SSIM, default 1; see `SsimOptions`. */
  readonly dataRange?: number;
}

/** What one comparison says of one pooled picture. */
export interface Fidelity {
  /** Structural similarity, at most 1; NaN when the compared pictures are smaller than 11 pixels. */
  readonly ssim: number;
  /** Multi-scale SSIM; NaN when they are smaller than 176 pixels, or it was not asked for. */
  readonly msSsim: number;
  /** Peak signal to noise ratio in dB; Infinity when the compared pictures are equal. */
  readonly psnr: number;
}

/** All that is said of one pooled picture. */
export interface Measured {
  /** One for each comparison, in their order. */
  readonly fidelity: Fidelity[];
  /** Detail and brightness, which no protocol touches. */
  readonly detail: Detail;
}

/** Options of `PictureReference`. */
export interface PictureReferenceOptions {
  /** Whether MS-SSIM is computed, which costs a third more than SSIM alone; default true. */
  readonly msSsim?: boolean;
}

/** A picture in one light, and what SSIM needs of it. */
interface Side {
  readonly picture: Picture;
  readonly pyramid: Pyramid;
}

/** What is known of the original for one kernel. */
interface Kernel {
  detail?: DetailReference;
  /** The original's average at low resolution, by light. */
  readonly low: Map<Light, Side>;
  /** By light and reconstruction. */
  readonly reconstructions: Map<string, Prepared>;
}

/** What a reconstruction needs of the original. */
interface Prepared {
  /** One for each version that is compared at a time. */
  readonly enlargers: readonly Enlarger[];
  readonly error: SquaredError;
}

/** A picture in both lights and its luma in both, made when asked for. */
class Versions {
  readonly #srgb: Picture;
  readonly #luma = new Map<Light, Float32Array>();
  #linear: Picture | undefined;

  constructor(srgb: Picture) {
    this.#srgb = srgb;
  }

  in(light: Light): Picture {
    if (light === "srgb") return this.#srgb;
    this.#linear ??= toLinear(this.#srgb);
    return this.#linear;
  }

  luma(light: Light): Float32Array {
    const plane = this.#luma.get(light) ?? luma(this.in(light));
    this.#luma.set(light, plane);
    return plane;
  }
}

/** A comparison of one version; its parts are known to be right. */
interface Task extends Required<Comparison> {
  readonly version: Versions;
}

/** Checks a comparison and completes it. */
function expectComparison({ protocol, light, dataRange = 1 }: Comparison): Required<Comparison> {
  const { name } = findProtocol(protocol);
  if (light !== "srgb" && light !== "linear") {
    throw new RangeError(
      `PictureReference.compare: light must be "srgb" or "linear", got ${JSON.stringify(light)}`,
    );
  }
  expectDataRange("PictureReference.compare", dataRange);
  return { protocol: name, light, dataRange };
}

/**
 * Whether enlarging luma is enough: interpolation is linear, and nearest repeats values; both go before
 * luma, nearest before light.
 */
function byLuma({ protocol, light }: Required<Comparison>): boolean {
  return protocol !== "low-resolution" && (light === "srgb" || protocol === "nearest");
}

/** An original prepared for comparing it with many pooled versions. */
export class PictureReference {
  readonly #original: Picture;
  readonly #versions: Versions;
  readonly #multiscale: boolean;
  readonly #sides = new Map<Light, Side>();
  readonly #kernels = new Map<number, Kernel>();

  /**
   * @param original sRGB values in [0, 1], of any size; kept, not copied: its data must not change
   */
  constructor(original: Picture, { msSsim = true }: PictureReferenceOptions = {}) {
    expectPicture("PictureReference", "original", original);
    this.#original = original;
    this.#versions = new Versions(original);
    this.#multiscale = msSsim;
  }

  /**
   * All that is said of a pooled version: `compare` and `detail` in one call.
   *
   * @throws RangeError as they do
   */
  score(pooled: Picture, factor: number, comparisons: readonly Comparison[]): Measured {
    return this.scoreAll([pooled], factor, comparisons)[0];
  }

  /**
   * `score` of several versions that were pooled with the same kernel. What the original gives is read once
   * for up to four comparisons: four versions take a good deal less time than four calls.
   *
   * @returns one for each version, in their order
   * @throws RangeError as `score` does
   */
  scoreAll(
    pooled: readonly Picture[],
    factor: number,
    comparisons: readonly Comparison[],
  ): Measured[] {
    for (const picture of pooled) this.#expectPooled("PictureReference.score", picture, factor);
    const versions = pooled.map((picture) => new Versions(picture));
    const fidelity = this.#compare(versions, factor, comparisons);
    return versions.map((version, i) => ({
      fidelity: fidelity.slice(i * comparisons.length, (i + 1) * comparisons.length),
      detail: this.#detail(version, factor),
    }));
  }

  /**
   * Compares a pooled version with the original. What `factor` does not divide of the original is cut
   * off at the right and the bottom, as by `cropToMultiple`.
   *
   * Costs, for each comparison, the three filtered planes of SSIM and one interpolated plane; three and
   * their conversion for a bilinear or bicubic reconstruction compared in linear light.
   *
   * @param pooled sRGB values, the original's size divided by `factor`, rounded down; the original's
   *   channels. May exceed [0, 1]; a NaN or an infinity makes SSIM NaN
   * @param factor the pooling kernel and stride, an integer of at least 1
   * @param comparisons what to compare and how
   * @returns one for each comparison, in their order
   * @throws RangeError when a size, a protocol, a light or a data range does not fit
   */
  compare(pooled: Picture, factor: number, comparisons: readonly Comparison[]): Fidelity[] {
    this.#expectPooled("PictureReference.compare", pooled, factor);
    return this.#compare([new Versions(pooled)], factor, comparisons);
  }

  /**
   * Detail and brightness of a pooled version, as `detail(original, pooled, factor)`.
   *
   * @throws RangeError when a size does not fit
   */
  detail(pooled: Picture, factor: number): Detail {
    this.#expectPooled("PictureReference.detail", pooled, factor);
    return this.#detail(new Versions(pooled), factor);
  }

  #detail(version: Versions, factor: number): Detail {
    const kernel = this.#kernel(factor);
    kernel.detail ??= new DetailReference(this.#original, factor);
    return kernel.detail.scorePlane(version.in("srgb"), version.luma("srgb"));
  }

  #expectPooled(operation: string, pooled: Picture, factor: number): void {
    expectCount(operation, "factor", factor);
    const { width, height, channels } = this.#original;
    if (factor > Math.min(width, height)) {
      throw new RangeError(
        `${operation}: factor must be at most the shorter side of the ${width} x ${height} original, got ${factor}`,
      );
    }
    const [w, h] = [width, height].map((n) => Math.floor(n / factor));
    expectSize(operation, "pooled", pooled, { width: w, height: h, channels });
  }

  /** Every version by every comparison, version by version. */
  #compare(
    versions: readonly Versions[],
    factor: number,
    comparisons: readonly Comparison[],
  ): Fidelity[] {
    const checked = comparisons.map(expectComparison);
    const tasks = versions.flatMap((version) =>
      checked.map((comparison): Task => ({ version, ...comparison })),
    );
    const found = new Map<Task, Fidelity>();
    for (const light of ["srgb", "linear"] as const) {
      const enlarged = tasks.filter((task) => task.light === light && byLuma(task));
      for (let i = 0; i < enlarged.length; i += lanes) {
        const some = enlarged.slice(i, i + lanes);
        const fidelity = this.#compareLuma(some, factor, light);
        some.forEach((task, lane) => {
          found.set(task, fidelity[lane]);
        });
      }
    }
    return tasks.map((task) => found.get(task) ?? this.#compareAlone(task, factor));
  }

  /** What is not compared by luma alone. */
  #compareAlone({ version, protocol, light, dataRange }: Task, factor: number): Fidelity {
    if (protocol === "low-resolution") return this.#compareLow(version, factor, light, dataRange);
    return this.#compareRows(version.in("srgb"), factor, this.#side(light), protocol, dataRange);
  }

  /** At low resolution. */
  #compareLow(version: Versions, factor: number, light: Light, dataRange: number): Fidelity {
    const { picture, pyramid } = this.#low(factor, light);
    const compared = version.in(light);
    const { width, height } = compared;
    const structure = comparePlane(pyramid, version.luma(light), width, height, dataRange);
    return { ...structure, psnr: psnr(picture, compared) };
  }

  /** Enlarges luma only, of up to `lanes` versions; the squared error needs no enlargement. */
  #compareLuma(tasks: readonly Task[], factor: number, light: Light): Fidelity[] {
    const side = this.#side(light);
    const pooled = tasks.map(({ version }) => version.in(light));
    const [width, height] = [pooled[0].width * factor, pooled[0].height * factor];
    const prepared = tasks.map(({ protocol }) =>
      this.#prepared(side, factor, light, protocol as Reconstruction),
    );
    const enlargers = tasks.map(({ version }, lane) => {
      const enlarger = prepared[lane].enlargers[lane];
      enlarger.begin(version.luma(light));
      return enlarger;
    });
    const ranges = tasks.map(({ dataRange }) => dataRange);
    const comparer = side.pyramid.compare(width, height, ranges);
    for (let y = 0; y < height; y++) {
      for (let lane = 0; lane < enlargers.length; lane++) {
        if (enlargers[lane].row(y, comparer.row(lane))) comparer.repeat(lane);
      }
      comparer.take();
    }
    return comparer.result().map((structure, lane) => {
      const { error, enlargers: own } = prepared[lane];
      const sum =
        error.of(pooled[lane]) ?? this.#errorOfRows(pooled[lane], side, own[lane], factor);
      return { ...structure, psnr: decibels(sum, width * height * pooled[lane].channels) };
    });
  }

  /** What a reconstruction needs of the original. */
  #prepared(side: Side, factor: number, light: Light, protocol: Reconstruction): Prepared {
    const { picture, pyramid } = side;
    const { reconstructions } = this.#kernel(factor);
    const key = `${light} ${protocol}`;
    let prepared = reconstructions.get(key);
    if (prepared === undefined) {
      const [width, height] = [picture.width, picture.height].map((n) => Math.floor(n / factor));
      prepared = {
        enlargers: Array.from({ length: lanes }, (_, lane) =>
          enlargerOf(pyramid, lane, width, height, factor, protocol),
        ),
        error: new SquaredError(picture, factor, protocol),
      };
      reconstructions.set(key, prepared);
    }
    return prepared;
  }

  /** Enlarges all channels, converts them to linear light, and compares. */
  #compareRows(
    pooled: Picture,
    factor: number,
    { picture, pyramid }: Side,
    protocol: Reconstruction,
    dataRange: number,
  ): Fidelity {
    const [width, height] = [pooled.width * factor, pooled.height * factor];
    const enlargers = planesOf(pooled).map((plane, c) => {
      const enlarger = enlargerOf(pyramid, c, pooled.width, pooled.height, factor, protocol);
      enlarger.begin(plane);
      return enlarger;
    });
    const weights = enlargers.length === 1 ? [1] : lumaWeights;
    const comparer = pyramid.compare(width, height, [dataRange]);
    const { light } = pyramid;
    let error = 0;
    for (let y = 0; y < height; y++) {
      const row = comparer.row();
      enlargers.forEach((enlarger, c) => {
        enlarger.row(y, light.channel);
        const first = (c * picture.height + y) * picture.width;
        error += light.add(picture.data.subarray(first, first + width), weights[c], c === 0, row);
      });
      comparer.take();
    }
    const samples = width * height * pooled.channels;
    return { ...comparer.result()[0], psnr: decibels(error, samples) };
  }

  /** The squared error of a reconstruction, sample by sample, where `SquaredError` knows none. */
  #errorOfRows(pooled: Picture, side: Side, enlarger: Enlarger, factor: number): number {
    const { picture: original, pyramid } = side;
    const row = pyramid.light.channel.subarray(0, pooled.width * factor);
    let error = 0;
    planesOf(pooled).forEach((plane, c) => {
      enlarger.begin(plane);
      for (let y = 0; y < pooled.height * factor; y++) {
        enlarger.row(y, row);
        error += rowError(row, original.data, (c * original.height + y) * original.width);
      }
    });
    return error;
  }

  /** The original in one light. */
  #side(light: Light): Side {
    let side = this.#sides.get(light);
    if (side === undefined) {
      side = this.#prepare(this.#versions.in(light));
      this.#sides.set(light, side);
    }
    return side;
  }

  /** The original at low resolution, averaged in linear light, in one light. */
  #low(factor: number, light: Light): Side {
    const { low } = this.#kernel(factor);
    let side = low.get(light);
    if (side === undefined) {
      const average = areaAverage(cropToMultiple(this.#versions.in("linear"), factor), factor);
      side = this.#prepare(light === "linear" ? average : toSrgb(average));
      low.set(light, side);
    }
    return side;
  }

  #prepare(picture: Picture): Side {
    const { width, height } = picture;
    return { picture, pyramid: new Pyramid(luma(picture), width, height, this.#multiscale) };
  }

  #kernel(factor: number): Kernel {
    let kernel = this.#kernels.get(factor);
    if (kernel === undefined) {
      kernel = { low: new Map(), reconstructions: new Map() };
      this.#kernels.set(factor, kernel);
    }
    return kernel;
  }
}

/** Interpolates rows in the memory of a pyramid, in the room of a channel. */
function enlargerOf(
  { kernels, rings }: Pyramid,
  channel: number,
  width: number,
  height: number,
  factor: number,
  protocol: Reconstruction,
): Enlarger {
  const lines = { kernels, ring: rings[channel] };
  return new Enlarger(width, height, width * factor, height * factor, protocol, lines);
}

function planesOf({ data, width, height, channels }: Picture): Float32Array[] {
  const area = width * height;
  return Array.from({ length: channels }, (_, c) => data.subarray(c * area, (c + 1) * area));
}

/** The squared differences of a row and the samples from `source`. */
function rowError(row: Float64Array, samples: Float32Array, source: number): number {
  let sum = 0;
  for (let x = 0; x < row.length; x++) {
    const d = row[x] - samples[source + x];
    sum += d * d;
  }
  return sum;
}

function decibels(squaredError: number, samples: number): number {
  return 10 * Math.log10(samples / squaredError);
}
