/**
 * onnxruntime-node: AveragePool and MaxPool on its CPU provider, as one-node models whose input and
 * output tensors are allocated once.
 */
import { createRequire } from "node:module";
import { readNumbers } from "./data.js";
import { poolingModel } from "./onnx-model.js";
import { outputShape } from "./shapes.js";
import { elements, workload } from "./workloads.js";

// Not an import: the types exist only once the rivals are installed.
const load = createRequire(import.meta.url);

/**
 * The variant on ONNX Runtime.
 * @param {import("./subject.js").Task} task
 * @returns {Promise<import("./subject.js").Subject>}
 */
export async function onnxruntimeSubject({ variant, source }) {
  const ort = load("onnxruntime-node");
  const work = workload(variant.workload);
  const shape = outputShape(work);
  const operator = variant.method === "average" ? "AveragePool" : "MaxPool";
  const session = await ort.InferenceSession.create(poolingModel(operator, work, shape), {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: variant.threads,
    interOpNumThreads: 1,
  });
  const data = new Float32Array(elements(work.shape));
  readNumbers(source.path, 0, data);
  const out = new Float32Array(elements(shape));
  const feeds = { x: new ort.Tensor("float32", data, work.shape) };
  const fetches = { y: new ort.Tensor("float32", out, shape) };
  return { call: () => session.run(feeds, fetches), result: () => out };
}
