/**
 * The rounds of the swap. In every round each case has three fresh processes, one per form, which run in
 * turns: a turn is some calls of each form, one after the other, in an order that is reversed every turn.
 * A ratio belongs to a turn, so that what slows the machine for longer slows both of its times. Between
 * two processes lies a pause: the threads of ONNX Runtime go on spinning for about 30 ms after a call and
 * would slow down the next.
 *
 * In the first round results are checked: a layer's against the reference engine, a network's two swapped
 * forms, which compute SoftPool in different ways, against each other.
 */
import { fork } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { maxPool2d, softPool2d } from "softpool";
import { normalNumbers } from "./data.js";
import { inRounds } from "./in-rounds.js";
import { digits, maxDifference, median } from "./stats.js";
import { CASES, FORMS, originalModel } from "./swap-cases.js";
import { elements } from "./workloads.js";

/** @typedef {import("./swap-cases.js").Form} Form */
/** @typedef {import("./swap-cases.js").SwapCase} SwapCase */
/** @typedef {Record<Form, number[]>} Turns times of the turns, in milliseconds */

/**
 * What was measured of a case.
 * @typedef {object} SwapMeasured
 * @property {SwapCase} entry the case
 * @property {number} difference largest difference, relative to the larger of 1 and the value
 * @property {Turns[]} rounds the turns of each round
 */

/**
 * What the rounds need.
 * @typedef {object} SwapPlan
 * @property {number} rounds how often processes are started
 * @property {number} caseMilliseconds milliseconds of turns of each case in a round, at least three turns
 * @property {number} turnMilliseconds milliseconds of calls of each form in a turn, at least one call
 * @property {string} folder folder for models
 * @property {(done: number, total: number, text: string) => void} progress receives what was done
 * @property {AbortSignal} signal ends the rounds early
 */

const WORKER = fileURLToPath(new URL("./swap-worker.js", import.meta.url));
/** Milliseconds between two processes. */
const PAUSE = 40;
const LEAST_TURNS = 3;
const TIME_LIMIT = 120_000;
/** Above this a result is wrong. */
const TOLERANCE = 1e-4;

/** A model in a process of its own. */
class ModelProcess {
  /**
   * @param {import("./swap-worker.js").Job} job
   * @param {AbortSignal} signal
   */
  constructor(job, signal) {
    this.child = fork(WORKER, [JSON.stringify(job)], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      signal,
    });
    this.errors = "";
    this.child.stderr?.on("data", (chunk) => {
      this.errors += chunk;
    });
    // The missing answer tells.
    this.child.on("error", () => {});
  }

  /**
   * The next thing that the process says.
   * @returns {Promise<import("./swap-worker.js").Said>}
   * @throws Error when it is an error, or when there is none
   */
  answer() {
    const { child } = this;
    const end = (/** @type {string | number | null} */ how) => {
      const lines = this.errors.trim().split("\n");
      const reason = lines.find((line) => line.includes("Error")) ?? lines[lines.length - 1];
      return new Error(reason || `its process ended with ${how}`);
    };
    if (child.exitCode !== null || child.signalCode !== null) {
      return Promise.reject(end(child.signalCode ?? child.exitCode));
    }
    return new Promise((resolve, reject) => {
      const done = (/** @type {() => void} */ settle) => {
        clearTimeout(timer);
        child.removeListener("message", onMessage);
        child.removeListener("exit", onExit);
        settle();
      };
      const onMessage = (/** @type {any} */ said) =>
        done(() => (said.error === undefined ? resolve(said) : reject(new Error(said.error))));
      const onExit = (/** @type {number | null} */ code, /** @type {string | null} */ killer) =>
        done(() => reject(end(killer ?? code)));
      const timer = setTimeout(
        () => done(() => reject(new Error(`no answer in ${TIME_LIMIT / 1000} s`))),
        TIME_LIMIT,
      );
      child.on("message", onMessage);
      child.on("exit", onExit);
    });
  }

  /**
   * Times calls.
   * @param {number} milliseconds
   * @returns {Promise<number>} median
   */
  async time(milliseconds) {
    this.child.send({ milliseconds });
    const { times = [] } = await this.answer();
    return median(times);
  }

  /** Ends the process. */
  stop() {
    this.child.kill();
  }
}

/**
 * What the first and the last picture of a layer's input are pooled to by the reference engine.
 * @param {SwapCase} entry
 * @param {Form} form
 */
function expectedOf({ shape, window }, form) {
  const input = new Float32Array(elements(shape));
  normalNumbers()(input);
  const each = elements(shape.slice(1));
  const data = new Float32Array(2 * each);
  data.set(input.subarray(0, each));
  data.set(input.subarray(-each), each);
  const pool = form === "original" ? maxPool2d : softPool2d;
  const x = { data, shape: [2, ...shape.slice(1)] };
  const options = { kernelSize: window?.kernelSize ?? 1, ...window };
  return pool(x, { ...options, engine: "reference" }).data;
}

/**
 * Compares the results of the three forms.
 * @param {SwapCase} entry
 * @param {Record<Form, Float32Array>} results
 * @returns {number} the largest difference from what is right
 * @throws Error when a result is wrong
 */
function check(entry, results) {
  for (const form of FORMS) {
    if (!results[form].every(Number.isFinite)) throw new Error(`${form}: its result is not finite`);
  }
  // A swap that changed nothing would be fast.
  if (!(maxDifference(results.swapped, results.original) > TOLERANCE)) {
    throw new Error("swapped: it gives what the original gives");
  }
  const difference =
    entry.window === null
      ? maxDifference(results.swapped, results.inline)
      : Math.max(...FORMS.map((form) => maxDifference(results[form], expectedOf(entry, form))));
  if (!(difference <= TOLERANCE)) {
    throw new Error(`a result differs by ${difference.toExponential(1)}`);
  }
  return difference;
}

/**
 * One round of one case.
 * @param {SwapPlan} plan
 * @param {SwapCase} entry
 * @param {number} round
 * @returns {Promise<{ turns: Turns, difference: number | null }>} `null` after the first round
 */
async function runCase(plan, entry, round) {
  const model = join(plan.folder, `${entry.model}.onnx`);
  if (!existsSync(model)) writeFileSync(model, originalModel(entry));
  const checked = round === 0;
  /** @type {Map<Form, ModelProcess>} */
  const processes = new Map();
  /** @type {Record<Form, Float32Array>} */
  const results = empty(() => new Float32Array());
  try {
    for (const form of FORMS) {
      const job = { model, form, shape: entry.shape, checked };
      const process = new ModelProcess(job, plan.signal);
      processes.set(form, process);
      results[form] = (await process.answer()).result ?? results[form];
    }
    const difference = checked ? check(entry, results) : null;
    /** @type {Turns} */
    const turns = empty(() => []);
    const begin = performance.now();
    const early = () => performance.now() - begin < plan.caseMilliseconds;
    for (let turn = 0; turn < LEAST_TURNS || early(); turn++) {
      const order = (round + turn) % 2 === 0 ? [...processes] : [...processes].reverse();
      for (const [form, process] of order) {
        await sleep(PAUSE);
        turns[form].push(await process.time(plan.turnMilliseconds));
      }
    }
    return { turns, difference };
  } finally {
    for (const process of processes.values()) process.stop();
  }
}

/**
 * Something for each form.
 * @template T
 * @param {() => T} make
 * @returns {Record<Form, T>}
 */
function empty(make) {
  return { original: make(), swapped: make(), inline: make() };
}

/**
 * Runs all rounds, or as many as there are before `plan.signal`.
 * @param {SwapPlan} plan
 * @returns {Promise<{ measured: SwapMeasured[], dropped: import("./in-rounds.js").Dropped[], busy: number[] }>}
 *   cases with at least one round; how busy others kept the machine before each round, 0 to 1
 */
export function runSwapRounds(plan) {
  /** @type {Map<string, SwapMeasured>} */
  const results = new Map(
    CASES.map((entry) => [entry.name, { entry, difference: Number.NaN, rounds: [] }]),
  );
  return inRounds(plan, results, async (result, round) => {
    const { turns, difference } = await runCase(plan, result.entry, round);
    result.rounds.push(turns);
    result.difference = difference ?? result.difference;
    return `${FORMS.map((form) => digits(median(turns[form]))).join(", ")} ms`;
  });
}
