/** Tables of a similarity report. */
import type { Html } from "../report/html.ts";
import { type Bounded, type Column, type RowGroup, table } from "../report/table.ts";
import { comparisonText } from "./comparison.ts";
import { type Measure, measureOf, measures } from "./measures.ts";
import { isPublished, published } from "./published.ts";
import { type ComparedSet, type Mean, type SetSummary, withoutSweep } from "./summary.ts";

const kernelName = (kernel: number) => `${kernel} × ${kernel}`;

/** A mean with its bounds; without bounds the number alone. */
function bounded(mean: Mean, { key }: Measure): Bounded | number {
  const { value, low, high } = mean.measures[key];
  return Number.isNaN(low) ? value : { value, low, high };
}

/** The columns of measures. */
function measureColumns(shown: readonly Measure[]): Column[] {
  return shown.map(({ title, unit, digits, ideal }) => ({
    title,
    digits,
    ...(unit === undefined ? {} : { under: unit }),
    ...(Number.isFinite(ideal) ? {} : { best: "largest" as const }),
  }));
}

/** Which states methods are in, said once above the tables. */
export function statesText(means: readonly Mean[]): string {
  const has = (test: (mean: Mean) => boolean) => means.some(test);
  const seeds = Math.max(0, ...means.map((mean) => mean.seeds));
  const sentences = [
    has(({ variant }) => variant.state === "initial") &&
      "(initial): what is learned has its initial values, as before any training.",
    has(({ variant }) => variant.state === "fitted") &&
      "(fitted): the parameters were fitted to the squared error of the table's own comparison, in two halves of the pictures; each picture is scored by the parameters of the half without it.",
    has(({ variant }) => variant.phase === "training") &&
      `(training): drawn by chance as in training, mean of ${seeds} ${seeds === 1 ? "seed" : "seeds"}; without the word, random methods take their expectation, as in inference.`,
  ];
  return sentences.filter((sentence) => sentence !== false).join(" ");
}

/** Which engine pooled what. */
export function engineText(means: readonly Mean[]): string {
  const engines = [...new Set(means.flatMap(({ engines }) => engines))].sort();
  if (engines.length < 2) return `Engine: ${engines.join()}.`;
  const parts = engines.map((engine) => {
    const own = means.filter(({ engines }) => engines.includes(engine));
    const methods = [...new Set(own.map(({ variant }) => variant.method))];
    return { engine, methods };
  });
  const last = parts.reduce((a, b) => (b.methods.length > a.methods.length ? b : a));
  const named = parts
    .filter((part) => part !== last)
    .map(({ engine, methods }) => `${engine} for ${methods.join(", ")}`);
  return `Engines: ${named.join("; ")}; ${last.engine} for the others.`;
}

/** The table of a comparison: a group of rows for every kernel. */
export function comparedTable(summary: SetSummary, compared: ComparedSet): Html {
  const means = withoutSweep(compared.means);
  const { known } = summary;
  const fitted = means.some(({ variant }) => variant.state === "fitted");
  const paper = known !== undefined && isPublished(known.name);
  const shown = measures.filter((measure) => measure.compared);
  const counts = new Set(means.map(({ pictures }) => pictures));
  const columns: Column[] = [
    { title: "kernel", words: true },
    { title: "method", words: true },
    ...measureColumns(shown),
    { title: "SSIM", group: "better than average on", under: "pictures" },
    { title: "PSNR", group: "better than average on", under: "pictures" },
    ...(paper
      ? ([
          { title: "SSIM", group: "the paper", digits: 3 },
          { title: "PSNR", group: "the paper", digits: 2, under: "dB" },
        ] as const)
      : []),
    ...(counts.size > 1 ? [{ title: "pictures" }] : []),
  ];
  const row = (mean: Mean) => {
    const theirs = known && published(known.name, mean.variant, mean.kernel, fitted);
    const beats = (key: "ssim" | "psnr") =>
      mean.variant.method === "average" ? undefined : `${mean.better[key]} of ${mean.compared}`;
    return [
      kernelName(mean.kernel),
      mean.name,
      ...shown.map((measure) => bounded(mean, measure)),
      beats("ssim"),
      beats("psnr"),
      ...(paper ? [theirs?.ssim, theirs?.psnr] : []),
      ...(counts.size > 1 ? [mean.pictures] : []),
    ];
  };
  const kernels = [...new Set(means.map(({ kernel }) => kernel))];
  const groups: RowGroup[] = kernels.map((kernel) => ({
    rows: means.filter((mean) => mean.kernel === kernel).map(row),
  }));
  const how = summary.pictures.length > 1 ? " Below means: 95 % bootstrap intervals." : "";
  return table({
    caption: `${comparisonText(compared.comparison)}${how} ${engineText(means)}`,
    columns,
    groups,
  });
}

/** The table of what no comparison touches: detail and brightness. */
export function detailTable(compared: ComparedSet): Html {
  const means = withoutSweep(compared.means);
  const shown = measures.filter((measure) => !measure.compared);
  const kernels = [...new Set(means.map(({ kernel }) => kernel))];
  return table({
    caption:
      "In tiles of about 32 × 32 pixels of the original's luma: local contrast is the ratio of standard deviations, " +
      "bright and dark detail the share of the extremes that is kept, all 1 where nothing is lost; the luminance error " +
      `is that of the mean luminance in linear light, 0 where there is none. No reconstruction takes part. ${engineText(means)}`,
    columns: [
      { title: "kernel", words: true },
      { title: "method", words: true },
      ...measureColumns(shown),
    ],
    groups: kernels.map((kernel) => ({
      rows: means
        .filter((mean) => mean.kernel === kernel)
        .map((mean) => [
          kernelName(mean.kernel),
          mean.name,
          ...shown.map((measure) => bounded(mean, measure)),
        ]),
    })),
  });
}

/** What a fit did, for its table. */
export interface FitRow {
  /** Method. */
  readonly method: string;
  /** Kernel. */
  readonly kernel: number;
  /** Which half was fitted to. */
  readonly fold: string;
  /** What was fitted to. */
  readonly comparison: string;
  /** Mean squared error before, on the half that was fitted to. */
  readonly before: number;
  /** Mean squared error after. */
  readonly after: number;
  /** Squares that were fitted to. */
  readonly crops: number;
}

/** The table of fits. */
export function fitTable(rows: readonly FitRow[]): Html {
  const psnr = measureOf("psnr");
  const decibels = (error: number) => -10 * Math.log10(error);
  return table({
    caption:
      "Descent along gradients (L-BFGS) on the squared error of squares of one half of the pictures; shown is the PSNR of all squares together, on the half that was fitted to.",
    columns: [
      { title: "comparison", words: true },
      { title: "method", words: true },
      { title: "kernel" },
      { title: "half", words: true },
      { title: "initial", under: "dB", digits: psnr.digits },
      { title: "fitted", under: "dB", digits: psnr.digits },
      { title: "gain", under: "dB", digits: psnr.digits },
      { title: "squares" },
    ],
    groups: [
      {
        rows: rows.map(({ comparison, method, kernel, fold, before, after, crops }) => [
          comparison,
          method,
          kernel,
          fold,
          decibels(before),
          decibels(after),
          decibels(after) - decibels(before),
          crops,
        ]),
      },
    ],
  });
}
