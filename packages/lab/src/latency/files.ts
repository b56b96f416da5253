/** The files of a report, `index.html`, `latency.csv` and `results.json`, and what the terminal shows. */
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { makeDirectory, saveText } from "../paths.ts";
import type { Results } from "../study/store.ts";
import { byEngine, findings, publishedFinding } from "./findings.ts";
import { machineTitle } from "./machine.ts";
import { renderLatency } from "./report.ts";
import { blocksOf, type LatencyRow, type MachinePart, machineParts } from "./rows.ts";

/** How a report is given. */
export interface LatencyOutput {
  /** Whether the figures are printed as JSON instead of sentences. */
  readonly json: boolean;
  /** Whether nothing is printed. */
  readonly quiet: boolean;
}

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

/**
 * Writes the report of results.
 * @param results what was read of result files
 * @param output the directory, created if it is not there
 * @param options what is printed
 * @throws Failure when there are no results of this study
 */
export async function writeLatencyReport(
  { outcomes, broken }: Results,
  output: string,
  { json, quiet }: LatencyOutput,
): Promise<void> {
  const parts = machineParts(outcomes);
  if (parts.length === 0) throw new Failure("there are no results of a latency study");
  makeDirectory(output);
  const page = join(output, "index.html");
  const text = latencyJson(parts);
  await saveText(join(output, "results.json"), text);
  await saveText(join(output, "latency.csv"), latencyCsv(parts));
  await saveText(page, renderLatency(parts, broken));
  if (quiet) return;
  if (json) {
    process.stdout.write(text);
    return;
  }
  for (const { machine, rows } of parts) {
    console.log(`${machineTitle(machine)}\n`);
    for (const one of byEngine(blocksOf(rows))) {
      const sentences = findings(one).map((sentence) => `- ${sentence}`);
      console.log([`${one.title}:`, ...sentences, ""].join("\n"));
    }
  }
  console.log(`${publishedFinding()}\n\nReport: ${page}`);
}
