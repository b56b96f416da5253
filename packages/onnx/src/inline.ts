/**
 * Local functions written out: every call is replaced by the nodes of its function, with names of their
 * own and the attributes of the call.
 */
import { clone, create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
} from "onnx-buf";
import { functionKey } from "./check.ts";
import { OnnxError } from "./error.ts";
import { Names } from "./names.ts";
import { shallow } from "./shallow.ts";

/** Nodes beyond which a model is refused: functions that call others many times multiply. */
const MAX_NODES = 200_000;

/** How functions are written out. */
export interface InlineOptions {
  /** Whether a function is written out; default all are. */
  readonly only?: (f: FunctionProto) => boolean;
  /** Names that are taken; default those of the model. */
  readonly names?: Names;
}

/**
 * A copy of a model's graph without calls of its local functions. Stored tensors are shared.
 * @param model a checked model
 * @param options which functions, and taken names
 * @throws OnnxError when the functions multiply beyond 200,000 nodes
 */
export function inlineFunctions(model: ModelProto, options: InlineOptions = {}): GraphProto {
  const functions = new Map(model.functions.map((f) => [functionKey(f, f.name), f]));
  const names = options.names ?? new Names(model);
  const only = options.only ?? (() => true);
  let count = 0;

  /** Nodes with their calls written out; `rename` maps names of the scope that they stand in. */
  const expand = (
    nodes: readonly NodeProto[],
    rename: ReadonlyMap<string, string>,
    given: ReadonlyMap<string, AttributeProto> | undefined,
  ): NodeProto[] =>
    nodes.flatMap((node): NodeProto[] => {
      if (++count > MAX_NODES) {
        throw new OnnxError(`local functions: written out they have more than ${MAX_NODES} nodes`);
      }
      const to = (name: string) => rename.get(name) ?? name;
      const attributes = node.attribute.flatMap((item) => resolve(item, rename, given));
      const f = functions.get(functionKey(node, node.opType));
      if (f === undefined || !only(f)) {
        const copy = shallow(node);
        copy.attribute = attributes;
        copy.input = node.input.map(to);
        copy.output = node.output.map(to);
        if (given !== undefined && node.name !== "") copy.name = names.unique(node.name);
        return [copy];
      }
      const handed = new Map<string, AttributeProto>();
      for (const item of f.attributeProto) handed.set(item.name, item);
      for (const item of attributes) handed.set(item.name, item);
      const inner = new Map<string, string>();
      for (const [i, name] of f.input.entries()) inner.set(name, to(node.input[i] ?? ""));
      for (const [i, name] of f.output.entries()) {
        const wanted = node.output[i] ?? "";
        inner.set(name, wanted === "" ? names.unique(name) : to(wanted));
      }
      for (const own of f.node) {
        for (const name of own.output) {
          if (name !== "" && !inner.has(name)) inner.set(name, names.unique(name));
        }
      }
      // An output that is an input too has no node that could make it.
      const through = f.output.flatMap((name, i) => {
        if (!f.input.includes(name) || (node.output[i] ?? "") === "") return [];
        const input = to(node.input[f.input.indexOf(name)] ?? "");
        inner.set(name, input);
        return [
          create(NodeProtoSchema, {
            opType: "Identity",
            name: names.unique("identity"),
            input: [input],
            output: [to(node.output[i])],
          }),
        ];
      });
      return [...expand(f.node, inner, handed), ...through];
    });

  const resolve = (
    item: AttributeProto,
    rename: ReadonlyMap<string, string>,
    given: ReadonlyMap<string, AttributeProto> | undefined,
  ): AttributeProto[] => {
    if (item.refAttrName !== "") {
      const value = given?.get(item.refAttrName);
      return value === undefined ? [] : [Object.assign(shallow(value), { name: item.name })];
    }
    if (item.g === undefined && item.graphs.length === 0) return [item];
    const copy = shallow(item);
    if (item.g !== undefined) copy.g = graph(item.g, rename, given);
    copy.graphs = item.graphs.map((g) => graph(g, rename, given));
    return [copy];
  };

  const graph = (
    g: GraphProto,
    outer: ReadonlyMap<string, string>,
    given: ReadonlyMap<string, AttributeProto> | undefined,
  ): GraphProto => {
    const rename = new Map(outer);
    const copy = shallow(g);
    if (given !== undefined) {
      // Inside a function names are its own: a second call must not define them again.
      const own = [
        ...g.input.map(({ name }) => name),
        ...g.initializer.map(({ name }) => name),
        ...g.node.flatMap(({ output }) => output),
      ];
      for (const name of own) if (name !== "") rename.set(name, names.unique(name));
      const renamed = <T extends { name: string }>(value: T): T =>
        Object.assign(shallow(value), { name: rename.get(value.name) ?? value.name });
      copy.input = g.input.map(renamed);
      copy.output = g.output.map(renamed);
      copy.initializer = g.initializer.map(renamed);
      copy.valueInfo = g.valueInfo.map(renamed);
    }
    copy.node = expand(g.node, rename, given);
    return copy;
  };

  if (model.graph === undefined) return create(GraphProtoSchema);
  const result = graph(model.graph, new Map(), undefined);
  return result === model.graph ? clone(GraphProtoSchema, result) : result;
}
