/** Building graphs: names, constants, types of what is built, branches, functions. */
import { expect, test } from "vitest";
import { Attributes, attribute, float } from "./attributes.ts";
import { checkModel } from "./check.ts";
import { Graph } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { readModel, writeModel } from "./model.ts";
import { Names } from "./names.ts";
import { evaluate } from "./reference.ts";
import { int64s, scalar, tensor } from "./tensor.ts";
import { importOpset } from "./versions.ts";

/** A model with names in all places that may hold one. */
function namedModel() {
  const f = new Graph(17);
  f.output(f.op("Relu", [f.input("fin", undefined)], {}, { outputNames: ["fout"], name: "fnode" }));
  const g = new Graph(17);
  const c = g.input("cond", "bool", []);
  const w = g.initializer("weight", tensor("float32", [2], 1));
  const [y] = g.if(
    c,
    (t) => [t.op("Neg", [w], {}, { outputNames: ["inside"], name: "inner node" })],
    (e) => [e.op("Abs", [w])],
  );
  g.output(g.op("F", [y], {}, { domain: "d", outputNames: ["result"] }));
  const model = g.toModel();
  importOpset(model, "d", 1);
  model.functions.push(f.toFunction({ domain: "d", name: "F" }));
  return model;
}

test("names are unique over all scopes of a model", () => {
  const names = new Names(namedModel());
  const taken = ["cond", "weight", "inside", "inner node", "result", "fin", "fout", "fnode"];
  for (const name of taken) {
    expect(names.has(name)).toBe(true);
    expect(names.unique(name)).toBe(`${name}_1`);
    expect(names.unique(name)).toBe(`${name}_2`);
  }
  expect(names.unique("new")).toBe("new");
  expect(names.unique("new_1")).toBe("new_1");
  expect(names.unique("new")).toBe("new_2");
  for (const odd of ["__proto__", "constructor", "toString"]) expect(names.unique(odd)).toBe(odd);
  // A hundred thousand of one hint take no time that grows with their number.
  const many = new Set(Array.from({ length: 1e5 }, () => names.unique("many")));
  expect(many.size).toBe(1e5);

  const g = new Graph(17, { names, prefix: "swap" });
  expect(g.op("Relu", [g.input("x2", "float32")]).name).toBe("swap/relu_out");
  expect(g.subgraph().op("Relu", []).name).toBe("swap/relu_out_1");
  expect(() => g.input("x2", "float32")).toThrow(
    'input: name: expected one that is not taken, received "x2"',
  );
  expect(() => g.initializer("x2", scalar("float32", 1))).toThrow(
    "initializer: name: expected one",
  );
});

test("constants are emitted once for each type, shape and exact value", () => {
  const g = new Graph(17);
  const different = [
    scalar("float32", 0),
    scalar("float32", -0),
    scalar("float64", 0),
    scalar("int64", 0),
    tensor("float32", [1], 0),
    tensor("float32", [1, 2], 0),
    tensor("float32", [2, 1], 0),
    scalar("float32", Number.NaN),
    scalar("float32", 1e-300),
  ];
  const names = different.map((value) => g.constant(value).name);
  expect(new Set(names).size).toBe(different.length);
  expect(different.map((value) => g.constant(value).name)).toEqual(names);
  expect(g.nodes).toHaveLength(different.length);
  // A subgraph has its own: those of one branch do not exist in the other.
  const inner = g.subgraph();
  expect(names).not.toContain(inner.constant(different[0]).name);
  expect(g.constant(int64s([1, 2])).contents).toEqual([1, 2]);
});

test("values know their types while the graph is built, as inference finds them", () => {
  const g = new Graph(17);
  const x = g.input("x", "float32", ["N", 3, 9, 9]);
  const flag = g.input("flag", "bool", []);
  const p = g.op("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2] });
  const s = g.op("Add", [p, g.constant(scalar("float32", 1))]);
  const less = g.op("Less", [s, p]);
  const [same, differs] = g.if(
    flag,
    (t) => [t.op("Neg", [s]), t.op("Relu", [x])],
    (e) => [e.op("Abs", [s]), e.op("Relu", [p])],
  );
  const split = g.node("Unknown", [s], {}, { outputs: 2 });
  expect([p, s].map(({ dtype, shape }) => [dtype, shape])).toEqual([
    ["float32", ["N", 3, 4, 4]],
    ["float32", ["N", 3, 4, 4]],
  ]);
  expect(less.dtype).toBe("bool");
  expect(same.shape).toEqual(["N", 3, 4, 4]);
  expect(differs.shape).toEqual(["N", 3, null, null]);
  expect(split.map(({ dtype }) => dtype)).toEqual([undefined, undefined]);
  g.output(less, same, differs, ...split);
  const model = readModel(writeModel(g.toModel()));
  const types = inferTypes(model).of(model.graph!);
  for (const value of [x, flag, p, s, less, same, differs]) {
    const { dtype, shape } = types.get(value.name)!;
    expect({ dtype, shape }, value.name).toEqual({ dtype: value.dtype, shape: value.shape });
  }
});

test("an If gives what the chosen branch gives; branches read the graph around them", () => {
  const g = new Graph(17);
  const flag = g.input("flag", "bool", []);
  const x = g.input("x", "float32", [2]);
  const [y] = g.if(
    flag,
    (t) => [t.op("Mul", [x, t.constant(scalar("float32", 10))])],
    // A branch may give a value of the graph around it as it is, and hold another If.
    (e) =>
      e.if(
        flag,
        () => [x],
        (inner) => [inner.op("Neg", [x])],
      ),
  );
  g.output(y);
  const model = g.toModel();
  checkModel(model);
  for (const [condition, expected] of [
    [1, [10, 20]],
    [0, [-1, -2]],
  ] as const) {
    const feeds = { flag: scalar("bool", condition), x: tensor("float32", [2], [1, 2]) };
    expect([...evaluate(model, feeds)[y.name].data]).toEqual(expected);
  }
});

test("a graph becomes a local function that a model calls with attributes", () => {
  const f = new Graph(17);
  const a = f.input("a", undefined);
  const slope = { reference: "slope", type: "FLOAT" } as const;
  f.output(f.op("LeakyRelu", [f.op("Neg", [a])], { alpha: slope }));
  const made = f.toFunction({
    domain: "d",
    name: "F",
    overload: "o",
    attributes: ["slope"],
    doc: "D",
  });
  expect(made).toMatchObject({ overload: "o", attribute: ["slope"], docString: "D", input: ["a"] });

  const g = new Graph(17);
  const x = g.input("x", "float32", [2]);
  const call = { domain: "d", overload: "o" };
  g.output(
    g.op("F", [x], { slope: float(0.5) }, call),
    g.op("F", [x], { slope: float(0.25) }, call),
  );
  const model = g.toModel();
  importOpset(model, "d", 1);
  model.functions.push(made);
  const results = Object.values(evaluate(model, { x: tensor("float32", [2], [4, -4]) }));
  expect(results.map(({ data }) => [...data])).toEqual([
    [-2, 4],
    [-1, 4],
  ]);
  f.initializer("w", scalar("float32", 1));
  expect(() => f.toFunction({ domain: "d", name: "F" })).toThrow(
    /"F": expected a graph without stored tensors, received 1/,
  );
});

test("nodes leave out inputs and attributes that are not given", () => {
  const g = new Graph(17);
  const x = g.input("x", "float32", [2]);
  g.op("Clip", [x, undefined, undefined], { unused: undefined });
  g.op("Clip", [x, undefined, x], {
    i: 1,
    is: [1, 2],
    s: "é",
    ss: ["a"],
    f: float(1),
    fs: float([1]),
  });
  const [first, second] = g.nodes;
  expect([first.input, second.input]).toEqual([["x"], ["x", "", "x"]]);
  expect(first.attribute).toEqual([]);
  const read = new Attributes(second);
  expect([
    read.int("i"),
    read.ints("is"),
    read.string("s", ""),
    read.float("f", 0),
    read.floats("fs"),
  ]).toEqual([1, [1, 2], "é", 1, [1]]);
  expect([read.int("none"), read.int("none", 7), read.has("i"), read.has("none")]).toEqual([
    undefined,
    7,
    true,
    false,
  ]);
  expect(() => read.ints("i")).toThrow(/Clip "clip_1": attribute "i": expected INTS, received INT/);
  expect(() => attribute("k", 1.5)).toThrow(
    /"k": expected a whole number, received 1.5; use float/,
  );
  expect(() => attribute("k", [1, Number.NaN])).toThrow(/received NaN/);
});
