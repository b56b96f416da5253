/**
 * What a network costs, counted in its graph: of the nodes that its first output depends on, for one
 * picture.
 *
 *     multiply-accumulates   of convolutions and linear layers, those inside pooling methods too
 *     normed activations     elements of the results of batch normalizations
 *     pooling taps           elements of the results of windowed poolings times the taps of a window
 *
 * The operation counts printed in the paper are macs + 4 normed activations + pooling taps.
 */
import {
  Attributes,
  Graph,
  type Inferred,
  inferTypes,
  isStatic,
  type ModelProto,
  type NodeProto,
  type Shape,
  subgraphs,
  type Value,
} from "@softpool/onnx";
import { DOMAIN, findPooling } from "@softpool/poolings";

/** What a network costs. */
export interface NetworkInfo {
  /** Numbers that are learned, those of auxiliary heads too; running statistics are none. */
  readonly parameters: number;
  /** Tensors that are learned. */
  readonly tensors: number;
  /** Further tensors of a checkpoint: running mean, running variance, counter of every norm. */
  readonly buffers: number;
  /** Multiply-accumulates of convolutions and linear layers. */
  readonly macs: number;
  /** Elements that pass through batch normalizations. */
  readonly normActivations: number;
  /** Taps that windowed poolings read; global ones are left out. */
  readonly poolingTaps: number;
  /** Pooling layers, global ones too. */
  readonly poolings: number;
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** The nodes that a value depends on. */
function nodesBehind(nodes: readonly NodeProto[], output: string): Set<NodeProto> {
  const makers = new Map<string, NodeProto>();
  for (const node of nodes) for (const name of node.output) makers.set(name, node);
  const found = new Set<NodeProto>();
  const queue = [output];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const node = makers.get(name);
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    queue.push(...node.input, ...subgraphs(node).flatMap(([, graph]) => inputsOf(graph.node)));
  }
  return found;
}

const inputsOf = (nodes: readonly NodeProto[]): string[] =>
  nodes.flatMap((node) => [
    ...node.input,
    ...subgraphs(node).flatMap(([, graph]) => inputsOf(graph.node)),
  ]);

type TypeOf = (name: string) => Inferred | undefined;

/** A shape for one picture: a batch size that is a symbol or unknown is 1. */
function forOne(shape: Shape | undefined): readonly number[] | undefined {
  const one = shape?.map((dim, axis) => (axis === 0 && typeof dim !== "number" ? 1 : dim));
  return isStatic(one) ? one : undefined;
}

/** Multiply-accumulates of a node; 0 where it has none, or its sizes are unknown. */
function macsOf(node: NodeProto, typeOf: TypeOf): number {
  const shape = (name: string | undefined) => forOne(typeOf(name ?? "")?.shape);
  const [a, b, y] = [node.input[0], node.input[1], node.output[0]].map(shape);
  if (a === undefined || b === undefined || y === undefined) return 0;
  if (node.opType === "Conv") return count(y) * count(b.slice(1));
  if (node.opType === "Gemm") {
    return count(y) * a[new Attributes(node).int("transA", 0) ? 0 : 1];
  }
  return 0;
}

/** Multiply-accumulates inside a call of a local function, for the types of this call. */
function macsOfCall(model: ModelProto, node: NodeProto, typeOf: TypeOf): number {
  const called = model.functions.filter(
    ({ domain, name, overload }) =>
      domain === node.domain && name === node.opType && overload === node.overload,
  );
  if (!called[0]?.node.some(({ opType }) => opType === "Conv" || opType === "Gemm")) return 0;
  const opset = Number(model.opsetImport.find(({ domain }) => domain === "")?.version ?? 17);
  const g = new Graph(opset);
  const inputs: Value[] = node.input.map((name) => {
    const { dtype, shape } = typeOf(name) ?? {};
    return g.input(name, dtype, shape);
  });
  g.node(node.opType, inputs, {}, { domain: node.domain, overload: node.overload });
  const call = g.toModel();
  call.functions = called;
  const types = inferTypes(call, { onError: () => {} }).of(called[0]);
  return called[0].node.reduce((sum, inner) => sum + macsOf(inner, (name) => types.get(name)), 0);
}

/**
 * Counts what a network costs.
 * @param model a network whose first input is pictures `[N, 3, H, W]`
 * @param size height and width of the pictures; default what the model states
 */
export function info(model: ModelProto, size?: number): NetworkInfo {
  const graph = model.graph;
  const nodes = graph?.node ?? [];
  const [picture] = graph?.input ?? [];
  const inputs: Record<string, Shape> = {};
  const stated =
    picture &&
    inferTypes(model, { onError: () => {} })
      .of(graph!)
      .get(picture.name);
  const [, channels = 3, height = null, width = null] = stated?.shape ?? [];
  if (picture !== undefined) {
    inputs[picture.name] = [1, channels, size ?? height, size ?? width];
  }
  const types = inferTypes(model, { inputs, onError: () => {} }).of(graph!);
  const typeOf: TypeOf = (name) => types.get(name);
  const used = nodesBehind(nodes, graph?.output[0]?.name ?? "");
  const elements = (name: string) => {
    return count(forOne(typeOf(name)?.shape) ?? [0]);
  };

  const statistics = new Set<string>();
  let buffers = 0;
  let normActivations = 0;
  let macs = 0;
  for (const node of nodes) {
    if (node.opType === "BatchNormalization") {
      for (const name of node.input.slice(3)) statistics.add(name);
      buffers += 3;
      if (used.has(node)) normActivations += elements(node.output[0]);
    }
    if (!used.has(node)) continue;
    macs += node.domain === DOMAIN ? macsOfCall(model, node, typeOf) : macsOf(node, typeOf);
  }
  let poolingTaps = 0;
  let poolings = 0;
  for (const { node, window, output } of findPooling(model, { inputs })) {
    if (!used.has(node)) continue;
    poolings++;
    if (window !== undefined) poolingTaps += count(window.kernel) * count(forOne(output) ?? [0]);
  }
  const learned = (graph?.initializer ?? []).filter(({ name }) => !statistics.has(name));
  return {
    parameters: learned.reduce((sum, { dims }) => sum + count(dims.map(Number)), 0),
    tensors: learned.length,
    buffers,
    macs,
    normActivations,
    poolingTaps,
    poolings,
  };
}
