/** Starts the fresh process of a task, watches its memory, and takes its answer. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { plain } from "../errors.ts";
import { memoryBytes } from "./machine.ts";
import type { Answer, LatencyTask } from "./task.ts";

/** The built worker: from the sources, which tests import, the one of the last build. */
const SCRIPT = fileURLToPath(
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/latency/worker.js", import.meta.url)
    : new URL("./worker.js", import.meta.url),
);

/** The share of the memory that a process may take. */
const SHARE = 0.8;
/** Milliseconds between two looks at its memory. */
const LOOK = 20;
/** Milliseconds after which a process is given up. */
const LIMIT = 900_000;

/** Bytes of memory that are free for a process now. */
function available(): number {
  const free = (process as { availableMemory?: () => number }).availableMemory?.();
  return free === undefined || free === 0 ? Number.POSITIVE_INFINITY : free;
}

/** Resident bytes of a process; 0 where that cannot be seen. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}

const inGiB = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** What is said where a task's memory is not there; what lies within the machine's may work another time. */
function tooMuch(bytes: number, most: number): Answer {
  const whole = SHARE * memoryBytes();
  if (bytes >= whole) {
    return {
      kind: "absent",
      reason: `does not fit: it takes more than ${inGiB(whole)}, ${100 * SHARE} % of the memory`,
    };
  }
  return {
    kind: "failed",
    error: `a cell takes more than the ${inGiB(most)} that are free now; the same command tries it again`,
  };
}

/**
 * Runs a task in a fresh process.
 * @param task what to do
 * @param needed bytes that it takes at least; more than the machine has are not tried
 */
export function runTask(task: LatencyTask, needed: number): Promise<Answer> {
  const whole = SHARE * memoryBytes();
  const most = Math.min(whole, SHARE * available());
  if (needed > most) return Promise.resolve(tooMuch(needed, most));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--expose-gc", SCRIPT, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LIMIT,
      killSignal: "SIGKILL",
    });
    let [out, errors] = ["", ""];
    let over: number | undefined;
    const watch = setInterval(() => {
      const bytes = child.pid === undefined ? 0 : residentBytes(child.pid);
      if (bytes <= most || over !== undefined) return;
      over = bytes;
      child.kill("SIGKILL");
    }, LOOK);
    const end = (answer: Answer) => {
      clearInterval(watch);
      resolve(answer);
    };
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors = `${errors}${chunk}`.slice(-10_000);
    });
    child.on("error", (error) => end({ kind: "failed", error: plain(error.message) }));
    child.on("close", (code, killer) => {
      if (over !== undefined) return end(tooMuch(over, most));
      try {
        return end(JSON.parse(out.trim().split("\n").at(-1) ?? "") as Answer);
      } catch {
        const said = errors.trim().split("\n").at(-1) ?? "";
        const how = killer === null ? `exit code ${code}` : killer;
        const reason = said === "" ? how : `${how}, ${plain(said)}`;
        return end({
          kind: "failed",
          error: `the process of a cell ended without result: ${reason}`,
        });
      }
    });
  });
}
