/**
 * A flat directory of pictures with a label file. A line of the file names a picture and its class,
 * separated by a comma, a tab or spaces: `picture.jpg 7`, `picture,n03995372 85 1 499 272`. The picture
 * is a path below the directory, with or without its ending; the class is a number from 0 or a name;
 * what follows is not looked at. A first line that names no picture is a heading.
 */
import { Failure, quote } from "../errors.ts";
import { readLines } from "./class-list.ts";
import { type Dataset, datasetOf, type Entry, fitClasses } from "./dataset.ts";
import { LabelledFile } from "./folders.ts";
import { byCode, isPicture, type Listed, type Listing } from "./listing.ts";

const withoutEnding = (path: string): string => path.replace(/\.[^./]+$/, "");

/** Finds pictures by path, and by path without the ending where that is one picture's alone. */
function finder(pictures: readonly Listed[]): (name: string) => Listed | undefined {
  const byName = new Map<string, Listed | undefined>();
  for (const file of pictures) {
    const bare = withoutEnding(file.path);
    byName.set(bare, byName.has(bare) ? undefined : file);
  }
  for (const file of pictures) byName.set(file.path, file);
  return (name) => byName.get(name.replace(/^\.\//, ""));
}

/** The numbers and names of the classes that labels mean. */
function readClasses(
  title: string,
  file: string,
  labels: readonly string[],
  classList: readonly string[] | undefined,
): { classes: readonly string[]; numberOf: (label: string) => number } {
  if (labels.every((label) => /^\d+$/.test(label))) {
    let most = 0;
    for (const label of labels) most = Math.max(most, Number(label));
    const count = classList?.length ?? most + 1;
    if (most >= count) {
      throw new Failure(
        `the class list does not fit ${title}: it has ${count} classes, numbered from 0, ` +
          `the label file ${quote(file)} has the number ${most}`,
      );
    }
    if (count > 1_000_000) {
      throw new Failure(`the label file ${quote(file)}: ${most} is too large for a class's number`);
    }
    const classes = classList ?? Array.from({ length: count }, (_, i) => String(i));
    return { classes, numberOf: Number };
  }
  const found = [...new Set(labels)].sort(byCode);
  const { classes, numbers } = fitClasses(title, found, classList);
  const numberOf = new Map(found.map((name, i) => [name, numbers[i]]));
  return { classes, numberOf: (label) => numberOf.get(label) as number };
}

/**
 * The set of a flat listing.
 * @param listing the pictures
 * @param file path of the label file
 * @param classList names of the classes by number; undefined for the order of their names
 * @throws Failure for a label file that cannot be read or does not fit: a picture that is not there,
 * a picture with two labels, pictures without one, a class that the list lacks
 */
export function labelledPictures(
  listing: Listing,
  file: string,
  classList?: readonly string[],
): Dataset {
  const { title } = listing;
  const pictures = listing.files.filter(({ path }) => isPicture(path));
  if (pictures.length === 0) throw new Failure(`${title} has no pictures`);
  const find = finder(pictures);
  const labelOf = new Map<Listed, string>();
  const lines = readLines("label file", file);
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const where = `the label file ${quote(file)}: line ${i + 1}`;
    const match = /^\s*([^,\t]+?)\s*[,\t]\s*([^\s,]+)/.exec(line) ?? /^\s*(\S+)\s+(\S+)/.exec(line);
    if (match === null) {
      throw new Failure(
        `${where}: expected a picture and its class, received ${quote(line.slice(0, 60))}`,
      );
    }
    const picture = find(match[1]);
    if (picture === undefined) {
      if (i === 0) continue;
      throw new Failure(`${where}: ${title} has no picture ${quote(match[1])}`);
    }
    if (labelOf.has(picture)) throw new Failure(`${where}: ${quote(match[1])} has a label already`);
    labelOf.set(picture, match[2]);
  }
  const bare = pictures.filter((picture) => !labelOf.has(picture));
  if (bare.length > 0) {
    throw new Failure(
      `the label file ${quote(file)} lacks ${bare.length} of the ${pictures.length} pictures of ` +
        `${title}, ${quote(bare[0].path)} for one`,
    );
  }
  const { classes, numberOf } = readClasses(title, file, [...labelOf.values()], classList);
  const entries: Entry[] = pictures.map(
    (picture) => new LabelledFile(picture, numberOf(labelOf.get(picture) as string)),
  );
  return datasetOf(
    title,
    listing.split,
    classes,
    entries.length,
    (i) => entries[i],
    listing.descriptors,
  );
}
