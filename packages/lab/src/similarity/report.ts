/** The report of similarity studies: one HTML page, CSV and JSON, from result files alone. */

import { quote } from "../errors.ts";
import { figures } from "../report/frame.ts";
import { type Content, html } from "../report/html.ts";
import { heading, list, note, paragraph, renderPage, type Section } from "../report/page.ts";
import { fromNumber, type Outcome, toNumber } from "../study/outcome.ts";
import type { RenderedStudy } from "../study/render.ts";
import type { BrokenFile } from "../study/store.ts";
import { origins } from "../study/summary.ts";
import { comparisonIn, comparisonTitle, rangeNames } from "./comparison.ts";
import { cellsCsv, meansCsv } from "./csv.ts";
import { measures } from "./measures.ts";
import { againstAverage, hasSweep, methodPlot, sweepPlot, sweepTable, timePlot } from "./plots.ts";
import { isKind, newest, type Score, scoreOf } from "./scores.ts";
import { pictureSections } from "./shown.ts";
import { type ComparedSet, type SetSummary, summarise } from "./summary.ts";
import { comparedTable, detailTable, type FitRow, fitTable, statesText } from "./tables.ts";
import { terminalTables } from "./terminal.ts";
import { incomplete, inWords } from "./words.ts";

/** Everything that is reported. */
interface Reported {
  readonly scores: readonly Score[];
  readonly summaries: readonly SetSummary[];
  readonly outcomes: readonly Outcome[];
  readonly failures: readonly string[];
  readonly remarks: readonly string[];
}

function collect(all: readonly Outcome[], broken: readonly BrokenFile[]): Reported {
  const { outcomes, older } = newest(all);
  const scores = outcomes.filter((outcome) => isKind(outcome, "score")).map(scoreOf);
  const failed = new Map<string, number>();
  for (const { status, error = "" } of outcomes) {
    if (status === "failed") failed.set(error, (failed.get(error) ?? 0) + 1);
  }
  const count = (cells: number) => `${cells} ${cells === 1 ? "cell" : "cells"}`;
  const failures = [...failed].sort().map(([error, cells]) => `${error} (${count(cells)})`);
  const remarks = [
    ...broken.map(({ path, reason }) => `The file ${quote(path)} was left out: ${reason}.`),
    ...(older > 0
      ? [`${count(older)} of older revisions of methods or comparisons were left out.`]
      : []),
  ];
  return { scores, summaries: summarise(scores), outcomes, failures, remarks };
}

/** What a set is called: the known set it is, or the directory. */
function setTitle({ set, known, pictures }: SetSummary): string {
  const count = pictures.length;
  const plain = `${count} ${count === 1 ? "picture" : "pictures"}`;
  if (known === undefined) return `${set}: ${plain}`;
  const name =
    set.toLowerCase() === known.name.toLowerCase() ? known.name : `${set} (${known.name})`;
  return `${name}: ${count === known.total ? plain : `${count} of ${known.total} pictures`}`;
}

function fitRows(outcomes: readonly Outcome[], set: string): FitRow[] {
  return outcomes
    .filter((outcome) => isKind(outcome, "fit") && outcome.config.set === set)
    .map(({ config, result }): FitRow => {
      const numbers = result as Readonly<Record<string, number>>;
      return {
        method: String(config.method),
        kernel: toNumber(config.kernel),
        fold: String(config.fold),
        comparison: comparisonTitle({ ...comparisonIn(config), dataRange: 1 }),
        before: toNumber(numbers.before),
        after: toNumber(numbers.after),
        crops: toNumber(numbers.crops),
      };
    })
    .sort(
      (a, b) =>
        (a.comparison < b.comparison ? -1 : a.comparison > b.comparison ? 1 : 0) ||
        (a.method < b.method ? -1 : a.method > b.method ? 1 : 0) ||
        a.kernel - b.kernel ||
        (a.fold < b.fold ? -1 : 1),
    );
}

/** The sections of a comparison. */
function comparisonSection(summary: SetSummary, compared: ComparedSet, several: boolean): Section {
  const title = comparisonTitle(compared.comparison);
  return {
    title: several ? `${summary.set}: ${title}` : title,
    body: [
      heading("SSIM by method"),
      methodPlot(compared, "ssim"),
      heading("PSNR by method"),
      methodPlot(compared, "psnr"),
      heading("All numbers"),
      comparedTable(summary, compared),
    ],
  };
}

/** The sections of a set. */
function setSections(summary: SetSummary, reported: Reported, several: boolean): Section[] {
  const { comparisons, set } = summary;
  const prefix = several ? `${set}: ` : "";
  const sections: Section[] = [];
  const first = comparisons[0];
  const all = comparisons.flatMap(({ means }) => means);
  const states = statesText(all);
  sections.push({
    title: several ? setTitle(summary) : "What was found",
    body: [
      paragraph(inWords(summary)),
      note(states),
      note(...incomplete(summary)),
      figures("third", ...comparisons.map((compared) => againstAverage(compared, "psnr"))),
    ],
  });
  sections.push(...comparisons.map((compared) => comparisonSection(summary, compared, several)));
  const ranges = [...new Set(comparisons.map(({ comparison }) => comparison.values))];
  const details = ranges.map((values): Content => {
    const one = comparisons.find(({ comparison }) => comparison.values === values) ?? first;
    return [
      ranges.length > 1 ? heading(`Pooled as ${rangeNames[values]}`) : undefined,
      detailTable(one),
    ];
  });
  sections.push({ title: `${prefix}Detail and brightness`, body: details });
  const swept = comparisons.filter(hasSweep);
  if (swept.length > 0) {
    sections.push({
      title: `${prefix}The best temperature`,
      body: [
        figures("half", ...swept.map((compared) => sweepPlot(compared, "psnr"))),
        figures("half", ...swept.map((compared) => sweepPlot(compared, "ssim"))),
        note(
          "Mean difference to average pooling on the same pictures, with 95 % bootstrap bands. Marked is the best temperature, where it lies within.",
        ),
        swept.map(sweepTable),
      ],
    });
  }
  const machines = new Set(
    reported.scores.filter((score) => score.set === set).map(({ machine }) => machine),
  );
  const times = comparisons.slice(0, 1).map(timePlot);
  if (machines.size === 1 && times.some((plot) => plot !== undefined)) {
    sections.push({ title: `${prefix}Error against time`, body: times });
  }
  const fits = fitRows(reported.outcomes, set);
  if (fits.length > 0) sections.push({ title: `${prefix}Fits`, body: fitTable(fits) });
  const pictures = pictureSections(set, reported.outcomes);
  if (pictures.length > 0) {
    const names = pictures.map(({ title, body }) => [html`<h3>${title}</h3>`, body]);
    sections.push({ title: `${prefix}Pictures`, body: names });
  }
  return sections;
}

/** The page. */
function page(reported: Reported): string {
  const { summaries, outcomes, failures, remarks } = reported;
  const several = summaries.length > 1;
  const sections = summaries.flatMap((summary) => setSections(summary, reported, several));
  if (failures.length > 0) sections.push({ title: "What failed", body: list(failures) });
  const lead =
    summaries.length === 0
      ? "No picture was measured."
      : `${summaries.map(setTitle).join("; ")}. Every picture is pooled by every method with stride = kernel, cropped to a multiple of it, and compared with the original.`;
  return renderPage({
    title: "What pooling leaves of pictures",
    lead,
    notes: [note(...remarks)],
    sections,
    foot: origins(outcomes),
  });
}

/** The means as plain data. */
function data({ summaries, failures, remarks, outcomes }: Reported) {
  return {
    study: "similarity",
    sets: summaries.map((summary) => ({
      set: summary.set,
      known: summary.known ?? null,
      pictures: summary.pictures,
      words: inWords(summary),
      comparisons: summary.comparisons.map(({ comparison, means }) => ({
        ...comparison,
        title: comparisonTitle(comparison),
        means: means.map((mean) => ({
          kernel: mean.kernel,
          name: mean.name,
          ...mean.variant,
          pictures: mean.pictures,
          seeds: mean.seeds,
          engines: mean.engines,
          compared: mean.compared,
          measures: Object.fromEntries(
            measures.map(({ key }) => {
              const { value, low, high } = mean.measures[key];
              const [v, l, h] = [value, low, high].map(fromNumber);
              return [key, { mean: v, low: l, high: h, better: mean.better[key] }];
            }),
          ),
        })),
      })),
    })),
    failures,
    remarks,
    origins: Object.fromEntries(origins(outcomes)),
  };
}

/** Renders similarity studies from their result files. */
export function renderSimilarity(
  outcomes: readonly Outcome[],
  broken: readonly BrokenFile[],
): RenderedStudy {
  const reported = collect(outcomes, broken);
  const { summaries, scores } = reported;
  const json = `${JSON.stringify(data(reported), null, 2)}\n`;
  return {
    files: {
      "index.html": page(reported),
      "cells.csv": cellsCsv(scores),
      "means.csv": meansCsv(summaries),
      "results.json": json,
    },
    json,
    text: (colour) => [
      ...summaries.flatMap((summary) => [
        ...terminalTables(summary, colour),
        ...incomplete(summary),
        inWords(summary),
        "",
      ]),
      ...reported.remarks,
    ],
  };
}
