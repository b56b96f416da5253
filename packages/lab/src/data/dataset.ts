/**
 * What a set of labelled pictures is here: an index in memory that tells of every picture where its
 * pixels come from. A picture's source is plain data, so that any thread can read it.
 */
import { closeSync } from "node:fs";
import { Failure, quote } from "../errors.ts";
import { readPixels } from "./decode.ts";

/** Where a picture's pixels come from. */
export type Source =
  /** A file of its own in a picture format. */
  | { readonly kind: "file"; readonly path: string }
  /** A stretch of an open file in a picture format: `size` bytes from `offset`. */
  | {
      readonly kind: "part";
      readonly descriptor: number;
      readonly offset: number;
      readonly size: number;
    }
  /** Bytes of an open file, from `offset`: all red values in rows, then green, then blue. */
  | {
      readonly kind: "planes";
      readonly descriptor: number;
      readonly offset: number;
      readonly width: number;
      readonly height: number;
    }
  /** A drawing of `size` x `size` pixels that its seed and index define. */
  | {
      readonly kind: "texture";
      readonly seed: number;
      readonly index: number;
      readonly size: number;
    };

/** Pixels of a picture. */
export interface Pixels {
  /** Red, green and blue of each pixel, in rows from the top, sRGB, 0 to 255. */
  readonly pixels: Uint8Array;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

/** A picture of a set. */
export interface Item extends Pixels {
  /** Number of its class. */
  readonly label: number;
  /** Its path in the set, or what stands for it. */
  readonly name: string;
}

/** Which pictures of a set are wanted: those to learn from, or those held out. */
export type Split = "train" | "test";

/** A set of labelled pictures. */
export interface Dataset {
  /** What it is, in a few words, for messages and records. */
  readonly title: string;
  /** Which of its pictures these are; "all" where the data is not split, whatever was asked for. */
  readonly split: Split | "all";
  /** Names of the classes by number; some may have no pictures when a class list fixed them. */
  readonly classes: readonly string[];
  /** How many pictures there are, at least 1. */
  readonly length: number;
  /** Class number of picture `i`. */
  label(i: number): number;
  /** Name of picture `i`. */
  name(i: number): string;
  /** Where the pixels of picture `i` come from. */
  source(i: number): Source;
  /** Picture `i` itself; throws `BrokenPicture` when it cannot be decoded. */
  item(i: number): Promise<Item>;
  /** Closes the files of the set; loaders of it must have been closed before. */
  close(): void;
}

/** A picture before it is in a set: `label` counts in the classes that were found. */
export interface Entry {
  /** Its path in the set. */
  readonly name: string;
  /** Number of its class. */
  readonly label: number;
  /** Where its pixels come from. */
  readonly source: Source;
}

/**
 * A set of entries.
 * @param title what it is, for messages
 * @param split which of its pictures these are
 * @param classes names of the classes
 * @param length how many pictures there are
 * @param entry gives picture `i`, from 0 to `length - 1`
 * @param descriptors open files that the set owns and closes
 */
export function datasetOf(
  title: string,
  split: Split | "all",
  classes: readonly string[],
  length: number,
  entry: (i: number) => Entry,
  descriptors: readonly number[] = [],
): Dataset {
  let open = true;
  const at = (i: number): Entry => {
    if (!open) throw new Failure(`${title} was closed already`);
    if (Number.isInteger(i) && i >= 0 && i < length) return entry(i);
    throw new RangeError(`dataset: i: expected 0 to ${length - 1}, received ${i}`);
  };
  return {
    title,
    split,
    classes,
    length,
    label: (i) => at(i).label,
    name: (i) => at(i).name,
    source: (i) => at(i).source,
    item: async (i) => {
      const { name, label, source } = at(i);
      return { ...(await readPixels(source)), label, name };
    },
    close: () => {
      if (open) for (const descriptor of descriptors) closeSync(descriptor);
      open = false;
    },
  };
}

/**
 * A set with the numbers that another part of the same data gives its classes.
 * @param set the set; closed by closing either
 * @param classes names of the classes by number
 * @throws Failure when it has a class that is none of them
 */
export function numberedAs(set: Dataset, classes: readonly string[]): Dataset {
  if (set.classes.join("\n") === classes.join("\n")) return set;
  const numberOf = new Map(classes.map((name, i) => [name, i]));
  const unknown = set.classes.filter((name) => !numberOf.has(name));
  if (unknown.length > 0) {
    const others = unknown.length > 1 ? ` and ${unknown.length - 1} more classes` : "";
    throw new Failure(
      `${set.title} has the class ${quote(unknown[0])}${others}, which the pictures to learn from lack`,
    );
  }
  const numbers = set.classes.map((name) => numberOf.get(name) as number);
  return {
    ...set,
    classes,
    label: (i) => numbers[set.label(i)],
    item: async (i) => {
      const item = await set.item(i);
      return { ...item, label: numbers[item.label] };
    },
  };
}

/**
 * Gives the classes that were found the numbers of a class list.
 * @param title the set, for the message
 * @param found names of the classes in the set, in its own order
 * @param list names by number; undefined keeps the set's order
 * @returns the names of all classes, and the number in them of each class found
 * @throws Failure when a class of the set is not in the list
 */
export function fitClasses(
  title: string,
  found: readonly string[],
  list: readonly string[] | undefined,
): { classes: readonly string[]; numbers: readonly number[] } {
  if (list === undefined) return { classes: found, numbers: found.map((_, i) => i) };
  const numberOf = new Map(list.map((name, i) => [name, i]));
  const unknown = found.filter((name) => !numberOf.has(name));
  if (unknown.length > 0) {
    const others = unknown.length > 1 ? ` and ${unknown.length - 1} more` : "";
    throw new Failure(
      `the class list does not fit ${title}: its ${list.length} classes lack ` +
        `${quote(unknown[0])}${others} of the ${found.length} that are there`,
    );
  }
  return { classes: list, numbers: found.map((name) => numberOf.get(name) as number) };
}
