/** A copy of a model that can be edited without changing the model: its lists are new, its tensors shared. */
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  shallow,
} from "@softpool/onnx";

/** A copy of a model: graphs, functions and nodes are new, stored tensors are shared. */
export function copyModel(model: ModelProto): ModelProto {
  const copy = shallow(model);
  if (model.graph !== undefined) copy.graph = copyGraph(model.graph);
  copy.functions = model.functions.map(copyBody);
  copy.opsetImport = [...model.opsetImport];
  copy.metadataProps = model.metadataProps.map(shallow);
  return copy;
}

/** A copy of a function: its nodes are new. */
export function copyBody(f: FunctionProto): FunctionProto {
  const own = shallow(f);
  own.node = f.node.map(copyNode);
  own.opsetImport = [...f.opsetImport];
  own.valueInfo = [...f.valueInfo];
  return own;
}

function copyGraph(graph: GraphProto): GraphProto {
  const copy = shallow(graph);
  copy.node = graph.node.map(copyNode);
  copy.initializer = [...graph.initializer];
  copy.valueInfo = [...graph.valueInfo];
  return copy;
}

/** A copy of a node that has subgraphs; others are never changed and stay what they are. */
export function copyNode(node: NodeProto): NodeProto {
  if (!node.attribute.some((item) => item.g !== undefined || item.graphs.length > 0)) return node;
  const copy = shallow(node);
  copy.attribute = node.attribute.map((item): AttributeProto => {
    const own = shallow(item);
    if (item.g !== undefined) own.g = copyGraph(item.g);
    own.graphs = item.graphs.map(copyGraph);
    return own;
  });
  return copy;
}
