/** Weights of a network from and to named tensors, with an account of what did not fit. */
import { type ModelProto, OnnxError } from "@softpool/onnx";
import { type FileTensor, float32Bytes } from "./safetensors.ts";
import { setBytes, storedTensors } from "./stored.ts";

/** A tensor whose shape or element type is not what the network has. */
export interface Misshapen {
  /** Its name in the network. */
  readonly name: string;
  /** What the network has: its shape. */
  readonly expected: readonly number[];
  /** What the file has: its shape. */
  readonly received: readonly number[];
  /** The file's element type. */
  readonly dtype: string;
}

/** What became of the tensors of a file. */
export interface WeightAccount {
  /** Tensors of the network that got their values. */
  readonly loaded: readonly string[];
  /** Those that were allowed to stay what they are, and did: a new head, learned poolings. */
  readonly kept: readonly string[];
  /** Those that the file does not have. */
  readonly missing: readonly string[];
  /** Those whose shape or element type is another in the file; they stay what they are. */
  readonly misshapen: readonly Misshapen[];
  /** Tensors of the file that the network does not have. */
  readonly unexpected: readonly string[];
  /** Names of the file that are spelled otherwise today, with today's spelling. */
  readonly renamed: readonly (readonly [from: string, to: string])[];
}

/** How weights are loaded. */
export interface LoadOptions {
  /**
   * Beginnings of names whose tensors may be missing or have another shape, and then stay what they
   * are; default none.
   */
  readonly keep?: readonly string[];
}

/** The name of a tensor as networks spell it today. */
function modernName(name: string): string {
  return (
    name
      // DenseNets of the first years: norm.1, conv.2.
      .replace(/(\.denselayer\d+\.(?:norm|conv))\.([12]\.)/, "$1$2")
      // Wrapped for training on several devices.
      .replace(/^module\./, "")
  );
}

/**
 * Loads tensors by name. Whatever fits is loaded; the account says what did not. Counters of batches
 * (`num_batches_tracked`), which no graph has, are passed over.
 * @param model the network, whose stored tensors get new values in place
 * @param tensors the tensors of a file
 * @param options what may stay as it is
 */
export function loadWeights(
  model: ModelProto,
  tensors: ReadonlyMap<string, FileTensor>,
  options: LoadOptions = {},
): WeightAccount {
  const stored = storedTensors(model);
  const given = new Map<string, FileTensor>();
  const renamed: [string, string][] = [];
  for (const [name, value] of tensors) {
    const modern = stored.has(name) ? name : modernName(name);
    if (modern.endsWith(".num_batches_tracked")) continue;
    if (modern !== name) renamed.push([name, modern]);
    given.set(modern, value);
  }
  const keeps = (name: string) => options.keep?.some((start) => name.startsWith(start)) === true;
  const loaded: string[] = [];
  const kept: string[] = [];
  const missing: string[] = [];
  const misshapen: Misshapen[] = [];
  for (const [name, proto] of stored) {
    const value = given.get(name);
    const expected = proto.dims.map(Number);
    if (value === undefined) {
      (keeps(name) ? kept : missing).push(name);
      continue;
    }
    const bytes = String(value.shape) === String(expected) ? float32Bytes(value) : undefined;
    if (bytes !== undefined) {
      setBytes(proto, bytes);
      loaded.push(name);
    } else if (keeps(name)) kept.push(name);
    else misshapen.push({ name, expected, received: value.shape, dtype: value.dtype });
  }
  const unexpected = [...given.keys()].filter((name) => !stored.has(name));
  return { loaded, kept, missing, misshapen, unexpected, renamed };
}

/** The first few of many names in words. */
function some(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/**
 * Refuses weights that leave a network incomplete. Tensors that it does not have are no reason.
 * @param account what {@link loadWeights} gave
 * @param what the file, as it is called in the error
 * @throws OnnxError with what is missing or has another shape
 */
export function expectComplete(account: WeightAccount, what = "weights"): void {
  const { missing, misshapen, loaded } = account;
  if (missing.length === 0 && misshapen.length === 0) return;
  const reasons: string[] = [];
  if (misshapen.length > 0) {
    const [{ name, expected, received, dtype }] = misshapen;
    const more = misshapen.length > 1 ? ` (and ${misshapen.length - 1} more)` : "";
    const sizes = `[${expected.join(", ")}], received [${received.join(", ")}] ${dtype}`;
    reasons.push(`${name}: expected ${sizes}${more}`);
  }
  if (missing.length > 0) reasons.push(`missing: ${some(missing)}`);
  const total = loaded.length + missing.length + misshapen.length + account.kept.length;
  throw new OnnxError(
    `${what}: only ${loaded.length} of the network's ${total} tensors fit; ${reasons.join("; ")}`,
  );
}

/**
 * The stored tensors of a network, for {@link writeSafetensors}. They share their memory with the model.
 */
export function weightsOf(model: ModelProto): Map<string, FileTensor> {
  return new Map(
    [...storedTensors(model)].map(([name, proto]) => [
      name,
      { dtype: "F32", shape: proto.dims.map(Number), bytes: proto.rawData },
    ]),
  );
}
