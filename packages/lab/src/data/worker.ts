/** A thread of a loader's pool: takes jobs, gives results, one at a time, until it is told to end. */
import { parentPort, workerData } from "node:worker_threads";
import sharp from "sharp";
import { type Job, runJob, type Setup } from "./job.ts";

const setup = workerData as Setup;

// Pictures are decoded side by side already; nothing is asked for twice.
sharp.concurrency(1);
sharp.cache(false);

parentPort?.on("message", async (job: Job | "end") => {
  if (job === "end") {
    parentPort?.close();
    return;
  }
  try {
    const result = await runJob(setup, job);
    parentPort?.postMessage(result, [result.data.buffer]);
  } catch (error) {
    parentPort?.postMessage({ error: (error as Error).message });
  }
});
