/**
 * What every measured library brings: a call to time and its result. The libraries are in `ours.js`,
 * `memory.js`, `onnxruntime.js` and `pytorch.py`.
 */

/**
 * The job of one process: a variant, its numbers, and how long to measure.
 * @typedef {object} Task
 * @property {import("./variants.js").Variant} variant what to time
 * @property {import("./data.js").Source} source the numbers
 * @property {string} memoryModule file with the compiled `assembly/memory.ts`
 * @property {string | null} check file that receives the first and last picture of the result, which is
 *   written before the timing; `null` for none
 * @property {number} warmup milliseconds of calls before the timing
 * @property {number} milliseconds milliseconds of timed calls
 */

/**
 * Something that can be timed.
 * @typedef {object} Subject
 * @property {() => void | Promise<unknown>} call computes once
 * @property {() => Float32Array | Uint16Array | null} result the result of the last call, `null` where
 *   there is none to compare
 */

const LEAST_CALLS = 3;
const MOST_CALLS = 1000;

/**
 * Times a call: warm-up calls first, so that code is compiled and threads are awake, then calls for the
 * given time, at least three.
 * @param {() => void | Promise<unknown>} call
 * @param {number} warmup milliseconds
 * @param {number} milliseconds
 * @returns {Promise<number[]>} milliseconds of every timed call
 */
export async function measure(call, warmup, milliseconds) {
  const warm = performance.now();
  for (let calls = 0; calls < LEAST_CALLS || performance.now() - warm < warmup; calls++) {
    await call();
    // Lets threads start and compilers finish.
    await new Promise((resolve) => setTimeout(resolve, calls < LEAST_CALLS ? 5 : 0));
  }
  const times = [];
  const begin = performance.now();
  while (
    times.length < LEAST_CALLS ||
    (performance.now() - begin < milliseconds && times.length < MOST_CALLS)
  ) {
    const start = performance.now();
    const pending = call();
    if (pending !== undefined) await pending;
    times.push(performance.now() - start);
  }
  return times;
}
