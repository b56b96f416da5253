/**
 * Writing a file so that it is there as a whole or not at all: under a temporary name in the same
 * folder, flushed to the disk, then renamed. And errors of the file system in one sentence. Node only.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { OnnxError } from "./error.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "no permission",
  EPERM: "no permission",
  ENOSPC: "no space left on the device",
  EDQUOT: "no space left for this user",
  EFBIG: "too large for the file system",
  EROFS: "the file system is read-only",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
  ELOOP: "symbolic links in a circle",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  ETXTBSY: "it is a program that runs",
  EIO: "the device failed",
};

/** Whether an error says that a file does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException)?.code === "ENOENT";
}

/**
 * An error of the file system in one sentence; an OnnxError stays as it is.
 * @param error what was thrown
 * @param what the file, as it is called in the error
 * @param action what it could not be: read or written
 */
export function fileError(error: unknown, what: string, action: "read" | "written"): OnnxError {
  if (error instanceof OnnxError) return error;
  const { code = "", message = String(error) } = error as NodeJS.ErrnoException;
  const reason = Object.hasOwn(reasons, code) ? `${reasons[code]} (${code})` : message;
  return new OnnxError(`${what}: cannot be ${action}: ${reason}`);
}

/**
 * Puts a file into place. A file that is there is replaced, never written into: its other names and
 * what links to it keep what they have. On failure nothing is left behind.
 * @param path the file
 * @param write writes the file of the temporary name that it is given, which does not exist yet
 */
export async function replaceFile(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), `.softpool-${randomUUID()}.tmp`);
  // A process that is told to end in between leaves nothing behind.
  const clean = (): void => rmSync(temporary, { force: true });
  process.once("exit", clean);
  try {
    await write(temporary);
    await flush(temporary);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  } finally {
    process.off("exit", clean);
  }
  // The name itself; not every system lets a folder be flushed.
  await flush(dirname(path)).catch(() => {});
}

/** Flushes a file to the disk. A file that must not be written to cannot be flushed everywhere. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  } finally {
    await handle.close();
  }
}
