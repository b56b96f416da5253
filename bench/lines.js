/** A program that is asked and answers in lines of JSON. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const TIME_LIMIT = 240_000;

/** The program in a process of its own. */
export class LineProcess {
  /**
   * @param {string} command
   * @param {string[]} args
   * @param {{ env?: NodeJS.ProcessEnv, signal: AbortSignal }} options `signal` ends it
   */
  constructor(command, args, { env, signal }) {
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env, signal });
    this.errors = "";
    this.child.stderr.on("data", (chunk) => {
      this.errors = `${this.errors}${chunk}`.slice(-20_000);
    });
    // The missing answer tells.
    this.child.on("error", () => {});
    this.child.stdin.on("error", () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * The next line.
   * @returns {Promise<any>}
   * @throws Error when it is an error, or when there is none
   */
  async answer() {
    const late = setTimeout(() => this.child.kill("SIGKILL"), TIME_LIMIT);
    try {
      const { done, value } = await this.lines.next();
      if (done) throw new Error(this.reason());
      const said = JSON.parse(value);
      if (said.error !== undefined) throw new Error(said.error);
      return said;
    } finally {
      clearTimeout(late);
    }
  }

  /** Why there is no answer: the last thing that looks like an error. */
  reason() {
    const lines = this.errors.trim().split("\n");
    const error = lines.findLast((line) => line.includes("Error"));
    return error || lines[lines.length - 1] || "its process ended without an answer";
  }

  /**
   * Asks.
   * @param {object} question
   * @returns {Promise<any>} the answer
   */
  ask(question) {
    this.child.stdin.write(`${JSON.stringify(question)}\n`);
    return this.answer();
  }

  /** Ends the process. */
  stop() {
    this.child.kill();
  }
}
