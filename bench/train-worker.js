/**
 * The process of one training step of this project: `train-worker.js CASE`, CASE as JSON. Builds the step,
 * makes a session with ONNX Runtime's own settings, runs some steps and says `{ parameters }`. Then it
 * answers lines of JSON:
 *
 *     { milliseconds }  ->  { times }    milliseconds of each step in that time, the first left out
 *     { watch }         ->  { memory }   megabytes of the process after each tenth of so many steps
 *     { profile }       ->  { shares }   share of the time by type of operator, of so many steps
 *
 * Weights and velocities that a step gives go into the next one.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { writeModel } from "@softpool/onnx";
import { channelBlock } from "@softpool/onnx/session-node";
import { buildNetwork } from "@softpool/zoo";
import { trainingStep } from "../packages/lab/dist/training/step.js";
import { normalNumbers } from "./data.js";
import { SGD, THREADS } from "./train-cases.js";
import { elements } from "./workloads.js";

const ort = createRequire(import.meta.url)("onnxruntime-node");
// The first step allocates, the second may again.
const WARM_STEPS = 2;
const LEAST_STEPS = 2;

/** @param {object} said */
const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

/** @param {import("./train-cases.js").TrainCase} entry */
async function build({ network: name, pool, batch, size, classes }) {
  const own = pool === null ? {} : { pool };
  // With momentum 0 the running statistics that go out are those of the batch, as `softpool train` has it.
  const options = { ...own, batch, size, classes, seed: 1, training: true, momentum: 0 };
  const network = buildNetwork(name, options);
  const { momentum, decay } = SGD;
  const block = await channelBlock();
  const step = trainingStep(network, { momentum, decay, nesterov: true }, { block });
  /** @type {Record<string, any>} */
  const state = {};
  for (const { name: weight, dims, rawData } of network.model.graph?.initializer ?? []) {
    if (!step.weights.some((entry) => entry.name === weight)) continue;
    state[weight] = new ort.Tensor(
      "float32",
      new Float32Array(rawData.slice().buffer),
      dims.map(Number),
    );
  }
  for (const { name: velocity, shape } of step.velocities) {
    state[velocity] = new ort.Tensor("float32", new Float32Array(elements([...shape])), [...shape]);
  }
  const shape = [batch, 3, size, size];
  const pictures = new Float32Array(elements(shape));
  normalNumbers()(pictures);
  const labels = BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % classes));
  const feeds = {
    input: new ort.Tensor("float32", pictures, shape),
    labels: new ort.Tensor("int64", labels, [batch]),
    rate: new ort.Tensor("float32", Float32Array.of(SGD.rate), []),
  };
  const trainable = network.parameters.filter((entry) => entry.trainable);
  const parameters = trainable.reduce((sum, entry) => sum + elements([...entry.shape]), 0);
  return { step, state, feeds, parameters };
}

/**
 * The step as a call.
 * @param {Awaited<ReturnType<typeof build>>} built
 * @param {object} options further ones of the session
 */
async function open({ step, state: first, feeds }, options = {}) {
  const session = await ort.InferenceSession.create(writeModel(step.model), {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: THREADS,
    interOpNumThreads: 1,
    ...options,
  });
  // The running statistics do not enter the loss in training.
  const next = [...step.weights, ...step.velocities];
  let state = first;
  const call = async () => {
    const outputs = await session.run({ ...state, ...feeds });
    if (!Number.isFinite(outputs.loss.data[0])) throw new Error("the loss is not finite");
    state = Object.fromEntries(next.map((entry) => [entry.name, outputs[entry.next]]));
  };
  for (let i = 0; i < WARM_STEPS; i++) await call();
  return { call, session };
}

/**
 * @param {() => Promise<void>} call
 * @param {number} milliseconds
 */
async function timeSteps(call, milliseconds) {
  const times = [];
  const begin = performance.now();
  while (times.length < LEAST_STEPS || performance.now() - begin < milliseconds) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return times.slice(1);
}

/**
 * @param {() => Promise<void>} call
 * @param {number} steps
 */
async function watch(call, steps) {
  const memory = [];
  for (let i = 1; i <= steps; i++) {
    await call();
    if (i % Math.ceil(steps / 10) === 0) memory.push(Math.round(process.memoryUsage.rss() / 1e6));
  }
  return memory;
}

/**
 * @param {Awaited<ReturnType<typeof build>>} built
 * @param {number} steps
 */
async function profile(built, steps) {
  const folder = mkdtempSync(join(tmpdir(), "softpool-bench-step-"));
  const options = { enableProfiling: true, profileFilePrefix: join(folder, "profile") };
  const { call, session } = await open(built, options);
  for (let i = 0; i < steps; i++) await call();
  session.endProfiling();
  const [file] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, file), "utf8"));
  rmSync(folder, { recursive: true });
  /** @type {Map<string, number>} */
  const times = new Map();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    times.set(args.op_name, (times.get(args.op_name) ?? 0) + dur);
  }
  const all = [...times.values()].reduce((a, b) => a + b, 0);
  return [...times]
    .sort((a, b) => b[1] - a[1])
    .map(([operator, time]) => ({ operator, share: time / all }));
}

try {
  const built = await build(JSON.parse(process.argv[2]));
  const { call } = await open(built);
  say({ parameters: built.parameters });
  for await (const line of createInterface({ input: process.stdin })) {
    const { milliseconds, watch: steps, profile: profiled } = JSON.parse(line);
    if (milliseconds !== undefined) say({ times: await timeSteps(call, milliseconds) });
    else if (steps !== undefined) say({ memory: await watch(call, steps) });
    else say({ shares: await profile(built, profiled) });
  }
} catch (error) {
  say({ error: (error instanceof Error ? error.message : String(error)).trim().split("\n")[0] });
}
