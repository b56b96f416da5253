/**
 * The check after a swap: both networks run on the same random input, on ONNX Runtime, or on the
 * reference evaluator where ONNX Runtime cannot run the original (float64 networks).
 */
import { Worker } from "node:worker_threads";
import { formatShape, type ModelProto, OnnxError, writeModel } from "@softpool/onnx";
import { createSession, type RunTensor, type Session } from "@softpool/onnx/session-node";
import { Failure } from "../errors.ts";
import { type ModelInput, randomFeeds } from "./inputs.ts";
import { plainText } from "./table.ts";
import { compareOutputs, type Latency, timeBoth, type Verification } from "./verify.ts";

/** Seconds that the reference evaluator gets for both networks. */
const EVALUATOR_SECONDS = 120;

/** A network on the disk and in memory. */
export interface CheckedModel {
  /** Its file. */
  readonly path: string;
  /** The model. */
  readonly model: ModelProto;
  /** Whether tensors lie outside the file. */
  readonly external: boolean;
}

/** What is checked. */
export interface CheckOptions {
  /** Before the swap. */
  readonly original: CheckedModel;
  /** After it. */
  readonly swapped: CheckedModel;
  /** What must be fed. */
  readonly inputs: readonly ModelInput[];
  /** Of the random input. */
  readonly seed: number;
  /** Whether to stop timing. */
  stop(): boolean;
}

/** What the check found. */
export interface CheckReport {
  /** What ran them: `onnxruntime cpu` or `reference`; empty when nothing did. */
  readonly engine: string;
  /** The random inputs' shapes. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What should be known, as sentences. */
  readonly notes: readonly string[];
  /** Outputs compared. */
  readonly outputs?: Verification;
  /** Times, on ONNX Runtime. */
  readonly latency?: Latency;
  /** Why the swapped network is not what it should be, as a sentence. */
  readonly failure?: string;
}

/** Runs both networks. */
export async function checkSwap(options: CheckOptions): Promise<CheckReport> {
  const { original, swapped, inputs, seed, stop } = options;
  const notes: string[] = [];
  let feeds: Record<string, RunTensor>;
  const shapes: Record<string, string> = {};
  try {
    feeds = {};
    const open: string[] = [];
    for (const [name, feed] of Object.entries(randomFeeds(inputs, seed))) {
      feeds[name] = feed.tensor;
      shapes[name] = formatShape(feed.tensor.shape);
      if (feed.chosen) open.push(name);
    }
    if (open.length > 0) {
      notes.push(
        `sizes that the model leaves open were chosen; --input ${open[0]}=SHAPE sets them`,
      );
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { engine: "", inputs: shapes, notes: [`not checked: ${error.message}`] };
  }
  let first: Session | undefined;
  let second: Session | undefined;
  try {
    try {
      first = await createSession(original.path, { spin: false });
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      return await onReference(options, feeds, shapes, notes, error.message);
    }
    try {
      second = await createSession(swapped.path, { spin: false });
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      const failure = `ONNX Runtime does not load the new network: ${error.message}`;
      return { engine: "onnxruntime cpu", inputs: shapes, notes, failure };
    }
    return await onRuntime(first, second, feeds, shapes, notes, stop);
  } finally {
    await first?.dispose();
    await second?.dispose();
  }
}

async function onRuntime(
  first: Session,
  second: Session,
  feeds: Record<string, RunTensor>,
  shapes: Record<string, string>,
  notes: string[],
  stop: () => boolean,
): Promise<CheckReport> {
  const report = { engine: "onnxruntime cpu", inputs: shapes, notes };
  let before: Record<string, RunTensor>;
  try {
    before = await first.run(feeds);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    notes.push(`not checked: the original network fails on this input: ${error.message}`);
    return { ...report, engine: "" };
  }
  let after: Record<string, RunTensor>;
  try {
    after = await second.run(feeds);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    return { ...report, failure: `the new network fails: ${error.message}` };
  }
  const outputs = compareOutputs(before, after);
  const latency = await timeBoth(first, second, feeds, stop);
  return { ...report, outputs, latency, ...failureOf(outputs) };
}

function failureOf(outputs: Verification): { failure?: string } {
  if (outputs.shapeDifferences.length > 0) {
    return { failure: `shapes differ: ${outputs.shapeDifferences.join("; ")}` };
  }
  if (!outputs.finite && outputs.originalFinite) {
    return { failure: "outputs of the new network are not finite, those of the original are" };
  }
  return {};
}

/** Both networks on the reference evaluator, in a thread of their own that can be stopped. */
async function onReference(
  options: CheckOptions,
  feeds: Record<string, RunTensor>,
  shapes: Record<string, string>,
  notes: string[],
  reason: string,
): Promise<CheckReport> {
  const { original, swapped } = options;
  const double = options.inputs.some(({ dtype }) => dtype === "float64")
    ? " (it has kernels for few float64 operators)"
    : "";
  notes.push(`ONNX Runtime cannot run the original network${double}: ${reason}`);
  if (original.external) {
    notes.push(
      "not checked: its tensors lie in other files, which the reference evaluator does not read",
    );
    return { engine: "", inputs: shapes, notes };
  }
  const worker = new Worker(new URL("./evaluate-worker.js", import.meta.url), {
    workerData: { models: [original, swapped].map(({ model }) => writeModel(model)), feeds },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<{ outputs?: Record<string, RunTensor>[]; error?: string }>(
      (resolve, reject) => {
        timer = setTimeout(
          () =>
            resolve({
              error: `it takes longer than ${EVALUATOR_SECONDS} s; --input gives a smaller shape`,
            }),
          EVALUATOR_SECONDS * 1000,
        );
        worker.once("message", resolve);
        worker.once("error", reject);
      },
    );
    if (answer.outputs === undefined) {
      notes.push(`not checked: the reference evaluator: ${answer.error}`);
      return { engine: "", inputs: shapes, notes };
    }
    const [before, after] = answer.outputs;
    const outputs = compareOutputs(before, after);
    return { engine: "reference", inputs: shapes, notes, outputs, ...failureOf(outputs) };
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

const number = (value: number): string =>
  value === 0 ? "0" : value < 1e-3 || value >= 1e6 ? value.toExponential(2) : value.toPrecision(3);

/** The report as lines for the terminal. */
export function describeCheck(report: CheckReport): string[] {
  const { engine, inputs, notes, outputs, latency, failure } = report;
  const lines = notes.map((note) => `note: ${note}`);
  if (engine !== "") {
    const fed = Object.entries(inputs).map(([name, shape]) => `${name} ${shape}`);
    lines.push(`checked on ${engine}, random input ${fed.join(", ")}`);
  }
  if (outputs !== undefined) {
    const { change } = outputs;
    const finite = outputs.finite
      ? "outputs finite"
      : `outputs not finite${outputs.originalFinite ? "" : ", as those of the original"}`;
    const shapes = outputs.shapeDifferences.length === 0 ? "shapes equal" : "shapes differ";
    const of = change.output === "" ? "" : ` of ${JSON.stringify(change.output)}`;
    lines.push(
      `  ${finite}, ${shapes}, largest change ${number(change.difference)}${of}, whose largest value is ${number(change.largest)}`,
    );
  }
  if (latency !== undefined) {
    lines.push(
      `  time ${latency.ratio.toFixed(2)} x the original's (${latency.swapped.toFixed(1)} and ${latency.original.toFixed(1)} ms, medians of ${latency.rounds})`,
    );
  }
  if (failure !== undefined) lines.push(`  FAILED: ${failure}`);
  return lines.map(plainText);
}
