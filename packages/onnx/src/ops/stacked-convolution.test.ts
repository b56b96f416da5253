import { expect, test } from "vitest";
import { maxDifference, random, runOrt } from "../../test/ort.ts";
import type { AttributeValues } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { tensor } from "../tensor.ts";
import { stackConvolutions } from "./stacked-convolution.ts";

const cases: readonly [x: number[], weight: number[], AttributeValues, stacked: number][] = [
  [[2, 384, 4, 3], [160, 384, 3, 3], { pads: [1, 1, 1, 1] }, 1],
  [[3, 256, 5, 5], [256, 256, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }, 1],
  [[2, 256, 6, 4], [256, 256, 3, 3], { pads: [2, 0, 1, 1], dilations: [2, 1] }, 1],
  [[2, 512, 4, 4], [512, 512, 1, 2], { auto_pad: "SAME_UPPER", strides: [3, 1] }, 1],
  [[2, 128, 3, 3, 2], [160, 128, 3, 3, 3], { pads: [1, 1, 1, 1, 1, 1] }, 1],
  // One sample, one tap, few weights, groups: as they are.
  [[1, 384, 4, 3], [160, 384, 3, 3], { pads: [1, 1, 1, 1] }, 0],
  [[2, 1024, 2, 2], [512, 1024, 1, 1], {}, 0],
  [[2, 4, 4, 3], [5, 4, 3, 3], { pads: [1, 1, 1, 1] }, 0],
  [[2, 1024, 3, 3], [256, 512, 3, 3], { group: 2 }, 0],
];

test("samples below each other: the same convolution", async () => {
  for (const [shape, weight, attributes, count] of cases) {
    const g = new Graph(17);
    const x = g.input("x", "float32", shape);
    const w = g.input("w", "float32", weight);
    const bias = g.constant(tensor("float32", [weight[0]], 0.5));
    const y = g.op("Relu", [g.op("Conv", [x, w, bias], attributes)]);
    g.output(y);
    const feeds = { x: random(shape), w: random(weight) };
    const plain = (await runOrt(g.toModel(), feeds))[y.name];
    expect(stackConvolutions(g), shape.join("x")).toBe(count);
    const theirs = (await runOrt(g.toModel(), feeds))[y.name];
    expect(theirs.shape).toEqual(plain.shape);
    expect(maxDifference(theirs.data, plain.data)).toBeLessThan(1e-4);
  }
});

test("the float64 evaluator agrees, other nodes stay in order", () => {
  const g = new Graph(17);
  const x = g.input("x", "float64", [2, 512, 2, 2]);
  const w = g.input("w", "float64", [512, 512, 2, 1]);
  const y = g.op("Neg", [g.op("Conv", [g.op("Abs", [x]), w], { pads: [1, 0, 0, 0] })]);
  g.output(y);
  const feeds = { x: random([2, 512, 2, 2]), w: random([512, 512, 2, 1]) };
  const before = evaluate(g.toModel(), feeds)[y.name];
  expect(stackConvolutions(g)).toBe(1);
  const after = evaluate(g.toModel(), feeds)[y.name];
  expect(maxDifference(after.data, before.data)).toBeLessThan(1e-12);
});
