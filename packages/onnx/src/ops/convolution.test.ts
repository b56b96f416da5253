import { expect, test } from "vitest";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { conv, convTranspose } from "./convolution.ts";

const opsets = [9, 11, 13, 22];

test("Conv like ONNX Runtime", async () => {
  const pictures: [shape: number[], weight: number[], attributes: object][] = [
    [[2, 4, 9], [6, 4, 3], { pads: [1, 2], strides: [2] }],
    [[2, 4, 7, 8], [6, 2, 3, 2], { group: 2, pads: [1, 0, 2, 1], strides: [2, 1] }],
    [[1, 4, 9, 9], [4, 1, 3, 3], { group: 4, dilations: [2, 3], pads: [2, 3, 2, 3] }],
    [[1, 3, 8, 7], [2, 3, 3, 4], { auto_pad: "SAME_UPPER", strides: [2, 3] }],
    [[1, 3, 8, 7], [2, 3, 3, 4], { auto_pad: "SAME_LOWER" }],
    [[1, 3, 8, 7], [2, 3, 3, 4], { auto_pad: "VALID", kernel_shape: [3, 4] }],
    [[1, 2, 4, 5, 6], [3, 2, 2, 3, 2], { strides: [1, 2, 1], pads: [0, 1, 0, 1, 1, 1] }],
  ];
  for (const opset of opsets) {
    for (const [shape, weight, attributes] of pictures) {
      for (const bias of [undefined, random([weight[0]])]) {
        const inputs = [random(shape), random(weight), bias];
        await expectLikeOrt({ type: "Conv", opset, inputs, attributes: { ...attributes } });
      }
    }
  }
});

test("ConvTranspose like ONNX Runtime", async () => {
  const pictures: [shape: number[], weight: number[], attributes: object][] = [
    [[2, 4, 5], [4, 3, 3], { strides: [2], pads: [1, 0], output_padding: [1] }],
    [[2, 4, 3, 4], [4, 3, 3, 2], { group: 2, strides: [2, 1], pads: [1, 0, 1, 1] }],
    [[1, 2, 4, 4], [2, 3, 3, 3], { dilations: [2, 1], strides: [1, 3], output_padding: [0, 2] }],
    [[1, 2, 4, 4], [2, 3, 3, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }],
    [[1, 2, 4, 4], [2, 3, 3, 3], { auto_pad: "SAME_LOWER", strides: [2, 2] }],
    [[1, 2, 4, 4], [2, 3, 3, 3], { output_shape: [8, 10], strides: [2, 2] }],
    [[1, 2, 2, 3, 2], [2, 1, 2, 2, 3], { strides: [2, 1, 2] }],
  ];
  for (const opset of opsets) {
    for (const [shape, weight, attributes] of pictures) {
      const group = (attributes as { group?: number }).group ?? 1;
      for (const bias of [undefined, random([weight[1] * group])]) {
        const inputs = [random(shape), random(weight), bias];
        await expectLikeOrt({
          type: "ConvTranspose",
          opset,
          inputs,
          attributes: { ...attributes },
        });
      }
    }
  }
});

test("builders keep symbolic sizes where the window does", () => {
  const g = new Graph(13);
  const x = g.input("x", "float32", ["N", 3, "H", "W"]);
  const w = g.initializer("w", random([4, 3, 3, 3]));
  const v = g.initializer("v", random([4, 2, 3, 3]));
  const y = conv(g, x, w, undefined, { pads: [1, 1, 1, 0] });
  expect(y).toMatchObject({ dtype: "float32", shape: ["N", 4, "H", null] });
  const z = convTranspose(g, y, v, undefined, { pads: [1, 1, 1, 1], group: 2 });
  expect(z.shape).toEqual(["N", 4, "H", null]);
  g.output(z);
  const [result] = Object.values(evaluate(g.toModel(), { x: random([2, 3, 5, 6]) }));
  expect(result.shape).toEqual([2, 4, 5, 5]);
  expect(() => conv(g, y, w, undefined)).toThrow(
    "expected 3 channels for its weights in 1 groups, received 4",
  );
  expect(() => conv(g, x, w, undefined, { pads: [1, 1] })).toThrow(
    "pads: expected 4 whole numbers from 0, received [1, 1]",
  );
});
