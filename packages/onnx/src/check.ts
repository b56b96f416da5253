/**
 * What must hold before a model is worked on: operator sets that are known, names that are defined
 * once and before they are used, no circles, functions that do not call themselves, graphs and calls
 * not nested too deep, tensors of possible sizes.
 */
import type {
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "onnx-buf";
import { subgraphs } from "./attributes.ts";
import { OnnxError, quote } from "./error.ts";
import { describeNode, topologicalOrder } from "./order.ts";
import { MAX_RANK } from "./shape.ts";
import { MAX_IR_VERSION, MAX_OPSET, MIN_OPSET, opsetOf } from "./versions.ts";

/** Calls and graphs inside each other beyond which a model is refused. */
const MAX_NESTING = 200;

/** The key of a local function: domain, name and overload. */
export function functionKey(node: { domain: string; overload: string }, name: string): string {
  return JSON.stringify([node.domain === "ai.onnx" ? "" : node.domain, name, node.overload]);
}

/**
 * Checks a model.
 * @param model the model
 * @param what what it is called in errors
 * @throws OnnxError with the first thing that is wrong
 */
export function checkModel(model: ModelProto, what = "model"): void {
  const fail = (reason: string): never => {
    throw new OnnxError(`${what}: ${reason}`);
  };
  if (model.graph === undefined) throw new OnnxError(`${what}: expected a graph, found none`);
  if (model.irVersion < 1n || model.irVersion > BigInt(MAX_IR_VERSION)) {
    fail(`expected IR version 1 to ${MAX_IR_VERSION}, found ${model.irVersion}`);
  }
  const opset = opsetOf(model);
  if (opset !== undefined) checkOpset(opset, fail);
  const functions = new Map<string, FunctionProto>();
  for (const f of model.functions) {
    const key = functionKey(f, f.name);
    if (functions.has(key))
      fail(`the function ${quote(f.name)} of ${quote(f.domain)} is there twice`);
    functions.set(key, f);
  }
  try {
    checkBody(model.graph, undefined, graphNames(model.graph));
    for (const output of model.graph.output) {
      if (output.name === "") fail("an output of the graph has no name");
    }
    for (const f of model.functions) {
      const version = opsetOf(f);
      if (version !== undefined) checkOpset(version, fail);
      checkBody(f, undefined, uniqueNames(f.input, `function ${quote(f.name)}`), f.output);
    }
  } catch (error) {
    if (error instanceof OnnxError && !error.message.startsWith(what)) fail(error.message);
    throw error;
  }
  checkCalls(model, functions, fail);
}

function checkOpset(opset: number, fail: (reason: string) => never): void {
  if (opset < MIN_OPSET || opset > MAX_OPSET) {
    const cure = opset < MIN_OPSET ? "; convert it with onnx.version_converter" : "";
    fail(`expected operator set ${MIN_OPSET} to ${MAX_OPSET}, found ${opset}${cure}`);
  }
}

/** Names that must differ. */
function uniqueNames(names: readonly string[], where: string, what = "an input"): Set<string> {
  const set = new Set<string>();
  for (const name of names) {
    if (name === "") throw new OnnxError(`${where}: ${what} has no name`);
    if (set.has(name)) throw new OnnxError(`${where}: the name ${quote(name)} is given twice`);
    set.add(name);
  }
  return set;
}

/** The names that a graph defines before its first node. */
function graphNames(graph: GraphProto): Set<string> {
  const where = `graph ${quote(graph.name)}`;
  const names = uniqueNames(
    graph.input.map(({ name }) => name),
    where,
  );
  const constants = [
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ""),
  ];
  // An initializer may give the default of an input of the same name.
  for (const name of uniqueNames(constants, where, "a tensor")) names.add(name);
  return names;
}

/** The names of a body and of those around it. */
interface Scope {
  readonly names: ReadonlySet<string>;
  readonly outer: Scope | undefined;
}

function isVisible(name: string, scope: Scope | undefined): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true;
  return false;
}

/** Checks nodes: every name made once, and made before it is read. */
function checkBody(
  body: GraphProto | FunctionProto,
  outer: Scope | undefined,
  own: Set<string>,
  outputs: readonly string[] = (body as GraphProto).output.map((value) =>
    typeof value === "string" ? value : value.name,
  ),
): void {
  checkSizes(body);
  for (const node of body.node) {
    for (const output of node.output) {
      if (output === "") continue;
      if (own.has(output) || isVisible(output, outer)) {
        throw new OnnxError(`${describeNode(node)}: the name ${quote(output)} is defined twice`);
      }
      own.add(output);
    }
  }
  const scope: Scope = { names: own, outer };
  const known = (name: string) => name === "" || isVisible(name, scope);
  for (const node of body.node) {
    const missing = node.input.find((name) => !known(name));
    if (missing !== undefined) {
      throw new OnnxError(`${describeNode(node)}: its input ${quote(missing)} is defined nowhere`);
    }
    for (const [, graph] of subgraphs(node)) checkBody(graph, scope, graphNames(graph));
  }
  const missing = outputs.find((name) => !known(name));
  if (missing !== undefined) throw new OnnxError(`the output ${quote(missing)} is defined nowhere`);
  topologicalOrder(body);
}

/** Checks the sizes that a body states: of values and of stored tensors. */
function checkSizes(body: GraphProto | FunctionProto): void {
  checkRanks(body.valueInfo);
  if ("initializer" in body) {
    checkRanks(body.input);
    checkRanks(body.output);
    for (const tensor of body.initializer) checkTensor(tensor);
    for (const { values, dims } of body.sparseInitializer) {
      checkDims(dims, `sparse tensor ${quote(values?.name ?? "")}`);
    }
  }
  for (const node of body.node) {
    for (const { t, tensors } of node.attribute) {
      if (t !== undefined) checkTensor(t);
      for (const tensor of tensors) checkTensor(tensor);
    }
  }
}

/** Checks that stated types have few axes. */
function checkRanks(values: readonly ValueInfoProto[]): void {
  for (const { name, type } of values) {
    const dims = type?.value.case === "tensorType" ? type.value.value.shape?.dim : undefined;
    if (dims !== undefined && dims.length > MAX_RANK) {
      refuseRank(`value ${quote(name)}`, dims.length);
    }
  }
}

function refuseRank(where: string, rank: number): never {
  throw new OnnxError(`${where}: expected at most ${MAX_RANK} axes, found ${rank}`);
}

function checkTensor(tensor: TensorProto): void {
  checkDims(tensor.dims, `tensor ${quote(tensor.name)}`);
}

/** Checks that a tensor has few axes, and no negative size. */
function checkDims(dims: readonly bigint[], where: string): void {
  if (dims.length > MAX_RANK) refuseRank(where, dims.length);
  const negative = dims.find((dim) => dim < 0n);
  if (negative !== undefined) {
    throw new OnnxError(`${where}: expected sizes from 0, found ${negative}`);
  }
}

/** Functions must not call themselves, neither directly nor through others, nor lie too deep. */
function checkCalls(
  model: ModelProto,
  functions: ReadonlyMap<string, FunctionProto>,
  fail: (reason: string) => never,
): void {
  /** How deep the graphs and calls of functions lie that were looked at; 0 on the way. */
  const heights = new Map<string, number>();
  const heightOf = (nodes: readonly NodeProto[], depth: number): number => {
    if (depth > MAX_NESTING) {
      fail(`more than ${MAX_NESTING} graphs and function calls inside each other`);
    }
    let height = 1;
    for (const node of nodes) {
      const key = functionKey(node, node.opType);
      const f = functions.get(key);
      if (f !== undefined) {
        let inner = heights.get(key);
        if (inner === 0) fail(`the function ${quote(f.name)} calls itself`);
        if (inner === undefined) {
          heights.set(key, 0);
          inner = heightOf(f.node, depth + 1);
          heights.set(key, inner);
        }
        height = Math.max(height, 1 + inner);
      }
      for (const [, graph] of subgraphs(node)) {
        height = Math.max(height, 1 + heightOf(graph.node, depth + 1));
      }
      if (depth + height > MAX_NESTING) heightOf([], MAX_NESTING + 1);
    }
    return height;
  };
  for (const f of functions.values()) {
    const key = functionKey(f, f.name);
    if (heights.has(key)) continue;
    heights.set(key, 0);
    heights.set(key, heightOf(f.node, 1));
  }
  if (model.graph !== undefined) heightOf(model.graph.node, 1);
}
