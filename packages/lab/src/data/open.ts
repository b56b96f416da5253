/**
 * Finds out what a data path is: `textures[:size[,count]]`, a tar or tar.gz, or a directory; and there
 * CIFAR's binary files, class directories, or pictures with a label file.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { explain, Failure, quote, UsageError } from "../errors.ts";
import { cifar, isCifar } from "./cifar.ts";
import { readClassList } from "./class-list.ts";
import type { Dataset, Split } from "./dataset.ts";
import { classFolders } from "./folders.ts";
import { labelledPictures } from "./labels.ts";
import { closeListing, isPicture, type Listing, listDirectory, selectSplit } from "./listing.ts";
import { listTar } from "./tar.ts";
import { textures } from "./textures.ts";

/** How a data path is opened. */
export interface OpenOptions {
  /**
   * Which pictures, where the data is split; default "train". Data that is not split gives all of them
   * for either: the set's `split` tells.
   */
  readonly split?: Split;
  /** Path of a class list, which fixes the numbers of the classes; default: their order in the data. */
  readonly classList?: string;
  /** Path of a label file for all pictures of the path, without splits; default: `labels.txt` or `labels.csv` in a directory without others. */
  readonly labels?: string;
}

function texturesOf(spec: string, split: Split, classList: string[] | undefined): Dataset {
  const match = /^textures(?::(\d+)(?:,(\d+))?)?$/.exec(spec);
  if (match === null) {
    throw new UsageError(
      `--data: expected textures:SIZE or textures:SIZE,COUNT, received ${quote(spec)}`,
    );
  }
  const [size, count] = [match[1], match[2]].map((v) => (v === undefined ? v : Number(v)));
  try {
    return textures({ size, count }, split, classList);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--data: ${error.message}`);
    throw error;
  }
}

async function listingOf(path: string): Promise<Listing> {
  let directory: boolean;
  try {
    const stat = statSync(path);
    directory = stat.isDirectory();
    if (!directory && !stat.isFile()) {
      throw new Failure(
        `cannot open the data ${quote(path)}: it is neither a directory nor a file`,
      );
    }
  } catch (error) {
    throw error instanceof Failure ? error : explain("open the data", path, error);
  }
  if (directory) return listDirectory(path);
  if (isPicture(path)) {
    throw new Failure(
      `cannot open the data ${quote(path)}: it is a picture, expected a directory of pictures or a tar of them`,
    );
  }
  return listTar(path);
}

/**
 * Opens a set of labelled pictures.
 * @param path `textures`, `textures:SIZE`, `textures:SIZE,COUNT`, a directory, a tar or a tar.gz; a
 * directory that is called textures is `./textures`
 * @param options split, class list, label file
 * @throws Failure or UsageError, one sentence, for what cannot be opened or does not fit together
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<Dataset> {
  const { split = "train" } = options;
  const classList = options.classList === undefined ? undefined : readClassList(options.classList);
  if (/^textures(:|$)/.test(path)) {
    if (options.labels !== undefined) {
      throw new UsageError("--labels: textures have labels of their own, leave the option out");
    }
    return texturesOf(path, split, classList);
  }
  const listing = await listingOf(path);
  try {
    if (options.labels !== undefined) {
      return labelledPictures(listing, options.labels, classList);
    }
    if (isCifar(listing)) return cifar(listing, split, classList);
    const part = selectSplit(listing, split);
    const flat = part === listing && part.folders.length === 0;
    const beside = ["labels.txt", "labels.csv"]
      .map((name) => join(path, name))
      .find((file) => flat && existsSync(file));
    return beside === undefined
      ? classFolders(part, classList)
      : labelledPictures(part, beside, classList);
  } catch (error) {
    closeListing(listing);
    throw error;
  }
}
