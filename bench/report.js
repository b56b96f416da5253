/** What `npm run bench` prints: a table per workload, raw rounds, targets, and what was missing. */
import { outputShape } from "./shapes.js";
import { digits } from "./stats.js";
import { swapRounds, swapTable } from "./swap-table.js";
import { columns, company, countRounds, nameOf, rowsOf, threadsOf, whereabouts } from "./table.js";
import { ratioText, verdict } from "./targets.js";
import { trainNotes, trainRounds, trainTable } from "./train-table.js";
import { DIRECTIONS, inputBytes, memoryWorkload } from "./variants.js";
import { describeWorkload, elements, workload } from "./workloads.js";

/**
 * @param {number} bytes
 */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * Median and quartiles of figures.
 * @param {import("./results.js").Figures | undefined} figures
 */
function spread(figures) {
  if (figures === undefined) return "-";
  const { median, q1, q3 } = figures;
  return `${digits(median)} [${digits(q1)} ${digits(q3)}]`;
}

/**
 * The ratio of two rows with the most threads both have.
 * @param {import("./table.js").Row} row
 * @param {import("./table.js").Row | undefined} base
 */
function ratio(row, base) {
  for (let i = row.byThreads.length - 1; i >= 0; i--) {
    const [mine, theirs] = [row.byThreads[i], base?.byThreads[i]];
    if (mine !== undefined && theirs !== undefined) return digits(mine.median / theirs.median);
  }
  return "-";
}

/**
 * The table of a workload.
 * @param {import("./results.js").Run} run
 * @param {string} id
 */
function workloadTable(run, id) {
  const half = run.dtype === "float16";
  const threads = threadsOf(run).map((count) => (count === 1 ? "1 thread" : `${count} threads`));
  const ratios = half ? ["/ float32"] : ["/ soft", "/ read"];
  const head = ["", "", ...threads, ...ratios, "difference"];
  const memory = memoryWorkload(id, run.workloads);
  const reading = rowsOf(run, id, memory, "forward").find(({ first }) => first.method === "read");
  const body = DIRECTIONS.flatMap((direction) => {
    const rows = rowsOf(run, id, memory, direction);
    return rows.map((row, i) => {
      const { first } = row;
      const base = rows.find(
        ({ first: other }) =>
          other.library === "softpool" &&
          other.dtype === "float32" &&
          other.method === (half ? first.method : "soft"),
      );
      return [
        i === 0 ? direction : "",
        nameOf(first) + (half ? ` ${first.dtype}` : ""),
        ...row.byThreads.map(spread),
        ratio(row, base),
        ...(half ? [] : [ratio(row, reading)]),
        first.difference === null ? "" : first.difference.toExponential(1),
      ];
    });
  });
  const work = workload(id);
  const output = 4 * elements(outputShape(work));
  const sizes = `float32: ${megabytes(inputBytes(id))} in, ${megabytes(output)} out`;
  return `${id}  ${describeWorkload(work)}, ${sizes}\n${columns([head, ...body], 2)}`;
}

/**
 * Every round of every variant.
 * @param {import("./results.js").Run} run
 */
function rawRounds(run) {
  const rows = run.results.map((f) => [
    f.workload,
    f.direction,
    nameOf(f) + (run.dtype === "float16" ? ` ${f.dtype}` : ""),
    `${f.threads}T`,
    f.rounds.map(digits).join(" "),
  ]);
  const swap = swapRounds(run.swap ?? []);
  const train = trainRounds(run.train ?? []);
  return [
    "Rounds, ms (median of the calls of each process)",
    ...(rows.length > 0 ? [columns(rows, 5)] : []),
    ...(swap.length > 0 ? [columns(swap, 4)] : []),
    ...(train.length > 0 ? [columns(train, 4)] : []),
  ].join("\n");
}

/**
 * The targets and what came of them.
 * @param {import("./results.js").Run} run
 */
function targetTable(run) {
  const rows = run.targets.map((outcome) => [
    outcome.name,
    `${outcome.least ? ">=" : "<="} ${outcome.limit}`,
    ratioText(outcome) || "-",
    verdict(outcome),
    outcome.rounds.map((r) => r.toFixed(2)).join(" "),
  ]);
  const head = ["", "target", "ratio", "", "ratio of each round"];
  return `Targets, two threads\n${columns([head, ...rows], 5)}`;
}

/**
 * What the ratios and differences of the tables are.
 * @param {import("./results.js").Run} run
 * @returns {string[]}
 */
function explain(run) {
  const lines = [];
  if (run.dtype === "float16") {
    lines.push("/ float32: the time relative to float32's, most threads.");
  } else if (run.results.length > 0) {
    lines.push(
      "/ soft, / read: the time relative to softpool's soft pooling and to reading the input, most threads.",
    );
  }
  if ((run.swap ?? []).length > 0) {
    lines.push(
      "swapped, inline / original: median [quartiles] of the rounds' ratios, where the forms run in turns, and",
      "the ratio of the fastest turns; the difference of a network is that between its two swapped forms.",
    );
  }
  if ((run.train ?? []).length > 0) {
    lines.push(
      "training: a ratio is images/s as a part of PyTorch's: median [quartiles] of the rounds' ratios, where the",
      "two run in turns, and the ratio of the fastest turns.",
    );
  }
  return lines;
}

/**
 * The whole report.
 * @param {import("./results.js").Run} run
 * @returns {string}
 */
export function report(run) {
  const [machine, versions] = whereabouts(run);
  const state = run.complete ? "" : ", stopped before the end";
  const parts = [
    [
      `${run.command}: ${run.date}, ${countRounds(run)}${state}`,
      machine,
      versions,
      "Milliseconds: median [quartiles] of the rounds; difference from the float64 reference engine.",
      ...explain(run),
    ].join("\n"),
  ];
  if (run.quick) parts.push("Quick: short timings, few rounds. A look, no measurement.");
  parts.push(company(run));
  const swap = run.swap ?? [];
  const train = run.train ?? [];
  if (run.results.length + swap.length + train.length === 0) {
    return `${[...parts, "Nothing was measured.", ...notes(run)].join("\n\n")}\n`;
  }
  const measured = run.workloads.filter((id) => run.results.some((f) => f.workload === id));
  parts.push(...measured.map((id) => workloadTable(run, id)));
  if (swap.length > 0) parts.push(swapTable(swap));
  if (train.length > 0) parts.push(trainTable(train));
  parts.push(rawRounds(run));
  if (run.targets.length > 0) parts.push(targetTable(run));
  parts.push(...trainNotes(train));
  parts.push(...notes(run));
  return `${parts.join("\n\n")}\n`;
}

/**
 * What the run lacks.
 * @param {import("./results.js").Run} run
 */
function notes(run) {
  const lines = [
    ...run.missing.map((sentence) => `missing: ${sentence}`),
    ...run.dropped.map(({ id, reason }) => `dropped: ${id}: ${reason}`),
  ];
  return lines.length > 0 ? [lines.join("\n")] : [];
}
