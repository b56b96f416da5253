/**
 * Reading and copying the bytes of a workload's input: what any pooling of it costs at least. The loops
 * are WebAssembly SIMD (`assembly/memory.ts`) on shared memory, each of two threads works on one half.
 * As in the poolings' calls, what a cache can hold is there from the call before.
 */
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { readNumbers } from "./data.js";
import { DONE, GENERATION, instantiate, READY } from "./memory-thread.js";
import { inputBytes } from "./variants.js";

const PAGE = 65536;

/**
 * Reading or copying as a subject. Both check themselves, before the timing.
 * @param {import("./subject.js").Task} task
 * @returns {Promise<import("./subject.js").Subject>}
 */
export async function memorySubject({ variant, source, memoryModule }) {
  const bytes = inputBytes(variant.workload);
  const from = PAGE;
  const to = from + bytes;
  const copies = variant.method === "copy";
  const pages = Math.ceil((copies ? to + bytes : to) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = new WebAssembly.Module(readFileSync(memoryModule));
  const kernels = instantiate(module, memory);
  readNumbers(source.path, 0, new Float32Array(memory.buffer, from, bytes / 4));

  const { threads } = variant;
  if (threads > 2) throw new RangeError(`memory: threads: expected 1 or 2, received ${threads}`);
  const part = bytes / threads;
  if (part % 128 !== 0) throw new RangeError(`memory: ${bytes} bytes are not whole steps`);
  const control = new Int32Array(memory.buffer, 0, 8);
  /** @param {number} index */
  const job = (index) => ({ copies, from: from + index * part, to: to + index * part, part });
  /** @type {(index: number) => number} */
  const work = (index) => kernels.run(job(index));
  if (threads === 2) {
    const worker = new Worker(new URL("./memory-thread.js", import.meta.url), {
      workerData: { module, memory, job: job(1) },
    });
    worker.unref();
    while (Atomics.load(control, READY) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  let sum = 0;
  const call = () => {
    let generation = 0;
    if (threads === 2) {
      generation = Atomics.add(control, GENERATION, 1) + 1;
      Atomics.notify(control, GENERATION);
    }
    sum = work(0);
    if (threads === 2) {
      while (Atomics.load(control, DONE) !== generation);
      sum = (sum + Atomics.load(control, DONE + 1)) | 0;
    }
  };
  call();
  verify(new Int32Array(memory.buffer, from), bytes / 4, copies ? null : sum);
  return { call, result: () => null };
}

/**
 * Fails when the sum is not that of the words, or, for a copy, when the words do not repeat.
 * @param {Int32Array} words
 * @param {number} count
 * @param {number | null} sum
 */
function verify(words, count, sum) {
  let right = 0;
  for (let i = 0; i < count; i++) {
    if (sum !== null) right = (right + words[i]) | 0;
    else if (words[i] !== words[count + i]) throw new Error(`memory: word ${i} was not copied`);
  }
  if (sum !== null && right !== sum) throw new Error(`memory: read ${sum} instead of ${right}`);
}
