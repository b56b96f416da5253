/**
 * The files of a directory or an archive as one list of relative paths with `/`, and what all layouts
 * have in common: directories that only wrap others, and those that split a set in two.
 */
import { closeSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { explain, Failure, quote } from "../errors.ts";
import type { Source, Split } from "./dataset.ts";

/** A file of a listing. */
export interface Listed {
  /** Its path, relative, with `/`. */
  readonly path: string;
  /** Where its bytes are. */
  readonly source: Extract<Source, { kind: "file" | "part" }>;
}

/** Files below a directory or in an archive. */
export interface Listing {
  /** What was listed, for messages. */
  readonly title: string;
  /** Which split this is; "all" for everything. */
  readonly split: Split | "all";
  /** The files, sorted by path; hidden ones are left out. */
  readonly files: readonly Listed[];
  /** The directories, with or without files. */
  readonly folders: readonly string[];
  /** Open files that the sources refer to. */
  readonly descriptors: readonly number[];
}

/** Names of directories for either split; of those held out, the first that is there is taken. */
const SPLITS: Record<Split, readonly string[]> = {
  train: ["train", "training"],
  test: ["val", "validation", "valid", "test", "testing"],
};

const PICTURE = /\.(jpe?g|png|webp|tiff?|gif|avif|heic)$/i;

/** Whether a path looks like a picture's. */
export const isPicture = (path: string): boolean => PICTURE.test(path);

/** Orders strings by their code units: the same on every machine. */
export const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A file on disk; its source is made when asked for, which keeps millions of them small. */
class DiskFile implements Listed {
  readonly #root: string;
  readonly path: string;

  constructor(root: string, path: string) {
    this.#root = root;
    this.path = path;
  }

  get source(): { readonly kind: "file"; readonly path: string } {
    return { kind: "file", path: join(this.#root, this.path) };
  }
}

/** Directories below this depth are taken for a link that leads in a circle. */
const DEEPEST = 16;

/**
 * Lists a directory with all below it; links are followed.
 * @throws Failure when a directory cannot be read, or links lead in a circle
 */
export function listDirectory(root: string): Listing {
  const files: Listed[] = [];
  const folders: string[] = [];
  const walk = (folder: string, depth: number): void => {
    const full = join(root, folder);
    if (depth > DEEPEST) {
      throw new Failure(
        `${quote(full)} lies ${depth} directories deep: do links lead in a circle?`,
      );
    }
    try {
      for (const entry of readdirSync(full, { withFileTypes: true })) {
        if (entry.name.startsWith(".")) continue;
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        const stat = entry.isSymbolicLink()
          ? statSync(join(root, path), { throwIfNoEntry: false })
          : entry;
        if (stat?.isDirectory()) {
          folders.push(path);
          walk(path, depth + 1);
        } else if (stat === undefined || stat.isFile()) {
          files.push(new DiskFile(root, path));
        }
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw explain("read the directory", full, error);
    }
  };
  walk("", 0);
  files.sort((a, b) => byCode(a.path, b.path));
  return { title: quote(root), split: "all", files, folders, descriptors: [] };
}

/** A file of a listing, seen from a directory of it. */
class InnerFile implements Listed {
  readonly #file: Listed;
  readonly path: string;

  constructor(file: Listed, path: string) {
    this.#file = file;
    this.path = path;
  }

  get source(): Listed["source"] {
    return this.#file.source;
  }
}

/** The listing of what lies below a directory of it. */
function below(listing: Listing, folder: string, split: Split | "all"): Listing {
  const start = `${folder}/`;
  const inside = (path: string) => path.startsWith(start);
  return {
    ...listing,
    title: `${listing.title} (${folder})`,
    split,
    files: listing.files
      .filter((file) => inside(file.path))
      .map((file) => new InnerFile(file, file.path.slice(start.length))),
    folders: listing.folders.filter(inside).map((path) => path.slice(start.length)),
  };
}

/**
 * The part of a listing that holds one split. Directories that wrap everything are taken off; where no
 * directory is named after a split, everything is the split.
 * @throws Failure when the listing is split and the split asked for is missing
 */
export function selectSplit(listing: Listing, split: Split): Listing {
  const tops = new Set(listing.folders.filter((path) => !path.includes("/")));
  const named = (names: readonly string[]) =>
    names.map((name) => [...tops].find((top) => top.toLowerCase() === name)).find(Boolean);
  const wanted = named(SPLITS[split]);
  if (wanted !== undefined) return below(listing, wanted, split);
  const other = named(SPLITS[split === "train" ? "test" : "train"]);
  if (other !== undefined) {
    throw new Failure(
      `${listing.title} has a directory ${quote(other)} but none of ${SPLITS[split].join(", ")}`,
    );
  }
  const [only] = tops;
  const wraps =
    tops.size === 1 &&
    listing.files.every(({ path }) => path.includes("/")) &&
    listing.folders.some((path) => path.startsWith(`${only}/`));
  return wraps ? selectSplit(below(listing, only, "all"), split) : listing;
}

/** Closes the files of a listing that came to nothing. */
export function closeListing(listing: Listing): void {
  for (const descriptor of listing.descriptors) closeSync(descriptor);
}
