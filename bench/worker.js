/**
 * The fresh process of one variant: `node worker.js TASK`, TASK as JSON. Computes once, writes the
 * result for the check where asked, times, and prints `{ "times": [...] }` in milliseconds.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { endsOfBatch } from "./data.js";
import { measure } from "./subject.js";
import { workload } from "./workloads.js";

/**
 * Only the library that is measured is loaded.
 * @param {import("./subject.js").Task} task
 * @returns {Promise<import("./subject.js").Subject>}
 */
async function subjectOf(task) {
  const { library } = task.variant;
  if (library === "softpool") return (await import("./ours.js")).softpoolSubject(task);
  if (library === "memory") return (await import("./memory.js")).memorySubject(task);
  if (library === "onnxruntime") return (await import("./onnxruntime.js")).onnxruntimeSubject(task);
  throw new RangeError(`worker: ${library} does not run in Node`);
}

/**
 * @param {string} path
 * @param {Float32Array | Uint16Array} result
 * @param {number} batch
 */
function writeEnds(path, result, batch) {
  const file = openSync(path, "w");
  for (const [start, end] of endsOfBatch(result.length, batch)) {
    const part = result.slice(start, end);
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  }
  closeSync(file);
}

try {
  /** @type {import("./subject.js").Task} */
  const task = JSON.parse(process.argv[2]);
  const subject = await subjectOf(task);
  if (task.check !== null) {
    await subject.call();
    const result = subject.result();
    if (result !== null) writeEnds(task.check, result, workload(task.variant.workload).shape[0]);
  }
  const times = await measure(subject.call, task.warmup, task.milliseconds);
  process.stdout.write(`${JSON.stringify({ times })}\n`, () => process.exit(0));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
