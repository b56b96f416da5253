import { expect, test } from "vitest";
import { expectGradient, gradientsOf, node } from "../../test/gradient.ts";
import { random } from "../../test/ort.ts";
import type { AttributeValues } from "../attributes.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";
import { int64s, tensor } from "../tensor.ts";

const windows: readonly [shape: number[], attributes: AttributeValues][] = [
  [[1, 2, 9], { kernel_shape: [3] }],
  [[2, 3, 7, 9], { kernel_shape: [2, 3], strides: [2, 3] }],
  [[2, 1, 5, 6], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  [[1, 2, 7, 8], { kernel_shape: [3, 2], strides: [1, 3], pads: [1, 0, 0, 1] }],
  [[1, 1, 8, 9], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  [[1, 1, 7, 7], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
  [[1, 1, 9, 9], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_UPPER" }],
  [[1, 1, 9, 9], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_LOWER" }],
  [[1, 1, 4, 5, 6], { kernel_shape: [2, 2, 2], strides: [1, 2, 2], pads: [0, 0, 1, 0, 1, 0] }],
];

test("windows", async () => {
  for (const [shape, attributes] of windows) {
    const inputs = [random(shape)];
    const rank = shape.length - 2;
    const dilated = {
      ...attributes,
      dilations: Array.from({ length: rank }, (_, i) => 1 + (i % 2)),
    };
    const counted = { ...attributes, count_include_pad: 1 };
    await expectGradient({ build: node("MaxPool", attributes), inputs, opsets: [11, 18] });
    await expectGradient({ build: node("AveragePool", attributes), inputs, opsets: [11, 19] });
    for (const p of [1, 2, 3]) {
      const build = node("LpPool", { ...attributes, p });
      const old = attributes.ceil_mode === undefined ? [11, 18] : [18];
      // Derivatives of |x|^p are steep at small norms: values are kept away from 0.
      const away = random(shape, 0.5, 2);
      const signed = tensor(
        "float32",
        shape,
        away.data.map((x, i) => (i % 2 === 0 ? x : -x)),
      );
      await expectGradient({ build, inputs: [signed], opsets: old });
    }
    if (attributes.auto_pad !== undefined) continue;
    await expectGradient({ build: node("MaxPool", dilated), inputs, opsets: [11, 18] });
    await expectGradient({ build: node("MaxPool", { ...dilated, storage_order: 1 }), inputs });
    await expectGradient({ build: node("AveragePool", counted), inputs, opsets: [19] });
    await expectGradient({ build: node("AveragePool", dilated), inputs, opsets: [19] });
  }
  for (const type of ["MaxPool", "AveragePool", "LpPool"]) {
    const build = node(type, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
    await expectGradient({
      build,
      inputs: [random([2, 3, 5, 6], 0.5, 2)],
      opsets: [18],
      batch: true,
    });
  }
});

test("one window over everything, and what undoes a maximum", async () => {
  for (const shape of [
    [2, 3, 5],
    [1, 2, 3, 4],
    [2, 1, 2, 3, 2],
  ]) {
    const inputs = [random(shape)];
    for (const type of ["GlobalMaxPool", "GlobalAveragePool"]) {
      await expectGradient({ build: node(type), inputs, batch: true });
    }
    for (const p of [1, 2, 3]) {
      await expectGradient({ build: node("GlobalLpPool", { p }), inputs, opsets: [11, 18] });
    }
  }
  const indices = int64s([0, 3, 10, 23, 25, 28, 36, 47]);
  for (const sizes of [undefined, [1, 2, 4, 6], [1, 2, 5, 7]]) {
    await expectGradient({
      build: (g, [x, at]) =>
        g.op("MaxUnpool", [x, at, sizes && g.constant(int64s(sizes))], {
          kernel_shape: [2, 3],
          strides: [2, 3],
        }),
      inputs: [random([1, 2, 2, 2]), { ...indices, shape: [1, 2, 2, 2] }],
      opsets: [11, 22],
    });
  }
});

test("equal maxima: the first, as PyTorch has it; norms of 0: nothing", () => {
  const x = tensor("float64", [1, 1, 3, 3], [1, 1, 0, 1, 0, 2, 2, 1, 2]);
  const window = { kernel_shape: [2, 2], strides: [1, 1] };
  const ones = tensor("float64", [1, 1, 2, 2], [1, 10, 100, 1000]);
  // torch.nn.functional.max_pool2d(x, 2, 1) and adaptive_max_pool2d(x, 1), torch 1.13
  for (const opset of [13, 16]) {
    const [dx] = gradientsOf({ build: node("MaxPool", window), inputs: [x] }, [ones], opset);
    expect(Array.from(dx.data)).toEqual([1, 0, 0, 0, 0, 1010, 100, 0, 0]);
  }
  const one = tensor("float64", [1, 1, 1, 1], 5);
  const [all] = gradientsOf({ build: node("GlobalMaxPool"), inputs: [x] }, [one]);
  expect(Array.from(all.data)).toEqual([0, 0, 0, 0, 0, 5, 0, 0, 0]);
  const zeros = tensor("float64", [1, 1, 3, 3], 0);
  for (const p of [1, 2, 3]) {
    const test = { build: node("LpPool", { ...window, p }), inputs: [zeros] };
    expect(Array.from(gradientsOf(test, [ones])[0].data)).toEqual(Array.from(zeros.data));
  }
  const g = new Graph(18);
  const closed = g.input("c", "float32", [1, 1, 3, 3]);
  const pooled = g.op("MaxPool", [closed], window);
  const [before] = g.nodes;
  gradients(g, pooled, [closed], pooled);
  // The positions are a result of the same node; the node that was there is as it was.
  expect(g.nodes.filter(({ opType }) => opType === "MaxPool")).toEqual([g.nodes[0]]);
  expect([before.output.length, g.nodes[0].output.length]).toEqual([1, 2]);
  const open = g.input("x", "float32", [1, 1, "H", "W"]);
  const y = g.op("MaxPool", [open], window);
  expect(() => gradients(g, y, [open], y)).toThrow(/^MaxPool .*expected known sizes from axis 2/);
});
