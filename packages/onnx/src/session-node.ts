/**
 * Running a model on ONNX Runtime in Node: the package `onnxruntime-node`, an optional peer. Creating
 * a session and running it occupy the thread that calls.
 *
 * `cpu` and `webgpu` come with the package (`webgpu` needs a graphics driver), `cuda` with its installer
 * on Linux, `dml` on Windows and `coreml` on macOS with the package for that system.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { OnnxError } from "./error.ts";
import { writeModel } from "./model.ts";
import { blockOf, blockProbe } from "./ops/blocked-convolution.ts";
import { runtimeSentence } from "./runtime-error.ts";
import {
  fromRun,
  type Host,
  openSession,
  type Provider,
  type RunTensor,
  type Runtime,
  type Session,
  type SessionOptions,
} from "./session.ts";
import { elements } from "./tensor.ts";

export type * from "./session.ts";
export { fromRun, providers, toRun } from "./session.ts";

/** The module with what only Node has. */
interface NodeRuntime extends Runtime {
  listSupportedBackends?(): readonly { readonly name: string; readonly bundled: boolean }[];
}

let loaded: Promise<NodeRuntime> | undefined;

async function loadRuntime(): Promise<NodeRuntime> {
  try {
    const module: unknown = await import("onnxruntime-node");
    return ((module as { default?: unknown }).default ?? module) as NodeRuntime;
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_MODULE_NOT_FOUND") {
      throw new OnnxError(
        "the package onnxruntime-node is not installed; install it: npm install onnxruntime-node",
      );
    }
    throw new OnnxError(
      `the package onnxruntime-node cannot be loaded here (${process.platform} ${process.arch}): ${runtimeSentence(error)}`,
    );
  }
}

/** Throws why a provider is not part of this installation. */
function checkProvider(runtime: NodeRuntime, provider: Provider): void {
  const known = runtime.listSupportedBackends?.();
  if (known === undefined) return;
  const entry = known.find(({ name }) => name === provider);
  if (entry === undefined) {
    throw new OnnxError(
      `onnxruntime-node on ${process.platform} has ${known.map(({ name }) => name).join(", ")}, but not ${provider}`,
    );
  }
  // Loading a library that is not there makes ONNX Runtime print errors.
  if (entry.bundled || process.platform !== "linux") return;
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  const folder = join(dirname(main), "../bin/napi-v6", process.platform, process.arch);
  if (existsSync(folder) && !existsSync(join(folder, `libonnxruntime_providers_${provider}.so`))) {
    throw new OnnxError(
      `the ${provider} libraries of onnxruntime-node are not installed (its install script downloads them)`,
    );
  }
}

function host(options: SessionOptions, extra: Record<string, unknown> = {}): Host {
  return {
    async load(provider) {
      loaded ??= loadRuntime();
      const runtime = await loaded;
      checkProvider(runtime, provider);
      return { runtime, name: provider };
    },
    exclusive: (work) => work(),
    extra: {
      ...extra,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    },
    session: options.spin === false ? { intra_op: { allow_spinning: "0" } } : {},
    advice: "placement() tells which",
  };
}

/**
 * Makes a model ready to run.
 * @param model its bytes, or the path of its file: needed for external data
 * @param options provider, threads, optimisation and what to do when the provider is not there
 * @throws OnnxError when onnxruntime-node is not installed, an option is wrong or the model is refused
 */
export async function createSession(
  model: Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  return (await openSession(host(options), model, options)).session;
}

let block: Promise<number | undefined> | undefined;

/**
 * How many channels a block has on this processor, for convolutions on blocked channels on the CPU
 * provider: it is asked once.
 * @returns `undefined` where there are none
 * @throws OnnxError when onnxruntime-node is not installed
 */
export function channelBlock(): Promise<number | undefined> {
  block ??= probeBlock();
  return block;
}

async function probeBlock(): Promise<number | undefined> {
  loaded ??= loadRuntime();
  await loaded;
  const { model, shape } = blockProbe();
  let session: Session | undefined;
  try {
    session = await createSession(writeModel(model), { threads: 1 });
    const data = Float32Array.from({ length: elements(shape) }, (_, i) => i);
    const outputs = await session.run({ x: { dtype: "float32", shape, data } });
    return blockOf(fromRun(Object.values(outputs)[0]));
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  } finally {
    await session?.dispose();
  }
}

/** Where a node ran. */
export interface Placement {
  /** Name of the node, as it is after the optimisation of the graph. */
  readonly node: string;
  /** Its operator. */
  readonly operator: string;
  /** The provider that ran it: a {@link Provider}, or ONNX Runtime's name of another one. */
  readonly provider: string;
}

const names: Record<string, Provider> = {
  CPUExecutionProvider: "cpu",
  WebGpuExecutionProvider: "webgpu",
  CUDAExecutionProvider: "cuda",
  DmlExecutionProvider: "dml",
  CoreMLExecutionProvider: "coreml",
};

/**
 * Runs a model once with ONNX Runtime's profiler and tells where each node ran, those in branches and
 * functions included; a node that did not run (the branch that was not taken) is not listed.
 * @param model its bytes, or the path of its file
 * @param feeds a tensor for each input
 * @param options as for {@link createSession}
 * @throws OnnxError as {@link createSession} and `run` do
 */
export async function placement(
  model: Uint8Array | string,
  feeds: Readonly<Record<string, RunTensor>>,
  options: SessionOptions = {},
): Promise<readonly Placement[]> {
  const folder = mkdtempSync(join(tmpdir(), "softpool-profile-"));
  try {
    const extra = { enableProfiling: true, profileFilePrefix: join(folder, "profile") };
    const { session, native } = await openSession(host(options, extra), model, options);
    try {
      await session.run(feeds);
      native.endProfiling();
    } finally {
      await session.dispose();
    }
    return readdirSync(folder).flatMap((file) => readProfile(join(folder, file)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface ProfileEvent {
  cat: string;
  name: string;
  args?: { op_name?: string; provider?: string };
}

function readProfile(path: string): Placement[] {
  const events = JSON.parse(readFileSync(path, "utf8")) as ProfileEvent[];
  const found = new Map<string, Placement>();
  for (const { cat, name, args } of events) {
    const operator = args?.op_name ?? "";
    const provider = args?.provider ?? "";
    // Copies between devices are ONNX Runtime's own.
    if (cat !== "Node" || provider === "" || operator.startsWith("Memcpy")) continue;
    const node = name.replace(/_kernel_time$/, "");
    found.set(`${node}\n${operator}\n${provider}`, {
      node,
      operator,
      provider: names[provider] ?? provider,
    });
  }
  return [...found.values()];
}
