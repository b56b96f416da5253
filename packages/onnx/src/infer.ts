/**
 * Types and shapes of all values of a model, as far as they follow from its inputs, its constants and
 * its operators; through subgraphs and local functions. What the file states is used where nothing
 * follows.
 */
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { Attributes } from "./attributes.ts";
import { functionKey } from "./check.ts";
import { dtypeOfCode } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";
import { knownProto } from "./known.ts";
import { mergeTypes } from "./ops/control.ts";
import { findOperator } from "./ops/index.ts";
import type { Inferred } from "./ops/operator.ts";
import { atNode, topologicalOrder } from "./order.ts";
import { MAX_RANK, type Shape } from "./shape.ts";
import { typeFromProto } from "./types.ts";
import { opsetOf } from "./versions.ts";

/**
 * Parts that inference looks at again before it gives up: functions that call others many times
 * multiply. The first look at each part is free: the file pays for it.
 */
const MAX_REPEATED = 2_000_000;

/** What was inferred. */
export interface Types {
  /** The values of a graph, a subgraph or a function by name; empty for one that is never reached. */
  of(body: GraphProto | FunctionProto): ReadonlyMap<string, Inferred>;
}

/** How types are inferred. */
export interface InferOptions {
  /** Shapes of inputs of the graph that are stated otherwise or not at all, by name. */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /**
   * Called with a contradiction instead of throwing it; the results of that node stay unknown. For work
   * that can do without types.
   */
  readonly onError?: (error: OnnxError) => void;
}

type Scope = Map<string, Inferred>;

/**
 * Infers the types of a model.
 * @param model a checked model
 * @param options shapes of inputs
 * @throws OnnxError when shapes contradict each other, with the node
 */
export function inferTypes(model: ModelProto, options: InferOptions = {}): Types {
  const functions = new Map<string, FunctionProto>(
    model.functions.map((f) => [functionKey(f, f.name), f]),
  );
  const scopes = new Map<GraphProto | FunctionProto, Scope>();
  const seen = new Map<GraphProto | FunctionProto, number>();
  let repeated = 0;

  /** Notes what is known of a body; several visits leave what holds in all of them. */
  const note = (body: GraphProto | FunctionProto, own: Scope): void => {
    const before = scopes.get(body);
    if (before === undefined) {
      scopes.set(body, own);
      return;
    }
    for (const [name, type] of own) before.set(name, common(before.get(name), type));
  };

  /** Tells of a contradiction; without someone to tell it is thrown. */
  const report = (error: unknown): void => {
    if (!(error instanceof OnnxError)) throw error;
    if (options.onError === undefined || repeated > MAX_REPEATED) throw error;
    options.onError(error);
  };

  const inferNodes = (
    body: GraphProto | FunctionProto,
    own: Scope,
    outer: Scope | undefined,
    opsets: Pick<ModelProto, "opsetImport">,
    references: ReadonlyMap<string, AttributeProto> | undefined,
  ): void => {
    const parts = seen.get(body);
    if (parts === undefined) seen.set(body, countParts(body));
    else {
      repeated += parts;
      if (repeated > MAX_REPEATED) {
        throw new OnnxError(`type inference stopped after ${MAX_REPEATED} repeated parts`);
      }
    }
    const stated = new Map<string, Inferred>(
      body.valueInfo.map((value) => [value.name, typeFromProto(value.type)]),
    );
    if ("initializer" in body) {
      for (const value of body.output) stated.set(value.name, typeFromProto(value.type));
    }
    const visible = { get: (name: string) => own.get(name) ?? outer?.get(name) };
    const scope = outer === undefined ? own : layered(own, outer);
    for (const node of topologicalOrder(body)) {
      const inputs = node.input.map((name) =>
        name === "" ? undefined : (visible.get(name) ?? {}),
      );
      const types = inferNode(node, inputs, scope, opsets, references);
      for (const [i, name] of node.output.entries()) {
        if (name !== "") own.set(name, withoutRank(mergeTypes(types[i], stated.get(name))));
      }
    }
    note(body, own);
  };

  const inferNode = (
    node: NodeProto,
    inputs: (Inferred | undefined)[],
    scope: Scope,
    opsets: Pick<ModelProto, "opsetImport">,
    references: ReadonlyMap<string, AttributeProto> | undefined,
  ): readonly Inferred[] => {
    const attributes = new Attributes(node, references);
    const f = functions.get(functionKey(node, node.opType));
    if (f !== undefined) {
      const own: Scope = new Map(f.input.map((name, i) => [name, inputs[i] ?? {}]));
      const given = new Map(f.attributeProto.map((item) => [item.name, item]));
      for (const [name, item] of attributes.all) given.set(name, item);
      inferNodes(f, own, undefined, f, given);
      return f.output.map((name) => own.get(name) ?? {});
    }
    const operator = findOperator(node.opType, node.domain);
    if (operator === undefined) {
      // Its subgraphs are looked at all the same: there may be pooling in them.
      for (const item of node.attribute) {
        if (item.g !== undefined) inferGraph(item.g, [], scope, opsets, references);
      }
      return [];
    }
    try {
      return atNode(node, () =>
        operator.shape({
          node,
          attributes,
          opset: opsetOf(opsets) ?? 0,
          inputs,
          inferGraph: (graph, given) => inferGraph(graph, given, scope, opsets, references),
        }),
      );
    } catch (error) {
      report(error);
      return [];
    }
  };

  const inferGraph = (
    graph: GraphProto,
    given: readonly Inferred[],
    outer: Scope | undefined,
    opsets: Pick<ModelProto, "opsetImport">,
    references: ReadonlyMap<string, AttributeProto> | undefined,
  ): Inferred[] => {
    const own: Scope = new Map();
    for (const [i, value] of graph.input.entries()) {
      const stated: Inferred = typeFromProto(value.type);
      const chosen = outer === undefined ? options.inputs?.[value.name] : undefined;
      own.set(value.name, chosen ? { ...stated, shape: chosen } : mergeTypes(given[i], stated));
    }
    // Since version 4 of the file format, what is an input too is only a default.
    const inputs = new Set(model.irVersion >= 4n ? graph.input.map(({ name }) => name) : []);
    for (const item of graph.initializer) {
      own.set(item.name, { dtype: dtypeOfCode(item.dataType), shape: item.dims.map(Number) });
      if (inputs.has(item.name)) continue;
      try {
        own.set(item.name, knownProto(item));
      } catch (error) {
        report(error);
      }
    }
    for (const { values, dims } of graph.sparseInitializer) {
      if (values === undefined) continue;
      own.set(values.name, { dtype: dtypeOfCode(values.dataType), shape: dims.map(Number) });
    }
    inferNodes(graph, own, outer, opsets, references);
    return graph.output.map(({ name }) => own.get(name) ?? outer?.get(name) ?? {});
  };

  for (const name of Object.keys(options.inputs ?? {})) {
    if (!model.graph?.input.some((input) => input.name === name)) {
      const there = model.graph?.input.map((input) => quote(input.name)).join(", ");
      throw new OnnxError(`the model has no input ${quote(name)}; its inputs are ${there}`);
    }
  }
  if (model.graph !== undefined) inferGraph(model.graph, [], undefined, model, undefined);
  return { of: (body) => scopes.get(body) ?? new Map() };
}

/** What looking at a body costs, its subgraphs and the functions that it calls left out. */
function countParts(body: GraphProto | FunctionProto): number {
  let parts = 1 + body.node.length + body.valueInfo.length + body.input.length + body.output.length;
  if ("initializer" in body) parts += body.initializer.length + body.sparseInitializer.length;
  for (const node of body.node) {
    parts += node.input.length + node.output.length + node.attribute.length;
    for (const { ints, floats, strings } of node.attribute) {
      parts += ints.length + floats.length + strings.length;
    }
  }
  return parts;
}

/** A type without a shape of absurdly many axes, which every node after it would copy. */
function withoutRank(type: Inferred): Inferred {
  return (type.shape?.length ?? 0) > MAX_RANK ? { dtype: type.dtype } : type;
}

/** What holds for a value that was seen with two types. */
function common(a: Inferred | undefined, b: Inferred): Inferred {
  if (a === undefined) return b;
  const same = a.shape !== undefined && a.shape.length === b.shape?.length;
  const shape = same
    ? a.shape.map((dim, i) => (dim === (b.shape as Shape)[i] ? dim : null))
    : undefined;
  const dtype = a.dtype === b.dtype ? a.dtype : undefined;
  const contents = String(a.contents) === String(b.contents) ? a.contents : undefined;
  const numbers = String(a.numbers) === String(b.numbers) ? a.numbers : undefined;
  return { dtype, shape, contents, numbers };
}

/** A scope that looks into the one around it; what is set stays inside. */
function layered(own: Scope, outer: Scope): Scope {
  return {
    get: (name: string) => own.get(name) ?? outer.get(name),
    has: (name: string) => own.has(name) || outer.has(name),
  } as Scope;
}
