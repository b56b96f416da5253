/**
 * Which stored tensors of a file are learned: float32 weights and biases of convolutions, linear layers
 * and norms, slopes of PReLU, what is added to or multiplied with values that depend on such weights (the
 * biases of MatMul, scales), and what swapped poolings learn. Running statistics, shapes, single numbers
 * and what comes before the first layer (the normalisation of pictures) are not.
 */
import {
  dtypeOfCode,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  namesRead,
  type TensorProto,
  topologicalOrder,
} from "@softpool/onnx";

/** Operators, and which of their inputs are learned. */
const weighted: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  RMSNormalization: [1],
  PRelu: [1],
};

/** Operators that hand on a stored tensor in another form. */
const forms = new Set(["Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten"]);

/** What is learned. */
export interface Learned {
  /** The tensors, in the order of the graph. */
  readonly tensors: readonly TensorProto[];
  /** How many of each operator have tensors that are learned, by operator. */
  readonly operators: ReadonlyMap<string, number>;
}

/**
 * Finds what is learned.
 * @param model a model whose functions are written out
 * @param poolings names of the tensors that poolings learn
 */
export function learnedOf({ graph }: ModelProto, poolings: ReadonlySet<string>): Learned {
  if (graph === undefined) return { tensors: [], operators: new Map() };
  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const behind = storedBehind(graph, stored);
  const learned = new Set(poolings);
  const operators = new Map<string, number>();
  const depends = new Set(poolings);
  const take = (node: NodeProto, names: readonly string[]): void => {
    const found = names
      .flatMap((name) => behind(name) ?? [])
      .filter(({ name }) => !poolings.has(name));
    if (found.length === 0) return;
    for (const tensor of found) learned.add(tensor.name);
    for (const output of node.output) depends.add(output);
    operators.set(node.opType, (operators.get(node.opType) ?? 0) + 1);
  };
  for (const node of topologicalOrder(graph)) {
    if (namesRead(node).some((name) => depends.has(name))) {
      for (const output of node.output) depends.add(output);
    }
    if (node.domain !== "") continue;
    const { opType, input } = node;
    const slots = weighted[opType];
    if (slots !== undefined)
      take(
        node,
        slots.map((slot) => input[slot] ?? ""),
      );
    const [a, b] = input;
    if (opType !== "Add" && opType !== "Mul") continue;
    if (depends.has(a) && !depends.has(b)) take(node, [b]);
    else if (depends.has(b) && !depends.has(a)) take(node, [a]);
  }
  return { tensors: graph.initializer.filter(({ name }) => learned.has(name)), operators };
}

/** The float32 tensor of more than one number that a name stands for, in whatever form. */
function storedBehind(graph: GraphProto, stored: ReadonlyMap<string, TensorProto>) {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node])));
  const behind = (name: string): TensorProto | undefined => {
    const tensor = stored.get(name);
    if (tensor !== undefined) {
      const count = tensor.dims.reduce((product, dim) => product * dim, 1n);
      return dtypeOfCode(tensor.dataType) === "float32" && count > 1n ? tensor : undefined;
    }
    const node = makers.get(name);
    return node?.domain === "" && forms.has(node.opType) ? behind(node.input[0]) : undefined;
  };
  return behind;
}
