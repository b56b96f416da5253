/**
 * Opens what is evaluated: a network of the catalogue, with weights, or an ONNX file, its poolings
 * substituted where that is asked for.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ModelProto,
  metadata,
  OnnxError,
  typeFromProto,
  type ValueInfoProto,
  writeModel,
} from "@softpool/onnx";
import { type ModelFile, readModelFile, writeModelFile } from "@softpool/onnx/files";
import {
  createSession,
  type Session,
  type SessionOptions,
  type SessionValue,
} from "@softpool/onnx/session-node";
import { nearestName } from "@softpool/pictures";
import {
  buildNetwork,
  type FileTensor,
  findNetwork,
  METADATA_KEY,
  type NetworkEntry,
  networks,
  readSafetensors,
} from "@softpool/zoo";
import { explain, Failure, quote, UsageError } from "../errors.ts";
import { isDirectory, isFile } from "../paths.ts";
import { asked } from "../zoo/options.ts";
import type { ScoreKind } from "./rank.ts";
import { expectClasses, signatureOf } from "./signature.ts";
import { type Substituted, substitute } from "./substitute.ts";

/** How a model is opened. */
export interface OpenModelOptions {
  /** What pools where; default what the model has. */
  readonly pool?: string;
  /** A safetensors file for a network of the catalogue; default initial values. */
  readonly weights?: string;
  /** Height and width of pictures, where the model leaves them open; default what it was made for. */
  readonly size?: number;
  /** Whether a network of the catalogue maps pictures to [-1, 1] first; default false. */
  readonly remap?: boolean;
  /** Number of classes of the data. */
  readonly classes: number;
  /** Where and with how many threads it runs. */
  readonly session: SessionOptions;
}

/** A model that is ready for evaluation. */
export interface OpenedModel {
  /** The model in messages. */
  readonly title: string;
  /** The network of the catalogue that it is, as far as that is known. */
  readonly network: string | undefined;
  /** What pooled where when it was made; undefined where that is not known. */
  readonly pool: string | undefined;
  /** Runs it; disposed by whoever opened it. */
  readonly session: Session;
  /** Height and width of its pictures. */
  readonly size: number;
  /** What its scores are. */
  readonly scores: ScoreKind;
  /** What was substituted in a file. */
  readonly substituted: Substituted | undefined;
  /** What should be known, as sentences. */
  readonly notes: readonly string[];
}

/** Runs what fails because of a file or of the runtime. */
async function failing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof OnnxError ? new Failure(error.message) : error;
  }
}

function some(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).map(quote).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** The network that a name means; undefined for a file. */
function entryOf(text: string): NetworkEntry | undefined {
  if (/[/\\]|\.onnx$/i.test(text)) return undefined;
  const entry = findNetwork(text);
  if (entry !== undefined || isFile(text)) return entry;
  const names = networks.flatMap(({ name, aliases }) => [name, ...aliases]);
  const near = nearestName(text, names);
  const hint = near === undefined ? "" : `, did you mean ${near}?`;
  throw new UsageError(
    `expected an ONNX file or a network (softpool models lists them), received ${quote(text)}${hint}`,
  );
}

/** How many classes a weight file tells apart: the length of its classifier's bias. */
function classesOf(entry: NetworkEntry, tensors: ReadonlyMap<string, FileTensor>) {
  const [start] = entry.head;
  const bias = tensors.get(`${start}bias`) ?? tensors.get(`module.${start}bias`);
  return bias?.shape.length === 1 ? bias.shape[0] : undefined;
}

async function openNetwork(entry: NetworkEntry, options: OpenModelOptions): Promise<OpenedModel> {
  const { pool, weights: path, size = entry.size, remap, classes } = options;
  const build = { pool, size, remap, classes };
  const notes: string[] = [];
  let weights: ReadonlyMap<string, FileTensor> | undefined;
  if (path === undefined) {
    notes.push(`${entry.name} has initial values, it knows nothing: give --weights`);
  } else {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = readFileSync(path) as Uint8Array<ArrayBuffer>;
    } catch (error) {
      throw explain("read", path, error);
    }
    weights = await failing(() => readSafetensors(bytes, quote(path)).tensors);
    expectClasses(quote(path), classesOf(entry, weights), classes);
  }
  const { model, account } = await failing(() => {
    try {
      return buildNetwork(entry, { ...build, weights });
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof OnnxError) || path === undefined) throw error;
      throw new OnnxError(message.replace(/^weights:/, `${quote(path)}:`));
    }
  });
  const { unexpected = [], kept = [] } = account ?? {};
  if (unexpected.length > 0) {
    notes.push(
      `${unexpected.length} tensors of ${quote(path ?? "")} are not in the network: ${some(unexpected)}`,
    );
  }
  if (kept.length > 0) {
    notes.push(
      `${kept.length} tensors have initial values, ${quote(path ?? "")} lacks them: ${some(kept)}`,
    );
  }
  const session = await failing(() => createSession(writeModel(model), options.session));
  const about = { title: entry.name, network: entry.name, pool: pool ?? "original", size };
  return { ...about, session, scores: "logits", substituted: undefined, notes };
}

interface Origin {
  readonly entry: NetworkEntry | undefined;
  readonly size: number | undefined;
  readonly pool: string | undefined;
}

/** What a file says about the network that it is. */
function originOf(model: ModelProto): Origin {
  try {
    const about: unknown = JSON.parse(metadata(model, METADATA_KEY) ?? "{}");
    const { network, size, pool } = about as Record<string, unknown>;
    return {
      entry: typeof network === "string" ? findNetwork(network) : undefined,
      size: Number.isInteger(size) && (size as number) > 0 ? (size as number) : undefined,
      pool: typeof pool === "string" ? pool : undefined,
    };
  } catch {
    return { entry: undefined, size: undefined, pool: undefined };
  }
}

const shapeOnly = new Set(["Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze"]);

/** Whether the first output of a model is what a softmax gives. */
function scoreKindOf({ graph }: ModelProto): ScoreKind {
  let name = graph?.output[0]?.name;
  for (;;) {
    const node = graph?.node.find(({ output }) => output.includes(name ?? ""));
    if (node?.domain !== "" || !shapeOnly.has(node.opType)) {
      return node?.domain === "" && node.opType === "Softmax" ? "probabilities" : "logits";
    }
    name = node.input[0];
  }
}

/** Height and width of the pictures of a file. */
function sizeOf(
  title: string,
  [height, width]: readonly (number | undefined)[],
  made: number | undefined,
  given: number | undefined,
): number {
  const fixed = height ?? width;
  if (fixed !== undefined && (width ?? fixed) !== fixed) {
    throw new Failure(`${title}: expected square pictures, received ${height}x${width}`);
  }
  if (fixed !== undefined && given !== undefined && given !== fixed) {
    throw new UsageError(`--size: ${title} takes pictures of ${fixed}x${fixed}, received ${given}`);
  }
  const size = fixed ?? given ?? made;
  if (size !== undefined) return size;
  throw new UsageError(
    `--size: ${title} leaves the size of its pictures open: expected the one that it was trained with`,
  );
}

/** Opens a session for a model that is no longer what its file holds. */
async function openChanged(
  model: ModelProto,
  { path, external }: ModelFile,
  options: SessionOptions,
): Promise<Session> {
  if (external.length === 0) return createSession(writeModel(model), options);
  const folder = mkdtempSync(join(tmpdir(), "softpool-eval-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, "model.onnx");
    await writeModelFile(model, copy, { source: path });
    const session = await createSession(copy, options);
    // The runtime may read tensors as it needs them.
    const dispose = () => session.dispose().finally(remove);
    return { ...session, dispose };
  } catch (error) {
    remove();
    throw error;
  }
}

async function openFile(path: string, options: OpenModelOptions): Promise<OpenedModel> {
  const title = quote(path);
  const file = await failing(() => readModelFile(path));
  const { model } = file;
  const { entry, size: made, pool: own } = originOf(model);
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  const describe = ({ name, type }: ValueInfoProto): SessionValue => {
    const { dtype, shape } = typeFromProto(type);
    return { name, dtype, shape };
  };
  const inputs = (model.graph?.input ?? []).filter(({ name }) => !stored.has(name)).map(describe);
  const outputs = (model.graph?.output ?? []).map(describe);
  const { input, batch, height, width, classes } = signatureOf({ inputs, outputs }, title);
  expectClasses(title, classes, options.classes);
  const size = sizeOf(title, [height, width], made, options.size);
  const { pool } = options;
  const substituted =
    pool === undefined
      ? undefined
      : asked(() =>
          substitute(model, {
            ...{ pool, title, entry },
            inputs: { [input]: [batch ?? 1, 3, size, size] },
          }),
        );
  const session = await failing(() =>
    substituted === undefined
      ? createSession(path, options.session)
      : openChanged(substituted.model, file, options.session),
  );
  const scores = scoreKindOf(model);
  const about = { title, network: entry?.name, pool: own, size, scores };
  return { ...about, session, substituted, notes: [] };
}

/**
 * Refuses what can be seen to be wrong before any data is opened, which may take long.
 * @param text name of a network of the catalogue, or path of an ONNX file
 * @param options as for {@link openModel}
 * @throws UsageError or Failure, one sentence
 */
export function expectModel(
  text: string,
  { pool, weights, size, remap }: Omit<OpenModelOptions, "classes" | "session">,
): void {
  const entry = entryOf(text);
  for (const [name, value] of Object.entries({ weights, remap })) {
    if (entry !== undefined || value === undefined || value === false) continue;
    throw new UsageError(
      `--${name}: expected with a network, ${quote(text)} is a whole model already`,
    );
  }
  for (const file of [entry === undefined ? text : undefined, weights]) {
    if (file === undefined || isFile(file)) continue;
    throw explain("read", file, isDirectory(file) ? { code: "EISDIR" } : { code: "ENOENT" });
  }
  if (entry !== undefined) {
    asked(() => buildNetwork(entry, { pool, size, remap, values: false }));
  }
}

/**
 * Opens a model for evaluation.
 * @param text name of a network of the catalogue, or path of an ONNX file
 * @param options pooling, weights, size, classes of the data, where it runs; {@link expectModel} was asked
 * @throws UsageError for what cannot be asked for, Failure for what cannot be read or does not fit, one
 * sentence each
 */
export function openModel(text: string, options: OpenModelOptions): Promise<OpenedModel> {
  const entry = entryOf(text);
  return entry === undefined ? openFile(text, options) : openNetwork(entry, options);
}
