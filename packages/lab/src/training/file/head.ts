/**
 * The classifier of a file: the last layer with weights before the scores. A classifier for another
 * number of classes is replaced by one with initial values,
 *
 *     U(-1 / sqrt(inputs), 1 / sqrt(inputs))    for weights and biases: the default of linear layers.
 */
import {
  Attributes,
  describeNode,
  elements,
  type ModelProto,
  Names,
  type NodeProto,
  namesRead,
  shallow,
  type TensorProto,
  tensor,
  tensorFromProto,
  tensorToProto,
  typeFromProto,
  valueInfo,
} from "@softpool/onnx";
import { draw, layerOf } from "@softpool/zoo";
import { quote } from "../../errors.ts";
import { shapeOnly } from "../../evaluation/inspect.ts";

/** A stored tensor of a classifier. */
interface Part {
  /** Its name. */
  readonly name: string;
  /** Its axis of the classes. */
  readonly axis: number;
}

/** A classifier. */
export interface Head {
  /** Its stored tensors, the weights first. */
  readonly parts: readonly Part[];
  /** How many classes it tells apart. */
  readonly classes: number;
  /** The nodes between it and the scores. */
  readonly after: readonly NodeProto[];
}

/** What is found before the scores of a model. */
export interface Scores {
  /** The value with the scores before a softmax. */
  readonly name: string;
  /** The classifier, or why there is none: one clause. */
  readonly head: Head | string;
}

/** Operators between a convolution that tells classes apart and the scores. */
const pooling = new Set([
  "Relu",
  "GlobalAveragePool",
  "AveragePool",
  "ReduceMean",
  "GlobalMaxPool",
]);

/** The graph of a model, by names. */
interface Lookup {
  readonly makers: ReadonlyMap<string, NodeProto>;
  readonly stored: ReadonlyMap<string, TensorProto>;
  readonly reads: ReadonlyMap<string, number>;
}

function lookupOf({ graph }: ModelProto): Lookup {
  const reads = new Map<string, number>();
  for (const name of graph?.node.flatMap(namesRead) ?? []) {
    reads.set(name, (reads.get(name) ?? 0) + 1);
  }
  return {
    makers: new Map(graph?.node.flatMap((node) => node.output.map((name) => [name, node]))),
    stored: new Map(graph?.initializer.map((own) => [own.name, own])),
    reads,
  };
}

/**
 * Finds the scores and the classifier of a model.
 * @param model a checked model
 * @param output the output with the scores
 */
export function findScores(model: ModelProto, output: string): Scores {
  const lookup = lookupOf(model);
  const after: NodeProto[] = [];
  let [name, scores, pooled] = [output, output, false];
  for (;;) {
    const node = lookup.makers.get(name);
    if (node === undefined || node.domain !== "") {
      const what = node === undefined ? "nothing" : describeNode(node);
      return { name: scores, head: `its scores are made by ${what}` };
    }
    const { opType } = node;
    if (opType === "Softmax" || opType === "LogSoftmax") scores = node.input[0];
    else if (pooling.has(opType)) pooled = true;
    else if (!shapeOnly.has(opType) && opType !== "Dropout") {
      return { name: scores, head: headAt(lookup, node, pooled, after) };
    }
    after.push(node);
    name = node.input[0];
  }
}

/** The stored tensor behind a name, and whether its two axes are turned; or why there is none. */
function behind(
  lookup: Lookup,
  name: string,
  turned = false,
): { tensor: TensorProto; turned: boolean } | string {
  const { makers, stored, reads } = lookup;
  if ((reads.get(name) ?? 0) > 1) return `${quote(name)} is used elsewhere too`;
  const found = stored.get(name);
  if (found !== undefined) return { tensor: found, turned };
  const node = makers.get(name);
  if (node?.opType === "Identity") return behind(lookup, node.input[0], turned);
  const swaps = node?.opType === "Transpose" && (new Attributes(node).ints("perm") ?? [1, 0]);
  if (node !== undefined && swaps && String(swaps) === "1,0") {
    return behind(lookup, node.input[0], !turned);
  }
  return `${quote(name)} is not stored in the file`;
}

/** The classifier whose last node is given, or why it is none. */
function headAt(
  lookup: Lookup,
  node: NodeProto,
  pooled: boolean,
  after: readonly NodeProto[],
): Head | string {
  const adds = node.opType === "Add";
  const operands = adds ? node.input.map((own) => lookup.makers.get(own)) : [node];
  const layers = pooled ? ["Conv"] : ["MatMul", "Gemm", "Conv"];
  const at = operands.findIndex((own) => own?.domain === "" && layers.includes(own.opType));
  const layer = operands[at];
  if (layer === undefined) return `its scores are made by ${describeNode(node)}`;
  const weights = behind(lookup, layer.input[1]);
  if (typeof weights === "string") return weights;
  const { opType } = layer;
  const attributes = new Attributes(layer);
  const rank = weights.tensor.dims.length;
  if (opType === "Conv" ? attributes.int("group", 1) !== 1 : rank !== 2) {
    return `${describeNode(layer)} is not a plain layer`;
  }
  const last = opType === "MatMul" || (opType === "Gemm" && attributes.int("transB", 0) === 0);
  const axis = opType === "Conv" ? 0 : Number(last !== weights.turned);
  const classes = Number(weights.tensor.dims[axis]);
  const parts: Part[] = [{ name: weights.tensor.name, axis }];
  const bias = adds ? node.input[1 - at] : opType === "MatMul" ? "" : (layer.input[2] ?? "");
  if (bias !== "") {
    const found = behind(lookup, bias);
    if (typeof found === "string") return found;
    const { dims, name } = found.tensor;
    if (dims.length === 0 || Number(dims[dims.length - 1]) !== classes) {
      return `the bias ${quote(name)} has not one number for each class`;
    }
    parts.push({ name, axis: dims.length - 1 });
  }
  return { parts, classes, after: [...after, ...(adds ? [node] : []), layer] };
}

/**
 * Replaces the classifier of a model.
 * @param model the model, which is changed
 * @param head its classifier
 * @param classes how many classes are told apart
 * @param seed the seed of the initial values
 */
export function replaceHead(model: ModelProto, head: Head, classes: number, seed: number): void {
  const graph = model.graph;
  if (graph === undefined) return;
  const before = head.classes;
  const shapes = new Map(graph.initializer.map(({ name, dims }) => [name, dims.map(Number)]));
  const inputs = elements(shapes.get(head.parts[0].name) ?? []) / before;
  const bound = 1 / Math.sqrt(inputs);
  for (const { name, axis } of head.parts) {
    const shape = (shapes.get(name) ?? []).map((size, i) => (i === axis ? classes : size));
    const values = draw({ kind: "uniform", bound }, elements(shape), {
      seed,
      layer: layerOf(name),
    });
    const proto = tensorToProto(tensor("float32", shape, Float64Array.from(values)), name);
    graph.initializer = graph.initializer.map((own) => (own.name === name ? proto : own));
    graph.input = graph.input.map((own) =>
      own.name === name ? valueInfo(name, { dtype: "float32", shape }) : own,
    );
  }
  const passed = new Set(head.after.flatMap(({ output }) => output));
  graph.valueInfo = graph.valueInfo.filter(({ name }) => !passed.has(name));
  graph.output = graph.output.map((own) => {
    const { dtype, shape } = typeFromProto(own.type);
    if (!passed.has(own.name) || shape === undefined) return own;
    const now = shape.map((size, i) => (i > 0 && size === before ? classes : size));
    return valueInfo(own.name, { dtype, shape: now });
  });
  reshapeTo(model, head, before, classes);
}

/** Numbers of classes in shapes of reshapings behind the classifier. */
function reshapeTo(model: ModelProto, head: Head, before: number, classes: number): void {
  const graph = model.graph;
  if (graph === undefined) return;
  const names = new Names(model);
  const constants = new Map<string, TensorProto>(graph.initializer.map((own) => [own.name, own]));
  for (const node of graph.node) {
    const value = node.attribute.find(({ name }) => name === "value")?.t;
    if (node.opType === "Constant" && value !== undefined) constants.set(node.output[0], value);
  }
  const replaced = new Map<NodeProto, NodeProto>();
  for (const node of head.after) {
    const shape = node.opType === "Reshape" ? constants.get(node.input[1]) : undefined;
    if (shape === undefined) continue;
    const { dtype, shape: sizes, data } = tensorFromProto(shape);
    if (!data.includes(before)) continue;
    const own = names.unique(`${node.input[1]}/classes`);
    const now = data.map((size) => (size === before ? classes : size));
    graph.initializer.push(tensorToProto({ dtype, shape: sizes, data: now }, own));
    const copy = shallow(node);
    copy.input = [node.input[0], own];
    replaced.set(node, copy);
  }
  graph.node = graph.node.map((node) => replaced.get(node) ?? node);
}
