/** Builds a network of the catalogue: graph, pooling, initial values, weights. */
import {
  add,
  type Dim,
  type Graph,
  mul,
  OnnxError,
  setMetadata,
  tensor,
  type Value,
  valueInfo,
} from "@softpool/onnx";
import { Builder } from "./builder.ts";
import { networkOf } from "./catalogue.ts";
import { draw, layerOf } from "./initial.ts";
import type { Network, NetworkEntry, PlacedPooling } from "./network.ts";
import { PoolSpecification } from "./pool-spec.ts";
import { poolingValues, recordComposed, swapPlaces } from "./pooling.ts";
import type { FileTensor } from "./safetensors.ts";
import { bytesOf, setBytes, storedTensors } from "./stored.ts";
import { expectComplete, loadWeights, type WeightAccount } from "./weights.ts";

/** How a network is built. */
export interface BuildOptions {
  /** What pools where, as `pool-spec.ts` says; default what is there originally. */
  readonly pool?: string;
  /** Number of classes; default the network's. */
  readonly classes?: number;
  /** Seed of the initial values, a whole number from 0; default 0. */
  readonly seed?: number;
  /** Height and width of the pictures; default the network's. */
  readonly size?: number;
  /** Number of pictures; default the symbol `batch`. */
  readonly batch?: number | string;
  /** Auxiliary heads, whose scores are further outputs; default false. */
  readonly auxiliary?: boolean;
  /**
   * For training: batch normalization with the statistics of the batch and the next running ones as
   * outputs, dropout and random poolings from noise inputs, poolings composed in place; default false.
   */
  readonly training?: boolean;
  /** Share of the old running statistics in the next ones, in training; default 0.9. */
  readonly momentum?: number;
  /** Whether batch normalization keeps its running statistics in training; default false. */
  readonly frozenNorms?: boolean;
  /** SoftPool's gradient in training, whatever `pool` says of it; default as `pool` says: `exact`. */
  readonly softpoolGradient?: "exact" | "weights";
  /**
   * Maps pictures normalised by the mean and deviation of ImageNet to [-1, 1] first, which published
   * weights of the Inception networks expect; default false.
   */
  readonly remap?: boolean;
  /** Version of the standard operators; default 17. */
  readonly opset?: number;
  /** Tensors of a weight file; what does not fit is an error. */
  readonly weights?: ReadonlyMap<string, FileTensor>;
  /** Whether the weights' classifier may be missing or for other classes; default false. */
  readonly replaceHead?: boolean;
  /** False leaves all stored tensors 0, which costs no memory: for counting; default true. */
  readonly values?: boolean;
}

/** A network that was built, and what became of the weights. */
export interface BuiltNetwork extends Network {
  /** What became of the weights; `undefined` without. */
  readonly account: WeightAccount | undefined;
}

/** The key of a network's metadata: JSON with its name, pooling and number of classes. */
export const METADATA_KEY = "softpool.network";

const meanOf = [0.485, 0.456, 0.406];
const deviationOf = [0.229, 0.224, 0.225];

/** (x deviation + mean - 0.5) / 0.5 for each channel. */
function remapped(g: Graph, x: Value): Value {
  const channels = (f: (i: number) => number) =>
    g.constant(
      tensor(
        "float32",
        [1, 3, 1, 1],
        [0, 1, 2].map((i) => f(i)),
      ),
    );
  const scaled = mul(
    g,
    x,
    channels((i) => deviationOf[i] / 0.5),
  );
  return add(
    g,
    scaled,
    channels((i) => (meanOf[i] - 0.5) / 0.5),
  );
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new OnnxError(
    `buildNetwork: ${name}: expected a whole number from ${least}, received ${value}`,
  );
}

/** Says of windows that do not fit that the pictures are too small. */
function fitting<T>(entry: NetworkEntry, size: number, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!/does not fit an axis/.test((error as Error).message) || size >= entry.size) throw error;
    throw new OnnxError(
      `buildNetwork: size: ${size}x${size} is too small for ${entry.name}, whose pictures have ${entry.size}x${entry.size}: ${(error as Error).message}`,
    );
  }
}

/**
 * Builds a network.
 * @param network its name, an alias, or an entry of the catalogue
 * @param options pooling, classes, seed, weights and whether it is for training
 * @throws OnnxError when the network, a method, a setting or a place does not exist, a method cannot pool
 *   in a place, pictures are too small, or weights do not fit
 */
export function buildNetwork(
  network: string | NetworkEntry,
  options: BuildOptions = {},
): BuiltNetwork {
  const entry = typeof network === "string" ? networkOf(network) : network;
  const { training = false, auxiliary = false, opset = 17, weights } = options;
  if (auxiliary && !entry.auxiliary) {
    throw new OnnxError(`buildNetwork: auxiliary: ${entry.name} has no auxiliary heads`);
  }
  const pool = new PoolSpecification(entry, options.pool);
  const classes = whole("classes", options.classes ?? entry.classes, 1);
  const size = whole("size", options.size ?? entry.size, 1);
  const seed = whole("seed", options.seed ?? 0, 0);
  const momentum = options.momentum ?? 0.9;
  const { frozenNorms = false, softpoolGradient } = options;
  const b = new Builder(entry, {
    ...{ pool, classes, training, auxiliary, momentum, opset },
    ...{ frozenNorms, softpoolGradient },
  });
  const batch: Dim = options.batch ?? "batch";
  const input = b.g.input("input", "float32", [batch, 3, size, size]);
  const outputs = fitting(entry, size, () =>
    entry.layers(b, options.remap ? remapped(b.g, input) : input),
  );
  const scores = [outputs.logits, ...(outputs.auxiliary ?? [])];
  b.finish(scores.map((value) => ({ ...value, shape: [batch, classes] })));
  pool.check(b.places);

  const own = b.g.toModel(entry.name);
  // What poolings give is stated: some compositions leave shape inference without a trace.
  own.graph?.valueInfo.push(
    ...b.places.map(({ outputName, output }) =>
      valueInfo(outputName, { dtype: "float32", shape: output }),
    ),
  );
  const swapped = training ? { model: own, parameters: [] } : swapPlaces(own, b.places, size);
  const { model } = swapped;
  if (training) recordComposed(model, b.places);
  setMetadata(
    model,
    METADATA_KEY,
    JSON.stringify({ network: entry.name, pool: pool.text, classes, size }),
  );
  const result: Network = {
    entry,
    model,
    parameters: [...b.parameters, ...swapped.parameters],
    places: b.places,
    statistics: b.statistics,
    noise: b.noise,
  };
  let account: WeightAccount | undefined;
  if (weights !== undefined) {
    const learned = result.parameters.flatMap(({ name, place }) => (place ? [name] : []));
    const keep = [...learned, ...(options.replaceHead ? entry.head : [])];
    account = loadWeights(model, weights, { keep });
    expectComplete(account);
  }
  if (options.values !== false) initialise(result, seed, new Set(account?.loaded));
  return { ...result, account };
}

/**
 * Gives stored tensors their initial values.
 * @param network the network
 * @param seed of all values, a whole number from 0
 * @param except names of tensors that keep what they have; default none
 */
export function initialise(network: Network, seed: number, except?: ReadonlySet<string>): void {
  const stored = storedTensors(network.model);
  const poolings = poolingValues(network.places, seed);
  for (const { name, shape, initial } of network.parameters) {
    const proto = stored.get(name);
    if (proto === undefined || except?.has(name)) continue;
    const count = shape.reduce((product, length) => product * length, 1);
    const given = poolings.get(name) ?? 0;
    const values =
      initial !== undefined
        ? draw(initial, count, { seed, layer: layerOf(name) })
        : typeof given === "number"
          ? new Float32Array(count).fill(given)
          : Float32Array.from(given);
    setBytes(proto, bytesOf(values));
  }
}

/**
 * The pooling places of a network with its original poolings.
 * @param network its name, an alias, or an entry of the catalogue
 * @param options whether auxiliary heads are there, and the size of pictures
 */
export function placesOf(
  network: string | NetworkEntry,
  options: Pick<BuildOptions, "auxiliary" | "size"> = {},
): readonly PlacedPooling[] {
  return buildNetwork(network, { ...options, values: false }).places;
}
