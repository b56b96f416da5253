/**
 * Files and directories that are written: checked before work is done for them, and written to a
 * temporary name beside the target that is renamed when complete, so that nobody sees half a file.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { explain, Failure, plain, quote } from "./errors.ts";

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether a path is a directory. */
export function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

/** Whether a path is a regular file. */
export function isFile(path: string): boolean {
  return statOf(path)?.isFile() === true;
}

/** What two names of one file have in common; undefined where there is no file. */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/** A failure to create something, where some reasons read otherwise than for something that exists. */
function creating(action: string, path: string, error: unknown): Failure {
  const above = dirname(resolve(path));
  const reasons: Record<string, string> = {
    EEXIST: "a file of this name is in the way",
    ENOENT: isDirectory(above) ? "nothing can be created there" : "its directory does not exist",
  };
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ""];
  if (reason === undefined) return explain(action, path, error);
  return new Failure(`cannot ${action} ${quote(path)}: ${reason}`);
}

/** Makes a directory and those above it, where they do not exist; what is in the way is a failure. */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !isDirectory(at) && at !== dirname(at); at = dirname(at)) {
    missing.unshift(at);
  }
  try {
    for (const directory of missing) mkdirSync(directory);
  } catch (error) {
    throw creating("create the directory", path, error);
  }
}

let serial = 0;

/** A temporary name in the directory of `file`. */
function temporaryName(file: string): string {
  return join(dirname(file), `.softpool-${process.pid}-${serial++}.tmp`);
}

const pending = new Set<string>();
process.on("exit", () => {
  for (const file of pending) rmSync(file, { force: true });
});

/** Refuses an output path that cannot be a file, before any work is done for it. */
export function expectWritable(file: string): void {
  const stat = statOf(file);
  if (stat !== undefined && !stat.isFile()) {
    const what = stat.isDirectory() ? "it is a directory" : "it is not a regular file";
    throw new Failure(`cannot write ${quote(file)}: ${what}`);
  }
  const temporary = temporaryName(file);
  try {
    closeSync(openSync(temporary, "wx"));
    rmSync(temporary);
  } catch (error) {
    throw creating("write", file, error);
  }
}

/** Free space where a directory lies; unlimited where there is none. */
function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}

/** Runs `write` on a temporary name and renames the result to `file`. */
export async function writeWhole(
  file: string,
  write: (temporary: string) => unknown,
): Promise<void> {
  const temporary = temporaryName(file);
  pending.add(temporary);
  try {
    await write(temporary);
    renameSync(temporary, file);
  } catch (error) {
    // Asked before the temporary file gives its space back.
    const free = freeBytes(dirname(file));
    rmSync(temporary, { force: true });
    if (error instanceof Failure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined) throw creating("write", file, error);
    const full = /no space left/i.test(message) || free < 65536;
    throw new Failure(`cannot write ${quote(file)}: ${full ? "the disk is full" : plain(message)}`);
  } finally {
    pending.delete(temporary);
  }
}

/** Writes text, complete or not at all. */
export function saveText(file: string, text: string): Promise<void> {
  return writeWhole(file, (temporary) => writeFileSync(temporary, text));
}
