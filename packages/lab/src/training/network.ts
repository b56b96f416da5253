/** A network of the catalogue as what is trained: initial values or those of a weight file. */
import {
  type BuildOptions,
  type BuiltNetwork,
  buildNetwork,
  expectComplete,
  type FileTensor,
  loadWeights,
  type NetworkEntry,
  networkOf,
  type StoredParameter,
  weightsOf,
} from "@softpool/zoo";
import { quote } from "../errors.ts";
import { failing } from "../evaluation/model.ts";
import { readWeights } from "../evaluation/weights.ts";
import type { RunConfig } from "./config.ts";
import { weightFile } from "./state.ts";
import type { LearnedTensor } from "./step.ts";
import type { Trainee } from "./trainee.ts";

function some(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).map(quote).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** What both the network for training and the one for inference are built with. */
function common({ pool, classes, size, seed, remap }: RunConfig): BuildOptions {
  return { pool, classes, size, seed, remap };
}

/** The network for training. With momentum 0 what goes out are the statistics of the batch, computed once. */
function build(entry: NetworkEntry, config: RunConfig): BuiltNetwork {
  const { batch, heads, softpoolGradient } = config;
  return buildNetwork(entry, {
    ...common(config),
    ...{ batch, auxiliary: heads, softpoolGradient },
    frozenNorms: config.batchNorm === "frozen",
    training: true,
    momentum: 0,
  });
}

/** Loads a weight file into a network and gives what there is to say about it. */
async function loadInto(network: BuiltNetwork, own: ReadonlySet<string>, path: string) {
  const { entry, model, parameters } = network;
  const tensors = await readWeights(path);
  // Poolings learn from the start when the file has none, and so do heads that only training has.
  const keep = [
    ...entry.head,
    ...parameters.flatMap(({ name, place }) => (place || !own.has(name) ? [name] : [])),
  ];
  const account = loadWeights(model, tensors, { keep });
  await failing(() => expectComplete(account, quote(path)));
  const { loaded, kept, unexpected, renamed } = account;
  const notes = [
    `${quote(path)}: ${loaded.length} of the network's ${loaded.length + kept.length} tensors loaded` +
      (renamed.length > 0 ? `, ${renamed.length} of them under older names` : ""),
  ];
  if (kept.length > 0) notes.push(`${kept.length} begin with initial values: ${some(kept)}`);
  if (unexpected.length > 0) {
    notes.push(`${unexpected.length} tensors of the file are not in it: ${some(unexpected)}`);
  }
  return notes;
}

function learnedOf(
  { name, shape, trainable, decay, place }: StoredParameter,
  entry: NetworkEntry,
  rate: number,
): LearnedTensor {
  const free = place !== undefined || entry.head.some((start) => name.startsWith(start));
  const factor = free ? 1 : rate;
  return { name, shape, trainable: trainable && factor > 0, decay, factor };
}

/**
 * Makes a network of the catalogue ready for training.
 * @param config the settings: network, pooling, weights, classes, what is frozen
 * @throws Failure when the weight file cannot be read or does not fit
 */
export async function networkTrainee(config: RunConfig): Promise<Trainee> {
  const entry = networkOf(config.network);
  const network = await failing(() => build(entry, config));
  const finished = (weights: ReadonlyMap<string, FileTensor> | undefined) =>
    buildNetwork(entry, { ...common(config), weights, values: false });
  const own = finished(undefined).parameters.map(({ name }) => name);
  const { weights: path, backboneRate = 1 } = config;
  const notes = path === undefined ? [] : await loadInto(network, new Set(own), path);
  const initial = weightsOf(network.model);
  return {
    title: entry.name,
    model: network.model,
    parameters: network.parameters.map((parameter) => learnedOf(parameter, entry, backboneRate)),
    statistics: network.statistics.map((own) => {
      const variance = own.name.endsWith("running_var");
      return { ...own, variance, keep: 0.9 };
    }),
    noise: network.noise.map(({ name, shape }) => ({
      name,
      shape: shape.map((size) => (typeof size === "number" ? size : config.batch)),
    })),
    ...{ initial, stored: own, scoreKind: "logits", notes },
    finished: (state) => finished(weightFile({ initial, stored: own }, state)).model,
  };
}
