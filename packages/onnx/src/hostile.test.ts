/**
 * Truncated, garbage and hostile files: an OnnxError or a model, nothing else, and soon. What can be
 * read is inferred and printed too.
 */
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { expect, test } from "vitest";
import { attribute } from "./attributes.ts";
import { OnnxError } from "./error.ts";
import { Graph } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { createModel, readModel, writeModel } from "./model.ts";
import { printModel } from "./print.ts";
import { int64s, tensor } from "./tensor.ts";
import { valueInfo } from "./types.ts";
import { importOpset } from "./versions.ts";

/** Runs `f`; gives the message of an OnnxError, "" for success. */
function outcome(f: () => void): string {
  try {
    f();
    return "";
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    expect(error.message.length).toBeLessThan(1000);
    expect(error.message).not.toContain("\n");
    return error.message;
  }
}

/** Reads, infers and prints; gives the message of the first error. */
function use(bytes: Uint8Array): string {
  let model: ModelProto | undefined;
  const refused = outcome(() => {
    model = readModel(bytes);
  });
  return model === undefined ? refused : useModel(model);
}

function useModel(model: ModelProto): string {
  const inferred = outcome(() => inferTypes(model));
  return inferred || outcome(() => printModel(model));
}

/** A small model with something of everything. */
function smallModel(): ModelProto {
  const f = new Graph(17);
  f.output(f.op("MaxPool", [f.input("a", undefined)], { kernel_shape: [2, 2], strides: [2, 2] }));
  const g = new Graph(17);
  const x = g.input("x", "float32", ["N", 3, 8, 8]);
  const flag = g.input("flag", "bool", []);
  const w = g.initializer("w", tensor("float32", [3, 1, 1], [1, 2, 3]));
  const p = g.op("Pool", [x], {}, { domain: "my.ops" });
  const [y] = g.if(
    flag,
    (t) => [t.op("Mul", [p, w])],
    (e) => [e.op("AveragePool", [p], { kernel_shape: [1, 1], auto_pad: "SAME_UPPER" })],
  );
  g.output(g.op("Reshape", [y, g.constant(int64s([0, -1]))]));
  g.output(g.op("Concat", [y, y], { axis: 1 }), g.op("Transpose", [y], { perm: [0, 2, 3, 1] }));
  const model = g.toModel();
  importOpset(model, "my.ops", 1);
  model.functions.push(f.toFunction({ domain: "my.ops", name: "Pool" }));
  return model;
}

/** A model of nodes alone; its graph has the input "x". */
function modelOf(nodes: NodeProto[], functions: FunctionProto[] = []): ModelProto {
  const model = createModel(17);
  model.graph!.input.push(create(ValueInfoProtoSchema, { name: "x" }));
  model.graph!.node = nodes;
  importOpset(model, "f", 1);
  model.functions = functions;
  return model;
}

function node(
  opType: string,
  input: string[],
  output: string[],
  rest: { domain?: string; g?: GraphProto } = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    input,
    output,
    domain: rest.domain ?? "",
    attribute: rest.g === undefined ? [] : [attribute("body", rest.g)],
  });
}

function fn(name: string, nodes: NodeProto[], output: string): FunctionProto {
  return create(FunctionProtoSchema, {
    domain: "f",
    name,
    input: ["x"],
    output: [output],
    node: nodes,
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: "", version: 17n }),
      create(OperatorSetIdProtoSchema, { domain: "f", version: 1n }),
    ],
  });
}

/** The length of a part, then the part. */
function prefixed(...parts: (Uint8Array | readonly number[])[]): Uint8Array {
  const body = Buffer.concat(
    parts.map((part) => (part instanceof Uint8Array ? part : Uint8Array.from(part))),
  );
  const length: number[] = [];
  let rest = body.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return new Uint8Array(Buffer.concat([Uint8Array.of(...length, rest), body]));
}

const repeated = (part: readonly number[], count: number): Uint8Array =>
  Buffer.alloc(part.length * count, Uint8Array.from(part));

/** A model's bytes with `body` as the bytes of its graph. */
const withGraph = (body: Uint8Array) =>
  new Uint8Array(Buffer.concat([Uint8Array.of(8, 8, 0x42, 2, 16, 17, 0x3a), prefixed(body)]));

test("a model cut off at any byte", () => {
  const bytes = writeModel(smallModel());
  expect(use(bytes)).toBe("");
  let refused = 0;
  for (let end = 0; end < bytes.length; end++) {
    if (use(bytes.subarray(0, end)) !== "") refused++;
  }
  // The functions and opsets that come last may be missing without harm to what comes before.
  expect(refused).toBeGreaterThan(bytes.length * 0.9);
});

test("single bits changed, bytes changed, parts repeated, garbage", () => {
  const bytes = writeModel(smallModel());
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const copy = bytes.slice();
    copy[bit >> 3] ^= 1 << (bit & 7);
    use(copy);
  }
  const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), {
    minLength: 2,
    maxLength: 6,
  });
  const changed = fc.property(changes, (list) => {
    const copy = bytes.slice();
    for (const [at, value] of list) copy[at] = value;
    use(copy);
  });
  fc.assert(changed, { numRuns: 1500, seed: 2 });
  const spliced = fc.property(fc.nat(bytes.length), fc.nat(bytes.length), (a, b) => {
    use(new Uint8Array(Buffer.concat([bytes.subarray(0, a), bytes.subarray(b)])));
  });
  fc.assert(spliced, { numRuns: 500, seed: 3 });
  const garbage = fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (part) => {
    use(part);
    use(withGraph(part));
  });
  fc.assert(garbage, { numRuns: 1000, seed: 4 });
});

test("bytes that are no message", () => {
  const cases: [readonly number[], RegExp][] = [
    [[], /no bytes/],
    [[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f], /longer than what holds it/],
    [[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], /longer than what holds it/],
    [new Array<number>(20).fill(0xff), /longer than 10 bytes/],
    [[0x3b, 0x3c], /graph has another kind/],
    [[0xa3, 0x1f, 0xa4, 0x1f], /wire type 3/],
    [[0xa4, 0x1f], /wire type 4/],
    [[0xa6, 0x1f], /wire type 6/],
    [[0x00, 0x01], /a field has number 0/],
    [[0xba, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00], /a field has number/],
    [[0x08], /the data end inside a number/],
    [[0xfd, 0x3e, 0, 0], /the data end inside a number/],
    [[0x12, 0x02, 0xc3, 0x28], /producer_name is no UTF-8 text/],
    // Packed floats of 5 bytes, packed integers that do not end.
    [[0x3a, ...prefixed([0x2a], prefixed([0x22, 5, 1, 2, 3, 4, 5]))], /the data end inside/],
    [[0x3a, ...prefixed([0x2a], prefixed([0x3a, 2, 1, 0x80]))], /the data end inside/],
  ];
  for (const [bytes, message] of cases) expect(use(Uint8Array.from(bytes))).toMatch(message);
});

test("wrong models are refused with what is wrong", () => {
  const relu = (input: string, output: string) => node("Relu", [input], [output]);
  const output = (name: string) => create(ValueInfoProtoSchema, { name });
  const w = (dims: bigint[]) => create(TensorProtoSchema, { name: "w", dims, dataType: 7 });
  const change = (f: (graph: GraphProto, model: ModelProto) => void): ModelProto => {
    const model = modelOf([relu("x", "y")]);
    f(model.graph!, model);
    return model;
  };
  const inner = (nodes: NodeProto[]) => create(GraphProtoSchema, { name: "g", node: nodes });
  const cases: [ModelProto, RegExp][] = [
    [
      change((_, m) => {
        m.graph = undefined;
      }),
      /expected a graph, found none/,
    ],
    [
      change((_, m) => {
        m.irVersion = 14n;
      }),
      /expected IR version 1 to 13, found 14/,
    ],
    [
      change((_, m) => {
        m.opsetImport[0].version = 8n;
      }),
      /operator set 9 to 26, found 8; convert/,
    ],
    [
      change((_, m) => {
        m.opsetImport[0].version = 2n ** 62n;
      }),
      /operator set/,
    ],
    [modelOf([relu("a", "b"), relu("b", "a")]), /in a circle/],
    [modelOf([relu("a", "a")]), /in a circle/],
    [modelOf([node("If", ["x"], ["y"], { g: inner([relu("y", "z")]) })]), /in a circle/],
    [modelOf([relu("none", "y")]), /its input "none" is defined nowhere/],
    [modelOf([node("If", ["x"], ["y"], { g: inner([relu("none", "z")]) })]), /"none" is defined/],
    [modelOf([relu("x", "y"), relu("x", "y")]), /"y" is defined twice/],
    [modelOf([relu("x", "x")]), /"x" is defined twice/],
    [modelOf([relu("x", "y"), node("If", ["x"], ["z"], { g: inner([relu("x", "y")]) })]), /twice/],
    [change((g) => g.output.push(output("none"))), /output "none" is defined nowhere/],
    [change((g) => g.output.push(output(""))), /output of the graph has no name/],
    [change((g) => g.input.push(output("x"))), /"x" is given twice/],
    [change((g) => g.initializer.push(w([1n]), w([1n]))), /"w" is given twice/],
    [change((g) => g.initializer.push(w([-1n]))), /expected sizes from 0, found -1/],
    [
      change((g) => g.initializer.push(w(new Array<bigint>(1e5).fill(2n ** 62n)))),
      /at most 64 axes/,
    ],
    [modelOf([], [fn("A", [], "x"), fn("A", [], "x")]), /"A" of "f" is there twice/],
    [modelOf([], [fn("A", [node("A", ["x"], ["y"], { domain: "f" })], "y")]), /"A" calls itself/],
    [
      modelOf(
        [],
        [
          fn("A", [node("B", ["x"], ["y"], { domain: "f" })], "y"),
          fn(
            "B",
            [node("If", [], ["y"], { g: inner([node("A", ["x"], ["z"], { domain: "f" })]) })],
            "y",
          ),
        ],
      ),
      /calls itself/,
    ],
    [modelOf([], [fn("A", [], "none")]), /output "none" is defined nowhere/],
    [modelOf([], [fn("A", [node("Relu", ["y"], ["z"])], "z")]), /"y" is defined nowhere/],
  ];
  for (const [model, message] of cases) {
    const bytes = writeModel(model);
    const error = use(bytes);
    expect(error).toMatch(message);
    expect(error).toMatch(/^model: /);
    // Without the check nothing but an OnnxError comes either, where there is a graph at all.
    outcome(() => printModel(readModel(bytes, { check: false })));
  }
});

test("absurd sizes are known or refused, never allocated", () => {
  for (const size of [0n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 62n, -(2n ** 63n)]) {
    for (const code of [1, 7, 8, 22, 99]) {
      const g = new Graph(17);
      const x = g.input("x", "float32", [1, 1, 4, 4]);
      const y = g.op("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      g.output(g.op("Add", [y, { name: "w" }]));
      const model = g.toModel();
      const dims = [size, size];
      model.graph!.initializer.push(
        create(TensorProtoSchema, { name: "w", dims, dataType: code }),
        create(TensorProtoSchema, { name: "v", dims: [2n ** 29n], dataType: 7 }),
      );
      const type = model.graph!.input[0].type!.value.value as {
        shape: { dim: { value: unknown }[] };
      };
      type.shape.dim[2].value = { case: "dimValue", value: size };
      use(writeModel(model));
      const pooling = model.graph!.node[0].attribute;
      for (const { ints } of pooling) ints.fill(size);
      use(writeModel(model));
      for (const { ints } of pooling) ints.length = 0;
      use(writeModel(model));
    }
  }
});

test("graphs inside each other, functions that call functions", () => {
  // Messages ten thousand deep: graph, node, attribute, graph ...
  let deep: Uint8Array = new Uint8Array();
  for (let i = 0; i < 9999; i++) {
    deep = new Uint8Array(
      Buffer.concat([Uint8Array.of([0x32, 0x2a, 0x0a][i % 3]), prefixed(deep)]),
    );
  }
  expect(use(withGraph(deep))).toMatch(/messages inside each other/);

  // Each function calls the one before twice: 2^n visits.
  const call = (i: number, from: string, to: string) =>
    node(`F${i}`, [from], [to], { domain: "f" });
  const doubling = Array.from({ length: 60 }, (_, i) =>
    fn(
      `F${i}`,
      i === 0 ? [node("Relu", ["x"], ["y"])] : [call(i - 1, "x", "a"), call(i - 1, "a", "y")],
      "y",
    ),
  );
  expect(use(writeModel(modelOf([call(59, "x", "y")], doubling)))).toMatch(
    /type inference stopped/,
  );
  expect(use(writeModel(modelOf([call(9, "x", "y")], doubling.slice(0, 10))))).toBe("");

  // A chain of functions, each calling the next from a graph inside a graph ...
  const chain = (length: number, nesting: number) =>
    Array.from({ length }, (_, i) => {
      let inner = i === 0 ? node("Relu", ["x"], ["z"]) : call(i - 1, "x", "z");
      for (let k = 0; k < nesting; k++) {
        const g = create(GraphProtoSchema, { node: [inner] });
        inner = node("Any", [], [`y${k}`], { g });
      }
      return fn(`F${i}`, [inner], nesting === 0 ? "z" : `y${nesting - 1}`);
    });
  expect(use(writeModel(modelOf([], chain(150, 0))))).toBe("");
  expect(use(writeModel(modelOf([call(8, "x", "y")], chain(9, 20))))).toBe("");
  for (const functions of [
    chain(400, 0),
    chain(400, 0).reverse(),
    chain(20, 20),
    chain(20, 20).reverse(),
  ]) {
    expect(use(writeModel(modelOf([], functions)))).toMatch(/graphs and function calls inside/);
  }
});

test("work that multiplies: large functions called often, shapes of many axes", () => {
  const numbers = Array.from({ length: 1e5 }, (_, i) => i);
  const large: [string, FunctionProto][] = [
    ["stated types", fn("F", [node("Relu", ["x"], ["y"])], "y")],
    [
      "inputs",
      fn(
        "F",
        [
          node(
            "Sum",
            numbers.map(() => "x"),
            ["y"],
          ),
        ],
        "y",
      ),
    ],
  ];
  large[0][1].valueInfo = numbers.map((i) => create(ValueInfoProtoSchema, { name: `v${i}` }));
  for (const [name, f] of large) {
    const calls = Array.from({ length: 2000 }, (_, i) =>
      node("F", ["x"], [`y${i}`], { domain: "f" }),
    );
    expect(use(writeModel(modelOf(calls, [f]))), name).toMatch(/inference stopped/);
    expect(use(writeModel(modelOf(calls.slice(0, 2), [f]))), name).toBe("");
  }
  // A shape of a hundred thousand axes that each of many nodes would copy; lists in errors.
  const axes = node("Unsqueeze", ["x"], ["v0"]);
  axes.attribute.push(attribute("axes", numbers));
  const copies = Array.from({ length: 5000 }, (_, i) => node("Relu", [`v${i}`], [`v${i + 1}`]));
  const wide = modelOf([axes, ...copies]);
  wide.opsetImport[0].version = 11n;
  wide.graph!.input[0] = valueInfo("x", { dtype: "float32", shape: [4] });
  expect(use(writeModel(wide))).toBe("");
  const turned = node("Transpose", ["x"], ["y"]);
  turned.attribute.push(attribute("perm", numbers));
  const wrong = modelOf([turned]);
  wrong.graph!.input[0] = valueInfo("x", { dtype: "float32", shape: [4] });
  expect(use(writeModel(wrong))).toMatch(/^Transpose "y": .*\.\.\.$/);
});

test("very many parts", () => {
  // A million empty nodes; then so many that they would fill the memory.
  expect(use(withGraph(repeated([0x0a, 0], 1e6)))).toBe("");
  expect(use(withGraph(repeated([0x0a, 0], 1e7)))).toMatch(/more than 1024 MiB/);
  expect(use(withGraph(repeated([0xf8, 0x3e, 0], 1e7)))).toMatch(/more than 1024 MiB/);
  // A tensor of ten million axes of size 1.
  const axes = prefixed([0x42, 1, 0x77], repeated([8, 1], 1e7));
  expect(use(withGraph(new Uint8Array(Buffer.concat([Uint8Array.of(0x2a), axes]))))).toMatch(
    /at most 64 axes, found 10000000/,
  );
  // Many graphs that read many names of the graph around them.
  const names = Array.from({ length: 200_000 }, (_, i) => `v${i}`);
  const wide = modelOf([
    node("Split", ["x"], names),
    node("Any", [], ["a"], { g: create(GraphProtoSchema, { node: [node("Sum", names, ["s"])] }) }),
    ...Array.from({ length: 5000 }, (_, i) =>
      node("Any", [], [`g${i}`], { g: create(GraphProtoSchema, { name: "g" }) }),
    ),
  ]);
  expect(use(writeModel(wide))).toBe("");
});
