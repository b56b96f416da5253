import { expect, test } from "vitest";
import { expectGradient, type GradientCase, gradientsOf } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { dtypeCode } from "../dtype.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { cast, castLike, constantOfShape, convert, identity } from "./constant.ts";

test("constants and copies", async () => {
  const cases = [
    { attributes: { value: random([2, 3]) } },
    { attributes: { value: tensor("float16", [2], [1.5, -2]) } },
    { attributes: { value: int64s([3, -1, 7]) } },
    { opset: 13, attributes: { value_int: 5 } },
    { opset: 13, attributes: { value_ints: [4, 5] } },
    { opset: 21, attributes: { value_float: float(2.5) } },
    { opset: 21, attributes: { value_floats: float([2.5, 1]) } },
  ];
  for (const item of cases) {
    await expectLikeOrt({ type: "Constant", opset: 9, inputs: [], ...item });
  }
  for (const opset of [9, 13, 21]) {
    const shape = int64s([2, 0, 3]);
    const value = tensor("int64", [1], [7]);
    await expectLikeOrt({ type: "ConstantOfShape", opset, inputs: [shape], constants: [0] });
    await expectLikeOrt({
      type: "ConstantOfShape",
      opset,
      inputs: [int64s([2, 3])],
      constants: [0],
      attributes: { value },
    });
    await expectLikeOrt({ type: "Identity", opset, inputs: [random([2, 3])] });
    await expectLikeOrt({ type: "Identity", opset, inputs: [int64s([2, 3])], constants: [0] });
    for (const k of [-1, 0, 2]) {
      await expectLikeOrt({
        type: "EyeLike",
        opset,
        inputs: [random([3, 4])],
        attributes: { k, dtype: k === 2 ? 7 : undefined },
      });
    }
    // Before opset 12 ONNX Runtime gives a mask of zeros, whose meaning was never said.
    const outputs = opset < 12 ? 1 : 2;
    await expectLikeOrt({ type: "Dropout", opset, inputs: [random([3, 4])], outputs });
  }
});

test("casts", async () => {
  const values = tensor("float32", [6], [-1.875, -0.5, 0, 0.25, 1.5, 100.75]);
  for (const opset of [9, 13, 21]) {
    for (const to of ["bool", "int64", "int32", "int8", "float16", "float64"] as const) {
      for (const x of [values, integers([5], -100, 100), integers([5], 0, 2, "bool")]) {
        await expectLikeOrt({
          type: "Cast",
          opset,
          inputs: [x],
          attributes: { to: dtypeCode(to) },
          tolerance: to === "float16" ? 1e-3 : 0,
        });
      }
    }
    const wide = tensor("int32", [4], [300, -129, 255, 128]);
    for (const to of ["int8", "uint8"] as const) {
      await expectLikeOrt({
        type: "Cast",
        opset,
        inputs: [wide],
        attributes: { to: dtypeCode(to) },
      });
    }
  }
  await expectLikeOrt({ type: "CastLike", opset: 15, inputs: [values, int64s([1])] });
  expect([300, -300, NaN, Infinity, -0.5].map((x) => convert(x, "float32", "int8"))).toEqual([
    127, -128, 0, 127, 0,
  ]);
  expect(convert(-1, "int32", "int64")).toBe(-1);
  expect(convert(-1, "int32", "uint8")).toBe(255);
});

test("builders carry contents and types", () => {
  for (const opset of [9, 21]) {
    const g = new Graph(opset);
    const shape = g.constant(int64s([2, 3]));
    const same = identity(g, cast(g, cast(g, shape, "int32"), "int64"));
    expect(same).toMatchObject({ dtype: "int64", shape: [2], contents: [2, 3] });
    const filled = constantOfShape(g, same, scalar("int64", 4));
    expect(filled).toMatchObject({ dtype: "int64", shape: [2, 3], contents: [4, 4, 4, 4, 4, 4] });
    const x = g.input("x", "float16", ["n"]);
    expect(castLike(g, filled, x).dtype).toBe("float16");
    g.output(castLike(g, x, filled));
    const model = g.toModel();
    const [y] = Object.values(evaluate(model, { x: tensor("float16", [2], [1.5, -2]) }));
    expect(y).toEqual(tensor("int64", [2], [1, -2]));
  }
  const g = new Graph(13);
  expect(() => castLike(g, g.input("x", "int64"), g.input("y", undefined))).toThrow(
    "CastLike: expected opset 15 or newer for a value of unknown type, received 13",
  );
  expect(() => constantOfShape(g, g.constant(int64s([2])), int64s([1, 2]))).toThrow(
    "ConstantOfShape: value: expected one element, received 2",
  );
});

test("what cannot be evaluated is refused by name", () => {
  const run = (build: (g: Graph) => void) => {
    const g = new Graph(13);
    build(g);
    return () => evaluate(g.toModel(), {});
  };
  expect(run((g) => g.output(g.op("Constant", [], { value_strings: ["a"] })))).toThrow(
    'Constant "constant": expected numbers in value, value_float(s) or value_int(s), found value_strings',
  );
  expect(
    run((g) => {
      const x = g.constant(scalar("float32", 1));
      const ratio = g.constant(scalar("float32", 0.5));
      g.output(g.op("Dropout", [x, ratio, g.constant(scalar("bool", 1))]));
    }),
  ).toThrow("expected training_mode false, received true");
});

test("gradients of copies", async () => {
  const x = random([2, 3]);
  await expectGradient({ build: (g, [x]) => g.op("Dropout", [x]), inputs: [x] });
  const mask: GradientCase["build"] = (g, [x]) => {
    const off = [g.constant(scalar("float32", 0.5)), g.constant(scalar("bool", 0))];
    return g.node("Dropout", [x, ...off], {}, { outputs: 2 });
  };
  await expectGradient({ build: mask, inputs: [x], opsets: [13] });
  const training: GradientCase["build"] = (g, [x]) =>
    g.op("Dropout", [x, undefined, g.constant(scalar("bool", 1))]);
  const ones = [tensor("float64", [2, 3], 1)];
  expect(() => gradientsOf({ build: training, inputs: [x] }, ones)).toThrow("training_mode false");
  await expectGradient({ build: (g, [x]) => identity(g, x), inputs: [x] });
  const square: GradientCase["build"] = (g, [x]) => g.op("Mul", [x, g.detach(x)]);
  expect(gradientsOf({ build: square, inputs: [x] }, ones)[0].data).toEqual(x.data);
  const double: GradientCase["build"] = (g, [x]) => cast(g, x, "float64");
  await expectGradient({ build: double, inputs: [x], ort: false });
  const back: GradientCase["build"] = (g, [x]) => castLike(g, cast(g, x, "float16"), x);
  await expectGradient({ build: back, inputs: [x], ortTolerance: 2e-3 });
  const whole: GradientCase["build"] = (g, [x]) =>
    g.op("Add", [x, cast(g, cast(g, x, "int64"), x.dtype ?? "float32")]);
  expect(gradientsOf({ build: whole, inputs: [x] }, ones)[0].data).toEqual(ones[0].data);
});
