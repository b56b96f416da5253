/**
 * Class folders, ImageNet's layout: one directory a class, named after it, its pictures anywhere below.
 * Classes are numbered in the order of their names, or by a class list.
 */
import { Failure, quote } from "../errors.ts";
import { type Dataset, datasetOf, type Entry, fitClasses, type Source } from "./dataset.ts";
import { byCode, isPicture, type Listed, type Listing } from "./listing.ts";

/** A file of a listing with its class. */
export class LabelledFile implements Entry {
  readonly #file: Listed;
  /** Number of its class. */
  readonly label: number;

  /**
   * @param file the file
   * @param label number of its class
   */
  constructor(file: Listed, label: number) {
    this.#file = file;
    this.label = label;
  }

  /** Its path in the listing. */
  get name(): string {
    return this.#file.path;
  }

  /** Where its bytes are. */
  get source(): Source {
    return this.#file.source;
  }
}

/** "a", "a and b", or "a, b and 3 more". */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 2).map(quote);
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(" and ");
}

/**
 * The set of a listing whose directories are classes; pictures beside the directories belong to none.
 * @param listing files and directories
 * @param classList names of the classes by number; undefined for the order of their names
 * @throws Failure when there are no directories or no pictures, a directory has no pictures, or the
 * class list lacks one
 */
export function classFolders(listing: Listing, classList?: readonly string[]): Dataset {
  const { title, files, folders } = listing;
  const found = folders.filter((path) => !path.includes("/")).sort(byCode);
  const pictures = files.filter(({ path }) => isPicture(path));
  if (pictures.length === 0) throw new Failure(`${title} has no pictures`);
  if (found.length === 0) {
    throw new Failure(
      `${title} has ${pictures.length} pictures but no class directories: give a label file, labels.txt beside them`,
    );
  }
  const { classes, numbers } = fitClasses(title, found, classList);
  const numberOf = new Map(found.map((name, i) => [name, numbers[i]]));
  const counts = new Map<string, number>();
  const entries: Entry[] = [];
  for (const file of pictures) {
    const slash = file.path.indexOf("/");
    if (slash < 0) continue;
    const name = file.path.slice(0, slash);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    entries.push(new LabelledFile(file, numberOf.get(name) as number));
  }
  const empty = found.filter((name) => !counts.has(name));
  if (empty.length > 0) {
    throw new Failure(
      `${title}: ${empty.length === 1 ? "the class" : "the classes"} ${some(empty)} of ` +
        `${found.length} ${empty.length === 1 ? "has" : "have"} no pictures`,
    );
  }
  return datasetOf(
    title,
    listing.split,
    classes,
    entries.length,
    (i) => entries[i],
    listing.descriptors,
  );
}
