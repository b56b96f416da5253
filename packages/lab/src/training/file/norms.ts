/**
 * Batch normalization of a file in training: with the statistics of the batch, from which the running
 * ones follow. From opset 14 on the node itself computes them; before, they are
 *
 *     mean = E(x),  variance = E((x - mean)^2)
 *
 * in nodes before it.
 */
import {
  Attributes,
  atNode,
  attribute,
  float,
  Graph,
  type GraphProto,
  type Inferred,
  type ModelProto,
  mul,
  Names,
  type NodeProto,
  OnnxError,
  opsetOf,
  reduce,
  reshape,
  shallow,
  sub,
  type Value,
} from "@softpool/onnx";
import type { Statistic } from "../trainee.ts";

/** The batch normalizations of a graph. */
export function normsOf(graph: GraphProto | undefined): NodeProto[] {
  return (graph?.node ?? []).filter(
    ({ opType, domain }) => opType === "BatchNormalization" && domain === "",
  );
}

/** Whether a batch normalization computes statistics of the batch as it stands in the file. */
export function trains(node: NodeProto): boolean {
  return new Attributes(node).int("training_mode", 0) === 1;
}

/**
 * Lets the batch normalizations of a model take the statistics of the batch.
 * @param model a model whose functions are written out; its graph's list of nodes is replaced
 * @param types what is known of its values
 * @returns the running statistics, and the values with those of the batch
 * @throws OnnxError for a norm whose running statistics are not stored, or whose input has no known shape
 */
export function trainNorms(
  model: ModelProto,
  types: ReadonlyMap<string, Inferred>,
): readonly Statistic[] {
  const graph = model.graph;
  if (graph === undefined) return [];
  const opset = opsetOf(model) ?? 17;
  const names = new Names(model);
  const stored = new Set(graph.initializer.map(({ name }) => name));
  const statistics: Statistic[] = [];
  const train = (node: NodeProto): NodeProto[] => {
    const running = [node.input[3], node.input[4]];
    if (!running.every((name) => stored.has(name))) {
      throw new OnnxError("its running statistics are not stored in the file: leave it frozen");
    }
    const shape = types.get(node.input[0])?.shape ?? [];
    const sizes = shape.slice(2);
    if (shape.length < 2 || !sizes.every((size) => typeof size === "number")) {
      throw new OnnxError("the shape of what it normalizes does not follow from the file");
    }
    const next = running.map((name) => names.unique(`${name}/next`));
    for (const [i, name] of running.entries()) {
      const perSample = (sizes as number[]).reduce((product, size) => product * size, 1);
      const keep = new Attributes(node).float("momentum", 0.9);
      statistics.push({ name, next: next[i], perSample, variance: i === 1, keep });
    }
    return opset >= 14 ? [natively(node, next)] : arithmetically(node, next, types, opset, names);
  };
  const norms = new Set(normsOf(graph));
  graph.node = graph.node.flatMap((node) =>
    norms.has(node) ? atNode(node, () => train(node)) : [node],
  );
  return statistics;
}

/** With momentum 0 the running outputs are the statistics of the batch. */
function natively(node: NodeProto, next: readonly string[]): NodeProto {
  const copy = shallow(node);
  copy.attribute = [
    ...node.attribute.filter(({ name }) => name !== "training_mode" && name !== "momentum"),
    attribute("training_mode", 1),
    attribute("momentum", float(0)),
  ];
  copy.output = [node.output[0], ...next];
  return copy;
}

function arithmetically(
  node: NodeProto,
  next: readonly string[],
  types: ReadonlyMap<string, Inferred>,
  opset: number,
  names: Names,
): NodeProto[] {
  const g = new Graph(opset, { names, prefix: node.name || node.output[0] });
  const x: Value = { ...types.get(node.input[0]), name: node.input[0] };
  const axes = (x.shape ?? []).map((_, i) => i).filter((i) => i !== 1);
  const channels = types.get(node.input[3])?.shape as readonly number[];
  const list = (value: Value, name: string) => {
    const flat = reshape(g, value, channels);
    g.node("Identity", [flat], {}, { outputNames: [name] });
  };
  const mean = reduce(g, "ReduceMean", x, axes, true);
  const centred = sub(g, x, mean);
  list(mean, next[0]);
  list(reduce(g, "ReduceMean", mul(g, centred, centred), axes, true), next[1]);
  const copy = shallow(node);
  copy.input = [...node.input.slice(0, 3), ...next];
  copy.output = [node.output[0]];
  return [...g.nodes, copy];
}
