/** A thread of a similarity study: takes tasks, one at a time, until it is told to end. */
import { parentPort, workerData } from "node:worker_threads";
import sharp from "sharp";
import { Worker } from "./job.ts";
import type { Task, ThreadMessage, ThreadSetup } from "./task.ts";

// Pictures are decoded side by side already; nothing is asked for twice.
sharp.concurrency(1);
sharp.cache(false);

const worker = new Worker(workerData as ThreadSetup);
const post = (message: ThreadMessage) => parentPort?.postMessage(message);

parentPort?.on("message", async (task: Task | "end") => {
  if (task === "end") {
    parentPort?.close();
    return;
  }
  try {
    if (task.kind === "fit") await worker.fit(task, post);
    else await worker.measure(task, post);
    post({ end: true });
  } catch (error) {
    post({ end: true, error: String((error as Error)?.message ?? error) });
  }
});
