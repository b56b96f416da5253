/**
 * `npm run bench`: builds, finds the rivals, runs the rounds and reports. Progress goes to standard
 * error, the report to standard output. Ctrl-C ends the rounds and reports what there is.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HELP, parseFlags, UsageError } from "./flags.js";
import { WORKLOADS } from "./workloads.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Signals that end the rounds, and the exit code they mean. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 };
const say = (/** @type {string} */ line) => process.stderr.write(`bench: ${line}\n`);

/**
 * Runs a JavaScript program, and ends this one when it fails.
 * @param {string} script
 * @param {string[]} args
 */
function node(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
  });
  if (status === 0) return;
  say(`${script.split(/node_modules\/|\//).pop()} failed, nothing was measured`);
  process.exit(1);
}

/**
 * The loops that read and copy, compiled.
 * @param {string} file
 */
function compileMemory(file) {
  const compiler = createRequire(import.meta.url).resolve("assemblyscript/package.json");
  node(join(dirname(compiler), "bin/asc.js"), [
    ...["bench/assembly/memory.ts", "--outFile", file, "--runtime", "stub", "--noAssert", "-O3"],
    ...["--enable", "simd,threads", "--importMemory", "--sharedMemory", "--memoryBase", "0"],
    ...["--initialMemory", "1", "--maximumMemory", "65536"],
  ]);
}

/** Shows one changing line on a terminal, elsewhere a line now and then. */
function progressLine() {
  const begin = performance.now();
  let last = 0;
  /** @type {(done: number, total: number, text: string) => void} */
  return (done, total, text) => {
    const now = performance.now();
    const left = Math.round(((now - begin) / done) * (total - done) * 0.001);
    const line = `bench: ${done}/${total}, about ${left} s left, ${text}`;
    if (process.stderr.isTTY) {
      const width = (process.stderr.columns ?? 80) - 1;
      process.stderr.write(`\r\x1b[K${line.slice(0, width)}${done === total ? "\n" : ""}`);
    } else if (done === total || now - last > 10_000) {
      last = now;
      process.stderr.write(`${line}\n`);
    }
  };
}

/**
 * What a part of a run needs.
 * @typedef {object} Place
 * @property {import("./flags.js").Flags} flags as given
 * @property {string} folder folder for files, removed at the end
 * @property {AbortSignal} signal ends it early
 */

/**
 * Measures the poolings.
 * @param {Place} place
 * @param {import("./rivals.js").Rivals} rivals
 */
async function runPoolings({ flags, folder, signal }, { libraries, pytorch }) {
  const { largest, listVariants } = await import("./variants.js");
  const { writeNumbers } = await import("./data.js");
  const { runRounds } = await import("./rounds.js");
  const half = flags.dtype === "float16";
  const memoryModule = join(folder, "memory.wasm");
  if (!half) compileMemory(memoryModule);
  const { input, output } = largest(flags.only);
  const source = { path: join(folder, "float32.bin"), gradientOffset: input };
  const halves = { path: join(folder, "float16.bin"), gradientOffset: input };
  writeNumbers(source.path, input + output, "float32");
  if (half) writeNumbers(halves.path, input + output, "float16");
  const threads = flags.quick ? [2] : [1, 2];
  return runRounds({
    variants: listVariants({ workloads: flags.only, threads, dtype: flags.dtype, libraries }),
    rounds: flags.rounds,
    sources: { float32: source, float16: halves },
    memoryModule,
    check: join(folder, "check.bin"),
    warmup: flags.quick ? 50 : 80,
    milliseconds: flags.quick ? 50 : 80,
    pytorch,
    progress: progressLine(),
    signal,
  });
}

/**
 * Measures networks before and after the swap.
 * @param {Place} place
 */
async function runSwap({ flags, folder, signal }) {
  const { runSwapRounds } = await import("./swap-rounds.js");
  return runSwapRounds({
    rounds: flags.rounds,
    caseMilliseconds: flags.quick ? 0 : 2500,
    turnMilliseconds: flags.quick ? 0 : 60,
    folder,
    progress: progressLine(),
    signal,
  });
}

/**
 * Measures training.
 * @param {Place} place
 * @param {import("./rivals.js").Rivals} rivals
 */
async function runTraining({ flags, signal }, { pytorch }) {
  const { runTrainRounds } = await import("./train-rounds.js");
  return runTrainRounds({
    rounds: flags.rounds,
    turns: flags.quick ? 1 : 3,
    milliseconds: flags.quick ? 0 : 1000,
    watched: flags.quick ? 20 : 300,
    python: pytorch?.python ?? null,
    progress: progressLine(),
    signal,
  });
}

/**
 * Measures the study of similarity and prints what came out.
 * @param {import("./flags.js").Flags} flags
 * @param {AbortSignal} signal
 */
async function runSimilarity({ rounds, full, quick }, signal) {
  const { runSimilarityRounds, similarityReport } = await import("./similarity.js");
  const { describeMachine } = await import("./rivals.js");
  const folder = mkdtempSync(join(os.tmpdir(), "softpool-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const pictures = full ? 100 : quick ? 2 : 6;
  const progress = progressLine();
  const found = await runSimilarityRounds({ rounds, pictures, folder, progress, signal });
  const { cpu, processors, memoryGiB, system } = describeMachine();
  const machine = `${cpu}, ${processors} processors, ${memoryGiB} GiB, ${system}`;
  process.stdout.write(`${machine}; node ${process.versions.node}\n\n${similarityReport(found)}`);
}

/**
 * Measures.
 * @param {import("./flags.js").Flags} flags
 * @param {readonly string[]} args as given, for the record
 * @param {AbortSignal} signal
 * @returns {Promise<import("./results.js").Run>}
 */
async function run(flags, args, signal) {
  const { describeMachine, findRivals } = await import("./rivals.js");
  const { createRun } = await import("./results.js");

  const machine = describeMachine();
  const poolings = flags.only.length > 0;
  const wanted = {
    pooling: poolings && flags.dtype !== "float16",
    swap: flags.swap,
    train: flags.train,
  };
  const rivals = await findRivals(wanted, say);
  const { libraries, pytorch, versions, missing } = rivals;
  signal.addEventListener("abort", () => pytorch?.stop());
  for (const sentence of missing) say(`going on without a rival: ${sentence}`);

  const folder = mkdtempSync(join(os.tmpdir(), "softpool-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  try {
    const place = { flags, folder, signal };
    const nothing = { measured: [], dropped: [], busy: [] };
    const pooled = poolings ? await runPoolings(place, rivals) : nothing;
    const swaps = flags.swap && libraries.includes("onnxruntime");
    const swapped = swaps ? await runSwap(place) : nothing;
    const trains = flags.train && libraries.includes("onnxruntime");
    const trained = trains ? await runTraining(place, rivals) : nothing;
    const { dtype, only: workloads, swap, train, quick, rounds } = flags;
    const command = ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" ");
    const date = new Date().toISOString().slice(0, 10);
    const complete = !signal.aborted;
    const asked = { dtype, workloads, quick, rounds, complete };
    const about = { date, command, machine, versions, ...asked, missing };
    return createRun(about, pooled, swap ? swapped : null, train ? trained : null);
  } finally {
    pytorch?.stop();
  }
}

/** @param {readonly string[]} args */
async function main(args) {
  const flags = parseFlags(args);
  if (flags === "help") {
    process.stdout.write(HELP);
    return;
  }
  // The poolings are imported only when they are built.
  node(join(ROOT, "scripts/build.js"), ["--quiet"]);
  const { loadRun, saveRun } = await import("./results.js");
  const stop = new AbortController();
  let code = 0;
  for (const [name, number] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(number);
      code = number;
      say("stopping; Ctrl-C again to leave at once");
      stop.abort();
    });
  }
  const saved = flags.from !== null;
  if (saved || flags.only.length > 0 || flags.swap || flags.train) {
    const asked = args.filter((arg) => arg !== "--readme");
    const result = saved ? loadRun(String(flags.from)) : await run(flags, asked, stop.signal);
    const { report } = await import("./report.js");
    const { readme } = await import("./readme.js");
    process.stdout.write(flags.readme ? readme(result) : report(result));
    const measured = [result.results, result.swap ?? [], result.train ?? []];
    if (!saved && measured.some((part) => part.length > 0)) {
      const all = WORKLOADS.map((work) => work.id);
      say(`written: ${saveRun(result, all).join(", ")}`);
    }
  }
  if (!saved && flags.similarity) await runSimilarity(flags, stop.signal);
  process.exitCode = code;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
