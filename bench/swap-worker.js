/**
 * The process of one model of the swap: `swap-worker.js JOB`, started with `fork`, JOB as JSON. Makes one
 * session with ONNX Runtime's own settings, says `{ result }`, and then answers every
 * `{ milliseconds }` with `{ times }` of its calls in that time.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { readModel, writeModel } from "@softpool/onnx";
import { endsOfBatch, normalNumbers } from "./data.js";
import { inForm, THREADS } from "./swap-cases.js";
import { elements } from "./workloads.js";

/**
 * What a process runs.
 * @typedef {object} Job
 * @property {string} model file of the original model
 * @property {import("./swap-cases.js").Form} form what is made of it
 * @property {number[]} shape shape of the input
 * @property {boolean} checked whether the first and last picture of the result are said
 */

/**
 * What it says.
 * @typedef {object} Said
 * @property {Float32Array | null} [result] first and last picture of the result
 * @property {number[]} [times] milliseconds of each call
 * @property {string} [error] what went wrong
 */

// The first call allocates, the second may again, now that ONNX Runtime knows the sizes.
const WARM_CALLS = 2;

/** @param {Said} said */
const say = (said) => process.send?.(said);

/**
 * The session of a job and its input, as a call.
 * @param {Job} job
 * @returns {Promise<() => Promise<Float32Array>>}
 */
async function prepare({ model, form, shape }) {
  const ort = createRequire(import.meta.url)("onnxruntime-node");
  const bytes = writeModel(inForm(readModel(readFileSync(model)), form));
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: THREADS,
    interOpNumThreads: 1,
  });
  const data = new Float32Array(elements(shape));
  normalNumbers()(data);
  const feeds = { x: new ort.Tensor("float32", data, shape) };
  return async () => (await session.run(feeds))[session.outputNames[0]].data;
}

/**
 * Calls for some time; the first call, which finds threads asleep and caches cold, counts only when it
 * is the only one.
 * @param {() => Promise<unknown>} call
 * @param {number} milliseconds
 * @returns {Promise<number[]>} milliseconds of the calls that count
 */
async function timeCalls(call, milliseconds) {
  const times = [];
  const begin = performance.now();
  do {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  } while (performance.now() - begin < milliseconds);
  return times.length > 1 ? times.slice(1) : times;
}

/**
 * @param {Float32Array} result
 * @param {number} batch
 */
function ends(result, batch) {
  const parts = endsOfBatch(result.length, batch).map(([start, end]) => result.slice(start, end));
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** @param {unknown} error */
function fail(error) {
  const text = error instanceof Error ? error.message : String(error);
  process.send?.({ error: text.trim().split("\n")[0] }, () => process.exit(1));
}

try {
  /** @type {Job} */
  const job = JSON.parse(process.argv[2]);
  const call = await prepare(job);
  let result = await call();
  for (let calls = 1; calls < WARM_CALLS; calls++) result = await call();
  process.on("message", (/** @type {{ milliseconds: number }} */ { milliseconds }) => {
    timeCalls(call, milliseconds).then((times) => say({ times }), fail);
  });
  say({ result: job.checked ? ends(result, job.shape[0]) : null });
} catch (error) {
  fail(error);
}
