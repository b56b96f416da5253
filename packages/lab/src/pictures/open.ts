/** Opens pictures of any format that sharp reads, whatever their colours, depth and orientation. */
import { statSync } from "node:fs";
import sharp from "sharp";
import { explain, Failure, plain, quote } from "../errors.ts";
import { orient } from "./orient.ts";
import { type Format, Raster } from "./raster.ts";

/** An opened picture. */
export interface Opened {
  /** The pixels, upright, sRGB or grey. */
  readonly raster: Raster;
  /** What a user should know, such as frames that were left out; without a full stop. */
  readonly notes: readonly string[];
}

/** Refuses what is no file with content, before a decoder waits for it. */
function expectFile(file: string): void {
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(file);
  } catch (error) {
    throw explain("read", file, error);
  }
  const reason = stat?.isDirectory()
    ? "it is a directory, a picture was expected"
    : !stat?.isFile()
      ? "it is not a regular file"
      : stat.size === 0
        ? "the file is empty"
        : "";
  if (reason !== "") throw new Failure(`cannot read ${quote(file)}: ${reason}`);
}

/** What a decoder said, in words of ours where its own are not clear. */
function reading(file: string, error: unknown): Failure {
  const { message } = error as Error;
  const reasons: [RegExp, string][] = [
    [/unsupported image format|Input file contains/i, "it is not a picture in a known format"],
    [
      /premature end|truncated|read error|end of (file|stream)/i,
      "the file is cut short or damaged",
    ],
    [/No space left|ENOSPC/i, "the directory for temporary files is full; set TMPDIR to another"],
    [/memory|alloc/i, "there is not enough memory for it"],
  ];
  const known = reasons.find(([pattern]) => pattern.test(message))?.[1];
  const own = plain(message);
  if (known === undefined) return new Failure(`cannot read ${quote(file)}: ${own}`);
  const said = known.includes("known format") ? "" : ` (${own})`;
  return new Failure(`cannot read ${quote(file)}: ${known}${said}`);
}

/**
 * Opens a picture: EXIF orientation applied, colour profile and CMYK converted to sRGB, first frame
 * of an animation, grey stays grey, 16 bit stays 16 bit (other depths above 8 become 16).
 * @throws Failure with one sentence when it cannot be read
 */
export async function openPicture(file: string): Promise<Opened> {
  expectFile(file);
  try {
    const image = sharp(file, {
      sequentialRead: true,
      failOn: "warning",
      limitInputPixels: false,
    });
    const meta = await image.metadata();
    const { width, height, pages = 1, orientation = 1 } = meta;
    const grey = meta.space === "b-w" || meta.space === "grey16";
    const channels = ((grey ? 1 : 3) + (meta.hasAlpha ? 1 : 0)) as Format["channels"];
    const bits = meta.depth === "uchar" || meta.depth === "char" ? 8 : 16;
    const decoded = await Raster.decode(image, { width, height, channels, bits });
    const notes = pages > 1 ? [`first of ${pages} frames`] : [];
    if (decoded.format.channels > 4) {
      const got = decoded.format.channels;
      decoded.dispose();
      throw new Failure(
        `cannot read ${quote(file)}: expected grey or colour with or without alpha, received ${got} channels`,
      );
    }
    if (!(orientation >= 2 && orientation <= 8)) return { raster: decoded, notes };
    try {
      return { raster: orient(decoded, orientation), notes };
    } finally {
      decoded.dispose();
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw reading(file, error);
    const prefix = `cannot read ${quote(file)}: `;
    throw error.message.startsWith("cannot") ? error : new Failure(prefix + error.message);
  }
}
