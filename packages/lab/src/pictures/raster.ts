/**
 * Decoded pictures of any size: small ones in memory, large ones in a scratch file, so that rows can be
 * read in bands. The scratch file has libvips' own format (a header of 64 bytes, then the pixels, row by
 * row and interleaved), which sharp writes and reads without holding the picture in memory.
 */

import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { explain, Failure, quote } from "../errors.ts";

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

/** A name for a scratch file of so many bytes; too little space is a failure at once. */
function scratchName(bytes: number): string {
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < bytes) {
    const [needed, free] = [bytes, bavail * bsize].map((n) => Math.ceil(n / 2 ** 20));
    throw new Failure(
      `${quote(tmpdir())} needs ${needed} MiB of free space for a scratch file and has ${free}; ` +
        "set TMPDIR to another directory",
    );
  }
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
      raster.#file = scratchName(bytes);
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

  /**
   * A decoded picture.
   * @param image delivers the pixels
   * @param expected their size and format as far as the file's head tells: decides where they go
   */
  static async decode(image: Sharp, expected: Format): Promise<Raster> {
    const { bits } = expected;
    const pixels = image.toColourspace(colourspace(expected));
    // sharp's raw output drops the alpha of a grey picture; its file does not.
    if (rowBytes(expected) * expected.height <= LARGE && expected.channels !== 2) {
      const { data, info } = await pixels
        .raw({ depth: bits === 16 ? "ushort" : "uchar" })
        .toBuffer({ resolveWithObject: true });
      const { width, height, channels } = info;
      const raster = new Raster({ width, height, channels, bits } as Format);
      raster.#memory = data;
      return raster;
    }
    const file = scratchName(rowBytes(expected) * expected.height);
    try {
      await pixels.toFile(file);
      const descriptor = openSync(file, "r");
      const header = Buffer.alloc(HEADER);
      readSync(descriptor, header, 0, HEADER, 0);
      const [width, height, channels, , kind] = [4, 8, 12, 16, 20].map((at) =>
        header.readInt32LE(at),
      );
      const raster = new Raster({ width, height, channels, bits: kind === 2 ? 16 : 8 } as Format);
      raster.#file = file;
      raster.#descriptor = descriptor;
      return raster;
    } catch (error) {
      forget(file);
      throw error;
    }
  }

  /** Rows `[first, first + count)`, interleaved. */
  read(first: number, count: number): Uint8Array | Uint16Array {
    const bytes = rowBytes(this.format);
    let rows: Buffer;
    if (this.#memory !== undefined) {
      rows = this.#memory.subarray(first * bytes, (first + count) * bytes);
    } else {
      rows = Buffer.allocUnsafeSlow(count * bytes);
      for (let done = 0; done < rows.length; ) {
        const at = HEADER + first * bytes + done;
        const got = readSync(this.#descriptor, rows, done, rows.length - done, at);
        if (got === 0) throw new Failure(`the scratch file ${quote(this.#file)} was cut short`);
        done += got;
      }
    }
    if (this.format.bits === 8) return rows;
    const aligned = rows.byteOffset % 2 === 0 ? rows : Buffer.from(rows);
    return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
  }

  /** Writes rows from `first` on. */
  write(first: number, rows: Uint8Array | Uint16Array): void {
    const bytes = rowBytes(this.format);
    this.#put(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength), first * bytes);
  }

  #put(view: Uint8Array, position: number): void {
    if (this.#memory !== undefined) {
      this.#memory.set(view, position);
      return;
    }
    try {
      for (let done = 0; done < view.length; ) {
        const at = HEADER + position + done;
        done += writeSync(this.#descriptor, view, done, view.length - done, at);
      }
    } catch (error) {
      throw explain("write the scratch file", this.#file, error);
    }
  }

  /**
   * Writes whole columns from `left` on.
   * @param columns `count` columns of every row, row by row
   */
  writeColumns(left: number, count: number, columns: Uint8Array | Uint16Array): void {
    const { height, channels, bits } = this.format;
    const bytes = rowBytes(this.format);
    const size = count * channels * (bits / 8);
    const view = new Uint8Array(columns.buffer, columns.byteOffset, columns.byteLength);
    for (let y = 0; y < height; y++) {
      const at = y * bytes + left * channels * (bits / 8);
      this.#put(view.subarray(y * size, (y + 1) * size), at);
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
