/** Writes a file of predictions, complete or not at all. */
import { closeSync, openSync, writeSync } from "node:fs";
import { quote } from "../errors.ts";
import { expectWritable, writeWhole } from "../paths.ts";
import {
  KEY,
  MOST_PREDICTED,
  type Prediction,
  type Predictions,
  SIGNATURE,
  VERSION,
} from "./format.ts";

/** Rows that are turned into text at once. */
const ROWS = 10_000;

function field(text: string): string {
  return /[",#\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function whole(picture: string, name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(
    `writePredictions: ${name} of ${quote(picture)}: expected a whole number from 0, received ${value}`,
  );
}

function line({ picture, target, predicted, score }: Prediction, width: number): string {
  if (picture === "") {
    throw new RangeError(
      "writePredictions: picture: expected a name or a number, received an empty text",
    );
  }
  if (predicted.length !== width) {
    throw new RangeError(
      `writePredictions: predicted of ${quote(picture)}: expected as many classes as in the first row (${width}), received ${predicted.length}`,
    );
  }
  const classes = predicted.map((value) => whole(picture, "predicted", value));
  const known = score !== undefined && Number.isFinite(score);
  // Seven digits hold a float32.
  const shown = known ? String(Number(score.toPrecision(7))) : "";
  return [field(picture), whole(picture, "target", target), ...classes, shown].join(",");
}

function head(metadata: Predictions["metadata"], width: number): string[] {
  const lines = Object.entries(metadata).map(([key, value]) => {
    if (!KEY.test(key)) {
      throw new RangeError(
        `writePredictions: metadata: expected keys of lower-case letters, digits, spaces and hyphens, received ${quote(key)}`,
      );
    }
    return `# ${key}: ${value.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim()}`;
  });
  const columns = Array.from({ length: width }, (_, i) => `predicted${i + 1}`);
  return [`${SIGNATURE} ${VERSION}`, ...lines, ["picture", "class", ...columns, "score"].join(",")];
}

/**
 * Writes predictions to a temporary name that becomes `file` when all is there.
 * @param file path of the CSV file; one that exists is replaced
 * @param predictions metadata (control characters become spaces) and at least one row
 * @throws RangeError for rows and keys that the format cannot hold, or pictures that come twice; Failure
 *   when the file cannot be written
 */
export async function writePredictions(
  file: string,
  { metadata, rows }: Predictions,
): Promise<void> {
  const width = rows[0]?.predicted.length ?? 0;
  if (width < 1 || width > MOST_PREDICTED) {
    throw new RangeError(
      `writePredictions: rows: expected at least one, with 1 to ${MOST_PREDICTED} predicted classes, received ${rows.length === 0 ? "no row" : width}`,
    );
  }
  const seen = new Set<string>();
  for (const { picture } of rows) {
    if (seen.has(picture)) {
      throw new RangeError(
        `writePredictions: picture: expected every picture once, received ${quote(picture)} twice`,
      );
    }
    seen.add(picture);
  }
  expectWritable(file);
  await writeWhole(file, (temporary) => {
    const descriptor = openSync(temporary, "wx");
    const write = (lines: readonly string[]) => {
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    };
    try {
      write(head(metadata, width));
      for (let i = 0; i < rows.length; i += ROWS) {
        write(rows.slice(i, i + ROWS).map((row) => line(row, width)));
      }
    } finally {
      closeSync(descriptor);
    }
  });
}
