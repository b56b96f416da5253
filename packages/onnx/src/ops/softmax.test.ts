import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { logSoftmax, softmax, softmaxes } from "./softmax.ts";

const opsets = [9, 10, 11, 13, 18, 21];

test("like ONNX Runtime", async () => {
  for (const opset of opsets) {
    for (const { type } of softmaxes) {
      const x = type === "Hardmax" ? integers([2, 3, 4], 0, 3, "int32") : random([2, 3, 4], -9, 9);
      for (const axis of [undefined, 0, 1, ...(opset < 11 ? [2] : [-1, -2])]) {
        const inputs = [{ ...x, dtype: "float32" as const }];
        await expectLikeOrt({ type, opset, inputs, attributes: { axis } });
      }
    }
  }
});

test("builders work along one axis at every opset", () => {
  const x = random([2, 3, 4], -300, 300);
  for (const axis of [0, 1, -1]) {
    const results = opsets.map((opset) => {
      const g = new Graph(opset);
      const input = g.input("x", "float32", ["N", 3, "L"]);
      const [y, z] = [softmax(g, input, axis), logSoftmax(g, input, axis)];
      expect([y.shape, z.shape]).toEqual([
        ["N", 3, "L"],
        ["N", 3, "L"],
      ]);
      g.output(y, z);
      return Object.values(evaluate(g.toModel(), { x })).map(({ data }) => [...data]);
    });
    for (const result of results) expect(result).toEqual(results[0]);
    const [probabilities, logarithms] = results[0];
    expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(24 / x.shape.at(axis)!, 12);
    for (const [i, p] of probabilities.entries())
      expect(Math.exp(logarithms[i])).toBeCloseTo(p, 12);
    // Where the probability underflows, its logarithm is still there.
    expect(Math.min(...logarithms)).toBeLessThan(-100);
  }
  const g = new Graph(11);
  expect(() => softmax(g, g.input("x", "float32"), -1)).toThrow(
    "Softmax: expected an input with a known number of axes before opset 13, x has none",
  );
});

test("gradients", async () => {
  for (const type of ["Softmax", "LogSoftmax"]) {
    for (const axis of [1, -1, 2]) {
      const test = { build: node(type, { axis }), inputs: [random([2, 3, 4])] };
      await expectGradient({ ...test, batch: true });
    }
    await expectGradient({ build: node(type), inputs: [random([3, 5], -20, 20)] });
  }
});
