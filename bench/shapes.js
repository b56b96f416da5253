/** Workloads as the poolings see them: window options and the shape of the output. */
import { pooledShape } from "softpool";

/**
 * The window of a workload as options of this project's poolings.
 * @param {import("./workloads.js").Workload} work
 */
export function windowOf({ kernelSize, stride, padding, layout }) {
  return { kernelSize, stride, padding, layout };
}

/**
 * Shape of a workload's output.
 * @param {import("./workloads.js").Workload} work
 * @returns {number[]}
 */
export function outputShape(work) {
  return pooledShape(work.rank === 3 ? "3d" : "2d", work.shape, windowOf(work));
}
