/**
 * A graph that is being built: values with type and shape, nodes, initializers, subgraphs. It becomes
 * the graph of a model, a subgraph, the body of a local function, or nodes that are put into a graph
 * that exists.
 */
import { create } from "@bufbuild/protobuf";
import {
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
} from "onnx-buf";
import { Attributes, type AttributeValues, attribute } from "./attributes.ts";
import type { DType } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";
import { knownTensor } from "./known.ts";
import { createModel } from "./model.ts";
import { Names } from "./names.ts";
import { findOperator } from "./ops/index.ts";
import { DETACHED, type Inferred } from "./ops/operator.ts";
import { atNode } from "./order.ts";
import type { Shape } from "./shape.ts";
import { type Tensor, tensorToProto } from "./tensor.ts";
import { valueInfo } from "./types.ts";

/** A value of a graph: its name and what is known of it. */
export interface Value extends Inferred {
  /** Its name in the file. */
  readonly name: string;
}

/** How a node is emitted. */
export interface NodeOptions {
  /** How many outputs it has; default 1. */
  readonly outputs?: number;
  /** Name of the node; default made from the operator. */
  readonly name?: string;
  /** Names of the outputs; default made from the operator. */
  readonly outputNames?: readonly string[];
  /** Domain of the operator; default the standard operators. */
  readonly domain?: string;
  /** Overload of a local function. */
  readonly overload?: string;
}

/** How a graph is begun. */
export interface GraphOptions {
  /** Names that are taken; default none. A subgraph shares those of its parent. */
  readonly names?: Names;
  /** The graph around it: its values are known here. */
  readonly parent?: Graph;
  /** Put before every name that the graph makes, with a `/`; default nothing. */
  readonly prefix?: string;
}

/** Constants of at most this many elements are emitted once. */
const MAX_SHARED = 64;

/** A graph that is being built. */
export class Graph {
  /** Version of the standard operators. */
  readonly opset: number;
  /** The names that are taken. */
  readonly names: Names;
  /** The nodes so far, in order. */
  readonly nodes: NodeProto[] = [];
  /** Stored tensors so far. */
  readonly initializers: TensorProto[] = [];
  /** Inputs so far. */
  readonly inputs: Value[] = [];
  /** Outputs so far. */
  readonly outputs: Value[] = [];
  /** What is known of every value by name: inputs, stored tensors and outputs of nodes. */
  readonly values: Map<string, Value> = new Map();
  readonly #parent: Graph | undefined;
  readonly #prefix: string;
  readonly #constants: Map<string, Value> = new Map();

  /**
   * @param opset version of the standard operators
   * @param options taken names and a prefix
   */
  constructor(opset: number, options: GraphOptions = {}) {
    this.opset = opset;
    this.names = options.names ?? new Names();
    this.#parent = options.parent;
    this.#prefix = options.prefix === undefined ? "" : `${options.prefix}/`;
  }

  #name(hint: string): string {
    return this.names.unique(this.#prefix + hint);
  }

  /**
   * Adds an input. The name is taken as it is.
   * @throws OnnxError when the name is taken already
   */
  input(name: string, dtype: DType | undefined, shape?: Shape): Value {
    const value: Value = { name: this.names.unique(name), dtype, shape };
    if (value.name !== name) refuseName("input", name);
    this.inputs.push(value);
    this.values.set(name, value);
    return value;
  }

  /** Declares values as outputs. */
  output(...values: Value[]): void {
    this.outputs.push(...values);
  }

  /**
   * Stores a tensor in the graph under a name: a weight. The name is taken as it is.
   * @throws OnnxError when the name is taken already
   */
  initializer(name: string, value: Tensor): Value {
    if (this.names.unique(name) !== name) refuseName("initializer", name);
    this.initializers.push(tensorToProto(value, name));
    const stored: Value = { name, ...knownTensor(value) };
    this.values.set(name, stored);
    return stored;
  }

  /** A constant as a `Constant` node; equal ones of at most 64 elements are emitted once. */
  constant(value: Tensor): Value {
    const small = value.data.length <= MAX_SHARED;
    const key = `${value.dtype}:${value.shape}:${small ? Array.from(value.data, exact) : ""}`;
    const known = small ? this.#constants.get(key) : undefined;
    if (known !== undefined) return known;
    const result = this.op("Constant", [], { value });
    if (small) this.#constants.set(key, result);
    return result;
  }

  /**
   * Emits a node of one output and gives that output.
   * @throws OnnxError when the types of its inputs or its attributes do not fit the operator
   */
  op(
    type: string,
    inputs: readonly (Value | undefined)[],
    attributes: AttributeValues = {},
    options: NodeOptions = {},
  ): Value {
    return this.node(type, inputs, attributes, { outputs: 1, ...options })[0];
  }

  /**
   * Emits a node and gives its outputs. Trailing inputs that are `undefined` are left out.
   * @throws OnnxError when the types of its inputs or its attributes do not fit the operator
   */
  node(
    type: string,
    inputs: readonly (Value | undefined)[],
    attributes: AttributeValues = {},
    options: NodeOptions = {},
  ): Value[] {
    const names = inputs.map((input) => input?.name ?? "");
    while (names.at(-1) === "") names.pop();
    const hint = type.toLowerCase();
    const count = options.outputNames?.length ?? options.outputs ?? 1;
    const node = create(NodeProtoSchema, {
      opType: type,
      name: options.name ?? this.#name(hint),
      input: names,
      output: Array.from(
        { length: count },
        (_, i) =>
          options.outputNames?.[i] ?? this.#name(count === 1 ? `${hint}_out` : `${hint}_out${i}`),
      ),
      attribute: Object.entries(attributes).flatMap(([name, value]) =>
        value === undefined ? [] : [attribute(name, value)],
      ),
      domain: options.domain ?? "",
      overload: options.overload ?? "",
    });
    return this.append(node, inputs);
  }

  /**
   * Adds a node as a file holds it; its names are taken as they are.
   * @param node the node
   * @param inputs what is known of its inputs; default what the graph knows
   * @returns its outputs
   * @throws OnnxError when the types of its inputs or its attributes do not fit the operator
   */
  append(node: NodeProto, inputs: readonly (Value | undefined)[] = this.#inputsOf(node)): Value[] {
    // What refers to an attribute of the function's call is known in the call only.
    const open = node.attribute.some(({ refAttrName }) => refAttrName !== "");
    const operator = open ? undefined : findOperator(node.opType, node.domain);
    const types: readonly Inferred[] =
      operator === undefined
        ? []
        : atNode(node, () =>
            operator.shape({
              node,
              attributes: new Attributes(node),
              opset: this.opset,
              inputs,
              inferGraph: (graph) => this.#branches.get(graph) ?? [],
            }),
          );
    this.nodes.push(node);
    const outputs = node.output.map((name, i): Value => ({ ...types[i], name }));
    for (const output of outputs) this.values.set(output.name, output);
    return outputs;
  }

  #inputsOf(node: NodeProto): (Value | undefined)[] {
    return node.input.map((name) => (name === "" ? undefined : this.value(name)));
  }

  /** What is known of a value by name, of the graphs around this one too. */
  value(name: string): Value {
    return this.values.get(name) ?? this.#parent?.value(name) ?? { name };
  }

  /**
   * The value, taken for a constant by {@link gradients}: an Identity that is marked. Where terms of a
   * derivative cancel, it saves computing them.
   */
  detach(x: Value): Value {
    const y = this.op("Identity", [x]);
    (this.nodes.at(-1) as NodeProto).docString = DETACHED;
    return y;
  }

  readonly #branches: Map<GraphProto, Inferred[]> = new Map();

  /** A graph inside this one: its nodes may read what this graph has so far. */
  subgraph(): Graph {
    return new Graph(this.opset, {
      names: this.names,
      parent: this,
      prefix: this.#prefix === "" ? undefined : this.#prefix.slice(0, -1),
    });
  }

  /**
   * Emits an `If`.
   * @param condition a boolean scalar
   * @param then builds the graph for true and gives its outputs
   * @param otherwise builds the graph for false and gives as many outputs
   * @throws OnnxError when it gives more or fewer
   */
  if(condition: Value, then: (g: Graph) => Value[], otherwise: (g: Graph) => Value[]): Value[] {
    const [a, b] = [then, otherwise].map((build, i) => {
      const g = this.subgraph();
      const built = build(g);
      // What is not made here, or is given twice, goes through a node: ONNX Runtime demands it.
      const made = new Set(g.nodes.flatMap(({ output }) => output));
      const results = built.map((value) =>
        made.delete(value.name) ? value : g.op("Identity", [value]),
      );
      g.output(...results);
      const graph = g.toGraph(i === 0 ? "then" : "else");
      this.#branches.set(graph, results);
      return graph;
    });
    if (a.output.length !== b.output.length) {
      throw new OnnxError(
        `If: otherwise: expected ${a.output.length} outputs, as the other branch gives, received ${b.output.length}`,
      );
    }
    return this.node(
      "If",
      [condition],
      { then_branch: a, else_branch: b },
      { outputs: a.output.length },
    );
  }

  /** The graph as a file holds it. */
  toGraph(name = "graph"): GraphProto {
    return create(GraphProtoSchema, {
      name,
      node: this.nodes,
      initializer: this.initializers,
      input: this.inputs.map((value) => valueInfo(value.name, value)),
      output: this.outputs.map((value) => valueInfo(value.name, value)),
    });
  }

  /** A model of this graph alone. */
  toModel(name = "graph"): ModelProto {
    const model = createModel(this.opset, name);
    model.graph = this.toGraph(name);
    return model;
  }

  /**
   * The graph as a local function. Functions hold no stored tensors: use {@link constant}.
   * @param options domain and name, its overload, and the attributes that a call may show
   * @throws OnnxError when tensors are stored in the graph
   */
  toFunction(options: {
    domain: string;
    name: string;
    overload?: string;
    attributes?: readonly string[];
    doc?: string;
  }): FunctionProto {
    if (this.initializers.length > 0) {
      throw new OnnxError(
        `toFunction: ${quote(options.name)}: expected a graph without stored tensors, received ${this.initializers.length}; use constant() for them`,
      );
    }
    return create(FunctionProtoSchema, {
      domain: options.domain,
      name: options.name,
      overload: options.overload ?? "",
      attribute: [...(options.attributes ?? [])],
      docString: options.doc ?? "",
      input: this.inputs.map(({ name }) => name),
      output: this.outputs.map(({ name }) => name),
      node: this.nodes,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(this.opset) })],
    });
  }
}

const exact = (value: number) => (Object.is(value, -0) ? "-0" : String(value));

function refuseName(method: string, name: string): never {
  throw new OnnxError(
    `${method}: name: expected one that is not taken, received ${quote(name)}; names.unique() makes one`,
  );
}
