/**
 * Reverse mode over a graph: emits the nodes that compute the derivatives of one value with respect to
 * others, with the gradient parts of the operators.
 *
 * For a node y = f(x_1 .. x_n) and the gradient dL/dy of what was made of y, the rule of f emits dL/dx_i;
 * gradients of a value that several nodes read are added.
 */
import type { GraphProto, NodeProto } from "onnx-buf";
import { Attributes } from "./attributes.ts";
import { dtypeOfCode } from "./dtype.ts";
import { OnnxError, quote } from "./error.ts";
import type { Graph, Value } from "./graph.ts";
import { findOperator } from "./ops/index.ts";
import { atNode, describeNode, namesRead, namesTaken, topologicalOrder } from "./order.ts";
import { shallow } from "./shallow.ts";
import { isStatic } from "./shape.ts";
import { tensor } from "./tensor.ts";

/**
 * Adds gradients to a graph.
 * @param g the graph that computes `of`; its nodes so far are differentiated, new ones are added
 * @param of the value that is differentiated; a scalar unless `seed` is given
 * @param wrt the values to differentiate by
 * @param seed the gradient of `of`; default 1
 * @returns the gradient of each value of `wrt`, of its shape; zeros where nothing depends on it
 * @throws OnnxError for an operator without a gradient, with the node, and for sizes that are not known
 */
export function gradients(g: Graph, of: Value, wrt: readonly Value[], seed?: Value): Value[] {
  const found = new Map<string, Value>();
  flow(g, [...g.nodes], [[of, seed ?? one(g, of)]], new Set(wrt.map(({ name }) => name)), found);
  return wrt.map((value) => found.get(value.name) ?? zerosLike(g, value));
}

/** 1 in the type of a scalar. */
function one(g: Graph, of: Value): Value {
  if (!isStatic(of.shape) || of.shape.some((size) => size !== 1)) {
    throw new OnnxError(
      `gradients: of: expected one number without a seed, received ${quote(of.name)} of shape [${of.shape ?? "?"}]`,
    );
  }
  return g.constant(tensor(of.dtype ?? "float32", of.shape, 1));
}

/** Zeros of a value's type and shape. */
export function zerosLike(g: Graph, x: Value): Value {
  if (isStatic(x.shape)) {
    const shape = g.constant(tensor("int64", [x.shape.length], x.shape));
    return g.op("ConstantOfShape", [shape], { value: tensor(x.dtype ?? "float32", [1], 0) });
  }
  const zeros = g.op("ConstantOfShape", [g.op("Shape", [x])], {
    value: tensor(x.dtype ?? "float32", [1], 0),
  });
  return { ...zeros, shape: x.shape };
}

/**
 * Lets gradients flow from values back to others.
 * @param g where nodes are emitted
 * @param nodes the nodes to go through, in order
 * @param from values with their gradients
 * @param to names of the values that are asked for
 * @param found the gradients by name: filled
 */
export function flow(
  g: Graph,
  nodes: readonly NodeProto[],
  from: readonly (readonly [Value, Value])[],
  to: ReadonlySet<string>,
  found: Map<string, Value>,
): void {
  // Only what lies between: values that depend on `to`.
  const active = new Set(to);
  const between = nodes.filter((node) => {
    if (!namesRead(node).some((name) => active.has(name))) return false;
    for (const output of node.output) if (output !== "") active.add(output);
    return true;
  });
  const parts = new Map<string, Value[]>();
  const add = (name: string, part: Value): void => {
    const list = parts.get(name);
    if (list === undefined) parts.set(name, [part]);
    else list.push(part);
  };
  const total = (name: string): Value | undefined => {
    const list = parts.get(name);
    if (list === undefined) return undefined;
    // Additions in pairs: `Sum` takes 4 times as long on ONNX Runtime's CPU provider.
    const sum = list.reduce((a, b) => g.op("Add", [a, b]));
    parts.set(name, [sum]);
    return sum;
  };
  for (const [value, gradient] of from) if (active.has(value.name)) add(value.name, gradient);
  for (const node of between.reverse()) {
    const upstream = node.output.map((name) => (name === "" ? undefined : total(name)));
    if (upstream.every((gradient) => gradient === undefined)) continue;
    if (node.opType === "If" && node.domain === "") {
      flowIf(g, node, upstream, active, add);
      continue;
    }
    const operator = findOperator(node.opType, node.domain);
    if (operator?.gradient === null) continue;
    if (operator?.gradient === undefined) {
      throw new OnnxError(`${describeNode(node)}: there is no gradient for this operator`);
    }
    const inputs = node.input.map((name) => (name === "" ? undefined : g.value(name)));
    const rule = operator.gradient;
    const results = atNode(node, () =>
      rule({
        g,
        node,
        attributes: new Attributes(node),
        inputs,
        outputs: node.output.map((name) => g.value(name)),
        gradients: upstream,
        wanted: node.input.map((name) => active.has(name)),
      }),
    );
    for (const [i, name] of node.input.entries()) {
      const part = results[i];
      if (name !== "" && active.has(name) && part !== undefined) add(name, part);
    }
  }
  for (const name of to) {
    const sum = total(name);
    if (sum !== undefined) found.set(name, sum);
  }
}

/**
 * The gradient of an `If` is an `If`: each branch computes its values again, and from them the gradients
 * of what it takes from the graphs around it.
 */
function flowIf(
  g: Graph,
  node: NodeProto,
  upstream: readonly (Value | undefined)[],
  active: ReadonlySet<string>,
  add: (name: string, part: Value) => void,
): void {
  const graphs = ["then_branch", "else_branch"].map((name) => new Attributes(node).graph(name));
  const taken = graphs.flatMap((graph) => (graph === undefined ? [] : namesTaken(graph)));
  const wanted = [...new Set(taken)].filter((name) => active.has(name));
  const build = (graph: GraphProto | undefined) => (branch: Graph) => {
    const found = new Map<string, Value>();
    if (graph !== undefined) {
      const outputs = replay(branch, graph);
      const from = outputs.flatMap((value, i): [Value, Value][] => {
        const gradient = upstream[i];
        return gradient === undefined ? [] : [[value, gradient]];
      });
      flow(branch, [...branch.nodes], from, new Set(wanted), found);
    }
    return wanted.map((name) => found.get(name) ?? zerosLike(branch, g.value(name)));
  };
  const results = g.if(g.value(node.input[0]), build(graphs[0]), build(graphs[1]));
  for (const [i, name] of wanted.entries()) {
    const { dtype, shape } = g.value(name);
    const part = { ...results[i], dtype, shape };
    g.values.set(part.name, part);
    add(name, part);
  }
}

/** Emits the nodes of a branch again, under names of their own, and gives its outputs. */
function replay(g: Graph, branch: GraphProto): Value[] {
  const names = new Map<string, string>();
  const to = (name: string) => names.get(name) ?? name;
  for (const item of branch.initializer) {
    const name = g.names.unique(item.name);
    names.set(item.name, name);
    const own = Object.assign(shallow(item), { name });
    g.initializers.push(own);
    g.values.set(name, { name, dtype: dtypeOfCode(item.dataType), shape: item.dims.map(Number) });
  }
  for (const node of topologicalOrder(branch)) {
    for (const name of node.output) if (name !== "") names.set(name, g.names.unique(name));
    const copy: NodeProto = Object.assign(shallow(node), {
      name: g.names.unique(node.name || node.opType.toLowerCase()),
      input: node.input.map(to),
      output: node.output.map(to),
    });
    g.append(copy);
  }
  return branch.output.map(({ name }) => g.value(to(name)));
}
