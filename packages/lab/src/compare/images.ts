/** Pictures of a report: where the methods differ most, what differs, and pixels as data URIs. */
import { areaAverage, crop, type Picture } from "@softpool/pictures";
import sharp from "sharp";
import type { Pooled } from "./measure.ts";

/** A picture as a lossless data URI. */
export async function dataUri(picture: Picture): Promise<string> {
  const { width, height, channels, data } = picture;
  const count = width * height;
  const bytes = new Uint8Array(count * channels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0, at = c; i < count; i++, at += channels) {
      bytes[at] = Math.min(255, Math.max(0, Math.round(data[c * count + i] * 255)));
    }
  }
  const raw = { width, height, channels: channels as 1 | 3 };
  const webp = await sharp(bytes, { raw }).webp({ lossless: true, effort: 2 }).toBuffer();
  return `data:image/webp;base64,${webp.toString("base64")}`;
}

/** A square of a picture. */
export interface Region {
  /** Left edge in pixels. */
  readonly x: number;
  /** Upper edge in pixels. */
  readonly y: number;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

/**
 * The part of the pooled pictures where the methods differ most: the largest sum of the spread between
 * the methods' values, after the methods' gains have been taken out (sums are brighter everywhere).
 */
export function mostDifferent(results: readonly Pooled[], side: number): Region {
  const candidates = results.filter(({ row }) => !/^(sum|power-average)$/.test(row.method));
  const compared = candidates.length > 1 ? candidates : results;
  return widestSpread(
    compared.map(({ picture }) => picture),
    side,
  );
}

/** The square of pictures of one size in which the spread between their values adds up to most. */
export function widestSpread(pictures: readonly Picture[], side: number): Region {
  const { width, height } = pictures[0];
  const w = Math.min(side, width);
  const h = Math.min(side, height);
  const spread = new Float64Array((width + 1) * (height + 1));
  // Summed area table of the spread of the first channel's values.
  for (let y = 0; y < height; y++) {
    let line = 0;
    for (let x = 0; x < width; x++) {
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (const { data } of pictures) {
        const value = data[y * width + x];
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      line += high - low;
      spread[(y + 1) * (width + 1) + x + 1] = spread[y * (width + 1) + x + 1] + line;
    }
  }
  let best = -1;
  let region: Region = { x: 0, y: 0, width: w, height: h };
  const at = (x: number, y: number) => spread[y * (width + 1) + x];
  for (let y = 0; y + h <= height; y += 2) {
    for (let x = 0; x + w <= width; x += 2) {
      const sum = at(x + w, y + h) - at(x, y + h) - at(x + w, y) + at(x, y);
      if (sum > best) {
        best = sum;
        region = { x, y, width: w, height: h };
      }
    }
  }
  return region;
}

/** The absolute difference of two pictures, times `gain`. */
export function difference(a: Picture, b: Picture, gain: number): Picture {
  const data = a.data.map((value, i) => Math.min(1, gain * Math.abs(value - b.data[i])));
  return { ...a, data };
}

/** A crop of the pooled picture. */
export function cropOf(picture: Picture, { x, y, width, height }: Region): Picture {
  return crop(picture, x, y, width, height);
}

/** How far a pooled picture is from the mean of every block, at the pooled size. */
export function fromBlockMean(original: Picture, pooled: Picture, gain: number): Picture {
  return difference(pooled, areaAverage(original, original.width / pooled.width), gain);
}

/** A picture bounded to `most` pixels: its middle, and whether anything was cut away. */
export function bounded(picture: Picture, most: number): { shown: Picture; cut: boolean } {
  const { width, height } = picture;
  if (width * height <= most) return { shown: picture, cut: false };
  const scale = Math.sqrt(most / (width * height));
  const w = Math.max(1, Math.floor(width * scale));
  const h = Math.max(1, Math.floor(height * scale));
  return { shown: crop(picture, (width - w) >> 1, (height - h) >> 1, w, h), cut: true };
}
