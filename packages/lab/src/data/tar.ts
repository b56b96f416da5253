/**
 * Archives: a tar is indexed by its headers in one pass and read by offsets afterwards; a tar.gz is
 * decompressed once to a scratch file that has no name any more and vanishes with the process. Nothing
 * is ever written under a name that stands in an archive.
 *
 * A header is a block of 512 bytes: name 0-99, size 124-135 (octal, or base 256 when the first bit is
 * set), checksum 148-155, type 156, magic 257-262, prefix 345-499. Long names come before their header
 * as entries of type `L` (GNU) or as `path=` records of type `x` (pax).
 * Source: POSIX.1-2001, pax interchange format; GNU tar's manual, "Basic tar format".
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { explain, Failure, quote } from "../errors.ts";
import { byCode, type Listed, type Listing } from "./listing.ts";
import { openScratch } from "./scratch.ts";

const BLOCK = 512;
/** The most bytes that a name may take. */
const LONGEST_NAME = 65536;
/** A gzip stream that grows to more than this many times its size is no archive of pictures. */
const MOST_GROWTH = 200;
/** Growth is not looked at below this many bytes. */
const SMALL = 64 * 2 ** 20;

const utf8 = new TextDecoder();

/** Text of a field up to its first zero. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return utf8.decode(end < 0 ? field : field.subarray(0, end));
}

/** A number field; NaN when it is none. */
function numeric(field: Uint8Array): number {
  if (field[0] & 0x80) {
    return field.reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & 0x7f : byte), 0);
  }
  const digits = text(field).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : digits === "" ? 0 : Number.NaN;
}

/** Whether a header's checksum is right: the sum of its bytes, the checksum itself as spaces. */
function checks(header: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i];
  return numeric(header.subarray(148, 156)) === sum;
}

/** The records of a pax header, `length key=value` each; undefined when they are damaged. */
function paxRecords(bytes: Uint8Array): Map<string, string> | undefined {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = space < 0 ? Number.NaN : Number(utf8.decode(bytes.subarray(at, space)));
    const end = at + length;
    if (!(length > space - at + 2) || end > bytes.length || bytes[end - 1] !== 10) return undefined;
    const [key, ...value] = utf8.decode(bytes.subarray(space + 1, end - 1)).split("=");
    records.set(key, value.join("="));
    at = end;
  }
  return records;
}

/** Reads the headers of an open tar. */
function indexTar(descriptor: number, title: string): Listing {
  const { size: total } = fstatSync(descriptor);
  const files = new Map<string, Listed>();
  const folders = new Set<string>();
  const header = new Uint8Array(BLOCK);
  let longName: string | undefined;
  let records = new Map<string, string>();
  let at = 0;
  const fail = (why: string): never => {
    throw new Failure(`cannot read the archive ${title}: at byte ${at}: ${why}`);
  };
  const body = (size: number): Uint8Array => {
    if (size > LONGEST_NAME) fail(`a name of ${size} bytes, at most ${LONGEST_NAME} are read`);
    const bytes = new Uint8Array(size);
    readSync(descriptor, bytes, 0, size, at + BLOCK);
    return bytes;
  };
  /** The path of an entry without `./`; undefined for one that is left out. */
  const checked = (name: string): string | undefined => {
    const parts = name.split("/").filter((part, i) => part !== "." && (part !== "" || i === 0));
    if (parts[0] === "" && parts.length > 1) fail(`the path ${quote(name)} is absolute`);
    if (parts.includes("..")) fail(`the path ${quote(name)} leads out of the archive`);
    return parts.some((part) => part.startsWith(".")) ? undefined : parts.join("/");
  };
  const addFolders = (path: string) => {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      if (folders.has(folder)) return;
      folders.add(folder);
    }
  };
  for (;;) {
    if (at + BLOCK > total) fail("it ends without its end mark: it is cut short");
    readSync(descriptor, header, 0, BLOCK, at);
    if (header.every((byte) => byte === 0)) break;
    if (!checks(header)) fail(at === 0 ? "it is not a tar archive" : "its header is damaged");
    const type = String.fromCharCode(header[156] || 48);
    const own = records.has("size")
      ? Number(records.get("size"))
      : numeric(header.subarray(124, 136));
    const size = "123456".includes(type) ? 0 : own;
    if (!Number.isSafeInteger(size) || size < 0) fail("its header has no valid size");
    if (at + BLOCK + size > total) {
      fail(`an entry of ${size} bytes where ${total - at - BLOCK} are left: it is cut short`);
    }
    if (type === "L") longName = text(body(size));
    else if (type === "x") records = paxRecords(body(size)) ?? fail("its pax header is damaged");
    else if (type !== "K" && type !== "g") {
      if (type === "S" || [...records.keys()].some((key) => key.startsWith("GNU.sparse"))) {
        fail("sparse files are not read, make the archive without them");
      }
      const posix = text(header.subarray(257, 263)) === "ustar";
      const prefix = posix ? text(header.subarray(345, 500)) : "";
      const short = text(header.subarray(0, 100));
      const name = records.get("path") ?? longName ?? (prefix ? `${prefix}/${short}` : short);
      const path = checked(name);
      if (path && (type === "5" || name.endsWith("/"))) addFolders(path);
      else if (path && "07".includes(type)) {
        files.set(path, { path, source: { kind: "part", descriptor, offset: at + BLOCK, size } });
        addFolders(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
      }
      longName = undefined;
      records = new Map();
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return {
    title,
    split: "all",
    files: [...files.values()].sort((a, b) => byCode(a.path, b.path)),
    folders: [...folders],
    descriptors: [descriptor],
  };
}

/** Decompresses an open gzip file to a scratch file. */
async function decompress(file: string, compressed: number, title: string): Promise<number> {
  const scratch = openScratch();
  let written = 0;
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      try {
        for (let at = 0; at < chunk.length; ) {
          at += writeSync(scratch, chunk, at, chunk.length - at, written + at);
        }
        written += chunk.length;
        const much = written > SMALL && written > MOST_GROWTH * compressed;
        done(
          much
            ? new Failure(
                `cannot read the archive ${title}: it decompresses to more than ${MOST_GROWTH} ` +
                  `times its ${compressed} bytes, which pictures do not`,
              )
            : null,
        );
      } catch (error) {
        done(error as Error);
      }
    },
  });
  try {
    await pipeline(createReadStream(file), createGunzip(), sink);
    return scratch;
  } catch (error) {
    closeSync(scratch);
    if (error instanceof Failure) throw error;
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code.startsWith("Z_")) {
      const why = code === "Z_BUF_ERROR" ? "it is cut short" : "its gzip stream is damaged";
      throw new Failure(`cannot read the archive ${title}: ${why}`);
    }
    if (code === "ENOSPC") {
      throw new Failure(
        `cannot decompress the archive ${title}: the directory for temporary files is full ` +
          `after ${written} bytes; set TMPDIR to another`,
      );
    }
    throw explain("decompress the archive", file, error);
  }
}

/**
 * The listing of a tar or tar.gz; hidden files, links and devices are left out, of two files with one
 * path the later counts.
 * @param file path of the archive
 * @throws Failure for what is no archive, a damaged or cut one, paths that lead out of it, sizes
 * that cannot be, a stream that grows without bounds
 */
export async function listTar(file: string): Promise<Listing> {
  const title = quote(file);
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    throw explain("read the archive", file, error);
  }
  try {
    const magic = new Uint8Array(2);
    readSync(descriptor, magic, 0, 2, 0);
    if (magic[0] === 0x1f && magic[1] === 0x8b) {
      const compressed = descriptor;
      descriptor = await decompress(file, fstatSync(compressed).size, title).finally(() =>
        closeSync(compressed),
      );
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw explain("read the archive", file, error);
  }
  try {
    return indexTar(descriptor, title);
  } catch (error) {
    closeSync(descriptor);
    if (error instanceof Failure) throw error;
    throw explain("read the archive", file, error);
  }
}
