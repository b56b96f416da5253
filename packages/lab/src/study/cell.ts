/**
 * Cells of a study: the smallest pieces of work that are done, kept and never done again. A cell is a
 * plain JSON configuration and the revision of what is measured; its name is
 *
 *     SHA-256 of the canonical JSON of { config, revision, study }, the first 32 hexadecimal digits
 *
 * so that the same work has the same name on every machine, and another one as soon as anything that it
 * depends on changes.
 */
import { createHash } from "node:crypto";

/** What JSON can hold. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

/** A configuration: names and values. */
export type Config = Readonly<Record<string, Json>>;

/** A cell. */
export interface Cell {
  /** Its name: {@link cellName} of the study, the configuration and the revision. */
  readonly name: string;
  /** What is measured on what, and how. */
  readonly config: Config;
  /** What changes when the same configuration would give other numbers. */
  readonly revision: string;
  /** The seed of what is drawn by chance; `undefined` where nothing is. */
  readonly seed?: number;
  /** A few words for people. */
  readonly title: string;
  /** How much work it is beside others, for the time left; default 1. */
  readonly cost?: number;
  /** Names of cells whose results it needs. */
  readonly needs?: readonly string[];
}

/** Cells that share work and are given to one worker, in this order. */
export interface Group {
  /** A few words for people. */
  readonly title: string;
  /** Its cells. */
  readonly cells: readonly Cell[];
  /** Bytes that its work takes at most, which bounds how many groups are in work; default 0. */
  readonly memory?: number;
  /** Whether its cells are done by every shard that needs their results, before others; default false. */
  readonly shared?: boolean;
}

/** JSON with sorted names and without spaces: equal values give equal texts. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value as Record<string, Json>).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${canonical(entry)}`).join(",")}}`;
}

/** The first 32 hexadecimal digits of the SHA-256 of a text. */
export function digest(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/**
 * The name of a cell.
 * @param study the study's name
 * @param config the configuration
 * @param revision the revision of what is measured
 */
export function cellName(study: string, config: Config, revision: string): string {
  return digest(canonical({ config, revision, study }));
}

/**
 * Makes a cell.
 * @param study the study's name
 * @param parts all of it but the name
 */
export function cellOf(study: string, parts: Omit<Cell, "name">): Cell {
  return { name: cellName(study, parts.config, parts.revision), ...parts };
}
