/**
 * How a picture and its pooled version, which differ in size, are compared.
 *
 * Either the pooled picture is resampled to the original's size and compared there, or the original
 * is brought down by a model of a perfect sensor (the average of its light over each block) and both
 * are compared at low resolution. Every comparison is made twice, of sRGB values and of linear light:
 * the two rank pooling methods differently, so neither number means much without its name.
 */
import { areaAverage } from "./area.ts";
import { toLinear, toSrgb } from "./light.ts";
import { nearestName } from "./names.ts";
import { expectCount, expectPicture, expectSize, type Picture } from "./picture.ts";
import { psnr } from "./psnr.ts";
import { resize } from "./resize.ts";
import { SsimReference } from "./ssim.ts";

/** A way to compare a picture with its pooled version. */
export interface Protocol {
  /** The name used in options and tables. */
  readonly name: "nearest" | "bilinear" | "bicubic" | "low-resolution";
  /** A few words, for a table's heading. */
  readonly title: string;
  /** What is compared with what, in full sentences, for the text above a table. */
  readonly description: string;
}

const measured =
  "SSIM (11 x 11 Gaussian window, sigma 1.5, BT.601 luma, data range 1, valid area) and PSNR (all " +
  "channels, peak 1, not rounded to 8 bits) are taken of sRGB values and of linear light.";

/** All protocols, in the order of tables. */
export const protocols: readonly Protocol[] = [
  {
    name: "nearest",
    title: "Nearest reconstruction",
    description: `Each pooled pixel is repeated over its block and compared with the original at the original's size. ${measured}`,
  },
  {
    name: "bilinear",
    title: "Bilinear reconstruction",
    description: `The pooled picture is enlarged bilinearly (half-pixel centres, edges clamped, sRGB values) and compared with the original at the original's size. ${measured}`,
  },
  {
    name: "bicubic",
    title: "Bicubic reconstruction",
    description: `The pooled picture is enlarged bicubically (Keys, a = -0.5; half-pixel centres, edges clamped, sRGB values, overshoot kept) and compared with the original at the original's size. ${measured}`,
  },
  {
    name: "low-resolution",
    title: "At low resolution",
    description: `The pooled picture is compared, at its own size, with the area average of the original taken in linear light. ${measured}`,
  },
];

/**
 * The protocol of that name.
 *
 * @throws RangeError listing the names, and asking for the nearest when one is near
 */
export function findProtocol(name: string): Protocol {
  const found = protocols.find((p) => p.name === name);
  if (found) return found;
  const names = protocols.map((p) => p.name);
  const nearest = nearestName(name, names);
  throw new RangeError(
    `findProtocol: name must be one of ${names.join(", ")}, got ${JSON.stringify(name)}${nearest ? `; did you mean ${nearest}?` : ""}`,
  );
}

/** SSIM and PSNR of one comparison. */
export interface Similarity {
  /** Structural similarity, at most 1; NaN when the compared pictures are smaller than 11 pixels. */
  readonly ssim: number;
  /** Peak signal to noise ratio in dB; Infinity when the compared pictures are equal. */
  readonly psnr: number;
}

/** What one protocol says of one pooled picture. */
export interface Score {
  /** Compared as sRGB values. */
  readonly srgb: Similarity;
  /** Compared as linear light, converted after the reconstruction. */
  readonly linear: Similarity;
}

/**
 * An original prepared for comparing it with many pooled versions under one protocol, step by step as
 * described; `PictureReference` gives the same for all kernels, and faster: on pictures within 1e-8 and 1e-6 dB.
 */
export class ProtocolReference {
  readonly #original: { readonly width: number; readonly height: number };
  readonly #pooled: { readonly width: number; readonly height: number; readonly channels: number };
  readonly #protocol: Protocol["name"];
  readonly #srgb: Side;
  readonly #linear: Side;

  /**
   * @param original sRGB values; both sides multiples of `factor`
   * @param factor the pooling kernel and stride, an integer of at least 1
   * @param protocol the name of a protocol
   * @throws RangeError when `factor` does not divide the sides or the protocol is unknown
   */
  constructor(original: Picture, factor: number, protocol: Protocol["name"]) {
    expectPicture("ProtocolReference", "original", original);
    expectCount("ProtocolReference", "factor", factor);
    this.#protocol = findProtocol(protocol).name;
    const { width, height, channels } = original;
    if (width % factor !== 0 || height % factor !== 0) {
      throw new RangeError(
        `ProtocolReference: factor must divide both sides of the ${width} x ${height} original, got ${factor}; crop with cropToMultiple first`,
      );
    }
    this.#original = { width, height };
    this.#pooled = { width: width / factor, height: height / factor, channels };
    const light = toLinear(original);
    if (this.#protocol === "low-resolution") {
      const average = areaAverage(light, factor);
      this.#srgb = new Side(toSrgb(average));
      this.#linear = new Side(average);
    } else {
      this.#srgb = new Side(original);
      this.#linear = new Side(light);
    }
  }

  /**
   * Scores a pooled version of the original.
   *
   * @param pooled sRGB values, the original's size divided by the factor, the original's channels
   * @throws RangeError when the size or the channels are others
   */
  score(pooled: Picture): Score {
    expectSize("ProtocolReference.score", "pooled", pooled, this.#pooled);
    const { width, height } = this.#original;
    const compared =
      this.#protocol === "low-resolution" ? pooled : resize(pooled, width, height, this.#protocol);
    return {
      srgb: this.#srgb.compare(compared),
      linear: this.#linear.compare(toLinear(compared)),
    };
  }
}

/** One reference picture under both measures. */
class Side {
  readonly #picture: Picture;
  readonly #moments: SsimReference;

  constructor(picture: Picture) {
    this.#picture = picture;
    this.#moments = new SsimReference(picture);
  }

  compare(other: Picture): Similarity {
    return { ssim: this.#moments.compare(other), psnr: psnr(this.#picture, other) };
  }
}
