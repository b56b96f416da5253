/**
 * A class list: a text file with one class a line whose number is the line's, from 0. A line is the
 * class's name alone; or a WordNet id and a description after a space; or a name and a description
 * after a tab.
 */
import { readFileSync } from "node:fs";
import { explain, Failure, quote } from "../errors.ts";

/**
 * Reads a text file as lines, without the empty ones at its end and a byte order mark.
 * @throws Failure when it cannot be read or has no lines
 */
export function readLines(what: string, file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw explain(`read the ${what}`, file, error);
  }
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === "") lines.pop();
  if (lines.length === 0) throw new Failure(`the ${what} ${quote(file)} is empty`);
  return lines;
}

/**
 * The names of a class list, by number.
 * @throws Failure for a file that cannot be read, an empty line between others, a name that comes twice
 */
export function readClassList(file: string): string[] {
  const lineOf = new Map<string, number>();
  return readLines("class list", file).map((line, i) => {
    const name = (/^n\d{8}(?=\s)/.exec(line)?.[0] ?? line.split("\t")[0]).trim();
    if (name === "") throw new Failure(`the class list ${quote(file)}: line ${i + 1} is empty`);
    const before = lineOf.get(name);
    if (before !== undefined) {
      throw new Failure(
        `the class list ${quote(file)}: ${quote(name)} stands on the lines ${before} and ${i + 1}`,
      );
    }
    lineOf.set(name, i + 1);
    return name;
  });
}
