/**
 * A model of float16 or bfloat16 as one of float32: stored tensors with the same values, and the types that
 * values, casts and generators state. Updates of a learning rate's size would be lost in half precision.
 */
import {
  type AttributeProto,
  dtypeCode,
  forEachTensor,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  tensorFromProto,
  type ValueInfoProto,
} from "@softpool/onnx";

const narrow: ReadonlySet<number> = new Set([dtypeCode("float16"), dtypeCode("bfloat16")]);
const SINGLE = dtypeCode("float32");

/** Attributes that name an element type. */
const typed: ReadonlySet<string> = new Set([
  "to",
  "dtype",
  "output_dtype",
  "stash_type",
  "softmax_precision",
]);

function widenType(type: ValueInfoProto["type"]): boolean {
  if (type === undefined) return false;
  const { value } = type;
  switch (value.case) {
    case "tensorType":
    case "sparseTensorType":
      if (!narrow.has(value.value.elemType)) return false;
      value.value.elemType = SINGLE;
      return true;
    case "sequenceType":
    case "optionalType":
      return widenType(value.value.elemType);
    default:
      return false;
  }
}

/** Whether anything was widened among values. */
function widenValues(values: readonly ValueInfoProto[]): boolean {
  return values.map(({ type }) => widenType(type)).includes(true);
}

function widenAttribute(attribute: AttributeProto): boolean {
  const graphs = attribute.g === undefined ? attribute.graphs : [attribute.g];
  const found = [widenType(attribute.tp), ...graphs.map(widenGraph)];
  if (typed.has(attribute.name) && narrow.has(Number(attribute.i))) {
    attribute.i = BigInt(SINGLE);
    found.push(true);
  }
  return found.includes(true);
}

function widenNodes(nodes: readonly NodeProto[]): boolean {
  return nodes.flatMap(({ attribute }) => attribute.map(widenAttribute)).includes(true);
}

function widenGraph({ input, output, valueInfo, node }: GraphProto): boolean {
  return [widenValues([...input, ...output, ...valueInfo]), widenNodes(node)].includes(true);
}

/**
 * Widens a model.
 * @param model a checked model without external tensors, which is changed
 * @returns whether there was anything to widen
 */
export function widen(model: ModelProto): boolean {
  let found = false;
  forEachTensor(model, (tensor) => {
    if (!narrow.has(tensor.dataType)) return;
    const { data } = tensorFromProto(tensor);
    tensor.rawData = new Uint8Array(Float32Array.from(data).buffer);
    tensor.int32Data = [];
    tensor.dataType = SINGLE;
    found = true;
  });
  if (model.graph !== undefined && widenGraph(model.graph)) found = true;
  for (const { node, valueInfo, attributeProto } of model.functions) {
    if (widenNodes(node)) found = true;
    if (widenValues(valueInfo)) found = true;
    if (attributeProto.map(widenAttribute).includes(true)) found = true;
  }
  return found;
}
