/** The files of a report, `index.html`, `latency.csv` and `results.json`, and what the terminal shows. */
import { Failure } from "../errors.ts";
import type { Outcome } from "../study/outcome.ts";
import type { RenderedStudy } from "../study/render.ts";
import type { BrokenFile } from "../study/store.ts";
import { byEngine, findings, publishedFinding } from "./findings.ts";
import { machineTitle } from "./machine.ts";
import { renderLatency } from "./report.ts";
import { blocksOf, type LatencyRow, type MachinePart, machineParts } from "./rows.ts";

/** A field of CSV. */
function field(value: string | number | undefined): string {
  const text = value === undefined || Number.isNaN(value) ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const rounded = (value: number): number => Number(value.toPrecision(5));

/** The figures of a row by name. */
function figuresOfRow({ times, figures, ...row }: LatencyRow) {
  const about = { ...row, shape: row.shape.join("x") };
  if (times === undefined || figures === undefined) return about;
  const { time, average, ratio, processor, processorRatio, first, drift, drifted } = figures;
  return {
    ...about,
    median_ms: rounded(time.value),
    q1_ms: rounded(time.low),
    q3_ms: rounded(time.high),
    average_ms: rounded(average.value),
    ratio: rounded(ratio.value),
    ratio_q1: rounded(ratio.low),
    ratio_q3: rounded(ratio.high),
    processor_ms: rounded(processor.value),
    processor_ratio: rounded(processorRatio.value),
    memory_bytes: times.memory?.bytes,
    memory_by: times.memory?.how,
    first_call: rounded(first),
    drift: rounded(drift),
    drifted: drifted ? "yes" : "no",
    rounds: times.own.length,
    calls: times.calls[0],
    others_busy: times.busy,
    notes: times.notes.join("; "),
  };
}

const columns = [
  ...["machine", "engine", "threads", "shape", "kernel", "method", "direction"],
  ...["median_ms", "q1_ms", "q3_ms", "average_ms", "ratio", "ratio_q1", "ratio_q3"],
  ...["processor_ms", "processor_ratio"],
  ...["memory_bytes", "memory_by", "first_call", "drift", "drifted", "rounds", "calls"],
  ...["others_busy", "notes", "reason"],
];

/** All rows as CSV. */
export function latencyCsv(parts: readonly MachinePart[]): string {
  const lines = parts.flatMap(({ machine, rows }) =>
    rows.map((row) => {
      const values: Record<string, string | number | undefined> = {
        machine: machineTitle(machine),
        ...figuresOfRow(row),
      };
      return columns.map((column) => field(values[column])).join(",");
    }),
  );
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

/** All that is known, with the raw rounds, as JSON. */
export function latencyJson(parts: readonly MachinePart[]): string {
  const machines = parts.map(({ rows, ...part }) => ({
    ...part,
    findings: byEngine(blocksOf(rows)).map((one) => ({
      engine: one.title,
      sentences: findings(one),
    })),
    cells: rows.map((row) => {
      const { times } = row;
      const raw =
        times === undefined
          ? {}
          : {
              rounds_ms: times.own,
              average_rounds_ms: times.average,
              processor_rounds_ms: times.processor[0],
              average_processor_rounds_ms: times.processor[1],
              warm_up_ms: times.warm,
            };
      return { ...figuresOfRow(row), ...raw };
    }),
  }));
  return `${JSON.stringify({ study: "latency", machines }, null, 1)}\n`;
}

/** What the terminal shows: the findings, machine by machine. */
function lines(parts: readonly MachinePart[]): string[] {
  const said = parts.flatMap(({ machine, rows }) => [
    machineTitle(machine),
    "",
    ...byEngine(blocksOf(rows)).flatMap((one) => [
      `${one.title}:`,
      ...findings(one).map((sentence) => `- ${sentence}`),
      "",
    ]),
  ]);
  return [...said, publishedFinding(), ""];
}

/**
 * Renders the results of latency studies.
 * @param outcomes results, of any number of machines
 * @param broken files that are no results
 * @throws Failure when no result says on what machine it was measured
 */
export function renderLatencyStudy(
  outcomes: readonly Outcome[],
  broken: readonly BrokenFile[],
): RenderedStudy {
  const parts = machineParts(outcomes);
  if (parts.length === 0) throw new Failure("there are no results of a latency study");
  const json = latencyJson(parts);
  return {
    files: {
      "results.json": json,
      "latency.csv": latencyCsv(parts),
      "index.html": renderLatency(parts, broken),
    },
    json,
    text: () => lines(parts),
  };
}
