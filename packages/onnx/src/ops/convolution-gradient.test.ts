import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { maxDifference, random } from "../../test/ort.ts";
import type { AttributeValues } from "../attributes.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { weightFormulation, weightGradient } from "./convolution-weight-gradient.ts";

type Case = readonly [x: number[], weight: number[], attributes: AttributeValues];

const cases: readonly Case[] = [
  [[2, 2, 7], [3, 2, 3], { pads: [1, 1] }],
  [[2, 2, 8], [3, 2, 3], { strides: [3] }],
  [[1, 4, 6], [6, 2, 1], { group: 2, strides: [2] }],
  [[2, 3, 5, 6], [2, 3, 3, 2], { pads: [1, 0, 1, 1] }],
  [[2, 2, 6, 7], [4, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
  [[2, 2, 6, 6], [2, 2, 2, 2], { pads: [2, 0, 0, 3] }],
  [[1, 2, 7, 8], [2, 2, 3, 2], { dilations: [2, 3], strides: [1, 2] }],
  [[2, 2, 13, 15], [3, 2, 3, 5], { strides: [2, 2], dilations: [3, 1], pads: [2, 1, 1, 2] }],
  [[1, 1, 9, 9], [2, 1, 2, 3], { auto_pad: "SAME_UPPER", strides: [2, 3] }],
  [[1, 1, 9, 8], [2, 1, 2, 4], { auto_pad: "SAME_LOWER" }],
  [[1, 1, 9, 8], [2, 1, 2, 4], { auto_pad: "VALID", strides: [2, 2] }],
  [[2, 3, 5, 5], [6, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }],
  [[2, 4, 5, 5], [2, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] }],
  [[1, 2, 4, 5, 4], [2, 2, 2, 3, 2], { strides: [1, 2, 2], pads: [0, 1, 0, 1, 1, 1] }],
  [[2, 6, 3, 3], [4, 6, 1, 1], {}],
  [[1, 1, 9, 9], [2, 1, 9, 8], { pads: [4, 4, 4, 3] }],
  [[1, 2, 70], [2, 2, 66], {}],
];

test("Conv", async () => {
  for (const [x, weight, attributes] of cases) {
    await expectGradient({
      build: node("Conv", attributes),
      inputs: [random(x), random(weight), random([weight[0]])],
      opsets: [11, 22],
    });
  }
  // The first axis, and with stride 1 for the input all others, need not be known.
  await expectGradient({
    build: node("Conv", { pads: [1, 1, 1, 1] }),
    inputs: [random([2, 3, 5, 5]), random([4, 3, 3, 3])],
    opsets: [18],
    batch: true,
  });
  const g = new Graph(18);
  const x = g.input("x", "float32", ["N", 2, "H", "W"]);
  const weight = g.input("w", "float32", [3, 2, 3, 3]);
  const by = (attributes: AttributeValues, what = x) => {
    const y = g.op("Conv", [x, weight], attributes);
    return gradients(g, y, [what], y)[0];
  };
  expect(() => by({}, weight)).toThrow(/Conv .*expected known sizes from axis 2 on, "x" has N x 2/);
  expect(() => by({ strides: [2, 2] })).toThrow(/Conv .*expected known sizes/);
});

test("the gradient of the weights: three ways, the same numbers", () => {
  for (const [shape, weight, attributes] of cases) {
    const g = new Graph(18);
    const x = g.input("x", "float64", shape);
    const w = g.input("w", "float64", weight);
    const y = g.op("Conv", [x, w], attributes);
    const out = y.shape?.slice(2) as number[];
    const dy = g.input("dy", "float64", y.shape);
    const ints = (name: string, fallback: number) =>
      (attributes[name] as number[] | undefined) ?? out.map(() => fallback);
    if (attributes.auto_pad !== undefined) continue;
    const axes = out.map((size, i) => ({
      size: shape[i + 2],
      out: size,
      kernel: weight[i + 2],
      stride: ints("strides", 1)[i],
      dilation: ints("dilations", 1)[i],
      padBegin: ints("pads", 0)[i],
      padEnd: 0,
    }));
    const group = (attributes.group as number | undefined) ?? 1;
    const ways = (["taps", "cross", "columns"] as const).map((way) =>
      weightGradient(g, x, dy, axes, group, weight, way),
    );
    g.output(...ways);
    const values = evaluate(g.toModel(), {
      x: random(shape),
      w: random(weight),
      dy: random(y.shape as number[]),
    });
    const [taps, ...others] = ways.map(({ name }) => values[name]);
    for (const { shape, data } of others) {
      expect(shape).toEqual(weight);
      expect(maxDifference(data, taps.data)).toBeLessThan(1e-12);
    }
  }
  const square = (size: number, stride: number) => {
    const axis = {
      size,
      out: size / stride,
      kernel: 3,
      stride,
      dilation: 1,
      padBegin: 1,
      padEnd: 1,
    };
    return [axis, axis];
  };
  expect(weightFormulation(16, 16, square(32, 1), 1)).toBe("cross");
  expect(weightFormulation(64, 128, square(56, 2), 1)).toBe("cross");
  expect(weightFormulation(16, 16, square(512, 1), 1)).toBe("taps");
  expect(weightFormulation(512, 512, square(7, 1), 32)).toBe("cross");
  expect(weightFormulation(512, 512, square(7, 1), 1)).toBe("columns");
  expect(weightFormulation(3, 64, square(224, 2), 1)).toBe("columns");
});

test("ConvTranspose", async () => {
  const transposed: readonly Case[] = [
    [[2, 2, 4], [2, 3, 3], { strides: [2] }],
    [[1, 2, 3, 4], [2, 2, 3, 2], { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [1, 2] }],
    [[1, 4, 3, 3], [4, 2, 3, 3], { group: 2, dilations: [2, 1], pads: [1, 1, 1, 1] }],
    [[1, 2, 3, 3], [2, 1, 2, 2], { auto_pad: "SAME_UPPER", strides: [3, 2] }],
    [[1, 1, 3, 4], [1, 2, 3, 2], { output_shape: [5, 8], strides: [2, 2] }],
    [[1, 2, 2, 3, 2], [2, 1, 2, 2, 2], { strides: [2, 1, 2] }],
  ];
  for (const [x, weight, attributes] of transposed) {
    const filters = weight[1] * ((attributes.group as number | undefined) ?? 1);
    await expectGradient({
      build: node("ConvTranspose", attributes),
      inputs: [random(x), random(weight), random([filters])],
      opsets: [11, 22],
    });
  }
});
