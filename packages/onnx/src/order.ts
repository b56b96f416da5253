/** The order of nodes: what they read, who makes it, a topological order, what is dead. */
import type { GraphProto, NodeProto } from "onnx-buf";
import { subgraphs } from "./attributes.ts";
import { OnnxError, quote } from "./error.ts";

/** The nodes of a graph or a function: what both have in common. */
export interface Body {
  /** The nodes. */
  node: NodeProto[];
}

/** What a node is called in errors: its operator, and its name or its first output. */
export function describeNode(node: NodeProto): string {
  const name = node.name || node.output.find((output) => output !== "") || "";
  return `${node.opType || "node"} ${quote(name)}`;
}

/** Characters of an error that are shown: operators may list what a hostile file holds. */
const MAX_MESSAGE = 600;

/**
 * Does the work of a node.
 * @throws OnnxError what `work` throws, with the node before it unless it begins with the operator
 */
export function atNode<T>(node: NodeProto, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    const { message } = error;
    const full = message.startsWith(node.opType) ? message : `${describeNode(node)}: ${message}`;
    throw new OnnxError(full.length > MAX_MESSAGE ? `${full.slice(0, MAX_MESSAGE)}...` : full);
  }
}

/**
 * The names that a node reads: its inputs, and what its subgraphs take from the scopes around them.
 * Names that occur twice are listed twice.
 */
export function namesRead(node: NodeProto): string[] {
  const names = node.input.filter((name) => name !== "");
  for (const [, graph] of subgraphs(node)) {
    // One by one: a call cannot take as many arguments as there may be names.
    for (const name of namesTaken(graph)) names.push(name);
  }
  return names;
}

/** The names that a graph reads but does not make: they belong to the scopes around it. */
export function namesTaken(graph: GraphProto): string[] {
  const own = new Set<string>([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ""),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const read = [...graph.node.flatMap(namesRead), ...graph.output.map(({ name }) => name)];
  return read.filter((name) => !own.has(name));
}

/**
 * The nodes in an order in which every node comes after those whose outputs it reads; nodes that may
 * come in any order keep the one they have.
 * @throws OnnxError when nodes read each other in a circle
 */
export function topologicalOrder(body: Body): NodeProto[] {
  const maker = new Map<string, number>();
  for (const [i, node] of body.node.entries()) {
    for (const output of node.output) if (output !== "") maker.set(output, i);
  }
  const needs = body.node.map((node) => {
    const makers = namesRead(node).map((name) => maker.get(name));
    return [...new Set(makers.filter((i) => i !== undefined))];
  });
  const order: NodeProto[] = [];
  // 0 not seen, 1 on the path from the node that began, 2 done.
  const state = new Uint8Array(body.node.length);
  // By hand instead of by recursion: chains of a hundred thousand nodes are no error.
  const path: [node: number, next: number][] = [];
  for (let first = 0; first < body.node.length; first++) {
    if (state[first] === 0) path.push([first, 0]);
    while (path.length > 0) {
      const top = path[path.length - 1];
      const [i, next] = top;
      state[i] = 1;
      if (next < needs[i].length) {
        top[1]++;
        const need = needs[i][next];
        if (state[need] === 1) {
          throw new OnnxError(
            `${describeNode(body.node[i])} and ${describeNode(body.node[need])} read each other's results in a circle`,
          );
        }
        if (state[need] === 0) path.push([need, 0]);
      } else {
        state[i] = 2;
        order.push(body.node[i]);
        path.pop();
      }
    }
  }
  return order;
}

/**
 * Removes the nodes whose results nobody reads.
 * @param body the graph or function
 * @param outputs its outputs
 * @returns how many were removed
 */
export function removeDeadNodes(body: Body, outputs: readonly string[]): number {
  const order = topologicalOrder(body);
  const live = new Set(outputs);
  const keep = new Set<NodeProto>();
  for (const node of order.reverse()) {
    if (!node.output.some((output) => live.has(output))) continue;
    keep.add(node);
    for (const name of namesRead(node)) live.add(name);
  }
  const before = body.node.length;
  body.node = body.node.filter((node) => keep.has(node));
  return before - body.node.length;
}
