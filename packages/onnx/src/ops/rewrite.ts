/** Nodes of a complete graph replaced by others, in place and in order. */
import type { NodeProto } from "onnx-buf";
import type { Graph } from "../graph.ts";

/**
 * Replaces nodes of a graph.
 * @param g the graph
 * @param replace emits what stands in a node's place, the last node giving its only output, and tells
 * whether it did
 * @returns how many were replaced
 */
export function rewriteNodes(g: Graph, replace: (node: NodeProto) => boolean): number {
  const nodes = [...g.nodes];
  // What is emitted shares constants with the rest: they come first.
  const constants = nodes.filter(({ opType }) => opType === "Constant");
  g.nodes.splice(0, g.nodes.length, ...constants);
  let count = 0;
  for (const node of nodes) {
    if (node.opType === "Constant") continue;
    if (replace(node)) {
      g.nodes[g.nodes.length - 1].output[0] = node.output[0];
      count++;
    } else {
      g.nodes.push(node);
    }
  }
  return count;
}
