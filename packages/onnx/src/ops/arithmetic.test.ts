import { expect, test } from "vitest";
import { expectGradient, type GradientCase, gradientsOf, node } from "../../test/gradient.ts";
import { random } from "../../test/ort.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";
import { scalar, type Tensor, tensor } from "../tensor.ts";
import { mul } from "./elementwise.ts";

/** Two operands, one of which is repeated along some axes. */
const pairs: readonly (readonly [number[], number[]])[] = [
  [
    [3, 4],
    [3, 4],
  ],
  [[2, 3, 4], [4]],
  [
    [3, 1],
    [2, 1, 5],
  ],
  [[], [2, 3]],
  [[6], []],
];

test("gradients of two operands, repeated ones too", async () => {
  for (const [a, b] of pairs) {
    for (const type of ["Add", "Sub", "Mul", "Max", "Min"]) {
      const opset = a.length === b.length ? 11 : 13;
      await expectGradient({ build: node(type), inputs: [random(a), random(b)], opsets: [opset] });
    }
    const away = [random(a, 0.5, 2), random(b, 0.5, 2)];
    for (const type of ["Div", "Pow"]) {
      await expectGradient({ build: node(type), inputs: away, opsets: [13] });
    }
    const apart = [random(a, 0.1, 0.9), random(b, 1.1, 1.9)];
    await expectGradient({ build: node("Mod", { fmod: 1 }), inputs: apart, opsets: [13] });
  }
  const one = node("Mod", { fmod: 1 });
  const modulo = [random([4], 3.1, 3.9), tensor("float32", [4], [2, 1.5, -2, -1])];
  await expectGradient({ build: one, inputs: modulo });
  for (const type of ["Add", "Mul", "Div", "Pow", "Max"]) {
    const inputs = [random([3, 4], 0.5, 2), random([4], 0.5, 2)];
    await expectGradient({ build: node(type), inputs, batch: true });
    for (const wrt of [[0], [1]]) await expectGradient({ build: node(type), inputs, wrt });
  }
});

test("gradients of powers with a known exponent", async () => {
  for (const exponent of [-1, -0.5, 0, 0.5, 1, 2, 3, 3.5, 4]) {
    const build: GradientCase["build"] = (g, [x]) =>
      g.op("Pow", [x, g.constant(scalar(x.dtype ?? "float32", exponent))]);
    await expectGradient({ build, inputs: [random([2, 3], 0.5, 2)], opsets: [11, 13] });
  }
  const whole: GradientCase["build"] = (g, [x]) =>
    g.op("Pow", [x, g.constant(tensor("int64", [1], 2))]);
  await expectGradient({ build: whole, inputs: [random([4])], opsets: [13] });
});

test("gradients of many operands", async () => {
  const inputs = [random([2, 3]), random([3]), random([2, 1]), random([2, 3])];
  for (const type of ["Sum", "Mean", "Max", "Min"]) {
    for (const count of [1, 2, 3, 4]) {
      await expectGradient({ build: node(type), inputs: inputs.slice(0, count) });
    }
    await expectGradient({ build: node(type), inputs, wrt: [0, 2], opsets: [13] });
  }
});

test("gradients of one operand", async () => {
  const some = [random([2, 3]), random([])];
  for (const type of "Abs Neg Exp Sin Cos Tanh Erf Sinh Cosh Asinh Atan".split(" ")) {
    for (const x of some) await expectGradient({ build: node(type), inputs: [x], opsets: [13] });
  }
  for (const type of ["Log", "Sqrt", "Reciprocal"]) {
    await expectGradient({ build: node(type), inputs: [random([5], 0.2, 3)] });
  }
  for (const type of ["Tan", "Asin", "Acos", "Atanh"]) {
    await expectGradient({ build: node(type), inputs: [random([5], -0.9, 0.9)], opsets: [13] });
  }
  await expectGradient({ build: node("Acosh"), inputs: [random([5], 1.2, 3)], opsets: [13] });
});

test("gradients of choices and bounds", async () => {
  const condition = tensor("bool", [2, 3], [1, 0, 0, 1, 1, 0]);
  for (const [a, b] of [
    [
      [2, 3],
      [2, 3],
    ],
    [[3], [2, 1]],
    [[], [1, 3]],
  ] as const) {
    for (const wrt of [[1, 2], [1], [2]]) {
      const inputs = [condition, random(a), random(b)];
      await expectGradient({ build: node("Where"), inputs, wrt });
    }
  }
  const x = random([3, 4]);
  for (const inputs of [[x], [x, scalar("float32", -0.5)]]) {
    await expectGradient({ build: node("Clip"), inputs });
  }
  const both = [x, scalar("float32", -0.5), scalar("float32", 1.1)];
  await expectGradient({ build: node("Clip"), inputs: both });
  await expectGradient({
    build: (g, [value, high]) => g.op("Clip", [value, undefined, high]),
    inputs: [x, scalar("float32", 0.3)],
  });
});

/** The gradients of the sum of the results. */
function ofSum(build: GradientCase["build"], inputs: readonly Tensor[], shape: readonly number[]) {
  const ones = tensor("float64", shape, 1);
  return gradientsOf({ build, inputs }, [ones]).map(({ data }) => Array.from(data));
}

test("ties and kinks as in PyTorch", () => {
  const a = tensor("float32", [3], [2, 1, 3]);
  const b = tensor("float32", [3], [2, 2, 1]);
  expect(ofSum(node("Max"), [a, b], [3])).toEqual([
    [0.5, 0, 1],
    [0.5, 1, 0],
  ]);
  expect(ofSum(node("Min"), [a, b], [3])).toEqual([
    [0.5, 1, 0],
    [0.5, 0, 1],
  ]);
  expect(ofSum(node("Max"), [a, a, a, b], [3]).map(([first]) => first)).toEqual(
    new Array(4).fill(0.25),
  );
  const at = tensor("float32", [4], [-0.5, 1, -1, 2]);
  const bounds = [scalar("float32", -0.5), scalar("float32", 1)];
  expect(ofSum(node("Clip"), [at, ...bounds], [4])[0]).toEqual([1, 1, 0, 0]);
  expect(ofSum(node("Abs"), [tensor("float32", [3], [-2, 0, 3])], [3])).toEqual([[-1, 0, 1]]);
  const base = tensor("float32", [4], [0, 0, -3, 0]);
  const exponent = tensor("float32", [4], [0, 1, 2, 3]);
  const build: GradientCase["build"] = (g, [x]) => g.op("Pow", [x, g.initializer("e", exponent)]);
  expect(ofSum(build, [base], [4])).toEqual([[0, 1, -6, 0]]);
  const of: GradientCase["build"] = (g, [e]) =>
    g.op("Pow", [g.initializer("a", tensor("float32", [3], [0, 0, 2])), e]);
  const [, , last] = ofSum(of, [tensor("float32", [3], [0, 1, 2])], [3])[0];
  expect(ofSum(of, [tensor("float32", [3], [0, 1, 2])], [3])).toEqual([[0, 0, last]]);
  expect(last).toBeCloseTo(4 * Math.LN2, 12);
});

test("what has no derivative gives none, what has no rule is named", () => {
  const g = new Graph(18);
  const x = g.input("x", "float32", [3]);
  const floor = g.op("Floor", [x]);
  const [zero] = gradients(g, mul(g, floor, floor), [x], g.constant(tensor("float32", [3], 1)));
  expect(g.nodes.find((node) => node.output[0] === zero.name)?.opType).toBe("ConstantOfShape");
  const steps = g.op("Where", [g.op("Greater", [x, floor]), x, floor]);
  expect(() => gradients(g, steps, [x], x)).not.toThrow();
  const odd = g.op("Bernoulli", [x], {}, { name: "coin" });
  expect(() => gradients(g, odd, [x], x)).toThrow(
    'Bernoulli "coin": there is no gradient for this operator',
  );
});
