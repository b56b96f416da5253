/** Scratch files. */
import { randomUUID } from "node:crypto";
import { openSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explain } from "../errors.ts";

/**
 * A file in the directory for temporary files that has no name any more: it vanishes when it is closed
 * or the process ends, however that happens.
 * @returns its descriptor, for reading and writing
 * @throws Failure when it cannot be created
 */
export function openScratch(): number {
  const path = join(tmpdir(), `softpool-${randomUUID()}.tmp`);
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx+", 0o600);
  } catch (error) {
    throw explain("create the scratch file", path, error);
  }
  try {
    unlinkSync(path);
  } catch {
    // Some systems keep the names of open files.
    process.on("exit", () => rmSync(path, { force: true }));
  }
  return descriptor;
}
