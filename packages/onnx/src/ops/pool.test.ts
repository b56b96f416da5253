import { expect, test } from "vitest";
import { expectLikeOrt, random } from "../../test/ort.ts";
import type { AttributeValues } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, tensor } from "../tensor.ts";
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "./pool.ts";
import { poolWindow } from "./window.ts";

const windows: readonly [shape: number[], attributes: AttributeValues][] = [
  [[1, 2, 9], { kernel_shape: [3] }],
  [[2, 1, 7, 8], { kernel_shape: [2, 2], strides: [2, 2] }],
  [[1, 2, 7, 8], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 0, 1] }],
  [[1, 1, 8, 9], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  [[1, 1, 9, 9], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_UPPER" }],
  [[1, 1, 9, 9], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_LOWER" }],
  [[1, 1, 9, 9], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "VALID" }],
  [[1, 1, 4, 5, 6], { kernel_shape: [2, 2, 2], strides: [1, 2, 2], pads: [0, 0, 1, 0, 1, 0] }],
];

test("windows like ONNX Runtime", async () => {
  for (const [shape, attributes] of windows) {
    const inputs = [random(shape)];
    await expectLikeOrt({ type: "MaxPool", opset: 12, inputs, attributes, outputs: 2 });
    await expectLikeOrt({ type: "AveragePool", opset: 19, inputs, attributes });
    for (const p of [1, 3]) {
      await expectLikeOrt({ type: "LpPool", opset: 18, inputs, attributes: { ...attributes, p } });
    }
    if (attributes.auto_pad !== undefined) continue;
    const counted = { ...attributes, count_include_pad: 1 };
    await expectLikeOrt({ type: "AveragePool", opset: 19, inputs, attributes: counted });
    const dilations = (attributes.kernel_shape as number[]).map((_, i) => 1 + (i % 2));
    const dilated = { ...attributes, dilations };
    await expectLikeOrt({ type: "MaxPool", opset: 12, inputs, attributes: dilated, outputs: 2 });
    await expectLikeOrt({ type: "AveragePool", opset: 19, inputs, attributes: dilated });
  }
});

test("global poolings, column-major indices and what undoes a maximum, like ONNX Runtime", async () => {
  for (const shape of [
    [2, 3, 5],
    [1, 2, 4, 5],
    [1, 1, 2, 3, 4],
  ]) {
    for (const type of ["GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"]) {
      await expectLikeOrt({ type, opset: 13, inputs: [random(shape)] });
    }
  }
  const window = { kernel_shape: [2, 2], strides: [2, 2] };
  const [pooled, indices] = await expectLikeOrt({
    type: "MaxPool",
    opset: 12,
    inputs: [random([1, 2, 4, 6])],
    attributes: window,
    outputs: 2,
  });
  await expectLikeOrt({
    type: "MaxPool",
    opset: 12,
    inputs: [random([1, 2, 4, 6])],
    attributes: { ...window, storage_order: 1 },
    outputs: 2,
  });
  for (const sizes of [undefined, int64s([1, 2, 4, 6])]) {
    const inputs = [pooled, indices, sizes];
    await expectLikeOrt({
      type: "MaxUnpool",
      opset: 11,
      inputs,
      attributes: window,
      constants: [2],
    });
  }
});

test("builders, NaN, and windows that do not fit", () => {
  const g = new Graph(18);
  const x = g.input("x", "float32", ["N", 1, 4]);
  const window = poolWindow([2], { strides: [2] });
  const results = [
    maxPool(g, x, window),
    averagePool(g, x, window),
    averagePool(g, x, poolWindow([3], { pads: [1, 1] }), { countIncludePad: true }),
    globalMaxPool(g, x),
    globalAveragePool(g, x),
  ];
  g.output(...results);
  const values = evaluate(g.toModel(), { x: tensor("float32", [1, 1, 4], [1, 3, NaN, 2]) });
  const list = results.map(({ name }) => Array.from(values[name].data));
  expect(list).toEqual([[3, NaN], [2, NaN], [4 / 3, NaN, NaN, NaN], [NaN], [NaN]]);
  expect(results.map(({ shape }) => shape?.join(" "))).toEqual([
    "N 1 2",
    "N 1 2",
    "N 1 4",
    "N 1 1",
    "N 1 1",
  ]);
  expect(() => maxPool(g, x, poolWindow([5]))).toThrow(/window of 5 does not fit an axis of 4/);
  expect(() => maxPool(g, x, poolWindow([2, 2]))).toThrow(
    /expected 1 sizes for an input of 3 axes/,
  );
  const dilated = poolWindow([2], { dilations: [2] });
  expect(() => averagePool(g, x, dilated)).toThrow(/AveragePool: .*opset 19/);
  expect(() => maxPool(new Graph(9), x, dilated)).toThrow(/MaxPool: .*opset 10/);
  const unpool = (pads: number[], sizes?: number[]) =>
    g.op("MaxUnpool", [x, x, sizes && g.constant(int64s(sizes))], { kernel_shape: [2], pads });
  expect(() => unpool([4, 4])).toThrow(/MaxUnpool.*pads/);
  expect(unpool([0, 0], [1, 1, -8]).shape).toEqual([1, 1, null]);
});
