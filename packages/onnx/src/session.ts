/**
 * Running a model on ONNX Runtime: the interface, and what the two hosts share. The entries are
 * `@softpool/onnx/session-node` and `@softpool/onnx/session-web`.
 *
 * A provider that is not there is replaced by the next one (`cuda`, `dml` and `coreml` by `webgpu`, that
 * by `cpu`), and this is said aloud; `strict` makes it an error.
 */
import type { DType } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";
import { type RunData, type RunTensor, runArray } from "./run-tensor.ts";
import { runtimeSentence } from "./runtime-error.ts";
import { formatShape, type Shape } from "./shape.ts";
import { elements } from "./tensor.ts";

export * from "./run-tensor.ts";

/** An execution provider of ONNX Runtime. */
export type Provider = "cpu" | "webgpu" | "cuda" | "dml" | "coreml";

/** What is tried in turn when a provider is asked for. */
const chains: Readonly<Record<Provider, readonly Provider[]>> = {
  cpu: ["cpu"],
  webgpu: ["webgpu", "cpu"],
  cuda: ["cuda", "webgpu", "cpu"],
  dml: ["dml", "webgpu", "cpu"],
  coreml: ["coreml", "webgpu", "cpu"],
};

/** The providers that can be asked for. */
export const providers: readonly Provider[] = Object.keys(chains) as Provider[];

/** How much ONNX Runtime rewrites a model before it runs. */
export type Optimization = "disabled" | "basic" | "extended" | "all";

const optimizations: readonly Optimization[] = ["disabled", "basic", "extended", "all"];

/** How a model is run. */
export interface SessionOptions {
  /** Where it runs; default `cpu`. */
  readonly provider?: Provider;
  /** Threads of the CPU provider; default what ONNX Runtime chooses. */
  readonly threads?: number;
  /**
   * Whether the threads of the CPU provider wait busily for the next work; default true. Without, a run
   * takes a little longer, and sessions in one process do not slow each other down: for timing in turns.
   * Node only.
   */
  readonly spin?: boolean;
  /** How much the model is rewritten; default `all`. */
  readonly optimization?: Optimization;
  /** Whether a provider that is not there is an error instead of a fallback; default false. */
  readonly strict?: boolean;
  /** Takes a line for each fallback; default `console.warn`. */
  readonly log?: (line: string) => void;
}

/** An input or output of a session. */
export interface SessionValue {
  /** Its name. */
  readonly name: string;
  /** Element type; `undefined` for what is no tensor. */
  readonly dtype: DType | undefined;
  /** Shape; `undefined` when there is none: ONNX Runtime tells a scalar and an unknown rank alike. */
  readonly shape: Shape | undefined;
}

/** A model that is ready to run. */
export interface Session {
  /** What must be fed. */
  readonly inputs: readonly SessionValue[];
  /** What comes out. */
  readonly outputs: readonly SessionValue[];
  /** The provider that it runs on. */
  readonly provider: Provider;
  /**
   * Fallbacks, a line each: a provider that is not there, threads that are not there, and nodes of the
   * graph without a kernel on the provider, which run on the CPU. ONNX Runtime does not tell about nodes
   * inside branches and loops.
   */
  readonly notes: readonly string[];
  /**
   * Runs the model once.
   * @param feeds a tensor for each input
   * @throws OnnxError when feeds and inputs do not fit, or a node fails: it is named with its operator
   */
  run(feeds: Readonly<Record<string, RunTensor>>): Promise<Record<string, RunTensor>>;
  /** Frees the model; it cannot run afterwards. */
  dispose(): Promise<void>;
}

/** A tensor of ONNX Runtime, as far as it is used here. */
export interface RuntimeTensor {
  /** Element type. */
  readonly type: string;
  /** Sizes of the axes. */
  readonly dims: readonly number[];
  /** The values. */
  readonly data: unknown;
}

/** What ONNX Runtime says of an input or output. */
export interface RuntimeValue {
  /** Its name. */
  readonly name: string;
  /** Whether it is a tensor. */
  readonly isTensor: boolean;
  /** Element type of a tensor. */
  readonly type?: string;
  /** Shape of a tensor; unknown sizes are names, empty when they have none. */
  readonly shape?: readonly (number | string)[];
}

/** A session of ONNX Runtime, as far as it is used here. */
export interface RuntimeSession {
  /** What must be fed. */
  readonly inputMetadata: readonly RuntimeValue[];
  /** What comes out. */
  readonly outputMetadata: readonly RuntimeValue[];
  /** Runs the model once. */
  run(
    feeds: Record<string, RuntimeTensor>,
    options: Record<string, unknown>,
  ): Promise<Record<string, RuntimeTensor>>;
  /** Frees the model. */
  release(): Promise<void>;
  /** Writes the profile. */
  endProfiling(): void;
}

/** The module of ONNX Runtime, as far as it is used here. */
export interface Runtime {
  /** Makes sessions. */
  readonly InferenceSession: {
    create(model: Uint8Array | string, options: Record<string, unknown>): Promise<RuntimeSession>;
  };
  /** Makes tensors. */
  readonly Tensor: new (
    type: string,
    data: RunData,
    dims: readonly number[],
  ) => RuntimeTensor;
}

/** What differs between Node and the browser. */
export interface Host {
  /**
   * The module for a provider, its name there, and which options it cannot follow.
   * @throws OnnxError why the provider is not here
   */
  load(provider: Provider): Promise<{
    readonly runtime: Runtime;
    readonly name: string;
    readonly notes?: readonly string[];
  }>;
  /** Calls ONNX Runtime when it may be called. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Further options for `InferenceSession.create`. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** Further entries of ONNX Runtime's session configuration; default none. */
  readonly session?: Readonly<Record<string, unknown>>;
  /** How to find out which nodes run on the CPU, as the end of a note; default nothing. */
  readonly advice?: string;
}

/** A session with what is below it. */
export interface Opened {
  /** The session. */
  readonly session: Session;
  /** The session of ONNX Runtime. */
  readonly native: RuntimeSession;
}

/** ONNX Runtime writes nothing on its own: what is wrong is thrown. */
const FATAL_ONLY = 4;

/**
 * Opens a session on the first provider that works: what both hosts' `createSession` does.
 * @throws OnnxError when an option is wrong or the last provider does not take the model
 */
export async function openSession(
  host: Host,
  model: Uint8Array | string,
  options: SessionOptions,
): Promise<Opened> {
  const wanted = options.provider ?? "cpu";
  checkOptions(wanted, options);
  const notes: string[] = [];
  const chain = options.strict ? [wanted] : chains[wanted];
  for (const provider of chain) {
    try {
      const { runtime, name, notes: limits = [] } = await host.load(provider);
      const { native, complete } = await create(host, runtime, name, model, options);
      if (notes.length > 0) notes.push(`the model runs on ${provider}`);
      notes.push(...limits);
      if (!complete) {
        notes.push(
          `nodes without a kernel on ${provider} run on the CPU${host.advice ? `; ${host.advice}` : ""}`,
        );
      }
      for (const note of notes) (options.log ?? console.warn)(`softpool: ${note}`);
      return { session: wrap(host, runtime, native, provider, notes), native };
    } catch (error) {
      const reason = runtimeSentence(error);
      if (provider === chain.at(-1)) {
        throw new OnnxError(`createSession: provider ${provider}: ${reason}`);
      }
      notes.push(`provider ${provider} is not used: ${reason}`);
    }
  }
  throw new OnnxError("createSession: no provider");
}

function checkOptions(provider: Provider, options: SessionOptions): void {
  const { threads, optimization = "all" } = options;
  const checks: [string, readonly string[], string][] = [
    ["provider", providers, provider],
    ["optimization", optimizations, optimization],
  ];
  for (const [name, known, received] of checks) {
    if (known.includes(received)) continue;
    throw new OnnxError(
      `createSession: ${name}: expected one of ${known.join(", ")}, received ${quote(String(received))}`,
    );
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new OnnxError(
      `createSession: threads: expected a whole number from 1, received ${threads}`,
    );
  }
}

/** Creates a session, and whether all nodes of its graph run on the provider. */
async function create(
  host: Host,
  runtime: Runtime,
  name: string,
  model: Uint8Array | string,
  { optimization = "all" }: SessionOptions,
): Promise<{ native: RuntimeSession; complete: boolean }> {
  const settings = {
    executionProviders: [name],
    graphOptimizationLevel: optimization,
    logSeverityLevel: FATAL_ONLY,
    ...host.extra,
  };
  const extra = host.session ?? {};
  const open = (more: object) => {
    const all = { ...settings, extra: { session: { ...extra, ...more } } };
    return host.exclusive(() => runtime.InferenceSession.create(model, all));
  };
  if (name === "cpu" || name === "wasm") return { native: await open({}), complete: true };
  try {
    return { native: await open({ disable_cpu_ep_fallback: "1" }), complete: true };
  } catch (error) {
    if (!/fallback to CPU EP has been explicitly disabled/.test(String(error))) throw error;
    return { native: await open({}), complete: false };
  }
}

function wrap(
  host: Host,
  runtime: Runtime,
  native: RuntimeSession,
  provider: Provider,
  notes: readonly string[],
): Session {
  const inputs = native.inputMetadata.map(describe);
  const outputs = native.outputMetadata.map(describe);
  let open = true;
  return {
    inputs,
    outputs,
    provider,
    notes,
    async run(feeds) {
      if (!open) throw new OnnxError("run: the session is disposed; create another one");
      const fed: Record<string, RuntimeTensor> = {};
      checkNames(inputs, feeds);
      for (const input of inputs) {
        const { dtype, shape, data } = checkFeed(input, feeds[input.name]);
        fed[input.name] = new runtime.Tensor(dtype, data, shape);
      }
      try {
        const results = await host.exclusive(() =>
          native.run(fed, { logSeverityLevel: FATAL_ONLY }),
        );
        return Object.fromEntries(outputs.map(({ name }) => [name, resultOf(name, results[name])]));
      } catch (error) {
        throw new OnnxError(`run: ${runtimeSentence(error)}`);
      }
    },
    async dispose() {
      if (!open) return;
      open = false;
      await host.exclusive(() => native.release());
    },
  };
}

function describe(value: RuntimeValue): SessionValue {
  const shape = value.shape?.map((dim) => (dim === "" ? null : dim));
  return {
    name: value.name,
    dtype: value.isTensor ? (value.type as DType) : undefined,
    shape: shape?.length === 0 ? undefined : shape,
  };
}

function checkNames(inputs: readonly SessionValue[], feeds: Readonly<Record<string, RunTensor>>) {
  const names = inputs.map(({ name }) => name);
  const list = names.map(quote).join(", ") || "none";
  for (const name of names) {
    if (Object.hasOwn(feeds, name)) continue;
    throw new OnnxError(
      `run: expected feeds for the inputs ${list}, received none for ${quote(name)}`,
    );
  }
  for (const name of Object.keys(feeds)) {
    if (names.includes(name)) continue;
    throw new OnnxError(`run: expected feeds for the inputs ${list}, received also ${quote(name)}`);
  }
}

/** A feed that fits its input in type, shape, and number and class of its data. */
function checkFeed({ name, dtype, shape }: SessionValue, feed: RunTensor): RunTensor {
  const what = `run: input ${quote(name)}`;
  if (feed.dtype !== dtype) {
    throw new OnnxError(`${what}: expected ${dtype ?? "no tensor"}, received ${feed.dtype}`);
  }
  const fits =
    shape === undefined ||
    (shape.length === feed.shape.length &&
      shape.every((dim, i) => typeof dim !== "number" || dim === feed.shape[i]));
  if (!fits) {
    throw new OnnxError(
      `${what}: expected shape ${formatShape(shape)}, received ${formatShape(feed.shape)}`,
    );
  }
  const Type = runArray(dtype)?.name;
  const received = Object.prototype.toString.call(feed.data).slice(8, -1);
  if (received !== Type) {
    throw new OnnxError(`${what}: expected ${dtype} values in a ${Type}, received a ${received}`);
  }
  if (feed.data.length !== elements(feed.shape)) {
    throw new OnnxError(
      `${what}: expected ${elements(feed.shape)} values for shape ${formatShape(feed.shape)}, received ${feed.data.length}`,
    );
  }
  return feed;
}

function resultOf(name: string, value: RuntimeTensor | undefined): RunTensor {
  if (value?.dims === undefined) {
    throw new OnnxError(`output ${quote(name)}: expected a tensor, received something else`);
  }
  const dtype = value.type as DType;
  let data = value.data as RunData;
  // Where the language has a class for float16, ONNX Runtime uses it.
  if (dtype === "float16" && !(data instanceof Uint16Array)) {
    const { buffer, byteOffset, length } = data as unknown as Uint16Array;
    data = new Uint16Array(buffer, byteOffset, length);
  }
  return { dtype, shape: value.dims, data };
}
