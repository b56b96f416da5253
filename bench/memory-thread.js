/** The second thread of `memory.js`: sleeps until a generation begins, works on its half, says so. */
import { isMainThread, workerData } from "node:worker_threads";

/** Word of the control area: number of the present job; the thread sleeps on it. */
export const GENERATION = 0;
/** Word: last generation that the thread has done; the next word is its sum. */
export const DONE = 1;
/** Word: 1 when the thread is there. */
export const READY = 3;

/**
 * One half: bytes to read or to copy.
 * @typedef {object} Half
 * @property {boolean} copies copy instead of read
 * @property {number} from address
 * @property {number} to address of the copy
 * @property {number} part number of bytes
 */

/**
 * Instantiates the loops on a memory.
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 */
export function instantiate(module, memory) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const read = /** @type {(from: number, to: number) => number} */ (exports.read);
  const copy = /** @type {(from: number, to: number, bytes: number) => void} */ (exports.copy);
  return {
    /**
     * Reads and returns the sum, or copies and returns 0.
     * @param {Half} half
     */
    run({ copies, from, to, part }) {
      if (!copies) return read(from, from + part);
      copy(from, to, part);
      return 0;
    },
  };
}

if (!isMainThread && workerData?.module !== undefined) {
  const { module, memory, job } = workerData;
  const control = new Int32Array(memory.buffer, 0, 8);
  const kernels = instantiate(module, memory);
  let generation = 0;
  Atomics.store(control, READY, 1);
  for (;;) {
    Atomics.wait(control, GENERATION, generation);
    generation = Atomics.load(control, GENERATION);
    Atomics.store(control, DONE + 1, kernels.run(job));
    Atomics.store(control, DONE, generation);
  }
}
