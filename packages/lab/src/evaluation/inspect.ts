/** What can be seen of an ONNX file that classifies pictures, before it runs. */
import { type ModelProto, metadata, typeFromProto, type ValueInfoProto } from "@softpool/onnx";
import type { SessionValue } from "@softpool/onnx/session-node";
import { findNetwork, METADATA_KEY, type NetworkEntry } from "@softpool/zoo";
import { Failure, UsageError } from "../errors.ts";
import type { ScoreKind } from "./rank.ts";
import { type Signature, signatureOf } from "./signature.ts";

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

/** Operators that leave the order of scores. */
export const shapeOnly: ReadonlySet<string> = new Set([
  "Identity",
  "Cast",
  "Flatten",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
]);

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

/** What is seen of a file. */
export interface Inspected {
  /** What it takes and gives. */
  readonly signature: Signature;
  /** Height and width of its pictures. */
  readonly size: number;
  /** The network of the catalogue that it is, as far as it says so. */
  readonly entry: NetworkEntry | undefined;
  /** What pooled where when it was made; undefined where that is not known. */
  readonly pool: string | undefined;
  /** What its scores are. */
  readonly scores: ScoreKind;
}

/**
 * Looks at a model.
 * @param model a checked model
 * @param title the model, for messages
 * @param size height and width of pictures, where the model leaves them open; default what it was made for
 * @throws UsageError for a size that cannot be or must be given; Failure when it classifies no pictures
 */
export function inspectModel(
  model: ModelProto,
  title: string,
  size: number | undefined,
): Inspected {
  const { entry, size: made, pool } = originOf(model);
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  const describe = ({ name, type }: ValueInfoProto): SessionValue => {
    const { dtype, shape } = typeFromProto(type);
    return { name, dtype, shape };
  };
  const inputs = (model.graph?.input ?? []).filter(({ name }) => !stored.has(name)).map(describe);
  const outputs = (model.graph?.output ?? []).map(describe);
  const signature = signatureOf({ inputs, outputs }, title);
  const { height, width } = signature;
  return {
    ...{ signature, entry, pool, scores: scoreKindOf(model) },
    size: sizeOf(title, [height, width], made, size),
  };
}
