/** The benchmark section of the README, as Markdown. */
import { digits } from "./stats.js";
import { swapMarkdown } from "./swap-table.js";
import { company, countRounds, markdown, nameOf, rowsOf, threadsOf, whereabouts } from "./table.js";
import { ratioText, verdict } from "./targets.js";
import { trainMarkdown } from "./train-table.js";
import { DIRECTIONS, memoryWorkload } from "./variants.js";
import { describeWorkload, workload } from "./workloads.js";

const SWAP =
  "Networks of 224x224 pictures, and their pooling layer alone, on ONNX Runtime's CPU provider: as they " +
  "are, with the maximum pooling swapped for SoftPool, and with `--inline`. A ratio is to the original: the " +
  "median of the rounds' ratios, in brackets their quartiles; in a round the forms run in turns.";

const TRAIN =
  "A step is forward, loss, backward and SGD with Nesterov's momentum, ours one ONNX graph on ONNX Runtime's " +
  "CPU provider, PyTorch's with NCHW. A ratio is the median of the rounds' ratios of images/s, in brackets " +
  "their quartiles; in a round the two run in turns.";

/**
 * The targets with their ratios.
 * @param {import("./results.js").Run} run
 */
function targetTable(run) {
  const rows = run.targets.map((outcome) => [
    outcome.name,
    `${outcome.least ? "at least " : ""}${outcome.limit}`,
    ratioText(outcome),
    verdict(outcome),
  ]);
  return markdown([["time of / time of", "at most", "ratio", ""], ...rows], 1);
}

/**
 * Medians: a row per library, method and direction, a column per workload.
 * @param {import("./results.js").Run} run
 */
function medianTable(run) {
  const threads = threadsOf(run);
  /** @type {Map<string, string[]>} */
  const rows = new Map();
  for (const direction of DIRECTIONS) {
    for (const [column, id] of run.workloads.entries()) {
      const memory = memoryWorkload(id, run.workloads);
      for (const { first, byThreads } of rowsOf(run, id, memory, direction)) {
        const label = first.library === "memory" ? "" : ` ${direction}`;
        const dtype = run.dtype === "float16" ? ` ${first.dtype}` : "";
        const name = `${nameOf(first)}${label}${dtype}`;
        const row = rows.get(name) ?? [name, ...run.workloads.map(() => "")];
        row[column + 1] = byThreads.map((f) => (f ? digits(f.median) : "-")).join(" / ");
        rows.set(name, row);
      }
    }
  }
  const head = [`ms, ${threads.join(" / ")} threads`, ...run.workloads];
  return markdown([head, ...rows.values()], 1);
}

/**
 * The section: command and machine, targets, medians, workloads.
 * @param {import("./results.js").Run} run
 * @returns {string}
 */
export function readme(run) {
  const [machine, versions] = whereabouts(run);
  const state = run.complete && !run.quick ? "" : ", not a whole measurement";
  const workloads = run.workloads
    .map((id) => `${id}: ${describeWorkload(workload(id))}`)
    .join("; ");
  const parts = [
    `\`${run.command}\`, ${run.date}, ${countRounds(run)}${state}, on ${machine}; ${versions}. ${company(run)}`,
  ];
  if (run.targets.length > 0) parts.push(targetTable(run));
  if (run.results.length > 0) parts.push(medianTable(run), `${workloads}.`);
  if (run.swap !== null && run.swap.length > 0) parts.push(swapMarkdown(run.swap), SWAP);
  if (run.train !== null && run.train.length > 0) parts.push(trainMarkdown(run.train), TRAIN);
  if (run.missing.length > 0) parts.push(`Not measured: ${run.missing.join("; ")}.`);
  return `${parts.join("\n\n")}\n`;
}
