/**
 * What this project wants to reach: times as ratios to a rival's in the same run. A ratio is the median
 * of the rounds' ratios, so that a slow minute of the machine, which slows both, does not count.
 */
import { median } from "./stats.js";
import { DIRECTIONS, memoryWorkload, POOLINGS, variantId } from "./variants.js";
import { WORKLOADS } from "./workloads.js";

/**
 * One demand.
 * @typedef {object} Target
 * @property {string} name what is compared
 * @property {string} ours name of the variant that is demanded to be fast
 * @property {string} rival name of the variant it is compared with
 * @property {number} limit largest ratio of the times
 */

/**
 * A demand and what came of it.
 * @typedef {object} Outcome
 * @property {string} name what is compared
 * @property {number} limit largest ratio that meets the target; with `least` the smallest
 * @property {boolean} [least] whether the ratio is to be large, one of speeds and not of times
 * @property {number | null} ratio median of the rounds' ratios, `null` when one of the two was not
 *   measured
 * @property {number[]} rounds ratio of each round
 */

/** @type {(workload: string, method: import("./variants.js").Method, direction?: import("./variants.js").Direction) => string} */
const soft = (workload, method, direction = "forward") =>
  variantId({ workload, library: "softpool", method, direction, threads: 2, dtype: "float32" });
/** @type {(library: import("./variants.js").Library, workload: string, method: import("./variants.js").Method, direction?: import("./variants.js").Direction) => string} */
const rival = (library, workload, method, direction = "forward") =>
  variantId({ workload, library, method, direction, threads: 2, dtype: "float32" });

/**
 * The targets of a run, two threads.
 * @param {import("./variants.js").DType} dtype
 * @param {readonly string[]} workloads letters that were measured
 * @returns {Target[]}
 */
function targets(dtype, workloads) {
  if (dtype === "float16") return halfTargets(workloads);
  const a = soft("A", "soft");
  return [
    {
      name: "A soft forward / ONNX Runtime AveragePool",
      ours: a,
      rival: rival("onnxruntime", "A", "average"),
      limit: 0.5,
    },
    {
      name: "A soft forward / PyTorch avg_pool2d",
      ours: a,
      rival: rival("pytorch", "A", "average"),
      limit: 0.35,
    },
    {
      name: "A soft forward / reading the input",
      ours: a,
      rival: rival("memory", memoryWorkload("A", workloads), "read"),
      limit: 2.5,
    },
    {
      name: "B soft forward / ONNX Runtime AveragePool",
      ours: soft("B", "soft"),
      rival: rival("onnxruntime", "B", "average"),
      limit: 1,
    },
    {
      name: "A soft backward / PyTorch avg_pool2d backward",
      ours: soft("A", "soft", "backward"),
      rival: rival("pytorch", "A", "average", "backward"),
      limit: 0.35,
    },
  ];
}

/**
 * Float16 takes at most twice float32's time.
 * @param {readonly string[]} workloads
 * @returns {Target[]}
 */
function halfTargets(workloads) {
  return WORKLOADS.filter(({ id }) => workloads.includes(id)).flatMap(({ id }) =>
    DIRECTIONS.flatMap((direction) =>
      POOLINGS.map((method) => {
        const name = `${id} ${method} ${direction}, float16 / float32`;
        const ours = soft(id, method, direction);
        return { name, ours: ours.replace("float32", "float16"), rival: ours, limit: 2 };
      }),
    ),
  );
}

/**
 * Compares a run with the targets of its workloads.
 * @param {import("./variants.js").DType} dtype
 * @param {readonly string[]} workloads letters that were asked for
 * @param {readonly import("./rounds.js").Measured[]} measured
 * @returns {Outcome[]}
 */
export function outcomes(dtype, workloads, measured) {
  const rounds = new Map(measured.map((entry) => [entry.variant.id, entry.rounds]));
  return targets(dtype, workloads)
    .filter(({ ours }) => workloads.includes(ours[0]))
    .map(({ name, limit, ours, rival: other }) => {
      const mine = rounds.get(ours) ?? [];
      const theirs = rounds.get(other) ?? [];
      const ratios = mine.slice(0, theirs.length).map((time, i) => time / theirs[i]);
      return {
        name,
        limit,
        ratio: ratios.length > 0 ? median(ratios) : null,
        rounds: ratios,
      };
    });
}

/**
 * An outcome in one word or two.
 * @param {Outcome} outcome
 * @returns {"met" | "missed" | "not measured"}
 */
export function verdict({ ratio, limit, least }) {
  if (ratio === null) return "not measured";
  return (least ? ratio >= limit : ratio <= limit) ? "met" : "missed";
}

/**
 * The ratio of an outcome in two digits after the point, or in three where two would contradict the verdict.
 * @param {Outcome} outcome
 * @returns {string} empty when it was not measured
 */
export function ratioText(outcome) {
  const { ratio } = outcome;
  if (ratio === null) return "";
  const short = ratio.toFixed(2);
  const same = verdict({ ...outcome, ratio: Number(short) }) === verdict(outcome);
  return same ? short : ratio.toFixed(3);
}
