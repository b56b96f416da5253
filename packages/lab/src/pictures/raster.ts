/**
 * Decoded pictures of any size: small ones in memory, large ones in a scratch file, so that rows can be
 * read in bands. The scratch file has libvips' own format (a header of 64 bytes, then the pixels, row by
 * row and interleaved), which sharp writes and reads without holding the picture in memory.
 */

import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { explain, Failure, plain, quote } from "../errors.ts";

const HEADER = 64;
/** Pictures of more bytes than this go through a scratch file. */
const LARGE = 48 * 2 ** 20;

/** What a picture's pixels are. */
export interface Format {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  /** Bits of a value: 8 or 16. */
  readonly bits: 8 | 16;
}

/** Bytes of one row. */
export function rowBytes({ width, channels, bits }: Format): number {
  return width * channels * (bits / 8);
}

function colourspace({ channels, bits }: Format): string {
  if (bits === 16) return channels < 3 ? "grey16" : "rgb16";
  return channels < 3 ? "b-w" : "srgb";
}

const scratchFiles = new Set<string>();
process.on("exit", () => {
  for (const file of scratchFiles) rmSync(file, { force: true });
});

function scratchName(): string {
  const file = join(tmpdir(), `softpool-${process.pid}-${randomUUID()}.v`);
  scratchFiles.add(file);
  return file;
}

function forget(file: string): void {
  scratchFiles.delete(file);
  rmSync(file, { force: true });
}

/** A picture whose rows can be read or written in any order. */
export class Raster {
  /** Size and pixel format. */
  readonly format: Format;
  #memory: Buffer | undefined;
  #file = "";
  #descriptor = -1;

  private constructor(format: Format) {
    this.format = format;
  }

  /** A new picture to be written. */
  static create(format: Format): Raster {
    const raster = new Raster(format);
    const bytes = rowBytes(format) * format.height;
    if (bytes <= LARGE) raster.#memory = Buffer.alloc(bytes);
    else {
      raster.#file = scratchName();
      const { width, height, channels, bits } = format;
      const header = Buffer.alloc(HEADER);
      header.writeUInt32BE(0xb6a6f208, 0);
      const wide = bits === 16;
      const interpretation = channels < 3 ? (wide ? 26 : 1) : wide ? 25 : 22;
      // Size, bands, unused, value format (unsigned char or short), coding, interpretation.
      const words = [width, height, channels, 0, wide ? 2 : 0, 0, interpretation];
      words.forEach((word, i) => {
        header.writeInt32LE(word, 4 + 4 * i);
      });
      header.writeFloatLE(1, 32);
      header.writeFloatLE(1, 36);
      try {
        raster.#descriptor = openSync(raster.#file, "w+");
        writeSync(raster.#descriptor, header);
      } catch (error) {
        throw explain("write the scratch file", raster.#file, error);
      }
    }
    return raster;
  }

  /** A decoded picture: `image` delivers pixels of this format. */
  static async decode(image: Sharp, format: Format): Promise<Raster> {
    const raster = new Raster(format);
    const { bits } = format;
    const pixels = image.toColourspace(colourspace(format));
    // sharp's raw output drops the alpha of a grey picture; its file does not.
    if (rowBytes(format) * format.height <= LARGE && format.channels !== 2) {
      raster.#memory = await pixels.raw({ depth: bits === 16 ? "ushort" : "uchar" }).toBuffer();
      const expected = rowBytes(format) * format.height;
      if (raster.#memory.length !== expected) {
        throw new Error(`decoding gave ${raster.#memory.length} bytes instead of ${expected}`);
      }
      return raster;
    }
    raster.#file = scratchName();
    await pixels.toFile(raster.#file);
    raster.#descriptor = openSync(raster.#file, "r");
    return raster;
  }

  /** Rows `[first, first + count)`, interleaved. */
  read(first: number, count: number): Uint8Array | Uint16Array {
    const bytes = rowBytes(this.format);
    let rows: Buffer;
    if (this.#memory !== undefined) {
      rows = this.#memory.subarray(first * bytes, (first + count) * bytes);
    } else {
      rows = Buffer.alloc(count * bytes);
      const got = readSync(this.#descriptor, rows, 0, rows.length, HEADER + first * bytes);
      if (got !== rows.length) throw new Failure("the scratch file was cut short by someone else");
    }
    if (this.format.bits === 8) return rows;
    const aligned = rows.byteOffset % 2 === 0 ? rows : Buffer.from(rows);
    return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
  }

  /** Writes rows from `first` on. */
  write(first: number, rows: Uint8Array | Uint16Array): void {
    const bytes = rowBytes(this.format);
    const view = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    if (this.#memory !== undefined) {
      this.#memory.set(view, first * bytes);
      return;
    }
    try {
      for (let done = 0; done < view.length; ) {
        const at = HEADER + first * bytes + done;
        done += writeSync(this.#descriptor, view, done, view.length - done, at);
      }
    } catch (error) {
      throw explain("write the scratch file", this.#file, error);
    }
  }

  /** The picture for sharp, to be encoded. */
  image(): Sharp {
    const { width, height, channels, bits } = this.format;
    const space = colourspace(this.format);
    if (this.#memory === undefined) {
      return sharp(this.#file, { limitInputPixels: false }).toColourspace(space);
    }
    const memory = this.#memory;
    const pixels =
      bits === 8 ? memory : new Uint16Array(memory.buffer, memory.byteOffset, memory.length / 2);
    const raw = { width, height, channels };
    // sharp takes 16-bit greys for 8-bit ones unless told.
    return sharp(pixels, { raw, limitInputPixels: false }).toColourspace(space);
  }

  /** Gives memory and scratch file back. */
  dispose(): void {
    this.#memory = undefined;
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
    if (this.#file !== "") forget(this.#file);
  }
}

/**
 * Opens a picture: EXIF orientation applied, colour profile converted to sRGB, CMYK converted, first
 * frame of an animation, grey stays grey, 16 bit stays 16 bit.
 * @throws Failure with one sentence when it cannot be read
 */
export async function openPicture(file: string): Promise<Raster> {
  const failed = (error: unknown): Failure => {
    const { message } = error as Error;
    if (/unsupported image format|Input file contains/i.test(message)) {
      return new Failure(`cannot read ${quote(file)}: it is not a picture in a known format`);
    }
    if (/Input file is missing/.test(message)) {
      return new Failure(`cannot read ${quote(file)}: it does not exist`);
    }
    return new Failure(`cannot read ${quote(file)}: ${plain(message)}`);
  };
  let raster: Raster | undefined;
  try {
    const image = sharp(file, { sequentialRead: true, failOn: "warning" });
    const meta = await image.metadata();
    const turned = (meta.orientation ?? 1) >= 5;
    const grey = meta.space === "b-w" || meta.space === "grey16";
    const channels = ((grey ? 1 : 3) + (meta.hasAlpha ? 1 : 0)) as Format["channels"];
    const format: Format = {
      width: turned ? meta.height : meta.width,
      height: turned ? meta.width : meta.height,
      channels,
      bits: meta.depth === "ushort" ? 16 : 8,
    };
    raster = await Raster.decode(image.autoOrient(), format);
    return raster;
  } catch (error) {
    raster?.dispose();
    throw error instanceof Failure ? error : failed(error);
  }
}
