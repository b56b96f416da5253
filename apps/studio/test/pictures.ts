/** Pictures for the tests: made here, encoded by sharp, pooled by the reference engine in float64. */
import { linearToSrgb, resolutionChart, srgbToLinear } from "@softpool/pictures";
import sharp from "sharp";
import { avgPool2d, maxPool2d, powerAvgPool2d, softPool2d, sumPool2d } from "softpool";
import type { PickedFile } from "./studio.ts";

/** Pixels, 8 bit, channels side by side. */
export interface Raster {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 3 or 4. */
  readonly channels: 3 | 4;
  /** The bytes. */
  readonly data: Uint8Array;
}

/** A part of the chart, whose size is no multiple of anything, with transparent parts when asked for. */
export function chartRaster(width: number, height: number, channels: 3 | 4 = 3): Raster {
  const chart = resolutionChart({ width, height });
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      data[i * channels + c] = Math.round(255 * chart.data[c * width * height + i]);
    }
    if (channels === 4) data[4 * i + 3] = (i * 7) % 256;
  }
  return { width, height, channels, data };
}

/** A raster as a PNG file. */
export async function pngOf(
  name: string,
  { data, width, height, channels }: Raster,
): Promise<PickedFile> {
  const image = sharp(data, { raw: { width, height, channels } });
  return { name, mimeType: "image/png", buffer: await image.png().toBuffer() };
}

/** The pixels of a downloaded picture. */
export async function decodePng(bytes: Uint8Array): Promise<Raster> {
  const { data, info } = await sharp(bytes)
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 4, data };
}

/** How a picture is pooled here. */
export interface Pooling {
  /** The method. */
  readonly method: "soft" | "average" | "maximum" | "sum" | "power-average";
  /** Kernel. */
  readonly kernel: number;
  /** Stride. */
  readonly stride: number;
  /** Temperature. */
  readonly beta: number;
  /** Whether light is pooled instead of sRGB values. */
  readonly linear: boolean;
}

/** A picture pooled in float64 and rounded: RGB, without alpha. */
export function pooledPixels(picture: Raster, pooling: Pooling): Raster {
  const { width, height, channels, data } = picture;
  const { method, kernel, stride, beta, linear } = pooling;
  const count = width * height;
  const values = new Float64Array(3 * count);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) {
      const v = data[i * channels + c] / 255;
      values[c * count + i] = linear ? srgbToLinear(v) : v;
    }
  }
  const x = { data: values, shape: [1, 3, height, width] };
  const options = { kernelSize: kernel, stride, ceilMode: true, engine: "reference" } as const;
  const y = {
    soft: () => softPool2d(x, { ...options, beta }),
    average: () => avgPool2d(x, options),
    maximum: () => maxPool2d(x, options),
    sum: () => sumPool2d(x, options),
    "power-average": () => powerAvgPool2d(x, options),
  }[method]();
  const [, , h, w] = y.shape;
  const out = new Uint8Array(3 * h * w);
  for (let i = 0; i < h * w; i++) {
    for (let c = 0; c < 3; c++) {
      const v = Math.min(1, Math.max(0, y.data[c * h * w + i]));
      out[3 * i + c] = Math.round(255 * (linear ? linearToSrgb(v) : v));
    }
  }
  return { width: w, height: h, channels: 3, data: out };
}

/** The largest difference of two rasters' colours, and the share of pixels that differ. */
export function farApart(a: Raster, b: Raster): { size: boolean; most: number; share: number } {
  const size = a.width === b.width && a.height === b.height;
  let [most, different] = [0, 0];
  const count = a.width * a.height;
  for (let i = 0; i < count && size; i++) {
    let own = 0;
    for (let c = 0; c < 3; c++) {
      own = Math.max(own, Math.abs(a.data[i * a.channels + c] - b.data[i * b.channels + c]));
    }
    most = Math.max(most, own);
    if (own > 0) different++;
  }
  return { size, most, share: different / count };
}
