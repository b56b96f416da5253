/** The numbers as CSV (RFC 4180): every cell, and the means. Without times, so that equal studies give equal files. */
import { fraction } from "./comparison.ts";
import { measures } from "./measures.ts";
import { published } from "./published.ts";
import type { Score } from "./scores.ts";
import type { ComparedSet, Mean, SetSummary } from "./summary.ts";
import { variantName, variantOrder } from "./variant.ts";

type Value = string | number | undefined;

/** A field; what is not defined is empty. */
function field(value: Value): string {
  if (value === undefined || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value).replace("Infinity", "inf");
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function lines(head: readonly string[], rows: readonly (readonly Value[])[]): string {
  return [head, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

const comparisonHead = ["values", "protocol", "light", "data_range"];
const comparisonFields = ({ comparison }: Pick<Score, "comparison">): Value[] => [
  comparison.values,
  comparison.protocol,
  comparison.light,
  fraction(comparison.dataRange),
];

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

/** A line for every cell that was measured. */
export function cellsCsv(scores: readonly Score[]): string {
  const text = (score: Score) => comparisonFields(score).join(" ");
  const sorted = [...scores].sort(
    (a, b) =>
      compare(a.set, b.set) ||
      compare(text(a), text(b)) ||
      a.kernel - b.kernel ||
      variantOrder(a.variant, b.variant) ||
      compare(a.picture, b.picture) ||
      (a.seed ?? 0) - (b.seed ?? 0),
  );
  const head = ["set", "picture", "width", "height", "kernel", "method", "name", "seed"];
  return lines(
    [...head, ...comparisonHead, ...measures.map(({ key }) => key), "engine", "revision"],
    sorted.map((score) => [
      score.set,
      score.picture,
      ...score.size,
      score.kernel,
      score.variant.method,
      variantName(score.variant),
      score.seed,
      ...comparisonFields(score),
      ...measures.map(({ key }) => score.values[key]),
      score.engine,
      score.revision,
    ]),
  );
}

/** The columns of a mean, without what it is a mean of. */
function meanFields(
  summary: SetSummary,
  compared: ComparedSet,
  { variant, kernel, measures: means, better, compared: shared }: Mean,
): Value[] {
  const fitted = compared.means.some((mean) => mean.variant.state === "fitted");
  const theirs = summary.known && published(summary.known.name, variant, kernel, fitted);
  return [
    ...measures.flatMap(({ key }) => [means[key].value, means[key].low, means[key].high]),
    better.ssim,
    better.psnr,
    shared,
    theirs?.ssim,
    theirs?.psnr,
  ];
}

/** A line for every set, comparison, kernel and method. */
export function meansCsv(summaries: readonly SetSummary[]): string {
  const bounds = measures.flatMap(({ key }) => [key, `${key}_low`, `${key}_high`]);
  const beside = ["better_ssim", "better_psnr", "compared", "paper_ssim", "paper_psnr"];
  const head = ["set", ...comparisonHead, "kernel", "method", "name", "pictures", "seeds"];
  return lines(
    [...head, ...bounds, ...beside, "engine"],
    summaries.flatMap((summary) =>
      summary.comparisons.flatMap((compared) =>
        compared.means.map((mean) => [
          summary.set,
          ...comparisonFields(compared),
          mean.kernel,
          mean.variant.method,
          mean.name,
          mean.pictures,
          mean.seeds === 0 ? undefined : mean.seeds,
          ...meanFields(summary, compared, mean),
          mean.engines.join(" and "),
        ]),
      ),
    ),
  );
}
