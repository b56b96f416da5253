/**
 * The report of a training run, rendered from what lies in its directory: `checkpoint.json` for the settings
 * and how far it has come, `metrics.jsonl` for the epochs. Fields that are missing are left out, those that
 * are not known here are shown among the settings as they are.
 */

import { figures } from "../report/frame.ts";
import { html } from "../report/html.ts";
import { epochAxis, learningCurves } from "../report/learning.ts";
import { lines } from "../report/lines.ts";
import { facts, note, type Page, renderPage, type Section } from "../report/page.ts";
import { styleAt } from "../report/palette.ts";
import { type Column, formatNumber, table } from "../report/table.ts";
import { wilson } from "../statistics/intervals.ts";
import { type Epoch, type Run, readRun } from "./record.ts";

/** How settings are called, in the order in which they are shown. */
const SETTINGS: readonly (readonly [key: string, name: string])[] = [
  ["network", "Network"],
  ["pool", "Pooling"],
  ["data", "Data"],
  ["classes", "Classes"],
  ["size", "Pictures"],
  ["weights", "Started from"],
  ["epochs", "Epochs"],
  ["batch", "Batch"],
  ["accumulate", "Batches of an update"],
  ["schedule", "Learning rate"],
  ["momentum", "Momentum"],
  ["nesterov", "Nesterov's momentum"],
  ["decay", "Weight decay"],
  ["smoothing", "Label smoothing"],
  ["seed", "Seed"],
  ["provider", "Provider"],
  ["threads", "Threads"],
];

/** A setting in words. */
function inWords(key: string, value: unknown): string {
  if (key === "size" && typeof value === "number") return `${value} × ${value} pixels`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return key === "seed" ? String(value) : formatNumber(value);
  if (Array.isArray(value)) return value.map((item) => inWords("", item)).join(", ");
  if (typeof value === "object" && value !== null) {
    const { kind, ...rest } = value as Record<string, unknown>;
    const parts = Object.entries(rest).map(([name, part]) => `${name} ${inWords("", part)}`);
    return [...(kind === undefined ? [] : [String(kind)]), ...parts].join(", ");
  }
  return String(value);
}

function settings({ config }: Run): Section {
  const known = new Set(SETTINGS.map(([key]) => key));
  const shown: Run["config"] = { pool: "original", ...config };
  const entries = [
    ...SETTINGS.filter(([key]) => shown[key] !== undefined && shown[key] !== null),
    ...Object.keys(config)
      .filter((key) => !known.has(key))
      .map((key) => [key, key] as const),
  ];
  const rows = entries.map(([key, name]) => [name, inWords(key, shown[key])] as const);
  return { title: "Settings", body: facts(rows) };
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Accuracy on the test with its interval, in percent. */
function testAccuracy({ test }: Epoch) {
  if (test?.accuracy === undefined) return undefined;
  const { accuracy, pictures } = test;
  if (pictures === undefined) return 100 * accuracy;
  const { low, high } = wilson(Math.round(accuracy * pictures), pictures);
  return { value: 100 * accuracy, low: 100 * low, high: 100 * high };
}

function epochTable({ epochs }: Run): Section {
  const tested = epochs.some(({ test }) => test !== undefined);
  const five = epochs.some(({ test }) => test?.top5 !== undefined);
  const columns: Column[] = [
    { title: "epoch", words: true },
    { title: "loss", group: "training", digits: 4, best: "smallest" },
    { title: "right", under: "%", group: "training", digits: 2, best: "largest" },
    ...(tested
      ? ([
          { title: "loss", group: "test", digits: 4, best: "smallest" },
          {
            title: "right",
            under: "%",
            group: "test",
            digits: 2,
            best: "largest",
            bounds: "95 % interval",
          },
        ] as const)
      : []),
    ...(five
      ? ([{ title: "among 5", under: "%", group: "test", digits: 2, best: "largest" }] as const)
      : []),
    { title: "rate", under: "last step" },
    { title: "images/s", under: "training", digits: 0 },
  ];
  const scaled = (share: number | undefined) => (share === undefined ? undefined : 100 * share);
  const rows = epochs.map((epoch) => [
    String(epoch.epoch),
    epoch.loss,
    scaled(epoch.accuracy),
    ...(tested ? [epoch.test?.loss, testAccuracy(epoch)] : []),
    ...(five ? [scaled(epoch.test?.top5)] : []),
    epoch.rate === undefined ? undefined : Number(epoch.rate.toPrecision(3)),
    epoch.imagesPerSecond,
  ]);
  const pictures = epochs.findLast(({ test }) => test?.pictures !== undefined)?.test?.pictures;
  const notes = note(
    "Loss and accuracy of the training are means over the steps of the epoch, each before its update, on augmented pictures; those of the test are of the network after the epoch.",
    pictures !== undefined &&
      `The intervals are Wilson's, of ${formatNumber(pictures)} pictures: they hold for these weights and say nothing about other seeds.`,
  );
  return { title: "Epochs", body: [table({ columns, groups: [{ rows }] }), notes] };
}

function curves({ epochs, planned }: Run): Section[] {
  const last = Math.max(planned ?? 1, ...epochs.map(({ epoch }) => epoch));
  const axis = epochAxis(last);
  const course = (
    title: string,
    y: { label: string; unit?: string; include: number[] },
    place: number,
    of: (epoch: Epoch) => number | undefined,
  ) => {
    const points = epochs.map((epoch) => ({ x: epoch.epoch, y: of(epoch) }));
    const series = [{ name: title, points, style: styleAt(place) }];
    return lines({ size: "half", title, x: axis, y, series });
  };
  return [
    {
      title: "Learning curves",
      body: learningCurves([{ name: "run", epochs }], planned),
    },
    {
      title: "Learning rate and speed",
      body: figures(
        "half",
        course(
          "Learning rate at the end of the epoch",
          { label: "rate", include: [0] },
          1,
          (epoch) => epoch.rate,
        ),
        course(
          "Speed of training, evaluation left out",
          { label: "images per second", include: [0] },
          2,
          (epoch) => epoch.imagesPerSecond,
        ),
      ),
    },
  ];
}

/** How far the run has come, when it is not at its end. */
function state({ epochs, planned, position, finished }: Run): string | undefined {
  if (finished) return undefined;
  const done = epochs.length;
  const whole =
    planned === undefined
      ? `${done} ${done === 1 ? "epoch is" : "epochs are"} done`
      : `${done} of ${planned} epochs ${done === 1 ? "is" : "are"} done`;
  const { step, loss, accuracy } = position ?? {};
  if (step === undefined || step === 0) return `Not finished: ${whole}.`;
  const means =
    loss !== undefined && accuracy !== undefined
      ? `, with a mean loss of ${loss.toFixed(4)} and ${percent(accuracy)} right`
      : "";
  return `Not finished: ${whole}, and ${step} ${step === 1 ? "step" : "steps"} of the next${means}.`;
}

/** What the run gave, in a sentence or two. */
function lead({ config, epochs }: Run): string {
  const pool = config.pool === undefined ? "its original pooling" : `pooling ${config.pool}`;
  const data = config.data === undefined ? "" : ` on ${config.data}`;
  const about = `${config.network ?? "A network"} with ${pool}${data}`;
  const last = epochs.at(-1);
  if (last === undefined) return `${about}: no epoch is done yet.`;
  const after = `after ${last.epoch} ${last.epoch === 1 ? "epoch" : "epochs"}`;
  const { accuracy, pictures } = last.test ?? {};
  if (accuracy === undefined) {
    const trained = last.accuracy === undefined ? "" : ` ${percent(last.accuracy)} right`;
    return `${about}:${trained} in training ${after}; there were no pictures to test with.`;
  }
  const of = pictures === undefined ? "test pictures" : `${formatNumber(pictures)} test pictures`;
  const seed = config.seed === undefined ? "" : ` One run, seed ${config.seed}.`;
  return `${about}: ${percent(accuracy)} of ${of} right ${after}.${seed}`;
}

/**
 * Renders the report of a run as a whole HTML document.
 * @param folder the directory of the run
 * @throws Failure when it has neither a checkpoint nor metrics
 */
export function renderRun(folder: string): string {
  const run = readRun(folder);
  const unfinished = state(run);
  const page: Page = {
    title: `Training of ${run.config.network ?? "a network"}`,
    lead: lead(run),
    notes: [
      unfinished !== undefined && html`<p class="state">${unfinished}</p>`,
      ...run.complaints.map((complaint) => note(complaint)),
    ],
    sections: [...curves(run), epochTable(run), settings(run)],
    foot: run.origin,
  };
  return renderPage(page);
}
