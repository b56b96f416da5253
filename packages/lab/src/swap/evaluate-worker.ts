/** Evaluates models on the reference evaluator, in a thread that can be stopped. */
import { parentPort, workerData } from "node:worker_threads";
import { evaluate, readModel } from "@softpool/onnx";
import { fromRun, type RunTensor, toRun } from "@softpool/onnx/session-node";

const { models, feeds } = workerData as {
  models: Uint8Array[];
  feeds: Record<string, RunTensor>;
};

try {
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, fromRun(feed)]),
  );
  const outputs = models.map((bytes) => {
    const results = evaluate(readModel(bytes), inputs);
    return Object.fromEntries(
      Object.entries(results).map(([name, result]) => [name, toRun(result)]),
    );
  });
  parentPort?.postMessage({ outputs });
} catch (error) {
  parentPort?.postMessage({ error: (error as Error).message });
}
