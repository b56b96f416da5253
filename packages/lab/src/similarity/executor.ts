/**
 * Does the cells of a similarity study in threads, one group a thread. While all of them work, the picture
 * of one more group is decoded.
 */
import { availableParallelism } from "node:os";
import { Worker as Thread } from "node:worker_threads";
import { decodeFile, MOST_PIXELS, tooLarge } from "../compare/load.ts";
import { Failure, plain } from "../errors.ts";
import type { Cell, Group } from "../study/cell.ts";
import type { Executor, Report } from "../study/run.ts";
import { chart } from "./pictures.ts";
import type { PictureGroup } from "./plan.ts";
import type { CellTask, PictureTask, Task, ThreadMessage, ThreadSetup } from "./task.ts";

/** The built thread: from the sources, which tests import, the one of the last build. */
const SCRIPT = import.meta.url.endsWith(".ts")
  ? new URL("../../dist/similarity/thread.js", import.meta.url)
  : new URL("./thread.js", import.meta.url);

/** Threads of a study; default one for every processor, at most 16. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(16, availableParallelism()));
}

/** A thread that does one task at a time. */
class Runner {
  readonly #thread: Thread;
  #failed: string | undefined;
  #message: (message: ThreadMessage) => void = () => {};
  readonly #exited: Promise<void>;

  constructor(setup: ThreadSetup) {
    this.#thread = new Thread(SCRIPT, { workerData: setup });
    this.#thread.on("message", (message: ThreadMessage) => this.#message(message));
    this.#thread.on("error", (error) => this.#fail(plain(error.message)));
    this.#exited = new Promise((resolve) => {
      this.#thread.on("exit", (code) => {
        this.#fail(`exit code ${code}`);
        resolve();
      });
    });
  }

  /** Whether it can do another task. */
  get alive(): boolean {
    return this.#failed === undefined;
  }

  #fail(why: string): void {
    this.#failed ??= `a thread of the study ended: ${why}`;
    this.#message({ end: true, error: this.#failed });
  }

  /** Does a task; every cell's reply goes to `reply`. */
  run(task: Task, reply: (message: Exclude<ThreadMessage, { end: true }>) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) {
        reject(new Failure(this.#failed));
        return;
      }
      this.#message = (message) => {
        if (!("end" in message)) reply(message);
        else if (message.error === undefined) resolve();
        else reject(new Failure(message.error));
      };
      const transfer = task.kind === "picture" ? [task.decoded.pixels] : [];
      this.#thread.postMessage(task, transfer);
    });
  }

  async end(): Promise<void> {
    this.#thread.postMessage("end");
    await this.#exited;
  }
}

const taskOf = ({ name, config, seed = 0 }: Cell): CellTask => ({ name, config, seed });

/** The executor of similarity studies. */
export class SimilarityExecutor implements Executor {
  /** Groups in work at a time: one for every thread, and one that is being decoded. */
  readonly lanes: number;
  readonly #setup: ThreadSetup;
  readonly #threads: number;
  #made = 0;
  readonly #idle: Runner[] = [];
  readonly #waiting: ((runner: Runner) => void)[] = [];

  /**
   * @param folder the folder of the study
   * @param threads how many groups are measured at a time; default one for every processor
   */
  constructor(folder: string, threads: number = defaultThreads()) {
    this.#setup = { folder, stop: new Int32Array(new SharedArrayBuffer(4)) };
    this.#threads = threads;
    this.lanes = threads + 1;
  }

  /** Measures cells of a group. */
  async run(
    group: Group,
    cells: readonly Cell[],
    report: Report,
    stop: () => boolean,
  ): Promise<void> {
    const task = await this.#taskOf(group as PictureGroup, cells);
    if (stop()) return;
    const byName = new Map(cells.map((cell) => [cell.name, cell]));
    const runner = await this.#take();
    // Threads look at a number that they share: between cells, stopping takes one question a while.
    const watch = setInterval(() => {
      if (stop()) Atomics.store(this.#setup.stop, 0, 1);
    }, 50);
    try {
      if (!stop()) {
        await runner.run(task, ({ name, ...reply }) => {
          const cell = byName.get(name);
          if (cell !== undefined) report(cell, reply);
        });
      }
    } finally {
      clearInterval(watch);
      this.#give(runner);
    }
  }

  async #taskOf({ work }: PictureGroup, cells: readonly Cell[]): Promise<Task> {
    if (work.kind === "fit")
      return { kind: "fit", pictures: work.pictures, cells: cells.map(taskOf) };
    const { picture } = work;
    const title = picture.path ?? picture.name;
    const decoded = await this.#decode(picture.path, picture.pixels);
    return { kind: "picture", title, decoded, cells: cells.map(taskOf) };
  }

  async #decode(path: string | undefined, pixels: number): Promise<PictureTask["decoded"]> {
    if (path !== undefined) {
      if (pixels > MOST_PIXELS) throw tooLarge(path, pixels);
      return decodeFile(path);
    }
    const { width, height, channels, data } = chart();
    const values = new Uint16Array(data.length);
    const count = width * height;
    for (let i = 0; i < data.length; i++) {
      values[(i % count) * channels + Math.floor(i / count)] = Math.round(data[i] * 65535);
    }
    const format = { width, height, channels: channels as 1 | 3, bits: 16 as const };
    return { format, pixels: values.buffer };
  }

  async #take(): Promise<Runner> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#made < this.#threads) {
      this.#made++;
      return new Runner(this.#setup);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(runner: Runner): void {
    const next = runner.alive ? runner : new Runner(this.#setup);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(next);
    else this.#idle.push(next);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    Atomics.store(this.#setup.stop, 0, 1);
    await Promise.all(this.#idle.map((runner) => runner.end()));
  }
}
