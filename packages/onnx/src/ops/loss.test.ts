import { expect, test } from "vitest";
import { expectGradient, gradientsOf, node } from "../../test/gradient.ts";
import { expectLikeOrt, integers, maxDifference, random } from "../../test/ort.ts";
import type { AttributeValues } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, type Tensor, tensor } from "../tensor.ts";
import { softmaxCrossEntropy } from "./loss.ts";

test("the operators: like ONNX Runtime, and their gradients", async () => {
  for (const [shape, weighted] of [
    [[3, 4], false],
    [[3, 4], true],
    [[2, 3, 4], true],
    [[2, 3, 2, 2], false],
  ] as const) {
    const [batch, classes, ...sizes] = shape;
    const labels: Tensor = integers([batch, ...sizes], 0, classes);
    const scores = random(shape);
    const weights = weighted ? [random([classes], 0.5, 2)] : [];
    const inputs = [scores, labels, ...weights];
    for (const reduction of ["mean", "sum", "none"]) {
      for (const ignored of [undefined, labels.data[0]]) {
        const attributes: AttributeValues = { reduction, ignore_index: ignored };
        for (const type of ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"]) {
          await expectLikeOrt({ type, opset: 13, inputs, attributes, constants: [] });
          const build = node(type, attributes);
          await expectGradient({ build, inputs, wrt: [0], opsets: [12, 18] });
        }
      }
    }
    await expectGradient({
      build: node("SoftmaxCrossEntropyLoss", {}, 2),
      inputs,
      wrt: [0],
      opsets: [13],
    });
  }
});

test("softmaxCrossEntropy: numbers of PyTorch, gradients, what it refuses", async () => {
  // torch.nn.functional.cross_entropy(x, y, label_smoothing=s) and its gradient, torch 1.13, float64
  const logits = tensor("float64", [2, 3], [0.5, -1, 2, 1, 0.25, -0.5]);
  const labels = int64s([2, 0]);
  const one = tensor("float64", [], 1);
  for (const [smoothing, loss, gradient] of [
    [
      0,
      0.38464352025623344,
      [0.0876451961, 0.0195562866, -0.1072014827, -0.2051011682, 0.1393003446, 0.0658008236],
    ],
    [
      0.1,
      0.4971435202562335,
      [0.0709785294, 0.00288962, -0.0738681494, -0.1717678348, 0.1226336779, 0.0491341569],
    ],
  ] as const) {
    const build = (g: Graph, [x, y]: readonly { name: string }[]) =>
      softmaxCrossEntropy(g, x, y, { smoothing });
    const g = new Graph(18);
    const y = build(g, [g.input("x", "float64", [2, 3]), g.initializer("y", labels)]);
    g.output(y);
    const found = evaluate(g.toModel(), { x: logits })[y.name];
    expect(found.shape).toEqual([]);
    expect(found.data[0]).toBeCloseTo(loss, 7);
    const [dx] = gradientsOf({ build, inputs: [logits, labels] }, [one]);
    expect(maxDifference(dx.data, Float64Array.from(gradient))).toBeLessThan(1e-7);
    const inputs = [random([3, 5]), integers([3], 0, 5)];
    await expectGradient({ build, inputs, batch: true, open: true });
  }
  const g = new Graph(18);
  const y = g.input("y", "int64", ["N"]);
  const x = g.input("x", "float32", ["N", "K"]);
  expect(() => softmaxCrossEntropy(g, x, y)).toThrow(/logits: expected .* known number of classes/);
  expect(() => softmaxCrossEntropy(g, x, y, { smoothing: 1 })).toThrow(/smoothing: .*received 1/);
});
