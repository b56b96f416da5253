/** Topological order, names that are read, dead nodes: also at sizes that recursion would not survive. */
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type GraphProto, GraphProtoSchema, type NodeProto, NodeProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { attribute } from "./attributes.ts";
import { namesRead, namesTaken, removeDeadNodes, topologicalOrder } from "./order.ts";

function node(input: string[], output: string[], g?: GraphProto): NodeProto {
  const attributes = g === undefined ? [] : [attribute("body", g)];
  return create(NodeProtoSchema, { opType: "N", input, output, attribute: attributes });
}

/** A graph of nodes; its outputs are those of the last node. */
const graph = (nodes: NodeProto[], inputs: string[] = []): GraphProto =>
  create(GraphProtoSchema, {
    node: nodes,
    input: inputs.map((name) => ({ name })),
    output: nodes.slice(-1).flatMap(({ output }) => output.map((name) => ({ name }))),
  });

test("chains of a hundred thousand nodes, forwards and backwards", () => {
  const chain = Array.from({ length: 1e5 }, (_, i) => node([`v${i}`], [`v${i + 1}`]));
  for (const nodes of [chain, [...chain].reverse()]) {
    expect(topologicalOrder({ node: nodes }).every((item, i) => item === chain[i])).toBe(true);
  }
  const body = { node: [...chain] };
  expect(removeDeadNodes(body, ["v60000"])).toBe(40_000);
  expect(body.node).toEqual(chain.slice(0, 60_000));
});

test("any graph: every node after what it reads, in the order it has where that is one", () => {
  const property = fc.property(
    fc.array(fc.array(fc.nat(100), { maxLength: 4 }), { maxLength: 40 }),
    fc.infiniteStream(fc.nat()),
    (reads, random) => {
      // Node i reads results of nodes before it, one of two outputs, some from inside a subgraph.
      const ordered = reads.map((list, i) => {
        const names = i === 0 ? ["x"] : list.map((k) => `${"ab"[k % 2]}${k % i}`);
        const inner = graph([node(names.slice(2), [`inner${i}`])]);
        return node([...names.slice(0, 2), ""], [`a${i}`, `b${i}`], inner);
      });
      expect(topologicalOrder({ node: ordered })).toEqual(ordered);
      const keyed = ordered.map((item) => ({ item, key: random.next().value as number }));
      const mixed = keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
      const made = new Set(["x"]);
      const order = topologicalOrder({ node: mixed });
      for (const item of order) {
        for (const name of namesRead(item)) expect(made).toContain(name);
        for (const name of item.output) made.add(name);
      }
      expect(new Set(order)).toEqual(new Set(ordered));
    },
  );
  fc.assert(property, { numRuns: 100, seed: 5 });
});

test("circles are found, also through subgraphs", () => {
  const through = node([], ["b"], graph([node(["a"], ["inner"])]));
  for (const nodes of [
    [node(["a"], ["a"])],
    [node(["b"], ["a"]), node(["a"], ["b"])],
    [node(["b"], ["a"]), through],
    [node(["x"], ["y"]), node(["c", "y"], ["b"]), node(["b"], ["c"])],
  ]) {
    expect(() => topologicalOrder({ node: nodes })).toThrow(/N "\w" and N "\w" read.*in a circle/);
  }
});

test("names that a graph takes from around it, at any depth and in any number", () => {
  const innermost = graph([node(["p", "q", "own", "mine"], ["r"]), node(["r"], ["mine"])], ["own"]);
  const outer = graph([node(["s", "t"], ["u"], innermost), node(["u"], ["q"])]);
  expect(namesTaken(innermost)).toEqual(["p", "q"]);
  expect(namesTaken(outer)).toEqual(["s", "t", "p"]);
  expect(namesRead(node(["", "x"], ["y"], outer))).toEqual(["x", "s", "t", "p"]);
  // A graph that gives a value of the scope around it takes it.
  const passing = create(GraphProtoSchema, { output: [{ name: "x" }] });
  expect(namesTaken(passing)).toEqual(["x"]);
  const many = Array.from({ length: 300_000 }, (_, i) => `v${i}`);
  expect(namesRead(node([], ["y"], graph([node(many, ["s"])])))).toHaveLength(300_000);
});

test("dead nodes go; what a living node's subgraph reads stays", () => {
  const used = node(["x"], ["used"]);
  const deep = node(["x"], ["deep"]);
  const onlyByDead = node(["x"], ["half"]);
  const dead = node(["half"], ["dead"]);
  const inner = graph([node(["used"], ["i"], graph([node(["deep"], ["j"])]))]);
  const living = node(["x"], ["y", "unused"], inner);
  const body = { node: [onlyByDead, deep, living, used, dead] };
  expect(removeDeadNodes(body, ["y"])).toBe(2);
  expect(body.node).toEqual([deep, living, used]);
  expect(removeDeadNodes(body, ["y"])).toBe(0);
  expect(removeDeadNodes(body, ["none"])).toBe(3);
  expect(body.node).toEqual([]);
});
