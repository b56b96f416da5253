/**
 * The process that runs PyTorch's variants (`pytorch.py`): found, started, asked, and started again
 * where it ends after a task.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./pytorch.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3", "python"];

/**
 * PyTorch allocates every result. glibc would return that memory to the system after each call and
 * fetch it anew; with these it keeps it, which is faster.
 */
export const KEEP_MEMORY = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "100000000000",
  MALLOC_TOP_PAD_: "1000000",
};

/**
 * What the process says first.
 * @typedef {{ torch: string, python: string }} Versions
 */

/**
 * An answer: times of the calls in milliseconds, or what went wrong.
 * @typedef {{ times: number[] } | { error: string }} Answer
 */

/** PyTorch in a process of its own. */
export class PyTorch {
  /** @param {string} python */
  constructor(python) {
    this.python = python;
    /** @type {import("node:child_process").ChildProcess | null} */
    this.child = null;
    /** @type {AsyncIterator<string> | null} */
    this.lines = null;
    this.stopped = false;
  }

  /**
   * The first Python that has PyTorch.
   * @returns {Promise<{ pytorch: PyTorch, versions: Versions } | null>} `null` when there is none
   */
  static async find() {
    for (const python of PYTHONS) {
      const pytorch = new PyTorch(python);
      const versions = await pytorch.start();
      if (versions !== null) return { pytorch, versions };
    }
    return null;
  }

  /**
   * Starts the process.
   * @returns {Promise<Versions | null>} `null` when it does not come up
   */
  async start() {
    const child = spawn(this.python, [SCRIPT], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, ...KEEP_MEMORY },
    });
    // Without the program, or after its end, writing fails; the missing answer tells.
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.on("exit", () => {
      if (this.child === child) this.child = null;
    });
    this.child = child;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return this.next();
  }

  /**
   * The next line of the process as JSON.
   * @returns {Promise<any>} `null` when it has ended
   */
  async next() {
    const line = await this.lines?.next();
    if (line === undefined || line.done) return null;
    return JSON.parse(line.value);
  }

  /**
   * Runs a task.
   * @param {object} task a task of `subject.js`, with `work` (the workload) and `outShape`
   * @returns {Promise<Answer>}
   */
  async ask(task) {
    // A process that ended after its last task may not be known to have ended yet: then a second try.
    for (let attempt = 0; attempt < 2 && !this.stopped; attempt++) {
      if (this.child === null && (await this.start()) === null) break;
      this.child?.stdin?.write(`${JSON.stringify(task)}\n`);
      const answer = await this.next();
      if (answer !== null) return answer;
      this.child = null;
    }
    return { error: `${this.python} ended without an answer` };
  }

  /** Ends the process for good. */
  stop() {
    this.stopped = true;
    this.child?.kill();
    this.child = null;
  }
}
