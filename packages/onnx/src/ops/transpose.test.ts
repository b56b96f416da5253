import { test } from "vitest";
import { expectGradient, type GradientCase, node } from "../../test/gradient.ts";
import { random } from "../../test/ort.ts";
import { int64s, tensor } from "../tensor.ts";
import { shapeOf } from "./reshape.ts";

test("gradients of transpositions", async () => {
  for (const perm of [undefined, [0, 2, 1], [2, 0, 1], [1, 2, 0]]) {
    const build = node("Transpose", { perm });
    await expectGradient({ build, inputs: [random([2, 3, 4])], batch: true });
  }
});

test("gradients of repeats", async () => {
  const shapes: [from: number[], to: number[]][] = [
    [
      [3, 1],
      [3, 4],
    ],
    [[1], [2, 3]],
    [
      [2, 1, 3],
      [5, 1, 4, 3],
    ],
    [[], [2, 2]],
    [
      [2, 3],
      [1, 1],
    ],
  ];
  for (const [from, to] of shapes) {
    const build: GradientCase["build"] = (g, [x]) =>
      g.op("Expand", [x, g.initializer("to", int64s(to))]);
    await expectGradient({ build, inputs: [random(from)] });
  }
  // To the shape of another value, whose size is a symbol.
  const likeOther: GradientCase["build"] = (g, [x, other]) =>
    g.op("Add", [g.op("Expand", [x, shapeOf(g, other)]), other]);
  await expectGradient({ build: likeOther, inputs: [random([3, 1]), random([3, 4])], batch: true });
  for (const repeats of [
    [2, 3, 1],
    [1, 1, 4],
    [1, 1, 1],
  ]) {
    const inputs = [random([2, 3, 2]), tensor("int64", [3], repeats)];
    for (const batch of [false, true]) {
      await expectGradient({ build: node("Tile"), inputs, batch });
      await expectGradient({ build: node("Tile"), inputs, batch, open: true, opsets: [13] });
    }
  }
});
