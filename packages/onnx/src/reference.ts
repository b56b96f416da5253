/**
 * Runs a graph with the evaluation part of its operators: slow, plain, in float64. It is the oracle of
 * the tests: no engine, no fusion, no rounding to the element types (integers and booleans excepted).
 */
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { Attributes } from "./attributes.ts";
import { functionKey } from "./check.ts";
import { isFloat } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";
import { findOperator } from "./ops/index.ts";
import { atNode, describeNode, topologicalOrder } from "./order.ts";
import { formatShape, type ValueType } from "./shape.ts";
import { type Tensor, tensorFromProto } from "./tensor.ts";
import { typeFromProto } from "./types.ts";
import { opsetOf } from "./versions.ts";

/** How a model is evaluated. */
export interface EvaluateOptions {
  /** Names of values to give besides the outputs of the graph: any value of the main graph. */
  readonly also?: readonly string[];
  /** Gives the bytes of a tensor that lies outside the file. */
  readonly external?: (tensor: GraphProto["initializer"][number]) => Uint8Array;
}

type Scope = Map<string, Tensor>;

/**
 * Evaluates a model.
 * @param model a checked model
 * @param feeds values of the inputs by name; inputs with a default may be left out. Floating-point
 *   types stand for each other: nothing is rounded.
 * @param options further values to give, and tensors outside the file
 * @returns the outputs by name
 * @throws OnnxError for feeds that do not fit the inputs, an operator that is not known here, or wrong
 *   shapes, with the node
 */
export function evaluate(
  model: ModelProto,
  feeds: Readonly<Record<string, Tensor>>,
  options: EvaluateOptions = {},
): Record<string, Tensor> {
  const functions = new Map<string, FunctionProto>(
    model.functions.map((f) => [functionKey(f, f.name), f]),
  );
  const graph = model.graph;
  if (graph === undefined) throw new OnnxError("expected a graph, found none");

  const runNodes = (
    body: GraphProto | FunctionProto,
    scope: Scope,
    opsets: Pick<ModelProto, "opsetImport">,
    references: ReadonlyMap<string, AttributeProto> | undefined,
  ): void => {
    for (const node of topologicalOrder(body)) {
      const inputs = node.input.map((name) => (name === "" ? undefined : scope.get(name)));
      const results = runNode(node, inputs, scope, opsets, references);
      for (const [i, name] of node.output.entries()) {
        if (name === "") continue;
        if (results[i] === undefined) {
          throw new OnnxError(`${describeNode(node)}: its output ${i} is not computed here`);
        }
        scope.set(name, results[i]);
      }
    }
  };

  const runNode = (
    node: NodeProto,
    inputs: (Tensor | undefined)[],
    scope: Scope,
    opsets: Pick<ModelProto, "opsetImport">,
    references: ReadonlyMap<string, AttributeProto> | undefined,
  ): readonly Tensor[] => {
    const attributes = new Attributes(node, references);
    const f = functions.get(functionKey(node, node.opType));
    if (f !== undefined) {
      const own: Scope = new Map();
      for (const [i, name] of f.input.entries()) if (inputs[i]) own.set(name, inputs[i]);
      const given = new Map(f.attributeProto.map((item) => [item.name, item]));
      for (const [name, item] of attributes.all) given.set(name, item);
      runNodes(f, own, f, given);
      return f.output.map((name) => own.get(name) as Tensor);
    }
    const operator = findOperator(node.opType, node.domain);
    if (operator === undefined) {
      const domain = node.domain === "" ? "" : ` of ${quote(node.domain)}`;
      throw new OnnxError(
        `${describeNode(node)}: the reference evaluator does not know this operator${domain}`,
      );
    }
    return atNode(node, () =>
      operator.evaluate({
        node,
        attributes,
        opset: opsetOf(opsets) ?? 0,
        inputs,
        runGraph: (inner, values) => runGraph(inner, values, scope, opsets, references),
      }),
    );
  };

  const constants = (inner: GraphProto, scope: Scope): void => {
    for (const item of inner.initializer) {
      const bytes = item.externalData.length > 0 ? options.external?.(item) : undefined;
      scope.set(item.name, tensorFromProto(item, bytes));
    }
    const sparse = inner.sparseInitializer[0]?.values?.name;
    if (sparse !== undefined) {
      throw new OnnxError(
        `the reference evaluator does not know sparse tensors (${quote(sparse)})`,
      );
    }
  };

  const runGraph = (
    inner: GraphProto,
    values: readonly Tensor[],
    outer: Scope,
    opsets: Pick<ModelProto, "opsetImport">,
    references: ReadonlyMap<string, AttributeProto> | undefined,
  ): Tensor[] => {
    const scope: Scope = new Map(outer);
    constants(inner, scope);
    for (const [i, input] of inner.input.entries()) if (values[i]) scope.set(input.name, values[i]);
    runNodes(inner, scope, opsets, references);
    return inner.output.map(({ name }) => scope.get(name) as Tensor);
  };

  const scope: Scope = new Map();
  constants(graph, scope);
  const known = graph.input.map(({ name }) => name);
  for (const name of Object.keys(feeds)) {
    if (known.includes(name)) continue;
    const list = known.map(quote).join(", ") || "none";
    throw new OnnxError(`evaluate: feeds: expected inputs (${list}), received also ${quote(name)}`);
  }
  for (const { name, type } of graph.input) {
    const value = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
    if (value !== undefined) {
      scope.set(name, fedAs(name, value, typeFromProto(type)));
    } else if (!scope.has(name)) {
      throw new OnnxError(`evaluate: feeds: expected a tensor for ${quote(name)}, received none`);
    }
  }
  runNodes(graph, scope, model, undefined);
  const names = [...graph.output.map(({ name }) => name), ...(options.also ?? [])];
  return Object.fromEntries(
    names.map((name) => {
      const value = scope.get(name);
      if (value === undefined)
        throw new OnnxError(`evaluate: the model has no value ${quote(name)}`);
      return [name, value];
    }),
  );
}

/**
 * A feed in the stated type of its input; floating-point types stand for each other.
 * @throws OnnxError when the stated type rules it out
 */
function fedAs(name: string, value: Tensor, { dtype, shape }: ValueType): Tensor {
  const fits =
    shape === undefined ||
    (shape.length === value.shape.length &&
      shape.every((dim, i) => typeof dim !== "number" || dim === value.shape[i]));
  if (fits && (dtype === undefined || dtype === value.dtype)) return value;
  if (fits && dtype !== undefined && isFloat(dtype) && isFloat(value.dtype)) {
    return { ...value, dtype };
  }
  const stated = `${dtype ?? "any type"} ${shape === undefined ? "of any shape" : formatShape(shape)}`;
  throw new OnnxError(
    `evaluate: input ${quote(name)}: expected ${stated}, received ${value.dtype} ${formatShape(value.shape)}`,
  );
}
