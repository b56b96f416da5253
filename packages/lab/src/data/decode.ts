/**
 * From a source to pixels: picture formats by sharp (upright, sRGB, alpha over white, first frame),
 * planes of bytes and drawings here. What is wrong with one picture is a `BrokenPicture`, which a
 * loader passes over; what is wrong with the machine is not, and ends the work.
 */
import { read } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import sharp from "sharp";
import { explain, Failure, plain } from "../errors.ts";
import type { Pixels, Source } from "./dataset.ts";
import { drawTexture } from "./textures.ts";

/** A picture that cannot be decoded; the message tells why, without the picture's name. */
export class BrokenPicture extends Error {}

/** System errors that are a picture's own fault: the others would strike any picture. */
const OWN: Record<string, string> = {
  ENOENT: "the file does not exist any more",
  EACCES: "permission to read it is denied",
  EPERM: "permission to read it is denied",
  EISDIR: "it is a directory",
};

const readAt = promisify(read);

/** Reads `size` bytes of an open file from `offset`. */
async function readPart(descriptor: number, offset: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const { bytesRead } = await readAt(descriptor, bytes, done, size - done, offset + done);
    if (bytesRead === 0) throw new BrokenPicture("the file that holds it has become shorter");
    done += bytesRead;
  }
  return bytes;
}

async function decodeBytes(bytes: Uint8Array): Promise<Pixels> {
  if (bytes.length === 0) throw new BrokenPicture("it is empty");
  try {
    // Warnings are left to pass: a known share of ImageNet's files gives some.
    const { data, info } = await sharp(bytes, { failOn: "error" })
      .autoOrient()
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    if (channels === 3) return { pixels: data, width, height };
    const pixels = new Uint8Array(width * height * 3);
    for (let i = 0, at = 0; i < pixels.length; i += 3, at += channels) {
      pixels.fill(data[at], i, i + 3);
    }
    return { pixels, width, height };
  } catch (error) {
    const { message } = error as Error;
    if (/memory|alloc/i.test(message) && !/pixel limit/i.test(message)) {
      throw new Failure(`cannot decode pictures: ${plain(message)}`);
    }
    throw new BrokenPicture(plain(message));
  }
}

async function readFileOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const own = OWN[(error as NodeJS.ErrnoException).code ?? ""];
    if (own !== undefined) throw new BrokenPicture(own);
    throw explain("read", path, error);
  }
}

/** Planes of red, green and blue as interleaved pixels. */
function interleave(planes: Uint8Array): Uint8Array {
  const count = planes.length / 3;
  const pixels = new Uint8Array(planes.length);
  for (let c = 0; c < 3; c++) {
    for (let i = 0, at = c; i < count; i++, at += 3) pixels[at] = planes[c * count + i];
  }
  return pixels;
}

/**
 * The pixels of a source.
 * @throws BrokenPicture when this picture cannot be decoded; Failure when no picture could be
 */
export async function readPixels(source: Source): Promise<Pixels> {
  switch (source.kind) {
    case "file":
      return decodeBytes(await readFileOf(source.path));
    case "part":
      return decodeBytes(await readPart(source.descriptor, source.offset, source.size));
    case "planes": {
      const { descriptor, offset, width, height } = source;
      const planes = await readPart(descriptor, offset, width * height * 3);
      return { pixels: interleave(planes), width, height };
    }
    case "texture":
      return drawTexture(source.seed, source.index, source.size);
  }
}
