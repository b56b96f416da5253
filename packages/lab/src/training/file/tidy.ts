/**
 * Brings what a file stores into one form, before anything is learned: tensors outside the file come in,
 * weights that are `Constant` nodes become stored tensors of the same name, and what an exporter stored
 * once because it was equal is stored separately. PyTorch does that to the scales and biases of norms that
 * were not trained yet; learned as one they would be another network.
 */
import {
  dtypeOfCode,
  forEachTensor,
  isExternal,
  type ModelProto,
  Names,
  type NodeProto,
  shallow,
  type TensorProto,
  valueInfo,
} from "@softpool/onnx";
import { externalBytes } from "@softpool/onnx/files";

/** Operators with the inputs that may be weights. */
const slots: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2, 3, 4],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  PRelu: [1],
  Add: [0, 1],
};

const isFloat = (tensor: TensorProto) => dtypeOfCode(tensor.dataType) === "float32";
const count = (tensor: TensorProto) => tensor.dims.reduce((product, dim) => product * dim, 1n);

/** Stores a tensor in a model's graph. Before version 4 of the format it is declared as an input too. */
function store(model: ModelProto, tensor: TensorProto): void {
  model.graph?.initializer.push(tensor);
  if (model.irVersion >= 4n) return;
  const shape = tensor.dims.map(Number);
  model.graph?.input.push(valueInfo(tensor.name, { dtype: "float32", shape }));
}

/** A tensor under another name. */
function copyOf(tensor: TensorProto, name: string): TensorProto {
  const copy = shallow(tensor);
  copy.name = name;
  return copy;
}

function storeConstants(model: ModelProto): void {
  const graph = model.graph;
  if (graph === undefined) return;
  const read = new Set(
    graph.node.flatMap(({ opType, domain, input }) =>
      domain === "" ? (slots[opType] ?? []).map((slot) => input[slot]) : [],
    ),
  );
  graph.node = graph.node.filter((node) => {
    if (node.opType !== "Constant" || node.domain !== "" || !read.has(node.output[0])) return true;
    const tensor = node.attribute.find(({ name }) => name === "value")?.t;
    if (tensor === undefined || !isFloat(tensor) || count(tensor) <= 1n) return true;
    store(model, copyOf(tensor, node.output[0]));
    return false;
  });
}

/** Identities of stored vectors become stored vectors of their own; how many. */
function storeCopies(model: ModelProto): number {
  const graph = model.graph;
  if (graph === undefined) return 0;
  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const before = graph.node.length;
  graph.node = graph.node.filter((node) => {
    const tensor = stored.get(node.input[0] ?? "");
    if (node.opType !== "Identity" || node.domain !== "" || tensor === undefined) return true;
    if (!isFloat(tensor) || tensor.dims.length > 1 || outputs.has(node.output[0])) return true;
    const copy = copyOf(tensor, node.output[0]);
    store(model, copy);
    stored.set(copy.name, copy);
    return false;
  });
  return before - graph.node.length;
}

/** Vectors that several norms read become vectors of each; how many were added. */
function separateNorms(model: ModelProto): number {
  const graph = model.graph;
  if (graph === undefined) return 0;
  const names = new Names(model);
  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const taken = new Set<string>();
  let added = 0;
  const separate = (node: NodeProto): void => {
    for (const slot of [1, 2, 3, 4]) {
      const name = node.input[slot] ?? "";
      const tensor = stored.get(name);
      if (tensor === undefined || tensor.dims.length !== 1) continue;
      if (taken.has(name)) {
        node.input[slot] = names.unique(name);
        store(model, copyOf(tensor, node.input[slot]));
        added++;
      }
      taken.add(node.input[slot]);
    }
  };
  for (const node of graph.node) {
    if (node.opType === "BatchNormalization" && node.domain === "") separate(node);
  }
  return added;
}

/**
 * Brings in what lies outside a model.
 * @param model a checked model, which is changed
 * @param path its file, beside which its external tensors lie
 * @throws OnnxError when an external tensor cannot be read
 */
export function bringIn(model: ModelProto, path: string): void {
  forEachTensor(model, (tensor) => {
    if (!isExternal(tensor)) return;
    const bytes = externalBytes(path, tensor);
    tensor.rawData = bytes as Uint8Array<ArrayBuffer>;
    tensor.externalData = [];
    tensor.dataLocation = 0;
  });
}

/**
 * Tidies a model.
 * @param model a checked model without external tensors, which is changed: nobody else has it
 * @returns how many tensors are stored separately that were one
 */
export function tidy(model: ModelProto): number {
  storeConstants(model);
  return storeCopies(model) + separateNorms(model);
}
