/** `softpool mcnemar`: whether two trained models differ in accuracy on the same pictures. */
import { defineCommand } from "citty";
import { type Arguments, type Command, positiveInteger } from "../args.ts";
import { quote, UsageError } from "../errors.ts";
import { identityOf } from "../paths.ts";
import { MOST_PREDICTED } from "../predictions/format.ts";
import { type Named, pair } from "../predictions/pair.ts";
import { readPredictions } from "../predictions/read.ts";
import { broken, COMPARES, describe, describePublished, verdict } from "../statistics/describe.ts";
import { type Cells, MOST_PICTURES, mcnemar as test } from "../statistics/mcnemar.ts";
import { impossibleTotals, publishedTables, strayAccuracies } from "../statistics/published.ts";

const definition = defineCommand({
  meta: {
    name: "mcnemar",
    description: "Test whether two trained models differ in accuracy on the same pictures",
  },
  args: {
    a: { type: "positional", description: "predictions of the model A" },
    b: { type: "positional", description: "predictions of the model B" },
    cells: {
      type: "string",
      description: "numbers of pictures instead of files: both right, only A, only B, both wrong",
      valueHint: "N,N,N,N",
    },
    top: {
      type: "string",
      description: `a picture is right when its class is among the K likeliest, K up to ${MOST_PREDICTED}`,
      default: "1",
      valueHint: "K",
    },
    published: {
      type: "boolean",
      description: "the 13 tables published for SoftPool, computed from their cells",
    },
    json: { type: "boolean", description: "print as JSON" },
  },
});

function cellsOption(text: string): Cells {
  const parts = text.split(",").map((part) => part.trim());
  const numbers = parts.map(Number);
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,10}$/.test(part))) {
    const hint = parts.length > 4 ? "; leave out separators of thousands" : "";
    throw new UsageError(
      `--cells: expected four whole numbers apart by commas (both right, only A, only B, both wrong), received ${quote(text)}${hint}`,
    );
  }
  const pictures = numbers.reduce((a, b) => a + b);
  if (pictures < 1 || pictures > MOST_PICTURES) {
    throw new UsageError(
      `--cells: expected 1 to ${MOST_PICTURES} pictures together, received ${pictures}`,
    );
  }
  const [both, onlyA, onlyB, neither] = numbers;
  return { both, onlyA, onlyB, neither };
}

function load(file: string): Named {
  return { file, ...readPredictions(file) };
}

/** A model in a line: its name here, its file and what the file says of it. */
function headline(name: string, { file, metadata }: Named): string {
  const known = Object.entries(metadata).map(([key, value]) => `${key} ${value}`);
  const about = known.length === 0 ? "" : `  (${known.join(", ")})`;
  return `${name}  ${quote(file)}${about.replace(/[\p{Cc}\p{Cf}]/gu, "?")}`;
}

/** The result for `--json`: null where there is no statistic, and what the intervals are. */
function plainResult(cells: Cells): Record<string, unknown> {
  const result = test(cells);
  const { chiSquare = null, corrected = null } = result;
  const intervals = { level: 0.95, accuracy: "Wilson score", difference: "Tango score, paired" };
  return { ...result, chiSquare, corrected, intervals };
}

function published(json: boolean): void {
  if (!json) {
    console.log(describePublished().join("\n"));
    return;
  }
  const tables = publishedTables.map(({ cells, ...table }) => ({
    ...table,
    ...plainResult(cells),
  }));
  const findings = [...impossibleTotals(), ...strayAccuracies()];
  console.log(JSON.stringify({ tables, findings }, null, 2));
}

function compare(heads: readonly string[], cells: Cells, notes: readonly string[]): void {
  const result = test(cells);
  const sentences = [verdict(result), ...notes, COMPARES].flatMap(broken);
  const lines = heads.length === 0 ? [] : [...heads, ""];
  console.log([...lines, ...describe(result), "", ...sentences].join("\n"));
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  const json = flags.has("json");
  const ways = [values.cells !== undefined, flags.has("published"), rest.length > 0];
  if (ways.filter(Boolean).length > 1) {
    throw new UsageError(
      "expected two files, --cells or --published, received more than one of them",
    );
  }
  if (values.top !== undefined && rest.length === 0) {
    throw new UsageError("--top: expected with two files of predictions only");
  }
  if (flags.has("published")) {
    published(json);
    return 0;
  }
  if (values.cells !== undefined) {
    const cells = cellsOption(values.cells);
    if (json) console.log(JSON.stringify({ ...plainResult(cells), compares: COMPARES }, null, 2));
    else compare([], cells, []);
    return 0;
  }
  if (rest.length !== 2) {
    throw new UsageError(`expected two files of predictions, A and B, received ${rest.length}`);
  }
  const top = positiveInteger("--top", values.top ?? "1");
  if (top > MOST_PREDICTED) {
    throw new UsageError(`--top: expected 1 to ${MOST_PREDICTED}, received ${top}`);
  }
  const identity = identityOf(rest[0]);
  if (identity !== undefined && identity === identityOf(rest[1])) {
    throw new UsageError(`expected two different files, received ${quote(rest[0])} twice`);
  }
  const [a, b] = rest.map(load);
  const { cells, agreed } = pair(a, b, top);
  const pictures = a.rows.length;
  if (json) {
    const about = ({ file, metadata }: Named) => ({ file, metadata });
    const result = {
      a: about(a),
      b: about(b),
      top,
      agreed,
      ...plainResult(cells),
      compares: COMPARES,
    };
    console.log(JSON.stringify(result, null, 2));
    return 0;
  }
  const same = agreed === pictures;
  const count = pictures.toLocaleString("en-US");
  compare(
    [
      headline("A", a),
      headline("B", b),
      `${count} pictures, right when the true class is ${top === 1 ? "predicted first" : `among the first ${top} predicted`}`,
    ],
    cells,
    same ? ["Both files predict the same class on every picture: is it one model twice?"] : [],
  );
  return 0;
}

/** The command. */
export const mcnemar: Command = {
  definition: definition as Command["definition"],
  usage: "A B [options]",
  notes: [
    "A and B are files that softpool eval --predictions wrote, or other CSV files with the columns picture, " +
      "class and predicted1 (numbers of classes from 0; predicted2 to predicted5 for --top). Pictures are " +
      "paired by name, in any order; files of different pictures or true classes are refused.",
    "Only pictures that one model alone has right count: chi-square without and with Edwards' continuity " +
      "correction, the exact binomial p (two-sided) and mid-p. The effect is the difference of accuracies " +
      "with Tango's score interval, which holds 0 exactly when chi-square without correction does not " +
      "reject at 5 %; accuracies have Wilson's.",
    COMPARES,
    "The exit code is 0 whatever the test says.",
  ],
  examples: [
    "softpool mcnemar soft.csv maximum.csv",
    "softpool mcnemar --cells 10,25,15,50",
    "softpool mcnemar --published",
  ],
  run,
};
