/**
 * This project's poolings: tensors in WebAssembly memory, the result into `out`, as someone would call
 * them who pools more than once.
 */
import * as softpool from "softpool";
import { readNumbers } from "./data.js";
import { outputShape, windowOf } from "./shapes.js";
import { workload } from "./workloads.js";

const { avgPool2d, avgPool3d, maxPool2d, maxPool3d, softPool2d, softPool3d } = softpool;
const FORWARD = {
  2: { soft: softPool2d, average: avgPool2d, maximum: maxPool2d },
  3: { soft: softPool3d, average: avgPool3d, maximum: maxPool3d },
};
const { avgPool2dBackward, maxPool2dBackward, softPool2dBackward } = softpool;
const { avgPool3dBackward, maxPool3dBackward, softPool3dBackward } = softpool;
const BACKWARD = {
  2: { soft: softPool2dBackward, average: avgPool2dBackward, maximum: maxPool2dBackward },
  3: { soft: softPool3dBackward, average: avgPool3dBackward, maximum: maxPool3dBackward },
};

/**
 * A pooling as a function of its tensors.
 * @param {import("./variants.js").Variant} variant
 * @param {softpool.PoolOptions} options
 * @returns {(x: softpool.Tensor, gradient: softpool.Tensor | null) => softpool.Tensor}
 */
function operation({ workload: id, method }, options) {
  if (method === "read" || method === "copy") throw new RangeError(`ours: no pooling ${method}`);
  const { rank } = workload(id);
  return (x, gradient) =>
    gradient === null
      ? FORWARD[rank][method](x, options)
      : BACKWARD[rank][method](gradient, x, options);
}

/**
 * The variant on this project's WebAssembly engine.
 * @param {import("./subject.js").Task} task
 * @returns {import("./subject.js").Subject}
 */
export function softpoolSubject({ variant, source }) {
  const work = workload(variant.workload);
  const { dtype, threads } = variant;
  const x = softpool.empty(work.shape, dtype);
  readNumbers(source.path, 0, x.data);
  const small = softpool.empty(outputShape(work), dtype);
  const forward = variant.direction === "forward";
  if (!forward) readNumbers(source.path, source.gradientOffset, small.data);
  const out = forward ? small : softpool.empty(work.shape, dtype);
  const run = operation(variant, { ...windowOf(work), threads, out });
  return {
    call() {
      run(x, forward ? null : small);
    },
    result: () => out.data,
  };
}

/**
 * What a variant should give: the first and last picture of the batch by the reference engine, which
 * computes in float64.
 * @param {import("./variants.js").Variant} variant
 * @param {import("./data.js").Source} source
 * @returns {Float32Array | Uint16Array}
 */
export function expected(variant, source) {
  const work = workload(variant.workload);
  const batch = work.shape[0];
  const ends = (/** @type {number[]} */ shape, /** @type {number} */ offset) => {
    const each = shape.slice(1).reduce((product, size) => product * size, 1);
    const Data = variant.dtype === "float16" ? Uint16Array : Float32Array;
    const data = new Data(2 * each);
    readNumbers(source.path, offset, data.subarray(0, each));
    readNumbers(source.path, offset + (batch - 1) * each, data.subarray(each));
    return { data, shape: [2, ...shape.slice(1)] };
  };
  const run = operation(variant, { ...windowOf(work), engine: "reference" });
  const gradient =
    variant.direction === "backward" ? ends(outputShape(work), source.gradientOffset) : null;
  return /** @type {Float32Array | Uint16Array} */ (run(ends(work.shape, 0), gradient).data);
}
