import { expect, test } from "vitest";
import { gradients } from "./gradients.ts";
import { Graph } from "./graph.ts";
import { inlineFunctions } from "./inline.ts";
import { graphOf } from "./load.ts";
import { readModel, writeModel } from "./model.ts";
import { add, exp, mul } from "./ops/elementwise.ts";
import { evaluate } from "./reference.ts";
import { scalar, tensor } from "./tensor.ts";
import { importOpset } from "./versions.ts";

/** A model whose functions call each other, take attributes and hold branches. */
function model() {
  const inner = new Graph(17);
  const v = inner.input("v", undefined);
  const c = inner.input("c", undefined);
  const [chosen] = inner.if(
    c,
    (g) => [exp(g, v)],
    (g) => [g.op("LeakyRelu", [v], { alpha: { reference: "slope", type: "FLOAT" } })],
  );
  inner.output(chosen);
  const outer = new Graph(17);
  const x = outer.input("x", undefined);
  const d = outer.input("d", undefined);
  const call = (g: Graph, a: typeof x, slope: number) =>
    g.op("Inner", [a, d], { slope: { float: slope } }, { domain: "user" });
  // The second output is an input.
  outer.output(add(outer, call(outer, x, 0.5), call(outer, call(outer, x, 0.25), 2)), x);
  const g = new Graph(17);
  const a = g.input("x", "float32", [2, 3]);
  const b = g.input("c", "bool", []);
  const [y, same] = g.node("Outer", [a, b], {}, { domain: "user", outputs: 2 });
  g.output({ ...mul(g, y, same), dtype: "float32" });
  const result = g.toModel();
  result.functions.push(
    inner.toFunction({ domain: "user", name: "Inner", attributes: ["slope"] }),
    outer.toFunction({ domain: "user", name: "Outer" }),
  );
  for (const owner of [result, ...result.functions]) importOpset(owner, "user", 1);
  result.irVersion = 10n;
  return readModel(writeModel(result));
}

test("functions written out give what they give as calls", () => {
  const called = model();
  const flat = readModel(writeModel({ ...called, functions: [], graph: inlineFunctions(called) }));
  expect(flat.graph?.node.every(({ domain }) => domain === "")).toBe(true);
  const names = flat.graph?.node.flatMap(({ output }) => output) ?? [];
  expect(new Set(names).size).toBe(names.length);
  for (const c of [0, 1]) {
    const feeds = { x: tensor("float32", [2, 3], [1, -1, 2, -2, 0, 0.5]), c: scalar("bool", c) };
    expect(Object.values(evaluate(flat, feeds))).toEqual(Object.values(evaluate(called, feeds)));
  }
});

test("some functions stay; the model is not changed", () => {
  const called = model();
  const before = writeModel(called);
  const graph = inlineFunctions(called, { only: ({ name }) => name === "Outer" });
  expect(graph.node.map(({ opType }) => opType).sort()).toEqual([
    ...["Add", "Identity", "Inner", "Inner", "Inner", "Mul"],
  ]);
  expect(writeModel(called)).toEqual(before);
});

test("a model as a graph: types of all values, and nodes can be added", () => {
  const g = graphOf(model());
  expect(g.inputs.map(({ name }) => name)).toEqual(["x", "c"]);
  expect(g.outputs[0].shape).toEqual([2, 3]);
  g.outputs[0] = exp(g, g.outputs[0]);
  const feeds = { x: tensor("float32", [2, 3], [1, -1, 2, -2, 0, 0.5]), c: scalar("bool", 0) };
  const [y] = Object.values(evaluate(readModel(writeModel(g.toModel())), feeds));
  const [right] = Object.values(evaluate(model(), feeds));
  expect(y.data).toEqual(right.data.map(Math.exp));
});

test("gradients through branches of functions", () => {
  const g = graphOf(model());
  const [x] = g.inputs;
  const [dx] = gradients(g, g.outputs[0], [x], g.constant(tensor("float32", [2, 3], 1)));
  g.outputs[0] = g.op("Identity", [dx]);
  const values = [1, -1, 2, -2, 0.3, 0.5];
  const feeds = { x: tensor("float32", [2, 3], values), c: scalar("bool", 1) };
  const [found] = Object.values(evaluate(readModel(writeModel(g.toModel())), feeds));
  // x (e^x + e^(e^x))
  for (const [i, v] of values.entries()) {
    const [e, ee] = [Math.exp(v), Math.exp(Math.exp(v))];
    expect(found.data[i]).toBeCloseTo(e + ee + v * (e + ee * e), 9);
  }
});

test("functions that multiply are refused", () => {
  const called = model();
  const [inner] = called.functions;
  called.functions.length = 0;
  for (let i = 0; i < 20; i++) {
    const g = new Graph(17);
    let y = g.input("v", undefined);
    for (let k = 0; k < 2; k++) y = g.op(`F${i + 1}`, [y], {}, { domain: "user" });
    g.output(y);
    called.functions.push(g.toFunction({ domain: "user", name: `F${i}` }));
  }
  const g = new Graph(17);
  g.output(exp(g, g.input("v", undefined)));
  called.functions.push(inner, g.toFunction({ domain: "user", name: "F20" }));
  const top = new Graph(17);
  top.output(top.op("F0", [top.input("x", "float32", [1])], {}, { domain: "user" }));
  called.graph = top.toGraph();
  expect(() => inlineFunctions(called)).toThrow(/written out they have more than 200000 nodes/);
});
