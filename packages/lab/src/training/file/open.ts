/**
 * An ONNX file as what is trained. From the file comes a template, tidied, with the classifier and the
 * poolings that were asked for: it becomes model.onnx. From the template comes the graph for training:
 * functions written out, poolings in their form for training, the batch fixed.
 */
import {
  dtypeOfCode,
  type GraphProto,
  type Inferred,
  inferTypes,
  inlineFunctions,
  type ModelProto,
  metadata,
  OnnxError,
  type Shape,
  setMetadata,
  shallow,
  type TensorProto,
  tensorFromProto,
  valueInfo,
} from "@softpool/onnx";
import { type ModelFile, readModelFile } from "@softpool/onnx/files";
import { DOMAIN, trainingForm } from "@softpool/poolings";
import { type FileTensor, METADATA_KEY } from "@softpool/zoo";
import { Failure, quote } from "../../errors.ts";
import { type Inspected, inspectModel } from "../../evaluation/inspect.ts";
import { failing } from "../../evaluation/model.ts";
import { substitute } from "../../evaluation/substitute.ts";
import { asked } from "../../zoo/options.ts";
import type { State } from "../checkpoint.ts";
import type { RunConfig } from "../config.ts";
import type { LearnedTensor } from "../step.ts";
import type { Statistic, Trainee } from "../trainee.ts";
import { withBatch } from "./batch.ts";
import { drawDropout } from "./dropout.ts";
import { findScores, replaceHead, type Scores } from "./head.ts";
import { learnedOf } from "./learned.ts";
import { normsOf, trainNorms, trains } from "./norms.ts";
import { bringIn, tidy } from "./tidy.ts";
import { widen } from "./widen.ts";

/** What model.onnx is made from. */
interface Template {
  readonly model: ModelProto;
  readonly seen: Inspected;
  readonly scores: Scores;
  readonly notes: readonly string[];
}

async function templateOf(config: RunConfig, file?: ModelFile): Promise<Template> {
  const { network: path, pool, classes, seed, batch } = config;
  const title = quote(path);
  const { model: given } = file ?? (await failing(() => readModelFile(path)));
  const notes: string[] = [];
  await failing(() => bringIn(given, path));
  if (widen(given)) {
    notes.push(
      `${title} has numbers of half precision: it is learned, and model.onnx is written, in float32`,
    );
  }
  const separate = tidy(given);
  if (separate > 0) {
    notes.push(
      `${separate} tensors that the file holds once because they are equal are learned separately`,
    );
  }
  const seen = inspectModel(given, title, config.size);
  const { input, output, channels } = seen.signature;
  let model = given;
  if (pool !== undefined) {
    const inputs = { [input]: [seen.signature.batch ?? batch, channels, seen.size, seen.size] };
    model = asked(() => substitute(given, { ...{ pool, title, inputs }, entry: seen.entry })).model;
  }
  const scores = findScores(model, output);
  const { head } = scores;
  const before = seen.signature.classes ?? (typeof head === "string" ? undefined : head.classes);
  if (before !== undefined && before !== classes) {
    if (typeof head === "string" || head.classes !== before) {
      const why = typeof head === "string" ? head : "its layers tell other numbers apart";
      throw new Failure(
        `${title} tells ${before} classes apart, the data has ${classes}, and its classifier cannot be replaced: ${why}`,
      );
    }
    replaceHead(model, head, classes, seed);
    const [{ name }] = head.parts;
    notes.push(
      `the classifier ${quote(name)} is a new one for ${classes} classes instead of ${before}, with initial values`,
    );
  }
  describe(model, { classes, pool });
  return { model, seen, scores: { ...scores, ...findScores(model, output) }, notes };
}

/** Keeps what a file of ours says about itself. */
function describe(model: ModelProto, now: { classes: number; pool: string | undefined }): void {
  try {
    const about: unknown = JSON.parse(metadata(model, METADATA_KEY) ?? "null");
    if (about === null || typeof about !== "object") return;
    const { classes, pool } = now;
    const entries = { ...about, classes, ...(pool === undefined ? {} : { pool }) };
    setMetadata(model, METADATA_KEY, JSON.stringify(entries));
  } catch {
    // Not ours.
  }
}

/** A graph for training. */
interface TrainingGraph {
  readonly model: ModelProto;
  readonly types: ReadonlyMap<string, Inferred>;
  readonly poolings: ReadonlyMap<string, boolean>;
  readonly noise: Trainee["noise"];
  readonly statistics: readonly Statistic[];
  /** What the statistics of norms are, in a word. */
  readonly norms: string;
}

function trainingGraph({ model, seen, scores }: Template, config: RunConfig): TrainingGraph {
  const { batch, classes, batchNorm = "frozen", softpoolGradient } = config;
  const { signature, size } = seen;
  const { input: name, channels } = signature;
  const flat = shallow(model);
  flat.graph = inlineFunctions(model, { only: ({ domain }) => domain !== DOMAIN });
  const fixed = withBatch(
    flat,
    { name, shape: [signature.batch ?? null, channels, size, size] },
    batch,
  );
  const inputs = { [name]: [batch, channels, size, size] };
  const form = trainingForm(fixed, { inputs, gradient: softpoolGradient });
  const graph = form.model.graph;
  if (graph === undefined) throw new OnnxError("expected a graph");
  graph.input = graph.input.map((own) =>
    own.name === name ? valueInfo(name, { dtype: "float32", shape: inputs[name] }) : own,
  );
  const types = inferTypes(form.model).of(graph);
  expectScores(graph, types.get(scores.name)?.shape, scores.name, [batch, classes]);
  const own = normsOf(graph).some(trains);
  const statistics = batchNorm === "train" ? trainNorms(form.model, types) : [];
  const dropped = drawDropout(form.model, types);
  const norms = statistics.length > 0 || own ? "of the batch" : "frozen";
  return {
    ...{ model: form.model, types, statistics, norms },
    poolings: new Map(form.parameters.map((own) => [own.name, own.decay])),
    noise: [...form.noise, ...dropped],
  };
}

/**
 * Looks whether the scores have the shape `[batch, classes]`, and states it where it is not known.
 * @throws OnnxError when they have another one
 */
function expectScores(
  graph: GraphProto,
  found: Shape | undefined,
  name: string,
  wanted: readonly [batch: number, classes: number],
): void {
  const [batch, classes, ...rest] = found ?? [];
  const given = [batch ?? wanted[0], classes ?? wanted[1]];
  if (String(given) !== String(wanted) || rest.some((size) => size !== 1)) {
    const is = found?.map((size) => size ?? "?").join(", ");
    throw new OnnxError(`expected scores [${wanted.join(", ")}], found [${is}]`);
  }
  if (batch === wanted[0] && classes === wanted[1]) return;
  const stated = valueInfo(name, { dtype: "float32", shape: wanted });
  graph.valueInfo = [...graph.valueInfo.filter((own) => own.name !== name), stated];
}

/** The graph for training; that a fixed batch cannot be changed is said with the one that fits. */
function fittingGraph(template: Template, config: RunConfig): TrainingGraph {
  const title = quote(config.network);
  const { batch } = template.seen.signature;
  try {
    return trainingGraph(template, config);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    if (batch === undefined || batch === config.batch) {
      throw new Failure(`${title}: ${error.message}`);
    }
    throw new Failure(
      `${title} is made for ${batch} pictures at once and does not take ${config.batch}: expected --batch ${batch} (${error.message})`,
    );
  }
}

/** What is learned, in a sentence. */
function learnedNote(
  operators: ReadonlyMap<string, number>,
  learned: readonly TensorProto[],
  graph: TrainingGraph,
): string {
  const numbers = learned.reduce(
    (sum, { dims }) => sum + Number(dims.reduce((a, b) => a * b, 1n)),
    0,
  );
  const parts = [...operators].map(([type, count]) => {
    return `${count} ${type}${type === "BatchNormalization" ? ` (statistics ${graph.norms})` : ""}`;
  });
  if (graph.poolings.size > 0) parts.push("poolings");
  return `${learned.length} tensors with ${numbers} numbers are learned: those of ${parts.join(", ")}`;
}

function fileTensor(proto: TensorProto): FileTensor {
  const { shape, data } = tensorFromProto(proto);
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(data).buffer) };
}

/** A model with the tensors of a state. */
function withState(model: ModelProto, state: Readonly<State>): ModelProto {
  const result = shallow(model);
  if (model.graph === undefined) return result;
  result.graph = shallow(model.graph);
  result.graph.initializer = model.graph.initializer.map((proto) => {
    const now = Object.hasOwn(state, proto.name) ? state[proto.name] : undefined;
    if (now === undefined) return proto;
    const copy = shallow(proto);
    const floats = (now.data as Float32Array<ArrayBuffer>).slice();
    copy.rawData = new Uint8Array(floats.buffer);
    copy.floatData = [];
    return copy;
  });
  return result;
}

/**
 * Makes an ONNX file ready for training.
 * @param config the settings: file, pooling, classes, batch, size, batch normalization, what is frozen
 * @param file the file, when it was read already; its model is changed
 * @throws Failure, one sentence, when the file cannot be read, does not fit the data or cannot be trained
 */
export async function fileTrainee(config: RunConfig, file?: ModelFile): Promise<Trainee> {
  const title = quote(config.network);
  const template = await templateOf(config, file);
  const { model, seen, scores, notes } = template;
  const graph = fittingGraph(template, config);
  const { tensors, operators } = learnedOf(graph.model, new Set(graph.poolings.keys()));
  if (tensors.length === 0) {
    throw new Failure(`${title} has no float32 weights that could be learned`);
  }
  const { backboneRate = 1, batch } = config;
  const { head } = scores;
  if (backboneRate !== 1 && typeof head === "string") {
    throw new Failure(`${title}: --backbone-rate: its classifier is not known: ${head}`);
  }
  const free = new Set([
    ...graph.poolings.keys(),
    ...(typeof head === "string" ? [] : head.parts.map(({ name }) => name)),
  ]);
  const parameters = tensors.map(({ name, dims }): LearnedTensor => {
    const factor = free.has(name) ? 1 : backboneRate;
    const decay = graph.poolings.get(name) ?? true;
    return { name, shape: dims.map(Number), trainable: factor > 0, decay, factor };
  });
  const running = new Set(normsOf(graph.model.graph).flatMap(({ input }) => input.slice(3, 5)));
  for (const { name } of graph.statistics) running.add(name);
  const wanted = new Set([...tensors.map(({ name }) => name), ...running]);
  const stored = (model.graph?.initializer ?? []).filter(
    (own) => wanted.has(own.name) && dtypeOfCode(own.dataType) === "float32",
  );
  const fixed = seen.signature.batch;
  return {
    ...{ title, parameters, model: graph.model, noise: graph.noise, statistics: graph.statistics },
    scores: [scores.name],
    initial: new Map(stored.map((own) => [own.name, fileTensor(own)])),
    stored: stored.map(({ name }) => name),
    scoreKind: seen.scores,
    notes: [
      ...notes,
      learnedNote(
        operators,
        tensors.filter(({ name }) => free.has(name) || backboneRate > 0),
        graph,
      ),
      ...(fixed === undefined || fixed === batch
        ? []
        : [
            `${title} takes ${fixed} at once: it is learned with ${batch} pictures at once, model.onnx takes ${fixed} as before`,
          ]),
    ],
    finished: (state) => withState(model, state),
  };
}
