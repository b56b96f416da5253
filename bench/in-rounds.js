/**
 * Rounds: everything once per round, in an order that is reversed every round, so that neither a warm
 * machine nor a neighbour's work favours one. What fails is dropped and named.
 */
import { busyness } from "./rivals.js";

/**
 * Something that was dropped.
 * @typedef {object} Dropped
 * @property {string} id its name
 * @property {string} reason what went wrong
 */

/**
 * How often, and who is told.
 * @typedef {object} Course
 * @property {number} rounds how often
 * @property {(done: number, total: number, text: string) => void} progress receives what was done
 * @property {AbortSignal} signal ends the rounds early
 */

/**
 * Runs all rounds, or as many as there are before the signal.
 * @template {{ rounds: unknown[] }} T
 * @param {Course} course
 * @param {ReadonlyMap<string, T>} subjects what is measured, by name; `rounds` holds what each round gave
 * @param {(subject: T, round: number) => Promise<string>} run measures one once, adds to its `rounds` and
 *   says what came out; what it throws drops it
 * @returns {Promise<{ measured: T[], dropped: Dropped[], busy: number[] }>} what has at least one round; how
 *   busy others kept the machine before each round, 0 to 1
 */
export async function inRounds({ rounds, progress, signal }, subjects, run) {
  const left = new Map(subjects);
  /** @type {Dropped[]} */
  const dropped = [];
  /** @type {number[]} */
  const busy = [];
  const names = [...subjects.keys()];
  let done = 0;
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    busy.push(await busyness());
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      if (signal.aborted) break;
      done++;
      const subject = left.get(name);
      if (subject === undefined) continue;
      let text = "";
      try {
        text = await run(subject, round);
      } catch (error) {
        if (signal.aborted) break;
        text = error instanceof Error ? error.message : String(error);
        dropped.push({ id: name, reason: text });
        left.delete(name);
      }
      progress(done, names.length * rounds, `round ${round + 1} of ${rounds}: ${name}: ${text}`);
    }
  }
  return { measured: [...left.values()].filter((one) => one.rounds.length > 0), dropped, busy };
}
