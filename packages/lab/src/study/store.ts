/**
 * The folder of a study: `cells/NAME.json`, one file for every cell. Files are written under another name
 * and renamed, so that whenever a process is killed, each of them is whole or not there. Folders are put
 * together by copying: equal names are equal work.
 */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { explain, Failure, quote } from "../errors.ts";
import { isDirectory, makeDirectory, saveText } from "../paths.ts";
import { type Outcome, readOutcome, writeOutcome } from "./outcome.ts";

/** The folder of the result files in that of a study. */
const CELLS = "cells";

/** Files under other names that are older than this were left by a process that was killed. */
const STALE = 600_000;

/** A result file that is none. */
export interface BrokenFile {
  /** Its path. */
  readonly path: string;
  /** Why, a clause. */
  readonly reason: string;
}

/** The path of a cell's result file. */
export function resultPath(folder: string, name: string): string {
  return join(folder, CELLS, `${name}.json`);
}

/** Makes the folder of a study ready to be written: creates it, removes what killed processes left. */
export function openFolder(folder: string): void {
  makeDirectory(folder);
  const cells = join(folder, CELLS);
  makeDirectory(cells);
  for (const name of readdirSync(cells)) {
    if (!name.startsWith(".softpool-") || !name.endsWith(".tmp")) continue;
    const path = join(cells, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > STALE) rmSync(path, { force: true });
  }
}

/** Names of the cells that a folder has files of; none where it is no folder of a study. */
export function cellsIn(folder: string): string[] {
  const cells = join(folder, CELLS);
  if (!isDirectory(cells)) return [];
  try {
    return readdirSync(cells)
      .filter((name) => /^[0-9a-f]{32}\.json$/.test(name))
      .map((name) => name.slice(0, 32))
      .sort();
  } catch (error) {
    throw explain("read the directory", cells, error);
  }
}

/** Reads the result of a cell; why it is none, where the file is broken; `undefined` without a file. */
export function readCell(folder: string, name: string): Outcome | BrokenFile | undefined {
  const path = resultPath(folder, name);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw explain("read", path, error);
  }
  const outcome = readOutcome(text, name);
  return typeof outcome === "string" ? { path, reason: outcome } : outcome;
}

/** Writes the result of a cell. */
export function saveCell(folder: string, name: string, outcome: Outcome): Promise<void> {
  return saveText(resultPath(folder, name), writeOutcome(outcome));
}

/** Whether what was read is no result. */
export function isBroken(entry: Outcome | BrokenFile): entry is BrokenFile {
  return !("format" in entry);
}

/** All results of several folders. */
export interface Results {
  /** The outcomes, in the order of their names: of equal names the one that is done, then the newest. */
  readonly outcomes: readonly Outcome[];
  /** Files that are no results. */
  readonly broken: readonly BrokenFile[];
}

/** The folder itself where it has results, and the folders in it that have. */
function foldersWithin(folder: string): string[] {
  if (!isDirectory(folder)) throw new Failure(`there is no directory ${quote(folder)}`);
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== CELLS)
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    throw explain("read the directory", folder, error);
  }
  return [folder, ...names.map((name) => join(folder, name))].filter((path) =>
    isDirectory(join(path, CELLS)),
  );
}

/**
 * Reads all results of folders, and of the folders in them: shards need only lie side by side.
 * @throws Failure when one of them is no directory
 */
export function readResults(folders: readonly string[]): Results {
  const found = new Map<string, Outcome>();
  const broken: BrokenFile[] = [];
  for (const folder of folders.flatMap(foldersWithin)) {
    for (const name of cellsIn(folder)) {
      const outcome = readCell(folder, name);
      if (outcome === undefined) continue;
      if (isBroken(outcome)) {
        broken.push(outcome);
        continue;
      }
      const other = found.get(name);
      const better =
        other === undefined ||
        (outcome.status === other.status ? outcome.made > other.made : outcome.status === "done");
      if (better) found.set(name, outcome);
    }
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return { outcomes: sorted.map(([, outcome]) => outcome), broken };
}
