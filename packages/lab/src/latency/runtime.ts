/**
 * ONNX Runtime as it is timed: tensors of inputs and outputs allocated once, one session a method. Threads
 * of the CPU provider do not wait busily, so that sessions of one process, timed in turns, do not slow each
 * other down. On a graphics processor, times include the way of the numbers there and back.
 */
import { elements, OnnxError } from "@softpool/onnx";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { plain } from "../errors.ts";
import { timedModel } from "./graph.ts";
import { fillUniform } from "./numbers.ts";
import type { LatencyEngine, OwnEngine, Subject } from "./place.ts";
import type { Opener } from "./timed.ts";

type Runtime = typeof import("onnxruntime-node");

/** ONNX Runtime writes nothing on its own: what is wrong is thrown. */
const FATAL_ONLY = 4;

async function load(): Promise<Runtime> {
  const module: unknown = await import("onnxruntime-node");
  return ((module as { default?: unknown }).default ?? module) as Runtime;
}

/** Opens a session, on the provider alone where all nodes have a kernel there. */
async function openOn(
  runtime: Runtime,
  provider: string,
  threads: number,
  bytes: Uint8Array,
): Promise<{ session: InferenceSession; complete: boolean }> {
  const open = (more: Record<string, string>) =>
    runtime.InferenceSession.create(bytes, {
      executionProviders: [provider],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: FATAL_ONLY,
      extra: { session: { intra_op: { allow_spinning: "0" }, ...more } },
    });
  if (provider === "cpu") return { session: await open({}), complete: true };
  try {
    return { session: await open({ disable_cpu_ep_fallback: "1" }), complete: true };
  } catch (error) {
    if (!/fallback to CPU EP has been explicitly disabled/.test(String(error))) throw error;
    return { session: await open({}), complete: false };
  }
}

/**
 * Opens ONNX Runtime.
 * @param provider which provider
 * @param threads threads of the CPU provider
 * @returns makes sessions; those of one place and direction share `x`, `gy` and the first result
 */
export async function openRuntime(
  provider: Exclude<LatencyEngine, OwnEngine>,
  threads: number,
): Promise<Opener> {
  const runtime = await load();
  const shared = new Map<string, Tensor>();
  const make = (shape: readonly number[], values?: Float32Array, seed = 0): Tensor => {
    const data = values ?? new Float32Array(elements(shape));
    if (values === undefined && seed > 0) fillUniform(data, seed);
    // Untouched pages do not exist yet: they would count as memory of the call.
    else if (values === undefined) data.fill(0);
    return new runtime.Tensor("float32", data, [...shape]);
  };
  const once = (name: string, shape: readonly number[], seed = 0): Tensor => {
    const known = shared.get(name) ?? make(shape, undefined, seed);
    shared.set(name, known);
    return known;
  };
  return async (subject: Subject) => {
    const { bytes, inputs, outputs } = timedModel(subject);
    let opened: Awaited<ReturnType<typeof openOn>>;
    try {
      opened = await openOn(runtime, provider, threads, bytes);
    } catch (error) {
      throw new OnnxError(
        `ONNX Runtime refuses its graph: ${plain(String((error as Error)?.message ?? error))}`,
      );
    }
    const { session, complete } = opened;
    const feeds = Object.fromEntries(
      inputs.map(({ name, shape, values }, i) => {
        const common = name === "x" || name === "gy";
        return [name, common ? once(name, shape, i + 1) : make(shape, values, i + 1)];
      }),
    );
    const fetches = Object.fromEntries(
      outputs.map(({ name, shape }, i) => [name, i === 0 ? once(name, shape) : make(shape)]),
    );
    return {
      call: () => session.run(feeds, fetches, { logSeverityLevel: FATAL_ONLY }),
      result: () => fetches[outputs[0].name].data as Float32Array,
      notes: complete ? [] : [`nodes without a kernel on ${provider} run on the CPU`],
    };
  };
}
