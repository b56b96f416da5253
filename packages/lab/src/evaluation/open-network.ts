/** Opens a network of the catalogue for evaluation, with weights or initial values. */
import { OnnxError, writeModel } from "@softpool/onnx";
import { createSession } from "@softpool/onnx/session-node";
import { buildNetwork, type FileTensor, type NetworkEntry } from "@softpool/zoo";
import { quote } from "../errors.ts";
import { failing, type OpenedModel, type OpenModelOptions } from "./model.ts";
import { expectClasses } from "./signature.ts";
import { readWeights } from "./weights.ts";

function some(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).map(quote).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** How many classes a weight file tells apart: the length of its classifier's bias. */
function classesOf(entry: NetworkEntry, tensors: ReadonlyMap<string, FileTensor>) {
  const [start] = entry.head;
  const bias = tensors.get(`${start}bias`) ?? tensors.get(`module.${start}bias`);
  return bias?.shape.length === 1 ? bias.shape[0] : undefined;
}

/**
 * Builds and opens a network.
 * @param entry the network
 * @param options pooling, weights, size, classes of the data, where it runs
 * @throws Failure when the weights cannot be read or do not fit, or tell other classes apart
 */
export async function openNetwork(
  entry: NetworkEntry,
  options: OpenModelOptions,
): Promise<OpenedModel> {
  const { pool, weights: path, size = entry.size, remap, classes } = options;
  const build = { pool, size, remap, classes };
  const notes: string[] = [];
  let weights: ReadonlyMap<string, FileTensor> | undefined;
  if (path === undefined) {
    notes.push(`${entry.name} has initial values, it knows nothing: give --weights`);
  } else {
    weights = await readWeights(path);
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
  return { ...about, channels: 3, session, scores: "logits", substituted: undefined, notes };
}
