/** Tables of text, for the terminal and for Markdown, and the names they use. */

/** @type {readonly import("./variants.js").Library[]} */
const LIBRARIES = ["softpool", "memory", "onnxruntime", "pytorch"];

/**
 * Rows as text columns: the first `left` columns aligned left, the others right.
 * @param {readonly (readonly string[])[]} rows
 * @param {number} left
 * @returns {string}
 */
export function columns(rows, left) {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const pad = (/** @type {string} */ cell, /** @type {number} */ c) =>
    c < left ? cell.padEnd(widths[c]) : cell.padStart(widths[c]);
  return rows.map((row) => `  ${row.map(pad).join("  ")}`.trimEnd()).join("\n");
}

/**
 * Rows as a Markdown table: the first row is the head, the first `left` columns aligned left.
 * @param {readonly (readonly string[])[]} rows
 * @param {number} left
 * @returns {string}
 */
export function markdown(rows, left) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(" | ")} |`;
  const rule = rows[0].map((_, c) => (c < left ? "---" : "---:"));
  return [rows[0], rule, ...rows.slice(1)].map(line).join("\n");
}

/**
 * Who computed what, in words.
 * @param {{ library: string, method: string }} figures
 * @returns {string}
 */
export function nameOf({ library, method }) {
  if (library === "memory") return method === "read" ? "reading the input" : "copying the input";
  const names = { softpool: "softpool", onnxruntime: "ONNX Runtime", pytorch: "PyTorch" };
  const name = names[/** @type {keyof typeof names} */ (library)];
  return `${name} ${method}${library === "pytorch" && method === "soft" ? ", composed" : ""}`;
}

/**
 * The machine and the versions of a run in two lines.
 * @param {import("./results.js").Run} run
 * @returns {[machine: string, versions: string]}
 */
export function whereabouts({ machine, versions }) {
  const { cpu, processors, memoryGiB, system } = machine;
  return [
    `${cpu}, ${processors} processors, ${memoryGiB} GiB, ${system}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  ];
}

/** Above this part of the processors others disturb the measurement. */
const BUSY = 0.1;

/**
 * What others did on the machine, in one sentence or two.
 * @param {import("./results.js").Run} run
 * @returns {string}
 */
export function company({ busy }) {
  if (busy.length === 0) return "No round was begun.";
  const parts = busy.map((part) => `${(100 * part).toFixed(0)} %`).join(", ");
  return busy.some((part) => part >= BUSY)
    ? `The machine was busy: others used ${parts} of its processors before each round. Measure again.`
    : `Others used ${parts} of the processors before each round.`;
}

/**
 * @param {import("./results.js").Run} run
 * @returns {string}
 */
export const countRounds = ({ rounds }) => (rounds === 1 ? "1 round" : `${rounds} rounds`);

/**
 * The threads that appear in a run, ascending.
 * @param {import("./results.js").Run} run
 * @returns {number[]}
 */
export function threadsOf(run) {
  return [...new Set(run.results.map((entry) => entry.threads))].sort((a, b) => a - b);
}

/**
 * The figures of a run that differ in threads only, side by side.
 * @typedef {object} Row
 * @property {import("./results.js").Figures} first any of them
 * @property {(import("./results.js").Figures | undefined)[]} byThreads one per thread count
 */

/**
 * The rows of a workload in one direction; memory rows stand with every workload of their size.
 * @param {import("./results.js").Run} run
 * @param {string} workload letter
 * @param {string} memory letter whose memory rows these are
 * @param {"forward" | "backward"} direction
 * @returns {Row[]}
 */
export function rowsOf(run, workload, memory, direction) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  const threads = threadsOf(run);
  for (const entry of run.results) {
    const home = entry.library === "memory" ? memory : workload;
    if (entry.workload !== home || entry.direction !== direction) continue;
    const key = `${entry.library} ${entry.method} ${entry.dtype}`;
    const row = rows.get(key) ?? { first: entry, byThreads: threads.map(() => undefined) };
    row.byThreads[threads.indexOf(entry.threads)] = entry;
    rows.set(key, row);
  }
  const place = (/** @type {Row} */ { first }) => LIBRARIES.indexOf(first.library);
  return [...rows.values()].sort((a, b) => place(a) - place(b));
}
