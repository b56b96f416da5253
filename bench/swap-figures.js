/**
 * The figures of the swap: times and ratios of each case, and what came of its target. A round's ratio is
 * the median of its turns' ratios, a case's the median of its rounds'.
 */
import { median, spreadOf, thousandths } from "./stats.js";
import { FORMS, THREADS } from "./swap-cases.js";

/** @typedef {import("./swap-cases.js").Form} Form */

/** @typedef {import("./stats.js").Spread} Spread */

/**
 * The figures of one case.
 * @typedef {object} SwapFigures
 * @property {string} name the case in words
 * @property {boolean} network whether it is a network, and no single layer
 * @property {number[]} shape shape of the input
 * @property {number} threads threads of ONNX Runtime
 * @property {number} difference largest difference from the reference engine, of a network between its two
 *   swapped forms; relative to the larger of 1 and the value
 * @property {Record<Form, Spread>} times milliseconds of each form
 * @property {Record<"swapped" | "inline", Spread & { fastest: number }>} ratios time of a form relative to
 *   the original's; `fastest`: that of the fastest turns, for a machine that others use as well
 * @property {Record<Form, number[]>[]} turns milliseconds of every turn of every round
 */

/** A network swapped for local functions takes at most this much of the original's time. */
const LIMIT = 1.07;
/**
 * Figures of what was measured.
 * @param {import("./swap-rounds.js").SwapMeasured} measured
 * @returns {SwapFigures}
 */
export function swapFigures({ entry, difference, rounds }) {
  const time = (/** @type {Form} */ form) => spreadOf(rounds.map((turns) => median(turns[form])));
  const fastest = (/** @type {Form} */ form) => Math.min(...rounds.flatMap((turns) => turns[form]));
  const ratio = (/** @type {Form} */ form) => ({
    ...spreadOf(
      rounds.map((turns) => median(turns[form].map((value, i) => value / turns.original[i]))),
    ),
    fastest: thousandths(fastest(form) / fastest("original")),
  });
  return {
    name: entry.name,
    network: entry.window === null,
    shape: entry.shape,
    threads: THREADS,
    difference: Number(difference.toPrecision(2)),
    times: { original: time("original"), swapped: time("swapped"), inline: time("inline") },
    ratios: { swapped: ratio("swapped"), inline: ratio("inline") },
    turns: rounds.map((turns) => ({
      original: turns.original.map(thousandths),
      swapped: turns.swapped.map(thousandths),
      inline: turns.inline.map(thousandths),
    })),
  };
}

/**
 * What came of the targets: one per network.
 * @param {readonly import("./swap-cases.js").SwapCase[]} cases all that were asked for
 * @param {readonly SwapFigures[]} figures
 * @returns {import("./targets.js").Outcome[]}
 */
export function swapOutcomes(cases, figures) {
  return cases
    .filter(({ window }) => window === null)
    .map(({ name }) => {
      const ratio = figures.find((entry) => entry.name === name)?.ratios.swapped;
      return {
        name: `${name}, swapped / original`,
        limit: LIMIT,
        ratio: ratio?.median ?? null,
        rounds: ratio?.rounds ?? [],
      };
    });
}

/**
 * Times as the fields of lines, like those of the poolings.
 * @param {Pick<SwapFigures, "times">} figures
 * @returns {{ form: Form, times: Spread }[]}
 */
export function byForm({ times }) {
  return FORMS.map((form) => ({ form, times: times[form] }));
}
