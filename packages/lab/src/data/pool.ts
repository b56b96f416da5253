/** Threads that prepare pictures: jobs go to the first one that is free, in the order they were given. */
import { Worker } from "node:worker_threads";
import { Failure } from "../errors.ts";
import { type Job, type Result, runJob, type Setup } from "./job.ts";
import type { Keep } from "./keep.ts";
import type { Transform } from "./transforms.ts";

/** The built thread: from the sources, which tests import, the one of the last build. */
const SCRIPT = import.meta.url.endsWith(".ts")
  ? new URL("../../dist/data/worker.js", import.meta.url)
  : new URL("./worker.js", import.meta.url);

/** Something that runs one job at a time. */
interface Runner {
  run(job: Job): Promise<Result>;
  end(): Promise<void>;
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread as a runner; it keeps the process alive only while it works. */
function threadRunner(setup: Setup): Runner {
  const worker = new Worker(SCRIPT, { workerData: setup });
  worker.unref();
  let current: Omit<Waiting, "job"> | undefined;
  let failed: Failure | undefined;
  let ending = false;
  const settle = (act: (waiting: Omit<Waiting, "job">) => void) => {
    const waiting = current;
    current = undefined;
    // Whoever waits for the end must not see the process go before it.
    if (!ending) worker.unref();
    if (waiting !== undefined) act(waiting);
  };
  const fail = (why: string) => {
    failed ??= new Failure(`a thread that prepares pictures ended: ${why}`);
    settle(({ reject }) => reject(failed));
  };
  const exited = new Promise<void>((resolve) => {
    worker.on("exit", (code) => {
      fail(`exit code ${code}`);
      resolve();
    });
  });
  worker.on("error", (error) => fail(error.message));
  worker.on("message", (message: Result | { error: string }) => {
    settle(({ resolve, reject }) => {
      if ("error" in message) reject(new Failure(message.error));
      else resolve(message);
    });
  });
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) {
          reject(failed);
          return;
        }
        current = { resolve, reject };
        worker.ref();
        worker.postMessage(job);
      }),
    end: async () => {
      ending = true;
      worker.ref();
      worker.postMessage("end");
      await exited;
    },
  };
}

/** A pool of threads; without threads, jobs run in this one. */
export class Pool {
  readonly #setup: Setup;
  readonly #runners: Runner[];
  readonly #idle: Runner[];
  readonly #waiting: Waiting[] = [];
  #closing: Promise<void> | undefined;

  /**
   * @param transform what is done to each picture
   * @param seed seed of the run
   * @param threads how many; 0 for none
   * @param keep where decoded pictures are kept; undefined for nowhere
   */
  constructor(transform: Transform, seed: number, threads: number, keep?: Keep) {
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const setup: Setup = { transform, seed, keep, stop };
    this.#setup = setup;
    const here: Runner = { run: (job) => runJob(setup, job), end: async () => {} };
    this.#runners =
      threads === 0 ? [here] : Array.from({ length: threads }, () => threadRunner(setup));
    this.#idle = [...this.#runners];
  }

  /**
   * Runs a job when a thread is free.
   * @throws Failure when the pool was closed, a thread ended, or no picture could be read
   */
  run(job: Job): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    while (this.#waiting.length > 0) {
      if (this.#closing !== undefined) {
        this.#waiting.shift()?.reject(new Failure("the loader was closed"));
        continue;
      }
      const runner = this.#idle.pop();
      if (runner === undefined) return;
      const { job, resolve, reject } = this.#waiting.shift() as Waiting;
      // A job that was stopped is incomplete, or failed because of it.
      const closed = () => this.#closing !== undefined && new Failure("the loader was closed");
      runner
        .run(job)
        .then((result) => {
          const failure = closed();
          if (failure) reject(failure);
          else resolve(result);
        })
        .catch((error) => reject(closed() || error))
        .finally(() => {
          this.#idle.push(runner);
          this.#start();
        });
    }
  }

  /** Stops between two pictures and ends the threads; jobs that wait or run are refused. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      Atomics.store(this.#setup.stop, 0, 1);
      this.#closing = Promise.all(this.#runners.map((runner) => runner.end())).then(() => {});
      this.#start();
    }
    return this.#closing;
  }
}
