/** Finds and loads the pictures of a comparison: RGB or grey, sRGB values in [0, 1], alpha over white. */
import { readdirSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { createPicture, type Picture, resolutionChart } from "@softpool/pictures";
import { explain, Failure, quote } from "../errors.ts";
import { openPicture } from "../pictures/open.ts";

/** Pictures of more pixels than this are not compared: the metrics hold about 100 bytes a pixel. */
const MOST_PIXELS = 40_000_000;

const PICTURE = /\.(png|jpe?g|webp|tiff?|gif|avif|heic|svg)$/i;

/** A picture to compare: its name and how to load it. */
export interface Source {
  /** The file's path, or the chart's name. */
  readonly name: string;
  /** The name without directory and extension. */
  readonly title: string;
  /** Loads it. */
  load(): Promise<Picture>;
}

/** Loads a file as a picture. */
async function loadFile(file: string): Promise<Picture> {
  const { raster } = await openPicture(file);
  try {
    const { width, height, channels, bits } = raster.format;
    if (width * height > MOST_PIXELS) {
      throw new Failure(
        `cannot compare ${quote(file)}: ${width} x ${height} pixels are more than 40 million, ` +
          "downsample it first",
      );
    }
    const rows = raster.read(0, height);
    const colours = channels < 3 ? 1 : 3;
    const picture = createPicture(width, height, colours);
    const most = 2 ** bits - 1;
    const count = width * height;
    for (let c = 0; c < colours; c++) {
      for (let i = 0; i < count; i++) {
        const value = rows[i * channels + c] / most;
        const alpha = channels % 2 === 0 ? rows[i * channels + colours] / most : 1;
        picture.data[c * count + i] = value * alpha + 1 - alpha;
      }
    }
    return picture;
  } finally {
    raster.dispose();
  }
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
