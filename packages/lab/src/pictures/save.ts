/** Encodes pictures by the extension of the file, with what the format can hold. */
import { extname } from "node:path";
import type { Sharp } from "sharp";
import { quote, UsageError } from "../errors.ts";
import { writeWhole } from "../paths.ts";
import type { Target } from "./pool.ts";
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
    `-o: expected a file name ending in ${extensions.join(", ")}, received ${received} (${quote(file)}); a directory that does not exist yet ends in /`,
  );
}

/** What the format of `file` can hold of values with so many bits. */
export function targetOf(file: string, bits: 8 | 16): Target {
  const { sixteen, alpha } = encoders[extname(file).toLowerCase()];
  return { bits: sixteen ? bits : 8, alpha };
}

/** Encodes a picture, made for {@link targetOf} the file, complete or not at all. */
export async function savePicture(file: string, raster: Raster): Promise<void> {
  const { encode } = encoders[extname(file).toLowerCase()];
  await writeWhole(file, (temporary) => encode(raster.image()).toFile(temporary));
}
