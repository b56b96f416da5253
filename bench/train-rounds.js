/**
 * The rounds of training. In every round each case has two fresh processes, this project's and PyTorch's,
 * which run in turns: a turn is some steps of each, one after the other, in an order that is reversed
 * every turn. A ratio belongs to a turn, so that what slows the machine for longer slows both. Between two
 * processes lies a pause, as in the rounds of the swap. At the end of the first round what a step does is
 * profiled, and the memory of a run of many steps is watched.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inRounds } from "./in-rounds.js";
import { LineProcess } from "./lines.js";
import { KEEP_MEMORY } from "./pytorch.js";
import { digits, median } from "./stats.js";
import { CASES, SGD, THREADS } from "./train-cases.js";

/** @typedef {import("./train-cases.js").TrainCase} TrainCase */
/** @typedef {"softpool" | "pytorch"} Side */
/** @typedef {Partial<Record<Side, number[]>>} Turns milliseconds of a step in each turn */

/**
 * What was measured of a case.
 * @typedef {object} TrainMeasured
 * @property {TrainCase} entry the case
 * @property {number} parameters parameters that are learned
 * @property {Turns[]} rounds the turns of each round
 * @property {{ operator: string, share: number }[]} shares shares of a step's time by type of operator
 * @property {number[]} memory megabytes of the process in the course of many steps; empty where not watched
 */

/**
 * What the rounds need.
 * @typedef {object} TrainPlan
 * @property {number} rounds how often processes are started
 * @property {number} turns turns of each case in a round
 * @property {number} milliseconds milliseconds of steps of each side in a turn, at least two steps
 * @property {number} watched steps of the first case whose memory is watched
 * @property {string | null} python a Python with PyTorch
 * @property {(done: number, total: number, text: string) => void} progress receives what was done
 * @property {AbortSignal} signal ends the rounds early
 */

const file = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
/** Milliseconds between two processes. */
const PAUSE = 40;
const PROFILED_STEPS = 3;

/**
 * The processes of a case: first this project's.
 * @param {TrainPlan} plan
 * @param {TrainCase} entry
 * @returns {[Side, LineProcess][]}
 */
function start({ python, signal }, entry) {
  const job = JSON.stringify({ ...entry, threads: THREADS, sgd: SGD });
  const ours = new LineProcess(process.execPath, [file("./train-worker.js"), job], { signal });
  if (python === null) return [["softpool", ours]];
  const env = { ...process.env, ...KEEP_MEMORY };
  return [
    ["softpool", ours],
    ["pytorch", new LineProcess(python, [file("./train.py"), job], { env, signal })],
  ];
}

/**
 * One round of one case.
 * @param {TrainPlan} plan
 * @param {TrainMeasured} result receives the times
 * @param {number} round
 * @returns {Promise<Turns>}
 */
async function runCase(plan, result, round) {
  const processes = start(plan, result.entry);
  try {
    /** @type {number[]} */
    const parameters = [];
    for (const [, process] of processes) parameters.push((await process.answer()).parameters);
    if (parameters.some((count) => count !== parameters[0])) {
      throw new Error(`the networks differ: ${parameters.join(" and ")} parameters`);
    }
    [result.parameters] = parameters;
    /** @type {Turns} */
    const turns = Object.fromEntries(processes.map(([side]) => [side, []]));
    for (let turn = 0; turn < plan.turns; turn++) {
      const order = (round + turn) % 2 === 0 ? processes : processes.toReversed();
      for (const [side, process] of order) {
        await sleep(PAUSE);
        const { times } = await process.ask({ milliseconds: plan.milliseconds });
        turns[side]?.push(median(times));
      }
    }
    if (round === 0) {
      const ours = processes[0][1];
      for (const [, process] of processes.slice(1)) process.stop();
      const watched = result.entry === CASES[0] ? plan.watched : 0;
      if (watched > 0) result.memory = (await ours.ask({ watch: watched })).memory;
      result.shares = (await ours.ask({ profile: PROFILED_STEPS })).shares;
    }
    return turns;
  } finally {
    for (const [, process] of processes) process.stop();
  }
}

/**
 * Runs all rounds, or as many as there are before `plan.signal`.
 * @param {TrainPlan} plan
 * @returns {Promise<{ measured: TrainMeasured[], dropped: import("./in-rounds.js").Dropped[], busy: number[] }>}
 *   cases with at least one round; how busy others kept the machine before each round, 0 to 1
 */
export function runTrainRounds(plan) {
  /** @type {Map<string, TrainMeasured>} */
  const results = new Map(
    CASES.map((entry) => [
      entry.name,
      { entry, parameters: 0, rounds: [], shares: [], memory: [] },
    ]),
  );
  return inRounds(plan, results, async (result, round) => {
    const turns = await runCase(plan, result, round);
    result.rounds.push(turns);
    const times = Object.values(turns).map((own) => digits(median(own)));
    return `${times.join(", ")} ms`;
  });
}
