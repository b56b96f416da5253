import { expect, test } from "vitest";
import { type Case, expectLikeOrt, integers, random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { inferTypes } from "../infer.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { cast } from "./constant.ts";
import { add, div, mul, sub } from "./elementwise.ts";
import { gather } from "./gather.ts";
import { concat } from "./join.ts";
import { shapeOf, unsqueeze } from "./reshape.ts";

const wide = [
  -Infinity,
  Infinity,
  0,
  -0,
  0.5,
  1.5,
  2.5,
  -0.5,
  -1.5,
  -2.5,
  1,
  -1,
  30,
  -30,
  60,
  1e-30,
];
const x = tensor("float32", [wide.length], wide);

test("one operand like ONNX Runtime", async () => {
  const any = "Abs Neg Exp Sin Cos Tanh Erf Floor Ceil Round Sign Relu Sigmoid Softsign Atan";
  for (const type of any.split(" ")) {
    const bounded = type === "Sin" || type === "Cos" ? random([5, 3]) : x;
    await expectLikeOrt({ type, opset: 13, inputs: [bounded] });
  }
  const positive = random([2, 7], 0.01, 9);
  for (const type of ["Log", "Sqrt", "Reciprocal"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [positive] });
  }
  const unit = random([3, 5], -0.99, 0.99);
  for (const type of "Tan Asin Acos Sinh Cosh Asinh Atanh Softplus".split(" ")) {
    await expectLikeOrt({ type, opset: 14, inputs: [unit] });
  }
  await expectLikeOrt({ type: "Acosh", opset: 14, inputs: [random([4], 1.1, 5)] });
  const odd = tensor("float32", [4], [NaN, Infinity, -Infinity, 1]);
  await expectLikeOrt({ type: "IsNaN", opset: 13, inputs: [odd] });
  for (const attributes of [{}, { detect_negative: 0 }, { detect_positive: 0 }]) {
    await expectLikeOrt({ type: "IsInf", opset: 10, inputs: [odd], attributes });
  }
  await expectLikeOrt({ type: "Not", opset: 13, inputs: [integers([5], 0, 2, "bool")] });
  for (const type of ["Abs", "Neg", "Sign"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [integers([6], -5, 5)], constants: [0] });
  }
});

test("activations like ONNX Runtime", async () => {
  const [alpha, beta, gamma] = [float(0.3), float(0.4), float(1.2)];
  const cases: Omit<Case, "inputs" | "opset">[] = [
    { type: "LeakyRelu" },
    { type: "LeakyRelu", attributes: { alpha } },
    { type: "Elu" },
    { type: "Elu", attributes: { alpha } },
    { type: "Celu", attributes: { alpha } },
    { type: "Selu" },
    { type: "Selu", attributes: { alpha, gamma } },
    { type: "ThresholdedRelu", attributes: { alpha } },
    { type: "HardSigmoid" },
    { type: "HardSigmoid", attributes: { alpha, beta } },
    { type: "HardSwish" },
    { type: "Shrink", attributes: { lambd: float(1), bias: float(0.25) } },
    { type: "Mish" },
    { type: "Gelu" },
    { type: "Gelu", attributes: { approximate: "tanh" } },
  ];
  for (const item of cases) {
    await expectLikeOrt({ ...item, opset: 20, inputs: [random([2, 3, 4], -6, 6)] });
  }
  for (const attributes of [{}, { alpha }]) {
    await expectLikeOrt({ type: "Swish", opset: 24, inputs: [random([9], -6, 6)], attributes });
  }
});

test("two and more operands like ONNX Runtime", async () => {
  const [a, b, c] = [random([2, 1, 4]), random([3, 1], 0.5, 2), random([1])];
  for (const type of ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [a, b] });
  }
  await expectLikeOrt({ type: "Pow", opset: 13, inputs: [random([2, 1, 4], 0.1, 2), b] });
  await expectLikeOrt({ type: "PRelu", opset: 13, inputs: [a, random([4])] });
  for (const type of ["Max", "Min", "Sum", "Mean"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [a, b, c] });
    await expectLikeOrt({ type, opset: 8, inputs: [a] });
  }
  const [i, j] = [integers([2, 5], -7, 8), integers([5], 1, 4)];
  const signed = tensor("int64", [5], [1, -1, 2, -3, 4]);
  for (const type of ["Add", "Sub", "Mul", "Div", "Max", "Min"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [i, j] });
    await expectLikeOrt({ type, opset: 13, inputs: [signed, j], constants: [0, 1] });
  }
  for (const fmod of [0, 1]) {
    const attributes = { fmod };
    await expectLikeOrt({ type: "Mod", opset: 13, inputs: [i, signed], attributes });
    await expectLikeOrt({
      type: "Mod",
      opset: 13,
      inputs: [j, signed],
      attributes,
      constants: [0, 1],
    });
  }
  for (const type of ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"]) {
    await expectLikeOrt({ type, opset: 16, inputs: [a, b] });
    await expectLikeOrt({ type, opset: 16, inputs: [j, int64s([2])], constants: [0, 1] });
  }
  const [p, q] = [integers([3, 4], 0, 2, "bool"), integers([4], 0, 2, "bool")];
  for (const type of ["And", "Or", "Xor"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [p, q] });
    await expectLikeOrt({ type, opset: 13, inputs: [q, q], constants: [0, 1] });
  }
  await expectLikeOrt({ type: "Where", opset: 16, inputs: [p, a, b] });
  await expectLikeOrt({
    type: "Where",
    opset: 16,
    inputs: [q, j.data.length ? int64s([7]) : j, int64s([8])],
    constants: [0, 1, 2],
  });
});

test("Clip like ONNX Runtime", async () => {
  const y = random([3, 4]);
  await expectLikeOrt({
    type: "Clip",
    opset: 9,
    inputs: [y],
    attributes: { min: float(-1), max: float(0.5) },
  });
  for (const bounds of [[], [scalar("float32", -1)], [undefined, scalar("float32", 1)]]) {
    await expectLikeOrt({ type: "Clip", opset: 13, inputs: [y, ...bounds] });
  }
});

test("sizes that go through floating point, as exporters write them", () => {
  const g = new Graph(13);
  const image = g.input("image", "float32", ["N", 3, 10, "W"]);
  const one = (value: number) => g.constant(scalar("float32", value));
  const size = gather(g, shapeOf(g, image), g.constant(scalar("int64", 2)), 0);
  // In float32 0.7 of 10 are 7, in float64 not quite.
  const scaled = g.op("Floor", [mul(g, cast(g, size, "float32"), one(Math.fround(0.7)))]);
  const list = concat(g, [g.constant(int64s([2])), unsqueeze(g, cast(g, scaled, "int64"), [0])], 0);
  expect(list.contents).toEqual([2, 7]);
  const ratio = unsqueeze(g, div(g, scaled, cast(g, size, "float32")), [0]);
  const scales = concat(g, [g.constant(tensor("float32", [3], [1, 1, 2])), ratio], 0);
  expect(scales.numbers).toEqual([1, 1, 2, Math.fround(0.7)]);
  const wide = g.op("Resize", [image, undefined, scales], { mode: "linear" });
  expect(wide.shape).toEqual(["N", 3, 20, null]);
  expect(sub(g, add(g, scaled, one(1)), one(8)).numbers).toEqual([0]);
});

test("sizes of -1 in what Expand takes, and the branch that a known condition takes", () => {
  const g = new Graph(13);
  const image = g.input("image", "float32", ["N", 1, 4]);
  const asked = concat(
    g,
    [gather(g, shapeOf(g, image), g.constant(int64s([0])), 0), g.constant(int64s([-1, 4]))],
    0,
  );
  const minus = g.op("Equal", [asked, g.constant(int64s([-1, -1, -1]))]);
  expect(minus.contents).toEqual([0, 1, 0]);
  const target = g.op("Where", [minus, g.constant(int64s([1, 1, 1])), asked]);
  expect(g.op("Expand", [image, target]).shape).toEqual(["N", 1, 4]);
  // What torch writes for squeeze(1).
  const size = gather(g, shapeOf(g, image), g.constant(scalar("int64", 1)), 0);
  const [y] = g.if(
    g.op("Equal", [size, g.constant(scalar("int64", 1))]),
    (then) => [then.op("Squeeze", [image, then.constant(int64s([1]))])],
    (otherwise) => [otherwise.op("Identity", [image])],
  );
  expect(y).toMatchObject({ dtype: "float32", shape: ["N", 4] });
  g.output({ name: y.name, dtype: y.dtype });
  const model = g.toModel();
  expect(inferTypes(model).of(model.graph!).get(y.name)?.shape).toEqual(["N", 4]);
});
