/** Writes pictures: to a temporary name beside the target, renamed when complete. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Sharp } from "sharp";
import { explain, Failure, plain, quote, UsageError } from "../errors.ts";
import type { Raster } from "./raster.ts";

/** What an extension means: an encoder of sharp, and whether it keeps 16 bit and alpha. */
interface Encoder {
  encode(image: Sharp): Sharp;
  sixteen: boolean;
  alpha: boolean;
}

const jpeg: Encoder = {
  encode: (image) => image.jpeg({ quality: 95, chromaSubsampling: "4:4:4" }),
  sixteen: false,
  alpha: false,
};
const tiff: Encoder = {
  encode: (image) => image.tiff({ compression: "deflate", predictor: "horizontal" }),
  sixteen: true,
  alpha: true,
};
const encoders: Record<string, Encoder> = {
  ".png": { encode: (image) => image.png(), sixteen: true, alpha: true },
  ".jpg": jpeg,
  ".jpeg": jpeg,
  ".tif": tiff,
  ".tiff": tiff,
  ".webp": { encode: (image) => image.webp({ lossless: true }), sixteen: false, alpha: true },
  ".avif": { encode: (image) => image.avif({ quality: 90 }), sixteen: false, alpha: true },
  ".gif": { encode: (image) => image.gif(), sixteen: false, alpha: true },
};

/** The extensions that can be written. */
export const extensions: readonly string[] = Object.keys(encoders);

/** Checks the extension of an output file; an unknown one is a usage error. */
export function checkExtension(file: string): void {
  const extension = extname(file).toLowerCase();
  if (encoders[extension] !== undefined) return;
  const received = extension === "" ? "none" : JSON.stringify(extension);
  throw new UsageError(
    `-o: expected a file name ending in ${extensions.join(", ")}, received ${received} (${quote(file)})`,
  );
}

let serial = 0;

/** A temporary name in the directory of `file`. */
function temporaryName(file: string): string {
  return join(dirname(file), `.${basename(file)}.${process.pid}-${serial++}.tmp`);
}

const pending = new Set<string>();
process.on("exit", () => {
  for (const file of pending) rmSync(file, { force: true });
});

/** Runs `write` on a temporary name and renames the result to `file`. */
async function whole(file: string, write: (temporary: string) => unknown): Promise<void> {
  const temporary = temporaryName(file);
  pending.add(temporary);
  try {
    await write(temporary);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (error instanceof Failure) throw error;
    if ((error as NodeJS.ErrnoException).code) throw explain("write", file, error);
    const { message } = error as Error;
    const full = /no space left|ENOSPC|write (failed|error)|unable to write/i.test(message);
    if (!existsSync(dirname(file))) {
      throw new Failure(`cannot write ${quote(file)}: its directory does not exist`);
    }
    throw new Failure(`cannot write ${quote(file)}: ${full ? "the disk is full" : plain(message)}`);
  } finally {
    pending.delete(temporary);
  }
}

/** Writes text, complete or not at all. */
export function saveText(file: string, text: string): Promise<void> {
  return whole(file, (temporary) => writeFileSync(temporary, text));
}

/** Encodes a picture by the extension of `file`, complete or not at all. */
export async function savePicture(file: string, raster: Raster): Promise<void> {
  const { encode, sixteen, alpha } = encoders[extname(file).toLowerCase()];
  let image = raster.image();
  const { bits, channels } = raster.format;
  if (!alpha && channels % 2 === 0) image = image.flatten({ background: "white" });
  if (!sixteen && bits === 16) image = image.toColourspace(channels < 3 ? "b-w" : "srgb");
  await whole(file, (temporary) => encode(image).toFile(temporary));
}
