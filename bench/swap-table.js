/** The swap in the report and in the README section. */
import { digits } from "./stats.js";
import { byForm } from "./swap-figures.js";
import { columns, markdown } from "./table.js";

/** @typedef {import("./swap-figures.js").SwapFigures} SwapFigures */

/**
 * @param {import("./stats.js").Spread} spread
 * @param {(value: number) => string} format
 */
const spread = ({ median, q1, q3 }, format) => `${format(median)} [${format(q1)} ${format(q3)}]`;
const hundredths = (/** @type {number} */ value) => value.toFixed(2);

/** @type {Record<import("./swap-cases.js").Form, string>} */
const NAMES = { original: "original", swapped: "swapped", inline: "swapped inline" };

/**
 * A row per case: times and ratios.
 * @param {readonly SwapFigures[]} figures
 * @returns {string}
 */
export function swapTable(figures) {
  const ratioHeads = ["swapped", "inline"].flatMap((form) => [`${form} / original`, "fastest"]);
  const head = ["", ...Object.values(NAMES), ...ratioHeads, "difference"];
  const body = figures.map(({ name, times, ratios, difference }) => [
    name,
    ...byForm({ times }).map((row) => spread(row.times, digits)),
    ...[ratios.swapped, ratios.inline].flatMap((ratio) => [
      spread(ratio, hundredths),
      hundredths(ratio.fastest),
    ]),
    difference.toExponential(1),
  ]);
  return [
    "Swap  the maximum pooling of networks and of layers swapped for SoftPool, ONNX Runtime's CPU provider,",
    "two threads; swapped: one local function; inline: standard operators only, the exact form",
    columns([head, ...body], 1),
  ].join("\n");
}

/**
 * Rows of raw rounds: case, form, threads, times.
 * @param {readonly SwapFigures[]} figures
 * @returns {string[][]}
 */
export function swapRounds(figures) {
  return figures.flatMap((entry) =>
    byForm(entry).map(({ form, times }) => [
      entry.name,
      NAMES[form],
      `${entry.threads}T`,
      times.rounds.map(digits).join(" "),
    ]),
  );
}

/**
 * The swap as Markdown.
 * @param {readonly SwapFigures[]} figures
 * @returns {string}
 */
export function swapMarkdown(figures) {
  const head = ["ms, 2 threads", "original", "swapped", "ratio", "inline", "ratio"];
  const body = figures.map(({ name, times, ratios }) => [
    name,
    digits(times.original.median),
    digits(times.swapped.median),
    spread(ratios.swapped, hundredths),
    digits(times.inline.median),
    spread(ratios.inline, hundredths),
  ]);
  return markdown([head, ...body], 1);
}
