/** McNemar's test as text: the table, the accuracies, the tests, and what they say in words. */
import type { Interval } from "./intervals.ts";
import { type McNemar, mcnemar, type PValue } from "./mcnemar.ts";
import {
  impossibleTotals,
  PUBLISHED_PICTURES,
  publishedTables,
  strayAccuracies,
} from "./published.ts";

/** What the test compares, said with every result. */
export const COMPARES: string =
  "Compared are two trained models, not two methods: another seed of the same training may differ as " +
  "much. What a method does shows over several seeds of each.";

/** Below so many pictures that only one model has right, chi-square is a rough approximation. */
const FEW = 25;

const grouped = (value: number): string => value.toLocaleString("en-US");

/**
 * A probability with three digits: `0.0149`, `2.04e-21`, and by its logarithm what is below all doubles,
 * `3.10e-10861`.
 */
export function formatP({ p, log10P }: PValue): string {
  if (p >= 0.99995) return "1";
  if (p >= 0.001) return p.toPrecision(3);
  if (p > 1e-300) return p.toExponential(2);
  let exponent = Math.floor(log10P);
  let mantissa = (10 ** (log10P - exponent)).toFixed(2);
  if (mantissa === "10.00") {
    mantissa = "1.00";
    exponent++;
  }
  return `${mantissa}e${exponent}`;
}

/** A text broken into lines of at most 96 characters. */
export function broken(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > 96) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Rows with the first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}

const percent = (share: number): string => (100 * share).toFixed(2);
const signed = (share: number): string => `${share < 0 ? "" : "+"}${percent(share)}`;

function accuracy(name: string, { value, low, high }: Interval): string[] {
  return [name, `${percent(value)} %`, `${percent(low)} to ${percent(high)}`, "Wilson"];
}

/** What the tests say, in a sentence or two. */
export function verdict({ cells, exact, midP, difference }: McNemar): string {
  const apart = cells.onlyA + cells.onlyB;
  if (apart === 0) return "No picture tells the two models apart, so there is nothing to test.";
  const ahead = cells.onlyA > cells.onlyB ? "A" : "B";
  const most = Math.max(-difference.low, difference.high);
  const sentence =
    exact.p < 0.05
      ? `The two models differ in accuracy beyond chance at the 5 % level: ${ahead} is right more often.`
      : midP.p < 0.05
        ? `Borderline: at the 5 % level mid-p says that ${ahead} is right more often, the exact p does not.`
        : `No difference in accuracy is shown at the 5 % level; one of up to ${percent(most)} points is not excluded either.`;
  if (apart >= FEW) return sentence;
  return `${sentence} With fewer than ${FEW} pictures that only one has right, read the exact p, not chi-square.`;
}

/**
 * The result as tables, in lines.
 * @param result what {@link mcnemar} gave
 */
export function describe(result: McNemar): string[] {
  const { cells, pictures, accuracyA, accuracyB, difference } = result;
  const { both, onlyA, onlyB, neither } = cells;
  const row = (name: string, x: number, y: number) => [name, ...[x, y, x + y].map(grouped)];
  const gap = ["A - B", `${signed(difference.value)} points`];
  const bounds = `${signed(difference.low)} to ${signed(difference.high)}`;
  const { chiSquare, corrected, exact, midP } = result;
  const squares = [
    { name: "chi-square", test: chiSquare },
    { name: "chi-square, continuity correction", test: corrected },
  ].map(({ name, test }) => [
    name,
    test === undefined ? "-" : test.statistic.toFixed(2),
    test === undefined ? "-" : formatP(test),
  ]);
  return [
    ...aligned([
      ["", "B right", "B wrong", "total"],
      row("A right", both, onlyA),
      row("A wrong", onlyB, neither),
      row("total", both + onlyB, onlyA + neither),
    ]),
    "",
    ...aligned([
      ["", "accuracy", "95 % interval", "kind"],
      accuracy("A", accuracyA),
      accuracy("B", accuracyB),
      [...gap, bounds, "Tango, paired"],
    ]),
    "",
    `McNemar's test on ${grouped(onlyA + onlyB)} of ${grouped(pictures)} pictures that only one model has right`,
    ...aligned([
      ["", "statistic", "p"],
      ...squares,
      ["exact binomial, two-sided", "", formatP(exact)],
      ["exact binomial, mid-p", "", formatP(midP)],
    ]),
  ];
}

/** The published tables, computed from their cells: rows of a table, and the findings. */
export function describePublished(): string[] {
  const rows = publishedTables.map(({ network, cells }) => {
    const { chiSquare, corrected, exact, difference } = mcnemar(cells);
    return [
      network.replace(/ \d+x\d+d$/, ""),
      ...[cells.both, cells.onlyA, cells.onlyB, cells.neither].map(String),
      signed(difference.value),
      ...[chiSquare, corrected].flatMap((test) =>
        test === undefined ? ["-", "-"] : [test.statistic.toFixed(2), formatP(test)],
      ),
      formatP(exact),
    ];
  });
  const head = ["network", "both", "only A", "only B", "none", "A - B", "chi2", "p"];
  return [
    `Published for SoftPool (A) beside the original network (B), ImageNet, ${grouped(PUBLISHED_PICTURES)} pictures`,
    "",
    ...aligned([[...head, "corr.", "p", "exact p"], ...rows]),
    "",
    "Computed from the printed cells. Printed totals that are impossible by these cells:",
    ...impossibleTotals().flatMap(({ finding }) =>
      broken(finding).map((line, i) => `${i === 0 ? "-" : " "} ${line}`),
    ),
    "",
    "Accuracies far from those in the paper's other tables; the two largest chi-squares are among them:",
    ...strayAccuracies().map(({ finding }) => `- ${finding}`),
  ];
}
