/** Reads, swaps and runs networks, away from the page. */
import {
  type DType,
  formatShape,
  type ModelProto,
  metadata,
  opsetOf,
  readModel,
  type Shape,
  shallow,
  type Tensor,
  typeFromProto,
  valueInfo,
  writeModel,
} from "@softpool/onnx";
import {
  createSession,
  fromRun,
  type Provider,
  type Session,
  toRun,
} from "@softpool/onnx/session-web";
import {
  type Decision,
  describeWindow,
  methodOf,
  planSwap,
  swapPooling,
  uniforms,
} from "@softpool/poolings";
import { Handover, serve, turns } from "../rpc.ts";
import { embedExternals, externalNames } from "./externals.ts";
import { filterBank } from "./filters.ts";
import { fitted, type PictureInput, pictureInput, type Scaling, valuesOf } from "./input.ts";
import { type Distance, distanceOf, type Output, outputOf } from "./outputs.ts";

/** A pooling layer as the page lists it. */
export interface LayerRow {
  /** Its name. */
  readonly name: string;
  /** What it is. */
  readonly kind: string;
  /** Its window in words. */
  readonly window: string;
  /** Its input's shape. */
  readonly input: string;
  /** Why it cannot become what is asked for; `undefined` where it can. */
  readonly refusal: string | undefined;
  /** Whether its maps can be looked at: it stands in the graph itself. */
  readonly visible: boolean;
}

/** What is known of a network. */
export interface NetworkFacts {
  /** The file's name. */
  readonly name: string;
  /** Bytes of the file and of those with its weights. */
  readonly bytes: number;
  /** Operator set. */
  readonly opset: number;
  /** Inputs with their shapes. */
  readonly inputs: readonly string[];
  /** Outputs with their shapes. */
  readonly outputs: readonly string[];
  /** What a picture is fed to, or why none can be. */
  readonly picture: PictureInput | string;
  /** Size of pictures that the file itself mentions. */
  readonly size: number | undefined;
}

/** What is swapped. */
export interface SwapRequest {
  /** The method that comes. */
  readonly to: string;
  /** SoftPool's temperature. */
  readonly beta: number;
  /** The layers. */
  readonly layers: readonly string[];
  /** Standard operators in place. */
  readonly inline: boolean;
}

/** How networks are run. */
export interface RunRequest {
  /** The picture; closed afterwards. */
  readonly picture: ImageBitmap;
  /** Columns of the input. */
  readonly width: number;
  /** Rows of the input. */
  readonly height: number;
  /** How values are scaled. */
  readonly scaling: Scaling;
  /** Which provider runs them. */
  readonly provider: Provider;
  /** A layer whose maps are wanted too. */
  readonly inside: string | undefined;
}

/** What one network gave. */
export interface Outcome {
  /** Its outputs. */
  readonly outputs: readonly Output[];
  /** Median milliseconds of a run. */
  readonly milliseconds: number;
  /** The maps behind the layer that was asked for. */
  readonly inside: Output | undefined;
}

/** What both gave. */
export interface RunReply {
  /** The network as it came. */
  readonly original: Outcome;
  /** The swapped one; `undefined` where nothing is swapped. */
  readonly swapped: Outcome | undefined;
  /** How far they are apart, output by output. */
  readonly distances: readonly Distance[];
  /** What was said while they ran, such as a provider that is not there. */
  readonly notes: readonly string[];
  /** The provider that they ran on. */
  readonly provider: string;
  /** How often each was run for its time. */
  readonly runs: number;
}

let model: ModelProto | undefined;
let swapped: ModelProto | undefined;
let input: PictureInput | string = "there is no network yet";

function current(): ModelProto {
  if (model === undefined) throw new Error("there is no network yet");
  return model;
}

/** Every kind that a model's layers have, so that each can be chosen. */
function kindsOf(decisions: readonly Decision[]): string[] {
  return [...new Set(decisions.map(({ layer }) => layer.kind))].filter(
    (kind) => kind !== "quantised",
  );
}

function settingsFor({ to, beta }: Pick<SwapRequest, "to" | "beta">): Record<string, number> {
  return methodOf(to).settings?.some(({ name }) => name === "beta") && to !== "soft-beta"
    ? { beta }
    : {};
}

/** What a method would do with every layer. */
function plan(to: string): Decision[] {
  const every = planSwap(current(), { to });
  return planSwap(current(), { to, from: kindsOf(every) });
}

function sizeOf(proto: ModelProto): number | undefined {
  try {
    const about: unknown = JSON.parse(metadata(proto, "softpool.network") ?? "{}");
    const { size } = about as { size?: unknown };
    return Number.isInteger(size) ? (size as number) : undefined;
  } catch {
    return undefined;
  }
}

interface Declared {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
}

function declared(values: readonly { name: string; type?: unknown }[] | undefined): Declared[] {
  return (values ?? []).map(({ name, type }) => ({
    name,
    dtype: undefined,
    shape: undefined,
    ...typeFromProto(type as Parameters<typeof typeFromProto>[0]),
  }));
}

function factsOf(proto: ModelProto, name: string, bytes: number): NetworkFacts {
  const stored = new Set(proto.graph?.initializer.map((entry) => entry.name));
  const inputs = declared(proto.graph?.input).filter((entry) => !stored.has(entry.name));
  const [first] = inputs;
  if (inputs.length === 1) input = pictureInput(first.name, first.dtype, first.shape);
  else input = `it has ${inputs.length} inputs, the page feeds one`;
  const words = ({ name: own, dtype, shape }: Declared) =>
    `${own}: ${dtype ?? "?"} ${shape === undefined ? "?" : formatShape(shape)}`;
  return {
    name,
    bytes,
    opset: opsetOf(proto) ?? 0,
    inputs: inputs.map(words),
    outputs: declared(proto.graph?.output).map(words),
    picture: input,
    size: sizeOf(proto),
  };
}

async function bytesOf(file: File): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new Error(`"${file.name}" does not fit into memory: ${(error as Error).message}`);
  }
}

/** A copy of a model that gives a layer's output too. */
function opened(proto: ModelProto, output: string, dtype: DType): ModelProto {
  const copy = shallow(proto);
  if (proto.graph === undefined) return copy;
  const graph = shallow(proto.graph);
  graph.output = [...proto.graph.output, valueInfo(output, { dtype, shape: undefined })];
  copy.graph = graph;
  return copy;
}

/** The layer's output in the graph, where it can be looked at. */
function insideOf(name: string | undefined): { output: string; dtype: DType } | undefined {
  if (name === undefined) return undefined;
  const found = plan("soft").find(({ layer }) => layer.name === name)?.layer;
  if (found === undefined || !isVisible(found)) return undefined;
  return { output: found.node.output[0], dtype: found.dtype ?? "float32" };
}

function isVisible(layer: Decision["layer"]): boolean {
  // Plans are made on copies: a layer of the graph is known by the node's output.
  const output = layer.node.output[0];
  return (
    layer.within === undefined &&
    (current().graph?.node.some((node) => node.output[0] === output) ?? false)
  );
}

const RUNS = 5;

/** Median of some numbers. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

type Results = Record<string, Tensor>;

async function resultsOf(session: Session, feeds: Parameters<Session["run"]>[0]): Promise<Results> {
  const results = await session.run(feeds);
  return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromRun(value)]));
}

const inTurn = turns();

/** What this worker can be asked. */
const handlers = {
  /** Takes a network: an ONNX file, and the files that its weights lie in; with none the page's own. */
  open: inTurn(async ({ files }: { files: readonly File[] }): Promise<NetworkFacts> => {
    const main = files.find(({ name }) => name.toLowerCase().endsWith(".onnx"));
    if (files.length > 0 && main === undefined) {
      throw new Error(`"${files[0].name}": expected an ONNX file.`);
    }
    const bytes = main === undefined ? filterBank() : await bytesOf(main);
    const name = main?.name ?? "filter bank";
    const next = readModel(bytes, { name: `"${name}"` });
    const beside = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const wanted of externalNames(next)) {
      const file = files.find((entry) => entry.name === wanted);
      if (file !== undefined) beside.set(wanted, await bytesOf(file));
    }
    embedExternals(next, beside);
    const total = [...beside.values()].reduce((sum, entry) => sum + entry.length, bytes.length);
    const facts = factsOf(next, name, total);
    model = next;
    swapped = undefined;
    return facts;
  }),
  /** The layers, and which of them can become a method. */
  layers: inTurn(({ to }: { to: string }): LayerRow[] =>
    plan(to).map(({ layer, action, reason }) => ({
      name: layer.name,
      kind: layer.kind,
      window: describeWindow(layer.window, layer.counted),
      input: layer.input === undefined ? "?" : formatShape(layer.input),
      refusal: action === "replace" ? undefined : reason,
      visible: isVisible(layer),
    })),
  ),
  /** Swaps layers; the result is kept for running, and given as bytes. */
  swap: inTurn((request: SwapRequest) => {
    const { to, layers, inline } = request;
    const wanted = new Set(layers);
    const chosen = plan(to).filter(({ layer }) => wanted.has(layer.name));
    const draws = uniforms(4096, { seed: 0, step: 0, layer: 0 });
    let drawn = 0;
    const result = swapPooling(current(), {
      to,
      settings: settingsFor(request),
      from: kindsOf(chosen),
      only: layers,
      inline,
      uniform: () => draws[drawn++ % draws.length],
    });
    swapped = result.model;
    const bytes = writeModel(result.model);
    const replaced = result.decisions.filter(({ action }) => action === "replace").length;
    return new Handover({ bytes, replaced }, [bytes.buffer]);
  }),
  /** Runs the network and the swapped one on a picture. */
  run: inTurn(async (request: RunRequest): Promise<RunReply> => {
    const { picture, width, height, scaling, provider } = request;
    if (typeof input === "string")
      throw new Error(`A picture cannot be fed to this network: ${input}.`);
    const pixels = fitted(picture, width, height);
    picture.close();
    const values = valuesOf(pixels, input, scaling);
    const feeds = { [input.name]: toRun({ dtype: input.dtype, ...values }) };
    const notes: string[] = [];
    const options = {
      provider,
      wasm: new URL("./ort/", pageAddress()).href,
      log: (line: string) => notes.push(line.replace(/^softpool: /, "")),
      ...(crossOriginIsolated ? { threads: Math.min(16, navigator.hardwareConcurrency) } : {}),
    };
    const both = [current(), ...(swapped === undefined ? [] : [swapped])];
    const sessions: Session[] = [];
    try {
      for (const proto of both) sessions.push(await createSession(writeModel(proto), options));
      // The first run of a session plans its memory.
      const results: Results[] = [];
      for (const session of sessions) results.push(await resultsOf(session, feeds));
      const times = sessions.map((): number[] => []);
      for (let i = 0; i < RUNS; i++) {
        for (const [j, session] of sessions.entries()) {
          const start = performance.now();
          await session.run(feeds);
          times[j].push(performance.now() - start);
        }
      }
      const ran = sessions[0].provider;
      const inside = await insides(request.inside, both, feeds, options);
      const outcomes = results.map((result, i) => ({
        outputs: Object.entries(result).map(([name, value]) => outputOf(name, value)),
        milliseconds: median(times[i]),
        inside: inside[i],
      }));
      const distances =
        results.length === 2
          ? Object.keys(results[0]).map((name) =>
              distanceOf(name, results[0][name], results[1][name]),
            )
          : [];
      return {
        original: outcomes[0],
        swapped: outcomes[1],
        distances,
        notes: [...new Set(notes)],
        provider: ran,
        runs: RUNS,
      };
    } finally {
      for (const session of sessions) await session.dispose();
    }
  }),
};

/** The maps behind a layer, of each network. */
async function insides(
  name: string | undefined,
  both: readonly ModelProto[],
  feeds: Parameters<Session["run"]>[0],
  options: Parameters<typeof createSession>[1],
): Promise<(Output | undefined)[]> {
  const layer = insideOf(name);
  if (layer === undefined || name === undefined) return [];
  const found: Output[] = [];
  for (const proto of both) {
    const already = proto.graph?.output.some((value) => value.name === layer.output) === true;
    const open = already ? proto : opened(proto, layer.output, layer.dtype);
    const session = await createSession(writeModel(open), options);
    try {
      const results = await session.run(feeds);
      found.push(outputOf(name, fromRun(results[layer.output])));
    } finally {
      await session.dispose();
    }
  }
  return found;
}

/** The page's own address: a worker's is that of its script, in the folder of scripts. */
function pageAddress(): string {
  return new URL(import.meta.env.PROD ? "../" : "/", location.href).href;
}

/** What the page can ask. */
export type Handlers = typeof handlers;

serve(handlers);
