/** Finds and loads the pictures of a comparison: RGB or grey, sRGB values in [0, 1], alpha over white. */
import { readdirSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { createPicture, type Picture, resolutionChart } from "@softpool/pictures";
import { explain, Failure, quote } from "../errors.ts";
import { openPicture } from "../pictures/open.ts";
import type { Format } from "../pictures/raster.ts";

/** Pictures of more pixels than this are not compared: the metrics hold about 100 bytes a pixel. */
export const MOST_PIXELS = 40_000_000;

const PICTURE = /\.(png|jpe?g|webp|tiff?|gif|avif|heic|svg)$/i;

/** Whether a file is a picture, by its name. */
export function isPictureName(name: string): boolean {
  return PICTURE.test(name);
}

/** A picture to compare: its name and how to load it. */
export interface Source {
  /** The file's path, or the chart's name. */
  readonly name: string;
  /** The name without directory and extension. */
  readonly title: string;
  /** Loads it. */
  load(): Promise<Picture>;
}

/** A decoded picture, which can be handed to another thread. */
export interface Decoded {
  /** Size and pixel format. */
  readonly format: Format;
  /** The pixels, row by row and interleaved, as bytes or 16-bit numbers. */
  readonly pixels: ArrayBuffer;
}

/**
 * Decodes a file.
 * @throws Failure with one sentence when it cannot be read, or has too many pixels to be compared
 */
export async function decodeFile(file: string): Promise<Decoded> {
  const { raster } = await openPicture(file);
  try {
    const { width, height } = raster.format;
    if (width * height > MOST_PIXELS) throw tooLarge(file, width * height);
    const rows = raster.read(0, height);
    const { buffer, byteOffset, byteLength } = rows;
    return {
      format: raster.format,
      pixels: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    };
  } finally {
    raster.dispose();
  }
}

/** The sentence about a picture of too many pixels. */
export function tooLarge(file: string, pixels: number): Failure {
  return new Failure(
    `cannot compare ${quote(file)}: ${(pixels / 1e6).toFixed(1)} million pixels are more than 40 million, ` +
      "downsample it first",
  );
}

/** A decoded picture as sRGB values in [0, 1], RGB or grey, alpha over white. */
export function toPicture({ format, pixels }: Decoded): Picture {
  const { width, height, channels, bits } = format;
  const rows = bits === 8 ? new Uint8Array(pixels) : new Uint16Array(pixels);
  const colours = channels < 3 ? 1 : 3;
  const picture = createPicture(width, height, colours);
  const { data } = picture;
  const most = 2 ** bits - 1;
  const count = width * height;
  if (channels % 2 === 1) {
    for (let c = 0; c < colours; c++) {
      for (let i = 0, at = c, to = c * count; i < count; i++, at += colours, to++) {
        data[to] = rows[at] / most;
      }
    }
    return picture;
  }
  for (let c = 0; c < colours; c++) {
    for (let i = 0; i < count; i++) {
      const value = rows[i * channels + c] / most;
      const alpha = rows[i * channels + colours] / most;
      data[c * count + i] = value * alpha + 1 - alpha;
    }
  }
  return picture;
}

/** Loads a file as a picture. */
async function loadFile(file: string): Promise<Picture> {
  return toPicture(await decodeFile(file));
}

function sourceOf(file: string): Source {
  return { name: file, title: basename(file, extname(file)), load: () => loadFile(file) };
}

/** The pictures that the arguments name: files, directories (their pictures, sorted), or the chart. */
export function findSources(paths: readonly string[]): Source[] {
  if (paths.length === 0) {
    return [
      {
        name: "resolution chart",
        title: "resolution chart",
        load: async () => resolutionChart({}),
      },
    ];
  }
  return paths.flatMap((path) => {
    let names: string[];
    try {
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [sourceOf(path)];
      names = readdirSync(path).filter((name) => PICTURE.test(name));
    } catch (error) {
      throw explain("read the directory", path, error);
    }
    if (names.length === 0) throw new Failure(`no pictures in the directory ${quote(path)}`);
    names.sort((a, b) => (a < b ? -1 : 1));
    return names.map((name) => sourceOf(join(path, name)));
  });
}
