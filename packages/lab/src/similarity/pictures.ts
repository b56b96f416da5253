/** The pictures of a study: names, contents by digest, sizes. */
import { readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type Picture, resolutionChart } from "@softpool/pictures";
import sharp from "sharp";
import { isPictureName } from "../compare/load.ts";
import { explain, Failure, quote } from "../errors.ts";
import { isDirectory } from "../paths.ts";
import { digest } from "../study/cell.ts";

/** A picture of a study. */
export interface StudyPicture {
  /** Its file's name. */
  readonly name: string;
  /** The path of its file; `undefined` for the built-in chart. */
  readonly path: string | undefined;
  /** Digest of the file's bytes. */
  readonly content: string;
  /** Pixels, as far as the file's head tells; 0 where it does not. */
  readonly pixels: number;
}

/** Pictures that are studied together. */
export interface PictureSet {
  /** Its name: that of the directory. */
  readonly name: string;
  /** The pictures, sorted by name. */
  readonly pictures: readonly StudyPicture[];
}

const CHART = "resolution-chart";

/** The built-in picture. */
export function chart(): Picture {
  return resolutionChart({});
}

/** Directories in a directory that have pictures, to be named where it has none itself. */
function withPictures(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name))
      .filter((path) => readdirSync(path).some(isPictureName))
      .sort();
  } catch {
    return [];
  }
}

function namesIn(directory: string): string[] {
  let names: string[];
  try {
    if (!statSync(directory).isDirectory()) return [];
    names = readdirSync(directory).filter(isPictureName);
  } catch (error) {
    throw explain("read the directory", directory, error);
  }
  if (names.length > 0) return names.sort((a, b) => (a < b ? -1 : 1));
  const below = withPictures(directory).slice(0, 3).map(quote);
  const hint = below.length > 0 ? `; there are some in ${below.join(", ")}` : "";
  throw new Failure(`no pictures in the directory ${quote(directory)}${hint}`);
}

/** Looks at a file without decoding it: what is wrong with it shows when it is decoded. */
async function look(path: string, name: string): Promise<StudyPicture> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw explain("read", path, error);
  }
  let pixels = 0;
  try {
    const { width = 0, height = 0 } = await sharp(bytes, { limitInputPixels: false }).metadata();
    pixels = width * height;
  } catch {
    pixels = 0;
  }
  return { name, path, content: digest(bytes), pixels };
}

/**
 * The pictures of a directory, a single one, or without a path the built-in resolution chart.
 * @throws Failure when there are none
 */
export async function findPictures(path: string | undefined): Promise<PictureSet> {
  if (path === undefined) {
    const { width, height, data } = chart();
    const content = digest(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const picture = { name: CHART, path: undefined, content, pixels: width * height };
    return { name: CHART, pictures: [picture] };
  }
  if (!isDirectory(path)) {
    const single = await look(path, basename(path));
    return { name: basename(path), pictures: [single] };
  }
  const names = namesIn(path);
  const pictures = new Array<StudyPicture>(names.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < names.length) {
      const i = next++;
      pictures[i] = await look(join(path, names[i]), names[i]);
    }
  };
  await Promise.all([lane(), lane()]);
  return { name: basename(resolve(path)) || "root", pictures };
}
