/**
 * Local functions whose pooling takes its window from the call (`ref_attr_name`): PyTorch exports modules
 * like that. A layer can be replaced only where its window is known, so that such functions get the
 * attributes of their calls written in; calls with different attributes get functions of their own. They
 * have names of their own: ONNX Runtime 1.30 does not find overloads that functions call.
 */
import {
  type AttributeProto,
  type FunctionProto,
  functionKey,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  OnnxError,
  shallow,
  subgraphs,
} from "@softpool/onnx";
import { copyBody, copyNode } from "./copy.ts";
import { DOMAIN, isPooling } from "./layers.ts";

/** Versions of functions beyond which a model is refused: calls of calls multiply. */
const MAX_VERSIONS = 500;

/**
 * Writes the attributes of calls into functions. The model is edited in place.
 * @param model the model
 * @param wanted the functions by key; default those that pool. Functions that call them are wanted too
 * @returns for every function that was written the key of the one that it comes from
 */
export function specialise(
  model: ModelProto,
  wanted?: ReadonlySet<string>,
): ReadonlyMap<FunctionProto, string> {
  const functions = new Map(model.functions.map((f) => [functionKey(f, f.name), f]));
  const relevant = relevantFunctions(functions, wanted);
  const origins = new Map<FunctionProto, string>();
  if (relevant.size === 0) return origins;
  const versions = new Map<string, Map<string, string>>();
  const names = new Set(model.functions.map((f) => `${f.domain}\n${f.name}`));
  let count = 0;

  /** The nodes with their calls led to the version of their attributes. */
  const lead = (nodes: readonly NodeProto[]): NodeProto[] =>
    nodes.map((node) => {
      const key = functionKey(node, node.opType);
      const f = functions.get(key);
      let result = node;
      if (f !== undefined && relevant.has(key)) {
        const given = new Map<string, AttributeProto>();
        for (const item of f.attributeProto) given.set(item.name, item);
        for (const item of node.attribute) given.set(item.name, item);
        const name = versionOf(key, f, given);
        if (name !== node.opType) {
          result = shallow(node);
          result.opType = name;
        }
      }
      if (subgraphs(node).length > 0) {
        if (result === node) result = copyNode(node);
        for (const [, graph] of subgraphs(result)) graph.node = lead(graph.node);
      }
      return result;
    });

  /** The name of a function for the attributes of a call; the function is written when it is new. */
  const versionOf = (
    key: string,
    f: FunctionProto,
    given: ReadonlyMap<string, AttributeProto>,
  ): string => {
    const signature = [...given.values()].map(signatureOf).sort().join("\n");
    const known = versions.get(key) ?? new Map<string, string>();
    versions.set(key, known);
    const before = known.get(signature);
    if (before !== undefined) return before;
    if (++count > MAX_VERSIONS) {
      throw new OnnxError(
        `the functions of the model are called with more than ${MAX_VERSIONS} different attributes`,
      );
    }
    const first = known.size === 0;
    const name = first ? f.name : freeName(f, `${f.name}_${known.size + 1}`);
    known.set(signature, name);
    const source = originals.get(key) as FunctionProto;
    const target = first ? f : copyBody(source);
    origins.set(target, key);
    target.name = name;
    target.node = lead(source.node.map((node) => resolve(node, given)));
    if (!first) model.functions.push(target);
    return name;
  };
  const freeName = (f: FunctionProto, name: string): string => {
    const key = `${f.domain}\n${name}`;
    if (names.has(key)) return freeName(f, `${name}_`);
    names.add(key);
    return name;
  };
  const originals = new Map([...functions].map(([key, f]) => [key, copyBody(f)]));

  if (model.graph !== undefined) model.graph.node = lead(model.graph.node);
  for (const [key, f] of functions) if (!relevant.has(key)) f.node = lead(f.node);
  return origins;
}

/** Functions that take attributes and are wanted or pool, themselves or in functions that they call. */
function relevantFunctions(
  functions: ReadonlyMap<string, FunctionProto>,
  wanted?: ReadonlySet<string>,
): Set<string> {
  const pools = new Map<string, boolean>();
  const has = (nodes: readonly NodeProto[]): boolean =>
    nodes.some((node) => {
      if (wanted === undefined && isPooling(node)) return true;
      const key = functionKey(node, node.opType);
      return wanted?.has(key) || calls(key) || subgraphs(node).some(([, graph]) => has(graph.node));
    });
  const calls = (key: string): boolean => {
    const f = functions.get(key);
    if (f === undefined || f.domain === DOMAIN) return false;
    let result = pools.get(key);
    if (result === undefined) {
      result = has(f.node);
      pools.set(key, result);
    }
    return result;
  };
  return new Set(
    [...functions.keys()].filter((key) => {
      const f = functions.get(key) as FunctionProto;
      const takes = f.attribute.length + f.attributeProto.length > 0;
      return takes && (wanted?.has(key) || calls(key));
    }),
  );
}

/** An attribute as text: equal texts mean equal attributes. */
function signatureOf(item: AttributeProto): string {
  return JSON.stringify(item, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return value instanceof Uint8Array ? Array.from(value) : value;
  });
}

/** A node with its references replaced by the attributes of the call; what the call leaves out goes. */
function resolve(node: NodeProto, given: ReadonlyMap<string, AttributeProto>): NodeProto {
  const copy = copyNode(node);
  const result = copy === node ? shallow(node) : copy;
  result.attribute = copy.attribute.flatMap((item) => {
    if (item.refAttrName !== "") {
      const value = given.get(item.refAttrName);
      if (value === undefined) return [];
      const own = shallow(value);
      own.name = item.name;
      return [own];
    }
    resolveGraphs(item, given);
    return [item];
  });
  return result;
}

function resolveGraphs(item: AttributeProto, given: ReadonlyMap<string, AttributeProto>): void {
  const inGraph = (graph: GraphProto): void => {
    graph.node = graph.node.map((node) => resolve(node, given));
  };
  if (item.g !== undefined) inGraph(item.g);
  for (const graph of item.graphs) inGraph(graph);
}
