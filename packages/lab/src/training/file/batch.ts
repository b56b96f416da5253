/**
 * A model for another number of pictures than is written into it. An exporter may have fixed the batch in
 * the input, and with it in the shapes of reshapings behind the pictures; these are rewritten. What else
 * may hold it cannot be known: whether the scores have the new size is seen afterwards.
 */
import {
  inferTypes,
  type ModelProto,
  Names,
  namesRead,
  type Shape,
  shallow,
  tensor,
  tensorToProto,
  topologicalOrder,
  valueInfo,
} from "@softpool/onnx";

/**
 * Rewrites the batch of a model whose functions are written out.
 * @param model the model; it is not changed, stored tensors are shared
 * @param input the pictures: name, and shape with the batch that is written in
 * @param batch the new one
 */
export function withBatch(
  model: ModelProto,
  input: { readonly name: string; readonly shape: Shape },
  batch: number,
): ModelProto {
  const graph = model.graph;
  const before = input.shape[0];
  if (graph === undefined || typeof before !== "number" || before === batch) return model;
  const types = inferTypes(model, { inputs: { [input.name]: input.shape } }).of(graph);
  const result = shallow(model);
  const copy = shallow(graph);
  result.graph = copy;
  const names = new Names(model);
  const stored = [...graph.initializer];
  const pictured = new Set([input.name]);
  copy.node = topologicalOrder(graph).map((node) => {
    if (!namesRead(node).some((name) => pictured.has(name))) return node;
    for (const name of node.output) pictured.add(name);
    const resizes = node.domain === "" && ["Reshape", "Expand"].includes(node.opType);
    const sizes = types.get(node.input[1] ?? "")?.contents;
    const first = types.get(node.input[0])?.shape?.[0];
    if (!resizes || sizes?.[0] !== before || first !== before) return node;
    if (!sizes.every((size) => typeof size === "number")) return node;
    const name = names.unique(`${node.input[1]}/batch`);
    const now = [batch, ...sizes.slice(1)] as number[];
    stored.push(tensorToProto(tensor("int64", [now.length], now), name));
    const own = shallow(node);
    own.input = [node.input[0], name];
    return own;
  });
  copy.initializer = stored;
  copy.input = graph.input.map((own) =>
    own.name === input.name
      ? valueInfo(own.name, { dtype: "float32", shape: [batch, ...input.shape.slice(1)] })
      : own,
  );
  // What is stated of other values holds for the old batch.
  copy.valueInfo = [];
  copy.output = graph.output.map(({ name }) => valueInfo(name, {}));
  return result;
}
