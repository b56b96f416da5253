/**
 * What is minimised: the mean cross entropy of the scores, with label smoothing s
 *
 *     L = -(1 - s) log p_label - s mean_k log p_k
 *
 * over the pictures of a batch; the losses of auxiliary heads are added with a weight. Source: Szegedy et
 * al.: Rethinking the Inception architecture for computer vision, CVPR 2016.
 */
import {
  add,
  cast,
  equal,
  type Graph,
  logSoftmax,
  mul,
  OnnxError,
  reduce,
  reshape,
  scalar,
  type Value,
} from "@softpool/onnx";
import type { StepNames, StepOptions, StepSource } from "./step.ts";

/** The loss in a graph. */
export interface Objective {
  /** The loss, a scalar. */
  readonly loss: Value;
  /** How many pictures were right, a scalar. */
  readonly count: Value;
  /** Names for inputs and outputs: `labels` is an input already, the others are free. */
  readonly names: StepNames;
}

/** A name that nothing in a graph has. */
function free(g: Graph, name: string): string {
  return g.names.has(name) ? free(g, `${name}_`) : name;
}

/**
 * Adds the loss of a graph to it.
 * @param g the graph, which gets an input for the labels
 * @param source what it is
 * @param options label smoothing, weight of auxiliary heads
 * @throws OnnxError when its scores have no known shape
 */
export function objectiveOf(g: Graph, source: StepSource, options: StepOptions): Objective {
  const { smoothing = 0, auxiliary = 0.4 } = options;
  const [logits, ...heads] = scoresOf(g, source);
  const names: StepNames = {
    pictures: g.inputs[0].name,
    labels: free(g, "labels"),
    rate: free(g, "rate"),
    loss: free(g, "loss"),
    correct: free(g, "correct"),
  };
  const labels = g.input(names.labels, "int64", [logits.shape?.[0] ?? null]);
  let loss = crossEntropy(g, logits, labels, smoothing);
  for (const head of heads) {
    const weight = g.constant(scalar("float32", auxiliary));
    loss = add(g, loss, mul(g, crossEntropy(g, head, labels, smoothing), weight));
  }
  const correct = equal(g, g.op("ArgMax", [logits], { axis: 1, keepdims: 0 }), labels);
  const count = reduce(g, "ReduceSum", cast(g, correct, "float32"), undefined, false);
  return { loss, count, names };
}

/** The scores of the classifier and of auxiliary heads, as `[N, classes]`. */
function scoresOf(g: Graph, { scores, statistics }: StepSource): Value[] {
  const others = new Set(statistics.map(({ next }) => next));
  const names = scores ?? g.outputs.map(({ name }) => name).filter((name) => !others.has(name));
  return names.map((name) => {
    const value = g.value(name);
    const [batch, classes] = value.shape ?? [];
    if (typeof classes !== "number") {
      throw new OnnxError(`trainingStep: expected scores [N, classes], received ${name}`);
    }
    const single = value.dtype === "float32" ? value : cast(g, value, "float32");
    if (value.shape?.length === 2) return single;
    return { ...reshape(g, single, [-1, classes]), shape: [batch, classes] };
  });
}

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
