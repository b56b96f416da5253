/** Two files of predictions side by side: pictures are paired by name, whatever their order. */
import { Failure, quote } from "../errors.ts";
import type { Cells } from "../statistics/mcnemar.ts";
import type { Prediction, Predictions } from "./format.ts";

/** Predictions and the name of their file, for messages. */
export interface Named extends Predictions {
  /** Path of the file. */
  readonly file: string;
}

/** What two files say of the same pictures. */
export interface Pairing {
  /** How often which model is right. */
  readonly cells: Cells;
  /** On how many pictures both predict the same class first. */
  readonly agreed: number;
}

/** How many pictures a message names. */
const NAMED = 3;

function named(pictures: readonly string[]): string {
  const names = pictures.slice(0, NAMED).map(quote).join(", ");
  const more = pictures.length - NAMED;
  return more > 0 ? `${names} and ${more} more` : names;
}

/** Whether the true class is among the first `top` predicted ones. */
function right({ target, predicted }: Prediction, top: number): boolean {
  const at = predicted.indexOf(target);
  return at >= 0 && at < top;
}

/**
 * Pairs two files.
 * @param a predictions of A
 * @param b predictions of B
 * @param top a picture counts as right when its true class is among so many predicted ones, from 1
 * @throws Failure when the files are not of the same pictures, when true classes differ, or when they
 *   hold fewer than `top` predicted classes
 */
export function pair(a: Named, b: Named, top: number): Pairing {
  for (const { file, rows } of [a, b]) {
    const held = rows[0].predicted.length;
    if (held < top) {
      throw new Failure(
        `--top: expected at most ${held}, because ${quote(file)} holds no more predicted classes a picture, received ${top}`,
      );
    }
  }
  const others = new Map(b.rows.map((row) => [row.picture, row]));
  const missing: string[] = [];
  const disputed: [Prediction, Prediction][] = [];
  const cells = { both: 0, onlyA: 0, onlyB: 0, neither: 0 };
  let agreed = 0;
  for (const row of a.rows) {
    const other = others.get(row.picture);
    if (other === undefined) {
      missing.push(row.picture);
      continue;
    }
    others.delete(row.picture);
    if (row.target !== other.target) disputed.push([row, other]);
    if (row.predicted[0] === other.predicted[0]) agreed++;
    const [inA, inB] = [right(row, top), right(other, top)];
    cells[inA ? (inB ? "both" : "onlyA") : inB ? "onlyB" : "neither"]++;
  }
  if (missing.length > 0 || others.size > 0) {
    const parts = [
      { file: a.file, only: missing },
      { file: b.file, only: [...others.keys()] },
    ].filter(({ only }) => only.length > 0);
    const what = parts.map(
      ({ file, only }) => `${only.length} only in ${quote(file)} (${named(only)})`,
    );
    throw new Failure(
      `${quote(a.file)} and ${quote(b.file)} are not of the same pictures: ${what.join(", ")}; evaluate both models on the same data`,
    );
  }
  if (disputed.length > 0) {
    const [first, second] = disputed[0];
    throw new Failure(
      `${quote(a.file)} and ${quote(b.file)} differ in the true class of ${disputed.length} of ${a.rows.length} pictures: ` +
        `${quote(first.picture)} is ${first.target} in the one and ${second.target} in the other` +
        `${disputed.length > 1 ? `, then ${named(disputed.slice(1).map(([row]) => row.picture))}` : ""}; ` +
        "evaluate both models with the same class numbers",
    );
  }
  return { cells, agreed };
}
