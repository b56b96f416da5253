/**
 * Worker threads that share the WebAssembly memory. They are started on the first call that can use
 * them and sleep in `Atomics.wait` between jobs; no call waits for them to start, since whoever is
 * awake takes the tasks. They do not keep a process alive.
 */
import { getRuntime, type Runtime } from "./memory.ts";

/** Address of the control words (see `serve` in assembly/index.ts), in the memory's first page. */
const CONTROL = 61440;
const GENERATION = 0;
const JOB = 1;
const WANTED = 2;
const ACTIVE = 3;
const READY = 4;
/** Word of a job that holds the number of its next task. */
const NEXT = 21;
const TASKS = 19;

/** The default number of threads is at most this. */
const MOST = 16;

let started = 0;
let failed = false;
let open = false;

interface NodeProcess {
  versions?: { node?: string };
  getBuiltinModule?: (name: string) => unknown;
}

const nodeProcess = (globalThis as { process?: NodeProcess }).process;

/** A built-in module of Node, or `undefined` elsewhere: nothing for a bundler to resolve. */
function builtin<T>(name: string): T | undefined {
  return nodeProcess?.versions?.node === undefined
    ? undefined
    : (nodeProcess.getBuiltinModule?.(name) as T | undefined);
}

/** The number of processors, up to 16. */
export function defaultThreads(): number {
  const os = builtin<{ availableParallelism(): number }>("node:os");
  const count = os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(MOST, count));
}

/** Whether threads can share the memory here. */
export function canShare(): boolean {
  if (failed || !getRuntime().shared) return false;
  // Without cross-origin isolation a page has no shared memory to give to a worker.
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
}

/** Whether this thread may wait: not the main thread of a page. */
export function canWait(): boolean {
  try {
    Atomics.wait(words(getRuntime()), READY, -1, 0);
    return true;
  } catch {
    return false;
  }
}

function words({ memory }: Runtime): Int32Array {
  return new Int32Array(memory.buffer, CONTROL, 8);
}

/** How a worker starts: it instantiates the module on the shared memory and serves. */
const SERVE =
  "new WebAssembly.Instance(d.module,{env:{memory:d.memory,pow:Math.pow}})" +
  ".exports.serve(d.control,d.thread)";

interface NodeWorker {
  unref(): void;
  on(event: "error", listener: () => void): void;
}

interface WorkerThreads {
  Worker: new (code: string, options: object) => NodeWorker;
}

function startWorker(data: object): void {
  const threads = builtin<WorkerThreads>("node:worker_threads");
  if (threads !== undefined) {
    const code = `const d=require("node:worker_threads").workerData;${SERVE}`;
    const worker = new threads.Worker(code, { eval: true, workerData: data, execArgv: [] });
    worker.on("error", () => {
      failed = true;
    });
    worker.unref();
    return;
  }
  const blob = new Blob([`onmessage=({data:d})=>{${SERVE}}`], { type: "text/javascript" });
  const url = URL.createObjectURL(blob);
  const worker = new Worker(url, { name: "softpool" });
  worker.onerror = () => {
    failed = true;
  };
  worker.postMessage(data);
}

/** Starts workers until there are `count`. Where that is forbidden there will be none. */
function startWorkers(count: number): void {
  const { module, memory } = getRuntime();
  while (started < count && !failed) {
    try {
      started++;
      startWorker({ module, memory, control: CONTROL, thread: started });
    } catch {
      failed = true;
    }
  }
}

function publish(control: Int32Array, job: number, workers: number): void {
  open = true;
  Atomics.store(control, WANTED, workers);
  Atomics.store(control, JOB, job);
  Atomics.add(control, GENERATION, 1);
  Atomics.notify(control, GENERATION);
}

/**
 * Runs a job to its end on this thread and up to `threads - 1` workers.
 * @param job address of the job
 * @param threads most threads, for which the job has scratch memory
 */
export function runJob(job: number, threads: number): void {
  const { kernels } = getRuntime();
  if (threads === 1 || open || !canShare() || !canWait()) {
    kernels.work(job, 0);
    return;
  }
  startWorkers(threads - 1);
  publish(words(getRuntime()), job, threads - 1);
  try {
    kernels.work(job, 0);
  } finally {
    kernels.finish(CONTROL);
    open = false;
  }
}

/** Ends when a word changes or `milliseconds` have passed. */
async function change(array: Int32Array, index: number, value: number): Promise<void> {
  const { waitAsync } = Atomics as unknown as {
    waitAsync?: (a: Int32Array, i: number, v: number, t: number) => { value: unknown };
  };
  if (waitAsync === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  else await waitAsync(array, index, value, 20).value;
}

/** The last asynchronous job: they run one after the other. */
let queue: Promise<void> = Promise.resolve();

/**
 * Runs a job to its end on up to `threads` workers while this thread goes on; on this thread where
 * it is small, where there are no workers, or where none has started yet. The job has scratch memory
 * for one thread more than `threads`.
 */
export function runJobAsync(job: number, threads: number): Promise<void> {
  queue = queue.then(async () => {
    const { kernels } = getRuntime();
    const control = words(getRuntime());
    if (threads > 1 && canShare()) startWorkers(threads);
    if (threads === 1 || !canShare() || Atomics.load(control, READY) === 0) {
      kernels.work(job, 0);
      return;
    }
    publish(control, job, threads);
    // Neither a sleeping worker nor a wait keeps Node's event loop alive.
    const alive = setInterval(() => {}, 1000);
    const state = new Int32Array(getRuntime().memory.buffer, job, 32);
    try {
      for (;;) {
        const active = Atomics.load(control, ACTIVE);
        if (Atomics.load(state, NEXT) >= Atomics.load(state, TASKS)) {
          Atomics.store(control, JOB, 0);
          if (Atomics.load(control, ACTIVE) === 0) return;
        }
        await change(control, ACTIVE, active);
      }
    } finally {
      clearInterval(alive);
      open = false;
    }
  });
  return queue;
}

/** Workers that have been started. */
export function startedWorkers(): number {
  return started;
}
