/** Training in the report and in the README section. */
import { digits } from "./stats.js";
import { columns, markdown } from "./table.js";

/** @typedef {import("./train-figures.js").TrainFigures} TrainFigures */
/** @typedef {import("./stats.js").Spread} Spread */

/**
 * @param {Spread | undefined | null} spread
 * @param {(value: number) => string} format
 */
const spreadText = (spread, format) =>
  spread ? `${format(spread.median)} [${format(spread.q1)} ${format(spread.q3)}]` : "-";
const hundredths = (/** @type {number} */ value) => value.toFixed(2);

/** @type {Record<import("./train-rounds.js").Side, string>} */
const NAMES = { softpool: "softpool", pytorch: "PyTorch" };
/** Shares below this are not listed. */
const LEAST_SHARE = 0.01;

/**
 * A row per case: images/s of both and their ratio.
 * @param {readonly TrainFigures[]} figures
 * @returns {string}
 */
export function trainTable(figures) {
  const head = ["images/s", "parameters", "softpool", "PyTorch", "ratio", "fastest"];
  const body = figures.map(({ name, parameters, speeds, ratio }) => [
    name,
    `${(parameters / 1e6).toFixed(2)} M`,
    spreadText(speeds.softpool, digits),
    spreadText(speeds.pytorch, digits),
    spreadText(ratio, hundredths),
    ratio ? hundredths(ratio.fastest) : "-",
  ]);
  return [
    "Training  a step of SGD: one ONNX graph on ONNX Runtime's CPU provider, and PyTorch with NCHW, two threads",
    columns([head, ...body], 1),
  ].join("\n");
}

/**
 * Rows of raw rounds: case, side, threads, times of a step.
 * @param {readonly TrainFigures[]} figures
 * @returns {string[][]}
 */
export function trainRounds(figures) {
  return figures.flatMap(({ name, threads, times }) =>
    Object.entries(times).map(([side, spread]) => [
      `training ${name}`,
      NAMES[/** @type {import("./train-rounds.js").Side} */ (side)],
      `${threads}T`,
      spread.rounds.map(digits).join(" "),
    ]),
  );
}

/**
 * What a step spends its time on, where its target was missed; and the memory of many steps.
 * @param {readonly TrainFigures[]} figures
 * @returns {string[]} sections
 */
export function trainNotes(figures) {
  const profiles = figures
    .filter(({ ratio, target }) => ratio !== null && target !== null && ratio.median < target)
    .map(({ name, shares }) => {
      const list = shares
        .filter(({ share }) => share >= LEAST_SHARE)
        .map(({ operator, share }) => `${operator} ${(100 * share).toFixed(1)} %`);
      return `  ${name}: ${list.join(", ")}`;
    });
  const memory = figures
    .filter((entry) => entry.memory.length > 0)
    .map((entry) => `  ${entry.name}: ${entry.memory.join(" ")} MB`);
  return [
    ...(profiles.length > 0
      ? [`Profile of our step where the target was missed\n${profiles.join("\n")}`]
      : []),
    ...(memory.length > 0
      ? [`Memory of the training process, after each tenth of its steps\n${memory.join("\n")}`]
      : []),
  ];
}

/**
 * Training as Markdown.
 * @param {readonly TrainFigures[]} figures
 * @returns {string}
 */
export function trainMarkdown(figures) {
  const head = ["training, images/s, 2 threads", "softpool", "PyTorch", "ratio"];
  const body = figures.map(({ name, speeds, ratio }) => [
    name,
    speeds.softpool ? digits(speeds.softpool.median) : "-",
    speeds.pytorch ? digits(speeds.pytorch.median) : "-",
    spreadText(ratio, hundredths),
  ]);
  return markdown([head, ...body], 1);
}
