/**
 * Decoded pictures kept in a scratch file from one epoch to the next, by all threads of a loader: a small
 * picture costs more to decode than all else that is done to it. The file's pages are the system's to
 * hold in memory or not.
 */
import { readSync, write } from "node:fs";
import { promisify } from "node:util";
import type { Pixels, Source } from "./dataset.ts";
import { readPixels } from "./decode.ts";
import { openScratch } from "./scratch.ts";

/** A file of pixels and, in memory that threads share, where each picture is. */
export interface Keep {
  /** The open scratch file. */
  readonly descriptor: number;
  /** Bytes that the file may take. */
  readonly limit: number;
  /** Bytes that are given away, in its first number. */
  readonly used: BigInt64Array<SharedArrayBuffer>;
  /** Where each picture begins. */
  readonly offsets: BigInt64Array<SharedArrayBuffer>;
  /** Width and height of each picture, 16 bits each; 0 for one that is not kept. */
  readonly sizes: Int32Array<SharedArrayBuffer>;
}

/** The most pixels of a picture that is kept. */
const SMALL = 128 * 128;

const writeAt = promisify(write);

/**
 * A new file for a set.
 * @param length pictures of the set
 * @param limit bytes that the file may take
 * @returns undefined where no scratch file can be made
 */
export function openKeep(length: number, limit: number): Keep | undefined {
  try {
    return {
      descriptor: openScratch(),
      limit,
      used: new BigInt64Array(new SharedArrayBuffer(8)),
      offsets: new BigInt64Array(new SharedArrayBuffer(8 * length)),
      sizes: new Int32Array(new SharedArrayBuffer(4 * length)),
    };
  } catch {
    return undefined;
  }
}

/** Keeps a picture where there is room for it. */
async function put(keep: Keep, index: number, { pixels, width, height }: Pixels): Promise<void> {
  if (width * height > SMALL) return;
  if (Number(Atomics.load(keep.used, 0)) + pixels.length > keep.limit) return;
  const offset = Atomics.add(keep.used, 0, BigInt(pixels.length));
  try {
    const begin = Number(offset);
    const { bytesWritten } = await writeAt(keep.descriptor, pixels, 0, pixels.length, begin);
    if (bytesWritten < pixels.length) throw new Error("the disk is full");
    Atomics.store(keep.offsets, index, offset);
    // Last: whoever sees the size sees the pixels.
    Atomics.store(keep.sizes, index, width * 65536 + height);
  } catch {
    // A full disk: nothing more is kept.
    Atomics.store(keep.used, 0, BigInt(keep.limit));
  }
}

/**
 * The pixels of a picture, from the file where they are kept, decoded and kept otherwise.
 * @param keep the file; undefined always decodes
 * @param source where the picture comes from
 * @param index its number in the set
 * @throws as `readPixels`
 */
export async function readKept(
  keep: Keep | undefined,
  source: Source,
  index: number,
): Promise<Pixels> {
  if (keep === undefined || source.kind === "planes") return readPixels(source);
  const size = Atomics.load(keep.sizes, index);
  if (size === 0) {
    const decoded = await readPixels(source);
    await put(keep, index, decoded);
    return decoded;
  }
  const [width, height] = [size >>> 16, size & 0xffff];
  const offset = Number(Atomics.load(keep.offsets, index));
  const pixels = new Uint8Array(width * height * 3);
  // Without a detour through the system's threads, which costs more than the read.
  if (readSync(keep.descriptor, pixels, 0, pixels.length, offset) < pixels.length) {
    return readPixels(source);
  }
  return { pixels, width, height };
}
