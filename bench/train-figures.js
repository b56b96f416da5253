/**
 * The figures of training: images/s of each side, their ratio, and what came of the targets. A round's
 * ratio is the median of its turns' ratios, a case's the median of its rounds'.
 */
import { median, spreadOf, thousandths } from "./stats.js";
import { THREADS } from "./train-cases.js";

/** @typedef {import("./train-rounds.js").Side} Side */
/** @typedef {import("./stats.js").Spread} Spread */

/**
 * The figures of one case.
 * @typedef {object} TrainFigures
 * @property {string} name the case in words
 * @property {number} batch pictures of a step
 * @property {number} parameters parameters that are learned
 * @property {number} threads threads of both
 * @property {Partial<Record<Side, Spread>>} times milliseconds of a step
 * @property {Partial<Record<Side, Spread>>} speeds images/s
 * @property {(Spread & { fastest: number }) | null} ratio images/s as a part of PyTorch's; `fastest`: that
 *   of the fastest turns, for a machine that others use as well; `null` without PyTorch
 * @property {number | null} target smallest ratio that meets the target, `null` where there is none
 * @property {{ operator: string, share: number }[]} shares shares of our step's time by type of operator
 * @property {number[]} memory megabytes of our process in the course of many steps
 * @property {Partial<Record<Side, number[]>>[]} turns milliseconds of a step in every turn of every round
 */

/**
 * Figures of what was measured.
 * @param {import("./train-rounds.js").TrainMeasured} measured
 * @returns {TrainFigures}
 */
export function trainFigures({ entry, parameters, rounds, shares, memory }) {
  const sides = /** @type {Side[]} */ (Object.keys(rounds[0]));
  const timesOf = (/** @type {Side} */ side) => rounds.map((turns) => turns[side] ?? []);
  const each = (/** @type {(times: number[]) => number} */ f) =>
    Object.fromEntries(sides.map((side) => [side, spreadOf(timesOf(side).map(f))]));
  const [ours, theirs] = [timesOf("softpool"), timesOf("pytorch")];
  const ratios = ours.map((times, i) => median(times.map((time, k) => theirs[i][k] / time)));
  const fastest = Math.min(...theirs.flat()) / Math.min(...ours.flat());
  return {
    name: entry.name,
    batch: entry.batch,
    parameters,
    threads: THREADS,
    times: each(median),
    speeds: each((times) => (1000 * entry.batch) / median(times)),
    ratio: sides.includes("pytorch")
      ? { ...spreadOf(ratios), fastest: thousandths(fastest) }
      : null,
    target: entry.target,
    shares: shares.map(({ operator, share }) => ({ operator, share: thousandths(share) })),
    memory,
    turns: rounds.map((turns) =>
      Object.fromEntries(sides.map((side) => [side, (turns[side] ?? []).map(thousandths)])),
    ),
  };
}

/**
 * What came of the targets.
 * @param {readonly import("./train-cases.js").TrainCase[]} cases all that were asked for
 * @param {readonly TrainFigures[]} figures
 * @returns {import("./targets.js").Outcome[]}
 */
export function trainOutcomes(cases, figures) {
  return cases.flatMap(({ name, target }) => {
    if (target === null) return [];
    const ratio = figures.find((entry) => entry.name === name)?.ratio;
    return {
      name: `training ${name}, images/s / PyTorch's`,
      limit: target,
      least: true,
      ratio: ratio?.median ?? null,
      rounds: ratio?.rounds ?? [],
    };
  });
}
