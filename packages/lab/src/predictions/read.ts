/** Reads a file of predictions; what is wrong with it is told with its line. */
import { readFileSync } from "node:fs";
import { nearestName } from "@softpool/pictures";
import { explain, Failure, quote } from "../errors.ts";
import { KEY, MOST_PREDICTED, type Prediction, type Predictions, VERSION } from "./format.ts";

/** A record of the file and the number of its first line, from 1. */
interface CsvRecord {
  readonly line: number;
  readonly fields: string[];
}

type Complain = (line: number, what: string) => Failure;

const short = (text: string) => quote(text.length > 60 ? `${text.slice(0, 60)}...` : text);

/** The most characters of a field in quotation marks: one that is not closed shall not eat the file. */
const LONGEST = 8192;

/**
 * The first field of a text that begins with a quotation mark: what it holds and where it ends;
 * undefined when it is not closed, null when something other than a comma follows.
 */
function quotedField(text: string): { value: string; end: number } | null | undefined {
  for (let at = 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return undefined;
    if (text[at + 1] === '"') at++;
    else if (at + 1 < text.length && text[at + 1] !== ",") return null;
    else return { value: text.slice(1, at).replaceAll('""', '"'), end: at + 1 };
  }
}

/** The records of a file from line index `first`, quotation marks resolved, empty lines left out. */
function* records(lines: readonly string[], first: number, fail: Complain): Generator<CsvRecord> {
  for (let at = first; at < lines.length; at++) {
    const line = at + 1;
    const bare = (text: string) => (text.endsWith("\r") ? text.slice(0, -1) : text);
    let rest: string | undefined = bare(lines[at]);
    if (rest.trim() === "") continue;
    if (!rest.includes('"')) {
      yield { line, fields: rest.split(",") };
      continue;
    }
    const fields: string[] = [];
    while (rest !== undefined) {
      if (!rest.startsWith('"')) {
        const comma: number = rest.indexOf(",");
        fields.push(comma < 0 ? rest : rest.slice(0, comma));
        rest = comma < 0 ? undefined : rest.slice(comma + 1);
        continue;
      }
      let found = quotedField(rest);
      // It goes on in the next line; the line's carriage return is the field's.
      while (found === undefined && rest.length < LONGEST && at + 1 < lines.length) {
        const cut: string = lines[at].endsWith("\r") ? "\r\n" : "\n";
        rest += cut + bare(lines[++at]);
        found = quotedField(rest);
      }
      if (found === undefined) throw fail(line, "a quotation mark is not closed");
      if (found === null) throw fail(line, "expected a comma after a closing quotation mark");
      fields.push(found.value);
      rest = found.end < rest.length ? rest.slice(found.end + 1) : undefined;
    }
    yield { line, fields };
  }
}

/** Where the columns stand. */
interface Columns {
  readonly count: number;
  readonly picture: number;
  readonly target: number;
  readonly predicted: readonly number[];
  readonly score: number;
}

function columnsOf({ line, fields }: CsvRecord, fail: Complain): Columns {
  const names = fields.map((name) => name.trim());
  for (const name of ["picture", "class", "predicted1"]) {
    const found = names.filter((other) => other === name).length;
    if (found === 1) continue;
    const near = nearestName(name, names);
    const hint = near === undefined || found > 1 ? "" : `; is ${quote(near)} meant?`;
    throw fail(
      line,
      found > 1
        ? `the column ${name} stands ${found} times`
        : `expected a header with the columns picture, class and predicted1, received ${short(fields.join(","))}${hint}`,
    );
  }
  const predicted: number[] = [];
  for (let i = 1; i <= MOST_PREDICTED && names.includes(`predicted${i}`); i++) {
    predicted.push(names.indexOf(`predicted${i}`));
  }
  return {
    count: names.length,
    picture: names.indexOf("picture"),
    target: names.indexOf("class"),
    predicted,
    score: names.indexOf("score"),
  };
}

function rowOf({ line, fields }: CsvRecord, columns: Columns, fail: Complain): Prediction {
  if (fields.length !== columns.count) {
    throw fail(
      line,
      `expected ${columns.count} fields as in the header, received ${fields.length}`,
    );
  }
  const whole = (name: string, text: string): number => {
    if (/^\s*\d{1,15}\s*$/.test(text)) return Number(text);
    throw fail(line, `${name}: expected the number of a class from 0, received ${short(text)}`);
  };
  const picture = fields[columns.picture];
  if (picture === "") throw fail(line, "picture: expected a name or a number, received none");
  const target = whole("class", fields[columns.target]);
  const predicted = columns.predicted.map((at, i) => whole(`predicted${i + 1}`, fields[at]));
  const text = (fields[columns.score] ?? "").trim();
  if (text === "") return { picture, target, predicted };
  const score = Number(text);
  if (Number.isFinite(score)) return { picture, target, predicted, score };
  throw fail(line, `score: expected a number or nothing, received ${short(text)}`);
}

/**
 * Reads predictions.
 * @param file path of a CSV file as `format.ts` describes it
 * @returns metadata and rows in the order of the file, at least one, every picture once
 * @throws Failure with the line when the file cannot be read or is not such a file
 */
export function readPredictions(file: string): Predictions {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw explain("read the predictions", file, error);
  }
  const fail: Complain = (line, what) =>
    new Failure(`cannot read the predictions ${quote(file)}: line ${line}: ${what}`);
  const lines = text.replace(/^\ufeff/, "").split("\n");
  const version = /^# softpool predictions (\d+)\s*$/.exec(lines[0])?.[1];
  if (version !== undefined && Number(version) !== VERSION) {
    throw fail(1, `expected version ${VERSION}, received ${version}; a newer softpool reads it`);
  }
  const metadata: Record<string, string> = Object.create(null);
  let first = 0;
  for (; first < lines.length && /^(#|\s*$)/.test(lines[first]); first++) {
    const [, key = "", value = ""] = /^#\s*([^:]*?)\s*:\s*(.*?)\s*$/.exec(lines[first]) ?? [];
    if (KEY.test(key)) metadata[key] = value;
  }
  const all = records(lines, first, fail);
  const header = all.next();
  if (header.done === true) throw new Failure(`the predictions ${quote(file)} are empty`);
  const columns = columnsOf(header.value, fail);
  const rows: Prediction[] = [];
  const seen = new Map<string, number>();
  for (const record of all) {
    const row = rowOf(record, columns, fail);
    const before = seen.get(row.picture);
    if (before !== undefined) {
      throw fail(record.line, `the picture ${short(row.picture)} stands in line ${before} already`);
    }
    seen.set(row.picture, record.line);
    rows.push(row);
  }
  if (rows.length === 0) {
    throw new Failure(`the predictions ${quote(file)} have a header and no pictures`);
  }
  return { metadata: { ...metadata }, rows };
}
