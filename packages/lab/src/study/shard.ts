/** Parts of a study for machines that share nothing: `i/n` takes every n-th group of the same list. */
import { UsageError } from "../errors.ts";
import type { Group } from "./cell.ts";

/** A part of a study. */
export interface Shard {
  /** Its number, from 1. */
  readonly index: number;
  /** How many parts there are. */
  readonly count: number;
}

/** The whole study as the only part. */
export const WHOLE: Shard = { index: 1, count: 1 };

/** `i/n` as a part, i from 1 to n; anything else is a usage error. */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim());
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || index > count) {
    throw new UsageError(
      `--shard: expected I/N, such as 1/3, with I from 1 to N, received ${JSON.stringify(text)}`,
    );
  }
  return { index, count };
}

/** The groups of a part: those that are shared, and every n-th of the others. */
export function groupsOf(groups: readonly Group[], { index, count }: Shard): Group[] {
  let number = 0;
  return groups.filter((group) => group.shared === true || number++ % count === index - 1);
}
