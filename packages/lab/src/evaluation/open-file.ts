/** Opens an ONNX file for evaluation, its poolings substituted where that is asked for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ModelProto,
  metadata,
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
import { findNetwork, METADATA_KEY, type NetworkEntry } from "@softpool/zoo";
import { Failure, quote, UsageError } from "../errors.ts";
import { asked } from "../zoo/options.ts";
import { failing, type OpenedModel, type OpenModelOptions } from "./model.ts";
import type { ScoreKind } from "./rank.ts";
import { expectClasses, signatureOf } from "./signature.ts";
import { substitute } from "./substitute.ts";

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

/**
 * Opens a file.
 * @param path the ONNX file
 * @param options pooling, size, classes of the data, where it runs
 * @throws UsageError for a pooling or a size that cannot be; Failure for a file that cannot be read, is no
 * classifier or tells other classes apart
 */
export async function openFile(path: string, options: OpenModelOptions): Promise<OpenedModel> {
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
