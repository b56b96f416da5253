/**
 * What must hold before a model is worked on: operator sets that are known, names that are defined
 * once and before they are used, no circles, functions that do not call themselves, graphs not nested
 * too deep.
 */
import type { FunctionProto, GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { subgraphs } from "./attributes.ts";
import { OnnxError, quote } from "./error.ts";
import { describeNode, topologicalOrder } from "./order.ts";
import { MAX_IR_VERSION, MAX_OPSET, MIN_OPSET, opsetOf } from "./versions.ts";

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
    checkBody(model.graph, new Set(), graphNames(model.graph));
    for (const output of model.graph.output) {
      if (output.name === "") fail("an output of the graph has no name");
    }
    for (const f of model.functions) {
      const version = opsetOf(f);
      if (version !== undefined) checkOpset(version, fail);
      checkBody(f, new Set(), uniqueNames(f.input, `function ${quote(f.name)}`), f.output);
    }
  } catch (error) {
    if (error instanceof OnnxError && !error.message.startsWith(what)) fail(error.message);
    throw error;
  }
  checkCalls(functions, fail);
}

function checkOpset(opset: number, fail: (reason: string) => never): void {
  if (opset < MIN_OPSET || opset > MAX_OPSET) {
    const cure = opset < MIN_OPSET ? "; convert it with onnx.version_converter" : "";
    fail(`expected operator set ${MIN_OPSET} to ${MAX_OPSET}, found ${opset}${cure}`);
  }
}

/** Names that must differ. */
function uniqueNames(names: readonly string[], where: string): Set<string> {
  const set = new Set<string>();
  for (const name of names) {
    if (name === "") throw new OnnxError(`${where}: an input has no name`);
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
  for (const name of uniqueNames(constants, where)) names.add(name);
  return names;
}

/** Checks nodes: every name made once, and made before it is read. */
function checkBody(
  body: GraphProto | FunctionProto,
  outer: ReadonlySet<string>,
  own: Set<string>,
  outputs: readonly string[] = (body as GraphProto).output.map((value) =>
    typeof value === "string" ? value : value.name,
  ),
): void {
  for (const node of body.node) {
    for (const output of node.output) {
      if (output === "") continue;
      if (own.has(output) || outer.has(output)) {
        throw new OnnxError(`${describeNode(node)}: the name ${quote(output)} is defined twice`);
      }
      own.add(output);
    }
  }
  const known = (name: string) => name === "" || own.has(name) || outer.has(name);
  const visible = union(outer, own);
  for (const node of body.node) {
    const missing = node.input.find((name) => !known(name));
    if (missing !== undefined) {
      throw new OnnxError(`${describeNode(node)}: its input ${quote(missing)} is defined nowhere`);
    }
    for (const [, graph] of subgraphs(node)) checkBody(graph, visible, graphNames(graph));
  }
  const missing = outputs.find((name) => !known(name));
  if (missing !== undefined) throw new OnnxError(`the output ${quote(missing)} is defined nowhere`);
  topologicalOrder(body);
}

function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  if (a.size === 0) return b;
  const all = new Set(a);
  for (const name of b) all.add(name);
  return all;
}

/** Functions must not call themselves, neither directly nor through others. */
function checkCalls(
  functions: ReadonlyMap<string, FunctionProto>,
  fail: (reason: string) => never,
): void {
  const calls = (nodes: readonly NodeProto[]): string[] =>
    nodes.flatMap((node) => [
      functionKey(node, node.opType),
      ...subgraphs(node).flatMap(([, graph]) => calls(graph.node)),
    ]);
  const done = new Set<string>();
  const visit = (key: string, path: readonly string[]): void => {
    const f = functions.get(key);
    if (f === undefined || done.has(key)) return;
    if (path.includes(key)) fail(`the function ${quote(f.name)} calls itself`);
    if (path.length > 100) fail("more than 100 functions call each other");
    for (const inner of calls(f.node)) visit(inner, [...path, key]);
    done.add(key);
  };
  for (const key of functions.keys()) visit(key, []);
}
