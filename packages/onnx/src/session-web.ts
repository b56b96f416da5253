/**
 * Running a model on ONNX Runtime in a page or worker: the package `onnxruntime-web`, an optional peer.
 *
 * `cpu` is its WebAssembly build (`onnxruntime-web/wasm`), `webgpu` its build with the native WebGPU
 * provider (`onnxruntime-web/webgpu`); each is loaded when it is first needed. Bundlers put their
 * WebAssembly files beside the page; where they do not, `wasm` says where the files are.
 */
import { OnnxError } from "./error.ts";
import { runtimeSentence } from "./runtime-error.ts";
import {
  type Host,
  openSession,
  type Provider,
  type Runtime,
  type Session,
  type SessionOptions,
} from "./session.ts";

export type * from "./session.ts";
export { fromRun, providers, toRun } from "./session.ts";

/** How a model is run in the browser. */
export interface WebSessionOptions extends SessionOptions {
  /**
   * Threads of the CPU provider; default what ONNX Runtime chooses. More than one need a page that is
   * cross-origin isolated. The first session decides for the whole page.
   */
  readonly threads?: number;
  /** The module of ONNX Runtime for all providers, already imported; default the package's builds. */
  readonly module?: object;
  /**
   * Base URL, with a slash at the end, of the folder with the `.mjs` and `.wasm` files of
   * onnxruntime-web; default where the bundler put them. The first session decides for the whole page.
   */
  readonly wasm?: string;
}

/** The module with the settings that only the browser has. */
interface WebRuntime extends Runtime {
  env: { wasm: { numThreads?: number; wasmPaths?: string } };
}

const builds: Partial<Record<Provider, () => Promise<unknown>>> = {
  cpu: () => import("onnxruntime-web/wasm"),
  webgpu: () => import("onnxruntime-web/webgpu"),
};

const configured: WeakMap<object, WebSessionOptions> = new WeakMap();
let queue: Promise<unknown> = Promise.resolve();

async function loadRuntime(provider: Provider, options: WebSessionOptions): Promise<WebRuntime> {
  let runtime = options.module as WebRuntime | undefined;
  if (runtime === undefined) {
    try {
      runtime = (await builds[provider]!()) as WebRuntime;
    } catch (error) {
      throw new OnnxError(
        `the package onnxruntime-web cannot be loaded (${runtimeSentence(error)}); install it: npm install onnxruntime-web`,
      );
    }
  }
  // Builds as CommonJS put everything below `default`.
  if (runtime.InferenceSession === undefined) {
    runtime = (runtime as unknown as { default?: WebRuntime }).default ?? runtime;
  }
  const { env } = runtime;
  if (env?.wasm === undefined) {
    throw new OnnxError("module: expected the module onnxruntime-web, received something else");
  }
  if (!configured.has(env)) {
    configured.set(env, options);
    if (options.threads !== undefined) env.wasm.numThreads = isolated() ? options.threads : 1;
    if (options.wasm !== undefined) env.wasm.wasmPaths = options.wasm;
  }
  return runtime;
}

function isolated(): boolean {
  return globalThis.crossOriginIsolated === true;
}

/** What a session cannot have because of the page, or because of the first session. */
function limits(runtime: WebRuntime, { threads, wasm }: WebSessionOptions): string[] {
  const first = configured.get(runtime.env) ?? {};
  const notes: string[] = [];
  if (threads !== undefined && threads > 1 && !isolated()) {
    notes.push(`one thread instead of ${threads}: the page is not cross-origin isolated`);
  } else if (threads !== undefined && threads !== first.threads) {
    notes.push(`threads: the first session chose ${first.threads ?? "the default"}, which stays`);
  }
  if (wasm !== undefined && wasm !== first.wasm) {
    notes.push(`wasm: the first session chose ${first.wasm ?? "the default"}, which stays`);
  }
  return notes;
}

/** Throws why the page has no WebGPU. */
async function checkAdapter(): Promise<void> {
  const { gpu } = (globalThis.navigator ?? {}) as {
    gpu?: { requestAdapter(): Promise<object | null> };
  };
  if (gpu === undefined) {
    throw new OnnxError("this browser or page has no WebGPU (it needs https or localhost)");
  }
  if ((await gpu.requestAdapter()) === null) {
    throw new OnnxError("this browser has no WebGPU adapter");
  }
}

function host(options: WebSessionOptions): Host {
  return {
    async load(provider) {
      if (builds[provider] === undefined) {
        throw new OnnxError(`browsers have cpu and webgpu, but not ${provider}`);
      }
      if (provider === "webgpu") await checkAdapter();
      const runtime = await loadRuntime(provider, options);
      const name = provider === "cpu" ? "wasm" : provider;
      return { runtime, name, notes: limits(runtime, options) };
    },
    // One call at a time: ONNX Runtime refuses a call while another one waits for the device.
    exclusive(work) {
      const result = queue.then(work);
      queue = result.catch(() => undefined);
      return result;
    },
    extra: {},
  };
}

/**
 * Makes a model ready to run.
 * @param model its bytes, all tensors included
 * @param options provider, threads, optimisation, where ONNX Runtime comes from, and what to do when the
 *   provider is not there
 * @throws OnnxError when onnxruntime-web cannot be loaded, an option is wrong or the model is refused
 */
export async function createSession(
  model: Uint8Array,
  options: WebSessionOptions = {},
): Promise<Session> {
  if (!(model instanceof Uint8Array)) {
    throw new OnnxError("createSession: model: expected its bytes in a Uint8Array");
  }
  return (await openSession(host(options), model, options)).session;
}
