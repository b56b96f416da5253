/**
 * CIFAR-10 and CIFAR-100 in their binary form. A record is the label (CIFAR-100: the coarse, then the
 * fine label), then 1024 bytes each of red, green and blue, in rows of 32:
 *
 *     CIFAR-10    1 + 3072 bytes   data_batch_1.bin ... data_batch_5.bin, test_batch.bin
 *     CIFAR-100   2 + 3072 bytes   train.bin, test.bin
 *
 * Source: Krizhevsky: Learning multiple layers of features from tiny images, 2009, and the data's page.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename } from "node:path";
import { explain, Failure } from "../errors.ts";
import { type Dataset, datasetOf, type Entry, fitClasses, type Split } from "./dataset.ts";
import type { Listed, Listing } from "./listing.ts";

const SIDE = 32;
const PIXELS = 3 * SIDE * SIDE;

/** A kind of CIFAR: its files, the bytes of labels before a picture, where the class names are. */
interface Kind {
  readonly title: string;
  readonly labels: number;
  readonly count: number;
  readonly files: Record<Split, RegExp>;
  readonly names: string;
  readonly classes: readonly string[];
}

const KINDS: readonly Kind[] = [
  {
    title: "CIFAR-10",
    labels: 1,
    count: 10,
    files: { train: /^data_batch_[1-5]\.bin$/, test: /^test_batch\.bin$/ },
    names: "batches.meta.txt",
    classes: "airplane automobile bird cat deer dog frog horse ship truck".split(" "),
  },
  {
    title: "CIFAR-100",
    labels: 2,
    count: 100,
    files: { train: /^train\.bin$/, test: /^test\.bin$/ },
    names: "fine_label_names.txt",
    classes: Array.from({ length: 100 }, (_, i) => String(i)),
  },
];

const kindOf = (listing: Listing): Kind | undefined =>
  KINDS.find(({ files }) =>
    listing.files.some(({ path }) => Object.values(files).some((f) => f.test(basename(path)))),
  );

/** Whether a listing has CIFAR's binary files. */
export const isCifar = (listing: Listing): boolean => kindOf(listing) !== undefined;

/** A stretch of an open file. */
interface Stretch {
  readonly descriptor: number;
  readonly offset: number;
  readonly size: number;
}

function readStretch({ descriptor, offset, size }: Stretch): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const count = readSync(descriptor, bytes, done, size - done, offset + done);
    if (count === 0) throw new Failure("a file of CIFAR became shorter while it was read");
    done += count;
  }
  return bytes;
}

function textOf({ source }: Listed): string {
  if (source.kind === "file") return readFileSync(source.path, "utf8");
  return new TextDecoder().decode(readStretch(source));
}

/** The pictures of one file, after a look at its size and at every label. */
function readRecords(kind: Kind, name: string, stretch: Stretch, title: string): Entry[] {
  const record = kind.labels + PIXELS;
  if (stretch.size === 0 || stretch.size % record !== 0) {
    throw new Failure(
      `${title}: ${name}: expected a multiple of ${record} bytes as ${kind.title} has, ` +
        `received ${stretch.size}: the file is cut short or damaged`,
    );
  }
  const bytes = readStretch(stretch);
  return Array.from({ length: stretch.size / record }, (_, i) => {
    // The last label is the fine one.
    const label = bytes[i * record + kind.labels - 1];
    if (label >= kind.count) {
      throw new Failure(
        `${title}: ${name}: record ${i}: expected a label below ${kind.count}, received ${label}`,
      );
    }
    const offset = stretch.offset + i * record + kind.labels;
    const { descriptor } = stretch;
    const source = { kind: "planes", descriptor, offset, width: SIDE, height: SIDE } as const;
    return { name: `${name}/${i}`, label, source };
  });
}

/**
 * The set of a listing with CIFAR's binary files; the listing's open files pass to it.
 * @param listing a directory or an archive, at any depth
 * @param split which of its pictures
 * @param classList names of the classes by number; undefined for CIFAR's own order
 * @throws Failure for missing files, sizes or labels that are not CIFAR's, a class that the list lacks
 */
export function cifar(listing: Listing, split: Split, classList?: readonly string[]): Dataset {
  const kind = kindOf(listing);
  if (kind === undefined) throw new Failure(`${listing.title} has no binary files of CIFAR`);
  const title = `${kind.title} ${listing.title}`;
  const files = listing.files.filter(({ path }) => kind.files[split].test(basename(path)));
  if (files.length === 0) {
    const wanted = kind.files[split].source.replace(/[\\^$]/g, "");
    throw new Failure(`${title} has no ${split} pictures: expected files ${wanted}`);
  }
  const meta = listing.files.find(({ path }) => basename(path) === kind.names);
  const named =
    meta &&
    textOf(meta)
      .split(/\r?\n/)
      .filter((line) => line.trim() !== "");
  const found = named?.length === kind.count ? named : kind.classes;
  const { classes, numbers } = fitClasses(title, found, classList);
  const opened: number[] = [];
  try {
    const entries = files.flatMap(({ path, source }) => {
      if (source.kind === "part") return readRecords(kind, basename(path), source, title);
      let descriptor: number;
      try {
        descriptor = openSync(source.path, "r");
      } catch (error) {
        throw explain("read", source.path, error);
      }
      opened.push(descriptor);
      const stretch = { descriptor, offset: 0, size: fstatSync(descriptor).size };
      return readRecords(kind, basename(path), stretch, title);
    });
    const fitted = entries.map((entry) => ({ ...entry, label: numbers[entry.label] }));
    return datasetOf(title, split, classes, fitted.length, (i) => fitted[i], [
      ...listing.descriptors,
      ...opened,
    ]);
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    throw error;
  }
}
