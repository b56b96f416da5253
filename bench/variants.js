/**
 * The list of everything that is timed. One variant is one call of one library: it runs in a process
 * of its own, once per round.
 */
import { outputShape } from "./shapes.js";
import { elements, WORKLOADS, workload } from "./workloads.js";

/**
 * @typedef {"softpool" | "memory" | "onnxruntime" | "pytorch"} Library
 * @typedef {"soft" | "average" | "maximum" | "read" | "copy"} Method
 * @typedef {"forward" | "backward"} Direction
 * @typedef {"float32" | "float16"} DType
 */

/**
 * One thing to time.
 * @typedef {object} Variant
 * @property {string} id unique name
 * @property {string} workload letter of the workload; for memory the first one of that size
 * @property {Library} library who computes
 * @property {Method} method what it computes
 * @property {Direction} direction output from input, or gradient of the input from that of the output
 * @property {number} threads most threads
 * @property {DType} dtype element type
 */

/**
 * What to list.
 * @typedef {object} Selection
 * @property {readonly string[]} workloads letters
 * @property {readonly number[]} threads thread counts
 * @property {DType} dtype `"float32"`: this project beside memory and rivals; `"float16"`: this
 *   project in float16 beside itself in float32
 * @property {readonly Library[]} libraries libraries that are there
 */

/** @type {readonly Method[]} */
export const POOLINGS = ["soft", "average", "maximum"];
/** @type {readonly Direction[]} */
export const DIRECTIONS = ["forward", "backward"];

/**
 * Name of a variant, also the key of its times.
 * @param {Omit<Variant, "id">} v
 * @returns {string}
 */
export function variantId(v) {
  return [v.workload, v.library, v.method, v.direction, `${v.threads}T`, v.dtype].join(" ");
}

/**
 * Bytes of a workload's input.
 * @param {string} id letter of the workload
 * @returns {number}
 */
export function inputBytes(id) {
  return 4 * elements(workload(id).shape);
}

/**
 * The workload that stands for all of its size where memory is read or copied.
 * @param {string} id letter of a workload
 * @param {readonly string[]} among letters to choose from
 * @returns {string}
 */
export function memoryWorkload(id, among) {
  return among.find((other) => inputBytes(other) === inputBytes(id)) ?? id;
}

/**
 * All variants of a selection, those that are compared next to each other.
 * @param {Selection} selection
 * @returns {Variant[]}
 */
export function listVariants({ workloads, threads, dtype, libraries }) {
  /** @type {Variant[]} */
  const list = [];
  /** @param {Omit<Variant, "id">} v */
  const add = (v) => {
    if (libraries.includes(v.library)) list.push({ id: variantId(v), ...v });
  };
  for (const { id, layout } of WORKLOADS.filter((work) => workloads.includes(work.id))) {
    for (const count of threads) {
      for (const direction of DIRECTIONS) {
        const at = { workload: id, direction, threads: count };
        for (const method of POOLINGS) {
          add({ ...at, library: "softpool", method, dtype: "float32" });
          if (dtype === "float16") add({ ...at, library: "softpool", method, dtype });
        }
        if (dtype === "float16") continue;
        if (direction === "forward" && memoryWorkload(id, workloads) === id) {
          add({ ...at, library: "memory", method: "read", dtype });
          add({ ...at, library: "memory", method: "copy", dtype });
        }
        // ONNX Runtime pools channels-first tensors only and has no gradients.
        if (direction === "forward" && layout !== "NHWC") {
          add({ ...at, library: "onnxruntime", method: "average", dtype });
          add({ ...at, library: "onnxruntime", method: "maximum", dtype });
        }
        for (const method of POOLINGS) add({ ...at, library: "pytorch", method, dtype });
      }
    }
  }
  return list;
}

/**
 * Number of elements of the largest input and the largest output of some workloads.
 * @param {readonly string[]} ids letters
 */
export function largest(ids) {
  const works = ids.map(workload);
  return {
    input: Math.max(...works.map((work) => elements(work.shape))),
    output: Math.max(...works.map((work) => elements(outputShape(work)))),
  };
}
