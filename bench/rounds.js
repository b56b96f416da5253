/**
 * The rounds: every variant once per round, in a process of its own, in an order that is reversed every
 * round, so that neither a warm machine nor a neighbour's work favours one. In the first round the result
 * is compared with the reference engine before its time counts; a variant that fails or is wrong is
 * dropped and named.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromHalf } from "./data.js";
import { inRounds } from "./in-rounds.js";
import { expected } from "./ours.js";
import { outputShape } from "./shapes.js";
import { digits, maxDifference, median } from "./stats.js";
import { workload } from "./workloads.js";

/**
 * What was measured of a variant.
 * @typedef {object} Measured
 * @property {import("./variants.js").Variant} variant the variant
 * @property {number | null} difference largest difference from the reference engine, relative to the
 *   larger of 1 and its value; `null` where nothing is computed
 * @property {number[]} rounds median time of each round in milliseconds
 */

/**
 * What rounds need.
 * @typedef {object} Plan
 * @property {import("./variants.js").Variant[]} variants what to run
 * @property {number} rounds how often
 * @property {Record<import("./variants.js").DType, import("./data.js").Source>} sources the numbers
 * @property {string} memoryModule file of the compiled memory loops
 * @property {string} check file for results
 * @property {number} warmup milliseconds of warm-up in each process
 * @property {number} milliseconds milliseconds of timing in each process
 * @property {import("./pytorch.js").PyTorch | null} pytorch PyTorch's process
 * @property {(done: number, total: number, text: string) => void} progress receives what was done
 * @property {AbortSignal} signal ends the rounds early
 */

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
/** Above this a result is wrong, for the types that round to 2^-24 and 2^-11. */
const TOLERANCE = { float32: 1e-4, float16: 2e-3 };
const TIME_LIMIT = 120_000;

/**
 * Runs a task in a fresh Node.
 * @param {import("./subject.js").Task} task
 * @param {AbortSignal} signal
 * @returns {Promise<import("./pytorch.js").Answer>}
 */
function runNode(task, signal) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [WORKER, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      timeout: TIME_LIMIT,
    });
    let out = "";
    let errors = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.on("error", (error) => resolve({ error: error.message }));
    child.on("close", (code, killer) => {
      if (code === 0) return resolve(JSON.parse(out));
      const reason = errors.trim().split("\n").pop() || `ended with ${killer ?? `code ${code}`}`;
      resolve({ error: reason });
    });
  });
}

/** References of the present workload, by what is computed. */
const references = new Map();

/**
 * The reference of a variant; variants that compute the same follow each other.
 * @param {Plan} plan
 * @param {import("./variants.js").Variant} variant
 * @returns {Float32Array | Uint16Array}
 */
function reference({ sources }, variant) {
  const { workload: id, method, direction, dtype } = variant;
  const key = [id, method, direction, dtype].join(" ");
  if (!references.has(key)) {
    if (![...references.keys()].every((other) => other.startsWith(id))) references.clear();
    references.set(key, expected(variant, sources[dtype]));
  }
  return references.get(key);
}

/**
 * Compares the result that a process left with the reference.
 * @param {Plan} plan
 * @param {import("./variants.js").Variant} variant
 * @returns {number}
 */
function compare(plan, variant) {
  const bytes = readFileSync(plan.check);
  const right = reference(plan, variant);
  if (right instanceof Float32Array) {
    const got = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    return maxDifference(got, right);
  }
  const got = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return maxDifference(fromHalf(got), fromHalf(right));
}

/**
 * Runs all rounds, or as many as there are before `plan.signal`.
 * @param {Plan} plan
 * @returns {Promise<{ measured: Measured[], dropped: import("./in-rounds.js").Dropped[], busy: number[] }>}
 *   variants with at least one round; how busy others kept the machine before each round, 0 to 1
 */
export async function runRounds(plan) {
  /** @type {Map<string, Measured>} */
  const results = new Map(
    plan.variants.map((variant) => [variant.id, { variant, difference: null, rounds: [] }]),
  );
  const outcome = await inRounds(plan, results, async (result, round) => {
    const checked = round === 0 && result.variant.library !== "memory";
    const reason = await runVariant(plan, result, checked);
    if (reason !== null) throw new Error(reason);
    return `${digits(result.rounds[result.rounds.length - 1])} ms`;
  });
  references.clear();
  return outcome;
}

/**
 * Runs one variant once and adds to its result.
 * @param {Plan} plan
 * @param {Measured} result
 * @param {boolean} checked compare its result
 * @returns {Promise<string | null>} why it is to be dropped, or `null`
 */
async function runVariant(plan, result, checked) {
  const { variant } = result;
  const task = {
    variant,
    source: plan.sources[variant.dtype],
    memoryModule: plan.memoryModule,
    check: checked ? plan.check : null,
    warmup: plan.warmup,
    milliseconds: plan.milliseconds,
  };
  const work = workload(variant.workload);
  const answer =
    variant.library === "pytorch" && plan.pytorch !== null
      ? await plan.pytorch.ask({ ...task, work, outShape: outputShape(work) })
      : await runNode(task, plan.signal);
  if ("error" in answer) return answer.error;
  if (checked) {
    result.difference = compare(plan, variant);
    if (!(result.difference <= TOLERANCE[variant.dtype])) {
      return `its result differs by ${result.difference.toExponential(1)} from the reference engine`;
    }
  }
  result.rounds.push(median(answer.times));
  return null;
}
