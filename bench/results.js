/** A run as a record: made from what was measured, written as JSON and CSV, read again. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spreadOf, thousandths } from "./stats.js";
import { CASES } from "./swap-cases.js";
import { byForm, swapFigures, swapOutcomes } from "./swap-figures.js";
import { outcomes } from "./targets.js";
import { CASES as TRAIN_CASES } from "./train-cases.js";
import { trainFigures, trainOutcomes } from "./train-figures.js";

/**
 * The figures of one variant; times in milliseconds.
 * @typedef {object} Figures
 * @property {string} workload letter of the workload
 * @property {import("./variants.js").Library} library who computed
 * @property {import("./variants.js").Method} method what
 * @property {import("./variants.js").Direction} direction forward or backward
 * @property {number} threads most threads
 * @property {import("./variants.js").DType} dtype element type
 * @property {number} median median of the rounds
 * @property {number} q1 first quartile of the rounds
 * @property {number} q3 third quartile of the rounds
 * @property {number | null} difference largest difference from the reference engine
 * @property {number[]} rounds median time of each round
 */

/**
 * A run.
 * @typedef {object} Run
 * @property {string} date day, as 2026-01-31
 * @property {string} command how it was started
 * @property {import("./rivals.js").Machine} machine where
 * @property {Record<string, string>} versions versions of what took part
 * @property {import("./variants.js").DType} dtype what was compared
 * @property {string[]} workloads letters asked for
 * @property {boolean} quick short timings: a look, no measurement
 * @property {number} rounds rounds asked for
 * @property {boolean} complete whether all rounds were run
 * @property {number[]} busy how busy others kept the processors before each round, 0 to 1; near 0 where
 *   the figures are to be trusted
 * @property {string[]} missing rivals that were not there, and how to get them
 * @property {import("./in-rounds.js").Dropped[]} dropped variants that failed
 * @property {import("./targets.js").Outcome[]} targets what came of the targets
 * @property {Figures[]} results one entry per variant
 * @property {import("./swap-figures.js").SwapFigures[] | null} swap one entry per case of the swap; `null`
 *   where it was not asked for
 * @property {import("./train-figures.js").TrainFigures[] | null} train one entry per case of training;
 *   `null` where it was not asked for
 */

const FOLDER = fileURLToPath(new URL("./results/", import.meta.url));

/**
 * Figures of what was measured.
 * @param {import("./rounds.js").Measured} measured
 * @returns {Figures}
 */
function figures({ variant, difference, rounds }) {
  const { id: _, ...fields } = variant;
  return {
    ...fields,
    ...spreadOf(rounds),
    difference: difference === null ? null : Number(difference.toPrecision(2)),
  };
}

/**
 * What rounds give.
 * @template T
 * @typedef {object} Rounds
 * @property {T[]} measured what has figures
 * @property {import("./in-rounds.js").Dropped[]} dropped what failed
 * @property {number[]} busy how busy others kept the processors before each round
 */

/**
 * Completes a record with figures and targets.
 * @param {Omit<Run, "targets" | "results" | "swap" | "train" | "dropped" | "busy">} about
 * @param {Rounds<import("./rounds.js").Measured>} pooled
 * @param {Rounds<import("./swap-rounds.js").SwapMeasured> | null} swapped `null` where it was not asked for
 * @param {Rounds<import("./train-rounds.js").TrainMeasured> | null} trained `null` where it was not asked for
 * @returns {Run}
 */
export function createRun(about, pooled, swapped, trained) {
  const targets = outcomes(about.dtype, about.workloads, pooled.measured).map((outcome) => ({
    ...outcome,
    ratio: outcome.ratio === null ? null : thousandths(outcome.ratio),
    rounds: outcome.rounds.map(thousandths),
  }));
  const swap = swapped === null ? null : swapped.measured.map(swapFigures);
  const train = trained === null ? null : trained.measured.map(trainFigures);
  return {
    ...about,
    dropped: [pooled, swapped, trained].flatMap((part) => part?.dropped ?? []),
    busy: [pooled, swapped, trained].flatMap((part) => part?.busy ?? []).map(thousandths),
    targets: [
      ...targets,
      ...(swap === null ? [] : swapOutcomes(CASES, swap)),
      ...(train === null ? [] : trainOutcomes(TRAIN_CASES, train)),
    ],
    results: pooled.measured.map(figures),
    swap,
    train,
  };
}

/**
 * A line of fields as CSV.
 * @param {readonly (string | number | null)[]} fields
 */
function csvLine(fields) {
  return fields
    .map((field) => {
      const text = String(field ?? "");
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(",");
}

/**
 * A run as CSV: comment lines about it, then one line per variant.
 * @param {Run} run
 * @returns {string}
 */
export function toCsv(run) {
  const { machine, versions } = run;
  const about = [
    `# ${run.date}, ${run.command}, ${run.rounds} rounds${run.complete ? "" : ", not complete"}`,
    `# ${machine.cpu}, ${machine.processors} processors, ${machine.memoryGiB} GiB, ${machine.system}`,
    `# ${Object.entries(versions)
      .map((entry) => entry.join(" "))
      .join(", ")}`,
  ];
  const head = "workload,library,method,direction,threads,dtype,median_ms,q1_ms,q3_ms,difference";
  const rounds = Array.from({ length: run.rounds }, (_, i) => `round${i + 1}_ms`);
  const lines = run.results.map((f) =>
    csvLine([
      ...[f.workload, f.library, f.method, f.direction, f.threads, f.dtype],
      ...[f.median, f.q1, f.q3, f.difference],
      ...rounds.map((_, i) => f.rounds[i] ?? null),
    ]),
  );
  for (const entry of run.swap ?? []) {
    for (const { form, times } of byForm(entry)) {
      lines.push(
        csvLine([
          ...[entry.name, "onnxruntime", form, "forward", entry.threads, run.dtype],
          ...[times.median, times.q1, times.q3, entry.difference],
          ...rounds.map((_, i) => times.rounds[i] ?? null),
        ]),
      );
    }
  }
  for (const { name, threads, times } of run.train ?? []) {
    for (const [side, spread] of Object.entries(times)) {
      lines.push(
        csvLine([
          ...[name, side, "training", "step", threads, run.dtype],
          ...[spread.median, spread.q1, spread.q3, null],
          ...rounds.map((_, i) => spread.rounds[i] ?? null),
        ]),
      );
    }
  }
  return `${[...about, [head, ...rounds].join(","), ...lines].join("\n")}\n`;
}

/**
 * Name of a run's files without their ending: day and processor, and what makes the run less than, or
 * other than, the whole measurement, which therefore never overwrites that.
 * @param {Run} run
 * @param {readonly string[]} all letters of all workloads
 * @returns {string}
 */
function nameOf(run, all) {
  const cpu = run.machine.cpu.replace(/\(R\)|\(TM\)/gi, "").toLowerCase();
  const parts = [run.date, cpu.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")];
  if (run.dtype !== "float32") parts.push(run.dtype);
  if (run.quick) parts.push("quick");
  const networks = ["swap", "train"].filter((_, i) => [run.swap, run.train][i] !== null);
  const whole = run.dtype !== "float32" || networks.length === 2;
  if (run.workloads.length < all.length || !whole) {
    if (run.workloads.length > 0) parts.push(run.workloads.join("").toLowerCase());
    parts.push(...networks);
  }
  if (!run.complete) parts.push("partial");
  return parts.join("-");
}

/**
 * Writes a run to `bench/results`, as JSON and CSV under its name and as `latest.json`.
 * @param {Run} run
 * @param {readonly string[]} all letters of all workloads
 * @returns {string[]} the files by name, inside the repository
 */
export function saveRun(run, all) {
  mkdirSync(FOLDER, { recursive: true });
  const name = nameOf(run, all);
  const json = join(FOLDER, `${name}.json`);
  writeFileSync(json, `${JSON.stringify(run, null, 2)}\n`);
  writeFileSync(join(FOLDER, `${name}.csv`), toCsv(run));
  format(json);
  copyFileSync(json, join(FOLDER, "latest.json"));
  return [`bench/results/${name}.json`, `bench/results/${name}.csv`];
}

/**
 * Gives a file the repository's format, which `npm run lint` asks for.
 * @param {string} file
 */
function format(file) {
  try {
    const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");
    spawnSync(process.execPath, [biome, "format", "--write", file]);
  } catch {
    // Without Biome the file stays as JSON.stringify wrote it.
  }
}

/**
 * Reads a run that was written.
 * @param {string} file
 * @returns {Run}
 * @throws Error with one sentence when it is none
 */
export function loadRun(file) {
  let run;
  try {
    run = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Error(`bench: --from: expected a JSON file of bench/results, received ${reason}`);
  }
  if (![run?.results, run?.targets, run?.busy].every(Array.isArray)) {
    throw new Error(`bench: --from: expected a file of bench/results, received ${file}`);
  }
  return { ...run, swap: run.swap ?? null, train: run.train ?? null };
}
