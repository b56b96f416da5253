/** What an evaluation found, as text and as JSON. */
import type { Dataset } from "../data/dataset.ts";
import type { Broken } from "../data/loader.ts";
import { MOST_PREDICTED } from "../predictions/format.ts";
import type { Interval } from "../statistics/intervals.ts";
import { renderRows } from "../zoo/options.ts";
import type { Evaluation } from "./evaluate.ts";
import type { OpenedModel } from "./model.ts";
import type { Substituted } from "./substitute.ts";

/** All that is reported. */
export interface Report {
  /** The model, as it was named. */
  readonly model: string;
  /** The pooling that was asked for; undefined for the model's own. */
  readonly pool: string | undefined;
  /** The weight file; undefined without. */
  readonly weights: string | undefined;
  /** The model that was opened. */
  readonly opened: OpenedModel;
  /** The pictures, or the part of them that was wanted. */
  readonly dataset: Dataset;
  /** How many pictures the data has. */
  readonly available: number;
  /** What was counted. */
  readonly evaluation: Evaluation;
  /** Pictures that could not be decoded. */
  readonly broken: readonly Broken[];
  /** Whether it was stopped before the end. */
  readonly interrupted: boolean;
  /** The file of predictions; undefined without. */
  readonly predictions: string | undefined;
}

const grouped = (value: number): string => value.toLocaleString("en-US");
const percent = (share: number): string => (100 * share).toFixed(2);
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Pictures per second; NaN without any. */
function rates({ pictures, seconds, running }: Evaluation): { whole: number; network: number } {
  return { whole: pictures / seconds, network: pictures / running };
}

function accuracyRow(name: string, { value, low, high }: Interval): string[] {
  return [name, `${percent(value)} %`, `${percent(low)} to ${percent(high)} %`];
}

/** `textures:32,100, test`: the data in words. */
export function dataTitle({ title, split }: Dataset): string {
  // A title that names its directory of the split says it already.
  return split === "all" || title.endsWith(")") ? title : `${title}, ${split}`;
}

/** What was done to a file, behind the pooling that was asked for. */
function substitution(substituted: Substituted | undefined): string {
  if (substituted === undefined) return "";
  const { replaced, already } = substituted;
  const kept = already.length > 0 ? `, ${already.length} like that already` : "";
  return ` (layers replaced: ${replaced.length}${kept})`;
}

/** The report as lines of text. */
export function reportLines(report: Report): string[] {
  const { pool, weights, opened, dataset, available, evaluation, broken, interrupted } = report;
  const { title, size, channels, session, substituted } = opened;
  const { pictures, top1, top5, loss, notFinite } = evaluation;
  const about = [
    `pictures ${size}x${size}${channels === 1 ? " in greyscale" : ""}`,
    ...(weights === undefined ? [] : [`weights ${JSON.stringify(weights)}`]),
    ...(pool === undefined && opened.pool === undefined
      ? []
      : [`pooling ${pool ?? opened.pool}${substitution(substituted)}`]),
  ];
  const part = dataset.length < available ? `, ${grouped(dataset.length)} of them drawn` : "";
  const { whole, network } = rates(evaluation);
  const five = dataset.classes.length > MOST_PREDICTED;
  return [
    `${title}: ${about.join(", ")}`,
    `${dataTitle(dataset)}: ${grouped(available)} pictures in ${dataset.classes.length} classes${part}`,
    ...(interrupted
      ? [`stopped after ${grouped(pictures)} of ${grouped(dataset.length)} pictures`]
      : []),
    "",
    renderRows([
      ["", "", "95 % interval (Wilson)"],
      accuracyRow("top-1", top1),
      ...(five ? [accuracyRow("top-5", top5)] : []),
      ["loss", loss < 1e4 ? loss.toFixed(4) : loss.toPrecision(4), ""],
    ]),
    `${grouped(pictures)} pictures, ${whole.toFixed(1)} images/s, the network alone ${network.toFixed(1)} (${session.provider})`,
    ...(broken.length > 0 ? [`broken pictures left out: ${broken.length}`] : []),
    ...(notFinite > 0
      ? [`pictures whose scores are no numbers, counted as wrong: ${notFinite}`]
      : []),
  ];
}

/** The report for machines; what is no number is null. */
export function reportJson(report: Report): unknown {
  const { opened, dataset, available, evaluation, broken, interrupted } = report;
  const { network, size, channels, session, substituted, scores } = opened;
  const { pictures, notFinite, loss, seconds } = evaluation;
  const interval = ({ value, low, high }: Interval) => ({ value: finite(value), low, high });
  const { replaced, already } = substituted ?? {};
  const { whole, network: alone } = rates(evaluation);
  return {
    model: report.model,
    network: network ?? null,
    weights: report.weights ?? null,
    pool: report.pool ?? opened.pool ?? null,
    substituted:
      substituted === undefined ? null : { replaced, already, before: opened.pool ?? null },
    size,
    channels,
    scores,
    data: {
      title: dataset.title,
      split: dataset.split,
      classes: dataset.classes.length,
      pictures: available,
      drawn: dataset.length,
    },
    provider: session.provider,
    pictures,
    top1: interval(evaluation.top1),
    top5: interval(evaluation.top5),
    intervals: { level: 0.95, accuracy: "Wilson score" },
    loss: finite(loss),
    notFinite,
    seconds,
    imagesPerSecond: finite(whole),
    networkImagesPerSecond: finite(alone),
    broken: broken.map(({ name, reason }) => ({ name, reason })),
    interrupted,
    predictions: report.predictions ?? null,
  };
}
