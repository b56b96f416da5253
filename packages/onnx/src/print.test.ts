/** What models look like as text. */
import { create } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TypeProtoSchema,
} from "onnx-buf";
import { expect, test } from "vitest";
import { float } from "./attributes.ts";
import { Graph } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { setMetadata } from "./model.ts";
import { printGraph, printModel } from "./print.ts";
import { attributeText, bytesText, floatText, nameText, typeText } from "./print-values.ts";
import { tensor } from "./tensor.ts";
import { importOpset } from "./versions.ts";

test("a model with a function, an If, stored tensors and names that are no identifiers", () => {
  const f = new Graph(17);
  const a = f.input("a", undefined);
  f.output(f.op("LeakyRelu", [a], { alpha: { reference: "slope", type: "FLOAT" } }));
  const leaky = { domain: "my.ops", name: "Leaky", overload: "v1", attributes: ["slope"] };

  const g = new Graph(17);
  const x = g.input("x", "float32", ["N", 3, 8, null]);
  const flag = g.input("flag", "bool", []);
  const w = g.initializer("layer.0/weight", tensor("float32", [2], [0.1, -0]));
  g.initializer("big", tensor("float64", [3, 3], 1));
  g.initializer("ends", tensor("int64", [2], [-1, 2 ** 63]));
  const p = g.op("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  const l = g.op("Leaky", [p], { slope: float(0.2) }, { domain: "my.ops", overload: "v1" });
  const [y] = g.if(
    flag,
    (t) => [t.op("Mul", [l, w])],
    (e) => [e.op("Identity", [l])],
  );
  g.output(y);
  const model = g.toModel("main graph");
  importOpset(model, "my.ops", 1);
  model.functions.push(f.toFunction(leaky));
  setMetadata(model, "note", 'a "quoted"\nline');

  expect(printModel(model)).toBe(`<
  ir_version: 8
  opset_import: ["": 17, "my.ops": 1]
  producer: "softpool"
  metadata: ["note": "a \\"quoted\\"\\nline"]
>
"main graph" (float[N,3,8,?] x, bool[] flag) => (? if_out) {
  float[2] "layer.0/weight" = {0.1, -0.0}
  double[3,3] big
  int64[2] ends = {-1, 9223372036854775807}
  maxpool_out = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x)
  leaky_out = my.ops.Leaky:v1 <slope = 0.2> (maxpool_out)
  if_out = If (flag) <
    then_branch = then () => (float mul_out) {
      mul_out = Mul (leaky_out, "layer.0/weight")
    }
    else_branch = else () => (? identity_out) {
      identity_out = Identity (leaky_out)
    }
  >
}
function <opset_import: ["": 17]>
my.ops.Leaky:v1 <slope> (a) => (leakyrelu_out) {
  leakyrelu_out = LeakyRelu <alpha: float = @slope> (a)
}`);

  const text = printGraph(model.graph!, { types: inferTypes(model), nodeNames: true, max: 1 });
  expect(text.split("\n").slice(1)).toEqual([
    '  float[2] "layer.0/weight" = {0.1, -0.0}',
    "  ... 2 more tensors",
    "  [maxpool] float[N,3,4,?] maxpool_out = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x)",
    "  ... 2 more nodes",
    "}",
  ]);
});

test("small parts", () => {
  const texts: [string, string][] = [
    [nameText("com.x"), "com.x"],
    [nameText(""), '""'],
    [nameText("9a"), '"9a"'],
    [nameText("a\u202eb\u0007"), '"a\\u202eb\\u0007"'],
    [bytesText(Uint8Array.of(0xc3, 0xa9)), '"é"'],
    [bytesText(Uint8Array.of(0xc3, 0x28)), "0xc328"],
    [floatText(Math.fround(0.1)), "0.1"],
    [floatText(0.1, "float64"), "0.1"],
    [floatText(0.0999755859375, "float16"), "0.1"],
    [floatText(16777216), "16777216.0"],
    [floatText(-1e30, "float64"), "-1e+30"],
    [floatText(Infinity) + floatText(-Infinity) + floatText(NaN), "inf-infnan"],
    [typeText(undefined), "?"],
  ];
  const attributes: [Parameters<typeof create<typeof AttributeProtoSchema>>[1], string][] = [
    [{ name: "i", i: -(2n ** 63n), type: Kind.INT }, "i = -9223372036854775808"],
    [{ name: "old", i: 3n }, "old = 3"],
    [{ name: "none" }, "none: undefined = ?"],
    [{ name: "e", type: Kind.INTS }, "e: ints = []"],
    [{ name: "s", strings: [Uint8Array.of(65)], type: Kind.STRINGS }, 's = ["A"]'],
    [
      {
        name: "t",
        type: Kind.TENSOR,
        t: { dims: [1n], dataType: 8, stringData: [Uint8Array.of(66)] },
      },
      't = string[1] {"B"}',
    ],
    // Values that are missing or cannot be shown are no error.
    [{ name: "t", type: Kind.TENSOR, t: { dims: [2n], dataType: 1 } }, "t = float[2] {...}"],
    [{ name: "t", type: Kind.TENSOR, t: { dims: [-2n], dataType: 99 } }, "t = type99[-2] {...}"],
    [{ name: "t", type: Kind.TENSOR }, "t = ?"],
  ];
  for (const [value, text] of attributes) {
    texts.push([attributeText(create(AttributeProtoSchema, value)), text]);
  }
  const element = { value: { case: "tensorType", value: { elemType: 7 } } } as const;
  const types: [Parameters<typeof create<typeof TypeProtoSchema>>[1], string][] = [
    [{ value: { case: "sequenceType", value: { elemType: element } } }, "seq(int64)"],
    [
      { value: { case: "mapType", value: { keyType: 8, valueType: element } } },
      "map(string, int64)",
    ],
    [{ value: { case: "optionalType", value: {} } }, "optional(?)"],
    [
      { value: { case: "sparseTensorType", value: { elemType: 11, shape: { dim: [{}] } } } },
      "sparse_tensor(double[?])",
    ],
  ];
  for (const [value, text] of types) texts.push([typeText(create(TypeProtoSchema, value)), text]);
  expect(texts.map(([text]) => text)).toEqual(texts.map(([, text]) => text));
});

test("external and sparse tensors, nodes without anything", () => {
  const graph = new Graph(17).toGraph("g");
  const outside = create(TensorProtoSchema, {
    name: "w",
    dims: [2n],
    dataType: 1,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: "location", value: "w.bin" }],
  });
  const values = create(TensorProtoSchema, { name: "s", dims: [1n], dataType: 1, floatData: [2] });
  const indices = create(TensorProtoSchema, { dims: [1n], dataType: 7, int64Data: [4n] });
  graph.initializer.push(outside);
  graph.sparseInitializer.push(create(SparseTensorProtoSchema, { dims: [9n], values, indices }));
  graph.node.push(
    create(NodeProtoSchema),
    create(NodeProtoSchema, { output: ["", "a"], input: [""] }),
  );
  expect(printGraph(graph)).toBe(`g () => () {
  float[2] w = ["location": "w.bin"]
  sparse[9] (float[1] s {2.0}, int64[1] {4})
   = "" ()
  "", a = "" ("")
}`);
});
