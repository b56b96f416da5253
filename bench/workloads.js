/**
 * What is measured: five workloads that networks have, as tensors of float32 in one of two layouts.
 *
 * A, C: the activation after the stem of a network for 224x224 pictures, halved. B, D: the 3x3 window
 * with stride 2 and padding 1 of residual networks. E: a clip of 16 frames, halved on all three axes.
 */

/**
 * One workload.
 * @typedef {object} Workload
 * @property {string} id letter
 * @property {"NCHW" | "NHWC" | "NCDHW"} layout order of the axes of `shape`
 * @property {number[]} shape shape of the input
 * @property {2 | 3} rank number of spatial axes
 * @property {number} kernelSize taps per axis
 * @property {number} stride distance of neighbouring windows
 * @property {number} padding taps added on both sides, which do not exist for the pooling
 */

/** @type {readonly Workload[]} */
export const WORKLOADS = [
  plane("A", "NCHW", [8, 64, 224, 224], 2, 2, 0),
  plane("B", "NCHW", [8, 64, 112, 112], 3, 2, 1),
  plane("C", "NHWC", [8, 224, 224, 64], 2, 2, 0),
  plane("D", "NHWC", [8, 112, 112, 64], 3, 2, 1),
  { ...plane("E", "NCDHW", [2, 64, 16, 56, 56], 2, 2, 0), rank: 3 },
];

/**
 * @param {string} id
 * @param {Workload["layout"]} layout
 * @param {number[]} shape
 * @param {number} kernelSize
 * @param {number} stride
 * @param {number} padding
 * @returns {Workload}
 */
function plane(id, layout, shape, kernelSize, stride, padding) {
  return { id, layout, shape, rank: 2, kernelSize, stride, padding };
}

/**
 * The workload with an id.
 * @param {string} id
 * @returns {Workload}
 */
export function workload(id) {
  const found = WORKLOADS.find((entry) => entry.id === id);
  if (found === undefined) throw new RangeError(`workload: no workload ${id}`);
  return found;
}

/**
 * Number of elements of a shape.
 * @param {readonly number[]} shape
 * @returns {number}
 */
export function elements(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * A workload in words: layout, shape and window.
 * @param {Workload} work
 * @returns {string}
 */
export function describeWorkload(work) {
  const padding = work.padding > 0 ? `, padding ${work.padding}` : "";
  const window = `kernel ${work.kernelSize}, stride ${work.stride}${padding}`;
  return `${work.layout} [${work.shape.join(", ")}], ${window}`;
}
