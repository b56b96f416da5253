import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, tensor } from "../tensor.ts";
import { type ScatterReduction, scatterElements } from "./scatter.ts";

test("like ONNX Runtime", async () => {
  const x = random([3, 4, 5]);
  // Every position once: without a reduction the order is not defined.
  const places = tensor("int64", [3, 2, 1], [1, 0, 3, 2, -4, 1]);
  for (const opset of [9, 11, 13, 16, 18, 21]) {
    const type = opset < 11 ? "Scatter" : "ScatterElements";
    const reductions = [undefined, ...(opset >= 16 ? ["add", "mul"] : [])];
    if (opset >= 18) reductions.push("max", "min");
    for (const reduction of reductions) {
      const attributes = { axis: 1, reduction };
      const indices = opset < 11 ? { ...places, data: places.data.map(Math.abs) } : places;
      const updates = random([3, 2, 1]);
      if (opset < 11) indices.data[4] = 3;
      await expectLikeOrt({ type, opset, inputs: [x, indices, updates], attributes });
      if (reduction !== undefined) {
        const many = integers([3, 4, 5], -4, 4);
        const inputs = [x, many, random([3, 4, 5])];
        await expectLikeOrt({ type, opset, inputs, attributes });
      }
      if (opset < 11) continue;
      const attribute = { reduction };
      const pairs = tensor("int64", [3, 2], [0, 1, -1, 2, 1, reduction ? -4 : 0]);
      for (const width of [[5], []]) {
        const at = width.length > 0 ? pairs : tensor("int64", [2, 3], [0, 0, 0, 2, -1, 4]);
        const inputs = [x, at, random([at.shape[0], ...width])];
        await expectLikeOrt({ type: "ScatterND", opset, inputs, attributes: attribute });
      }
    }
  }
});

test("builder", () => {
  const since: [ScatterReduction, number][] = [
    ["none", 9],
    ["add", 16],
    ["max", 18],
  ];
  for (const [reduction, first] of since) {
    for (const opset of [9, 11, 16, 18, 21]) {
      const g = new Graph(opset);
      const x = g.constant(tensor("float32", [3], [1, 2, 3]));
      const updates = g.constant(tensor("float32", [2], [5, 1]));
      const build = () => scatterElements(g, x, g.constant(int64s([2, 0])), updates, -1, reduction);
      if (opset < first) {
        expect(build).toThrow(`reduction: ${reduction} needs opset ${first} or newer`);
        continue;
      }
      const y = build();
      g.output(y);
      const expected = { none: [1, 2, 5], add: [2, 2, 8], max: [1, 2, 5] };
      const [result] = Object.values(evaluate(g.toModel(), {}));
      expect([...result.data]).toEqual(expected[reduction as keyof typeof expected]);
      expect(y.shape).toEqual([3]);
    }
  }
});

test("gradients", async () => {
  const x = random([3, 4, 2]);
  const places = tensor("int64", [3, 2, 1], [1, 0, 3, 2, -4, 1]);
  const elements = [x, places, random([3, 2, 1])];
  const lists = [x, tensor("int64", [2, 2], [0, 1, 2, -1]), random([2, 2])];
  const wanted = [[0, 2], [0], [2]];
  for (const reduction of [undefined, "add"]) {
    const opsets = reduction === undefined ? [11, 13, 18] : [16, 18];
    for (const wrt of wanted) {
      const build = node("ScatterElements", { axis: 1, reduction });
      await expectGradient({ build, inputs: elements, wrt, opsets });
      await expectGradient({ build: node("ScatterND", { reduction }), inputs: lists, wrt, opsets });
    }
  }
  const build = node("ScatterElements", { axis: 1, reduction: "mul" });
  await expect(expectGradient({ build, inputs: elements, opsets: [18] })).rejects.toThrow(
    "expected the reduction none or add, received mul",
  );
});
