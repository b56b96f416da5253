/**
 * One step of training as one ONNX graph: forward, loss, backward and the update of every weight.
 *
 *     g = dL/dw + decay w,  v' = momentum v + g,  w' = w - rate (g + momentum v')   with Nesterov
 *                                                 w' = w - rate v'                  without
 *
 * as PyTorch's SGD (dampening 0). The weights, their velocities and the running statistics come in and go
 * out, so that a checkpoint is what went out last. Sources: Sutskever et al.: On the importance of
 * initialization and momentum in deep learning, ICML 2013; torch.optim.SGD.
 */
import {
  add,
  cast,
  equal,
  type Graph,
  gradients,
  graphOf,
  logSoftmax,
  type ModelProto,
  mul,
  reduce,
  reshape,
  scalar,
  sub,
  tensor,
  type Value,
} from "@softpool/onnx";
import type { BuiltNetwork } from "@softpool/zoo";

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

/** A tensor that comes in and goes out changed. */
export interface StateTensor {
  /** The input. */
  readonly name: string;
  /** The output with its next value. */
  readonly next: string;
  /** Its shape. */
  readonly shape: readonly number[];
}

/** A training step. */
export interface TrainingStep {
  /**
   * Inputs: `input` (pictures), `labels` (int64 `[N]`), `rate` (a float32 scalar), the state, and the
   * network's noise. Outputs: `loss`, `correct` (how many were right), and the next state.
   */
  readonly model: ModelProto;
  /** The weights. */
  readonly weights: readonly StateTensor[];
  /** The velocities, one for each weight. */
  readonly velocities: readonly StateTensor[];
}

const VELOCITY = "velocity/";

/**
 * Builds the step of a network.
 * @param network a network built for training (`training: true`)
 * @param options the optimiser
 */
export function trainingStep(network: BuiltNetwork, options: StepOptions = {}): TrainingStep {
  const { momentum = 0.9, nesterov = false, decay = 0, smoothing = 0, auxiliary = 0.4 } = options;
  const g = graphOf(network.model);
  const number = (value: number) => g.constant(scalar("float32", value));
  const [logits, ...heads] = scoresOf(g, network);
  const labels = g.input("labels", "int64", [logits.shape?.[0] ?? null]);
  const rates = rateOfRank(g, g.input("rate", "float32", []));
  let loss = crossEntropy(g, logits, labels, smoothing);
  for (const head of heads) {
    loss = add(g, loss, mul(g, crossEntropy(g, head, labels, smoothing), number(auxiliary)));
  }
  const learned = network.parameters.filter(({ trainable }) => trainable);
  const values = learned.map(({ name }) => g.value(name));
  const derivatives = gradients(g, loss, values);
  const next: Value[] = [];
  const weights: StateTensor[] = [];
  const velocities: StateTensor[] = [];
  const named = (value: Value, name: string): Value => {
    const [output] = g.node("Identity", [value], {}, { outputNames: [name] });
    next.push(output);
    return output;
  };
  for (const [i, { name, shape, decay: decays }] of learned.entries()) {
    const w = values[i];
    const plain = derivatives[i];
    const rank = shape.length;
    const times = (value: Value, by: number) =>
      mul(g, value, g.constant(tensor("float32", ones(rank), by)));
    const d = decay > 0 && decays ? add(g, plain, times(w, decay)) : plain;
    const v = g.input(`${VELOCITY}${name}`, "float32", shape);
    const velocity = add(g, times(v, momentum), d);
    const direction = nesterov ? add(g, d, times(velocity, momentum)) : velocity;
    const updated = sub(g, w, mul(g, direction, rates(rank)));
    weights.push({ name, next: named(updated, `next/${name}`).name, shape });
    velocities.push({
      name: v.name,
      next: named(velocity, `next/${VELOCITY}${name}`).name,
      shape,
    });
  }
  const correct = equal(g, g.op("ArgMax", [logits], { axis: 1, keepdims: 0 }), labels);
  const count = reduce(g, "ReduceSum", cast(g, correct, "float32"), undefined, false);
  for (const { name, next: output } of network.statistics) {
    weights.push({ name, next: output, shape: g.value(name).shape as readonly number[] });
  }
  // What changes comes in instead of being stored.
  const changing = new Set(weights.map(({ name }) => name));
  const stored = g.initializers.filter(({ name }) => !changing.has(name));
  g.initializers.splice(0, g.initializers.length, ...stored);
  g.inputs.push(...[...changing].map((name) => g.value(name)));
  const statistics = network.statistics.map(({ next: name }) => g.value(name));
  g.outputs.splice(0, g.outputs.length);
  named(loss, "loss");
  named(count, "correct");
  g.output(...next, ...statistics);
  return { model: g.toModel("step"), weights, velocities };
}

const ones = (rank: number) => new Array<number>(rank).fill(1);

/**
 * The rate with as many axes as what it is multiplied with, made once for each number: a scalar times
 * the weights of a 1x1 convolution, [M, C, 1, 1], takes 50 times as long on ONNX Runtime's CPU provider.
 */
function rateOfRank(g: Graph, rate: Value): (rank: number) => Value {
  const known = new Map<number, Value>([[0, rate]]);
  return (rank) => {
    const value = known.get(rank) ?? reshape(g, rate, ones(rank));
    known.set(rank, value);
    return value;
  };
}

/** The scores of the classifier and of auxiliary heads: the outputs that are no statistics. */
function scoresOf(g: Graph, network: BuiltNetwork): Value[] {
  const statistics = new Set(network.statistics.map(({ next }) => next));
  return g.outputs.filter(({ name }) => !statistics.has(name));
}

/**
 * The mean cross entropy: -(1 - s) log p_label - s mean_k log p_k over the classes, with smoothing s.
 * Source: Szegedy et al.: Rethinking the Inception architecture for computer vision, CVPR 2016.
 */
function crossEntropy(g: Graph, logits: Value, labels: Value, smoothing: number): Value {
  const number = (value: number) => g.constant(scalar("float32", value));
  const logs = logSoftmax(g, logits, 1);
  const classes = logits.shape?.[1];
  const index = g.op("OneHot", [
    labels,
    g.constant(scalar("int64", Number(classes))),
    g.constant({ dtype: "float32", shape: [2], data: Float64Array.of(0, 1) }),
  ]);
  const own = reduce(g, "ReduceSum", mul(g, logs, index), [1], false);
  const part =
    smoothing === 0
      ? own
      : add(
          g,
          mul(g, own, number(1 - smoothing)),
          mul(g, reduce(g, "ReduceMean", logs, [1], false), number(smoothing)),
        );
  return g.op("Neg", [reduce(g, "ReduceMean", part, undefined, false)]);
}
