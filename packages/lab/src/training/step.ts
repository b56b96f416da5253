/**
 * One step of training as one ONNX graph: forward, loss, backward and the update of every weight.
 *
 *     g = dL/dw + decay w,  v' = momentum v + g,  w' = w - rate (g + momentum v')   with Nesterov
 *                                                 w' = w - rate v'                  without
 *
 * as PyTorch's SGD (dampening 0). The weights, their velocities and the running statistics come in and go
 * out, so that a checkpoint is what went out last. Sources: Sutskever et al.: On the importance of
 * initialization and momentum in deep learning, ICML 2013; torch.optim.SGD.
 *
 * Where several batches make one update, the graph is cut in two: one adds the gradients of a batch to
 * those of the batches before it, the other takes their mean and updates.
 */
import {
  add,
  blockConvolutions,
  blockedModel,
  Graph,
  gradients,
  graphOf,
  type ModelProto,
  mul,
  OnnxError,
  reshape,
  stackConvolutions,
  tensor,
  type Value,
} from "@softpool/onnx";
import { type Objective, objectiveOf } from "./objective.ts";

/** How a step is built. */
export interface StepOptions {
  /** Momentum; default 0.9. */
  readonly momentum?: number;
  /** Whether the momentum is Nesterov's; default false. */
  readonly nesterov?: boolean;
  /** Weight decay of the weights that have it; default 0. */
  readonly decay?: number;
  /** Share of the target that is spread over all classes; default 0. */
  readonly smoothing?: number;
  /** Weight of each auxiliary head's loss; default 0.4. */
  readonly auxiliary?: number;
}

/** What runs a step, without influence on what it computes but for rounding. */
export interface StepTarget {
  /** Channels of a block of ONNX Runtime's CPU provider on this machine; default none: any provider. */
  readonly block?: number;
}

/** A tensor that a graph may learn. */
export interface LearnedTensor {
  /** Its name in the graph. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** Whether it is learned; others stay what they are. */
  readonly trainable: boolean;
  /** Whether weight decay applies. */
  readonly decay: boolean;
  /** Factor on its learning rate; default 1. */
  readonly factor?: number;
}

/** A graph for training: what a step is made of. */
export interface StepSource {
  /** The graph. */
  readonly model: ModelProto;
  /** Its stored tensors. */
  readonly parameters: readonly LearnedTensor[];
  /** Its running statistics, and the values with those of the batch. */
  readonly statistics: readonly { readonly name: string; readonly next: string }[];
  /** The values with the scores of classes, the classifier's first; default all outputs but the statistics. */
  readonly scores?: readonly string[];
}

/** A tensor that comes in and goes out changed. */
export interface StateTensor {
  /** The input. */
  readonly name: string;
  /** The output with its next value. */
  readonly next: string;
  /** Its shape. */
  readonly shape: readonly number[];
}

/** Names of what a graph takes and gives besides its state. */
export interface StepNames {
  /** Input: the pictures. */
  readonly pictures: string;
  /** Input: class numbers, int64 `[N]`. */
  readonly labels: string;
  /** Input: the learning rate, a float32 scalar. */
  readonly rate: string;
  /** Output: the loss, a float32 scalar. */
  readonly loss: string;
  /** Output: how many pictures were right, a float32 scalar. */
  readonly correct: string;
}

/** What is learned in a step. */
export interface Learning {
  /** The weights, running statistics last. */
  readonly weights: readonly StateTensor[];
  /** The velocities, one for each weight that is learned. */
  readonly velocities: readonly StateTensor[];
  /** Names of inputs and outputs besides. */
  readonly names: StepNames;
}

/** A training step. */
export interface TrainingStep extends Learning {
  /**
   * Inputs: pictures, labels, rate, the state, and the network's noise. Outputs: loss, how many were
   * right, and the next state. Their names are `input`, `labels`, `rate`, `loss`, `correct`, unless the
   * network has its own for the pictures, or these already.
   */
  readonly model: ModelProto;
}

/** A training step in two parts. */
export interface TrainingParts extends Learning {
  /** Adds gradients up: inputs pictures, labels, noise, weights, sums; outputs loss, correct, next sums and statistics. */
  readonly gradients: ModelProto;
  /** Updates: inputs rate, sums, weights and velocities; outputs their next values. */
  readonly update: ModelProto;
  /** The sums of gradients. */
  readonly sums: readonly StateTensor[];
}

const VELOCITY = "velocity/";

/**
 * Builds the step of a network.
 * @param source a graph for training
 * @param options the optimiser
 * @param target what runs it
 * @throws OnnxError for an operator without a gradient, with the node
 */
export function trainingStep(
  source: StepSource,
  options: StepOptions = {},
  target: StepTarget = {},
): TrainingStep {
  const g = graphOf(source.model);
  const objective = objectiveOf(g, source, options);
  const rate = g.input(objective.names.rate, "float32", []);
  const learned = source.parameters.filter(({ trainable }) => trainable);
  const values = learned.map(({ name }) => g.value(name));
  const derivatives = derived(g, objective, values);
  const update = updater(g, rate, options);
  const next = learned.map((own, i) => update(own, values[i], derivatives[i]));
  const weights = [...next.map(({ weight }) => weight), ...statisticsOf(g, source)];
  const velocities = next.map(({ velocity }) => velocity);
  const changing = new Set(weights.map(({ name }) => name));
  feed(g, changing);
  const outputs = next.flatMap((one) => one.outputs);
  const model = conclude(g, source, objective, outputs, { name: "step", ...target });
  return { model, weights, velocities, names: objective.names };
}

/**
 * Builds the step of a network in two parts.
 * @param source a graph for training
 * @param options the optimiser
 * @param count batches of an update
 * @param target what runs it
 * @throws OnnxError for an operator without a gradient, with the node
 */
export function trainingParts(
  source: StepSource,
  options: StepOptions,
  count: number,
  target: StepTarget = {},
): TrainingParts {
  const learned = source.parameters.filter(({ trainable }) => trainable);
  const g = graphOf(source.model);
  const objective = objectiveOf(g, source, options);
  const derivatives = derived(
    g,
    objective,
    learned.map(({ name }) => g.value(name)),
  );
  const outputs: Value[] = [];
  const sums = learned.map(({ name, shape }, i): StateTensor => {
    const sum = g.input(`sum/${name}`, "float32", shape);
    const output = g.op("Add", [sum, derivatives[i]], {}, { outputNames: [`next/sum/${name}`] });
    outputs.push(output);
    return { name: sum.name, next: output.name, shape };
  });
  const statistics = statisticsOf(g, source);
  feed(g, new Set([...learned, ...statistics].map(({ name }) => name)));
  const model = conclude(g, source, objective, outputs, { name: "gradients", ...target });

  const u = new Graph(g.opset);
  const rate = u.input(objective.names.rate, "float32", []);
  const update = updater(u, rate, options);
  const next = learned.map((own, i) => {
    const w = u.input(own.name, "float32", own.shape);
    const sum = u.input(sums[i].name, "float32", own.shape);
    return update(own, w, times(u, sum, 1 / count, own.shape.length));
  });
  u.output(...next.flatMap((one) => one.outputs));
  return {
    ...{ gradients: model, update: u.toModel("update"), sums },
    weights: [...next.map(({ weight }) => weight), ...statistics],
    velocities: next.map(({ velocity }) => velocity),
    names: objective.names,
  };
}

/** The derivatives of the loss; that nothing is learned is refused. */
function derived(g: Graph, { loss }: Objective, values: readonly Value[]): Value[] {
  if (values.length === 0) {
    throw new OnnxError("trainingStep: expected tensors to learn, received none");
  }
  return gradients(g, loss, values);
}

const ones = (rank: number) => new Array<number>(rank).fill(1);

/** A value times a number, which has as many axes. */
function times(g: Graph, value: Value, by: number, rank: number): Value {
  return mul(g, value, g.constant(tensor("float32", ones(rank), by)));
}

function named(g: Graph, value: Value, name: string): Value {
  return g.node("Identity", [value], {}, { outputNames: [name] })[0];
}

/** Emits the update of one weight after another. */
function updater(g: Graph, rate: Value, options: StepOptions) {
  const { momentum = 0.9, nesterov = false, decay = 0 } = options;
  const rates = rateOfRank(g, rate);
  return (
    { name, shape, decay: decays, factor = 1 }: LearnedTensor,
    w: Value,
    gradient: Value,
  ): { weight: StateTensor; velocity: StateTensor; outputs: readonly Value[] } => {
    const rank = shape.length;
    const d = decay > 0 && decays ? add(g, gradient, times(g, w, decay, rank)) : gradient;
    const v = g.input(`${VELOCITY}${name}`, "float32", shape);
    const names = [`next/${name}`, `next/${VELOCITY}${name}`];
    const velocity = g.op("Add", [times(g, v, momentum, rank), d], {}, { outputNames: [names[1]] });
    const direction = nesterov ? add(g, d, times(g, velocity, momentum, rank)) : velocity;
    const change = mul(g, direction, rates(rank, factor));
    const outputs = [g.op("Sub", [w, change], {}, { outputNames: [names[0]] }), velocity];
    return {
      weight: { name, next: outputs[0].name, shape },
      velocity: { name: v.name, next: outputs[1].name, shape },
      outputs,
    };
  };
}

/**
 * The rate with as many axes as what it is multiplied with, made once for each number: a scalar times
 * the weights of a 1x1 convolution, [M, C, 1, 1], takes 50 times as long on ONNX Runtime's CPU provider.
 */
function rateOfRank(g: Graph, rate: Value): (rank: number, factor: number) => Value {
  const known = new Map<string, Value>();
  return (rank, factor) => {
    const key = `${rank} ${factor}`;
    let value = known.get(key);
    if (value === undefined) {
      value = rank === 0 ? rate : reshape(g, rate, ones(rank));
      if (factor !== 1) value = times(g, value, factor, rank);
      known.set(key, value);
    }
    return value;
  };
}

function statisticsOf(g: Graph, { statistics }: StepSource): StateTensor[] {
  return statistics.map(({ name, next }) => {
    return { name, next, shape: g.value(name).shape as readonly number[] };
  });
}

/** What changes comes in instead of being stored. */
function feed(g: Graph, changing: ReadonlySet<string>): void {
  const stored = g.initializers.filter(({ name }) => !changing.has(name));
  g.initializers.splice(0, g.initializers.length, ...stored);
  g.inputs.push(...[...changing].map((name) => g.value(name)));
}

/** The model of a graph that is complete, its convolutions in the form that is fastest. */
function conclude(
  g: Graph,
  { statistics }: StepSource,
  { loss, count, names }: Objective,
  next: readonly Value[],
  { name, block }: StepTarget & { readonly name: string },
): ModelProto {
  g.outputs.splice(0, g.outputs.length);
  const results = [named(g, loss, names.loss), named(g, count, names.correct)];
  g.output(...next, ...results, ...statistics.map((own) => g.value(own.next)));
  const blocked = block === undefined ? 0 : blockConvolutions(g, block);
  stackConvolutions(g);
  return blocked > 0 ? blockedModel(g, name) : g.toModel(name);
}
