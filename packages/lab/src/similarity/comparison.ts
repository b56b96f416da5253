/** How pooled pictures are compared: what the method sees, how it is brought back, and in which light. */
import {
  findProtocol,
  findValueRange,
  type Light,
  type Protocol,
  type Comparison as Scored,
  type ValueRange,
} from "@softpool/pictures";
import type { Config } from "../study/cell.ts";

/** A comparison. */
export interface Comparison {
  /** Values that the method pools. */
  readonly values: ValueRange["name"];
  /** Reconstruction, or the comparison at low resolution. */
  readonly protocol: Protocol["name"];
  /** Whether sRGB values or linear light are compared. */
  readonly light: Light;
  /** The data range that SSIM assumes, as a share of the true one; 1 is right. */
  readonly dataRange: number;
}

/** A comparison for `PictureReference.score`. */
export function scored({ protocol, light, dataRange }: Comparison): Scored {
  return { protocol, light, dataRange };
}

/** A comparison as it stands in a configuration. */
export function comparisonConfig({ values, protocol, light, dataRange }: Comparison): Config {
  return { values, protocol, light, dataRange };
}

/** The comparison that a configuration describes. */
export function comparisonIn(config: Config): Comparison {
  const { values, protocol, light, dataRange } = config as unknown as Comparison;
  return { values, protocol, light, dataRange };
}

/** What is compared, by light. */
export const lightNames: Readonly<Record<Light, string>> = {
  srgb: "sRGB values",
  linear: "linear light",
};

/** Ranges of values, as people write them. */
export const rangeNames: Readonly<Record<ValueRange["name"], string>> = {
  unit: "0-1",
  byte: "0-255",
  imagenet: "ImageNet",
};

/**
 * A heading: `Bilinear reconstruction, linear light`; ranges of values other than 0-1 are named, as in
 * `..., pooled as 0-255`.
 */
export function comparisonTitle({ values, protocol, light, dataRange }: Comparison): string {
  const pooled = values === "unit" ? "" : `, pooled as ${rangeNames[values]}`;
  const range = dataRange === 1 ? "" : `, SSIM for data range ${fraction(dataRange)}`;
  return `${findProtocol(protocol).title}, ${lightNames[light]}${pooled}${range}`;
}

/** A share as people write it: 1/255 for 0.00392... */
export function fraction(value: number): string {
  const whole = Math.round(1 / value);
  return value < 1 && Math.abs(1 / value - whole) < 1e-9 * whole ? `1/${whole}` : String(value);
}

/** What a comparison does, in full sentences. */
export function comparisonText({ values, protocol, light, dataRange }: Comparison): string {
  const compared =
    protocol === "low-resolution"
      ? "The pooled picture is compared, at its own size, with the area average of the original's light"
      : `The pooled picture is brought to the original's size (${protocol}, half-pixel centres, edges clamped, sRGB values) and compared with the original`;
  const range =
    dataRange === 1
      ? "data range 1"
      : `data range ${fraction(dataRange)} of the true one, which is what values of 0 to 255 with a range of 1 amount to: a mistake, kept to show what it does`;
  return (
    `${compared} in ${lightNames[light]}. ${findValueRange(values).description} ` +
    `SSIM and MS-SSIM: BT.601 luma, 11 x 11 Gaussian window, sigma 1.5, K1 0.01, K2 0.03, valid area, ${range}; ` +
    "MS-SSIM from 176 pixels on. PSNR: all channels, peak 1, not rounded to 8 bits."
  );
}
