import { expect, test } from "vitest";
import { expectGradient, type GradientCase } from "../../test/gradient.ts";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { inferTypes } from "../infer.ts";
import { evaluate } from "../reference.ts";
import { int64s } from "../tensor.ts";
import { concat } from "./join.ts";
import { flatten, reshape, reshapedShape, shapeOf, squeeze, unsqueeze } from "./reshape.ts";
import { expand, transpose } from "./transpose.ts";

const opsets = [9, 10, 11, 13, 18, 21];

test("like ONNX Runtime", async () => {
  const x = random([2, 3, 4]);
  for (const opset of opsets) {
    const run = (type: string, inputs: unknown[], attributes = {}) =>
      expectLikeOrt({ type, opset, inputs: inputs as never, attributes });
    await run("Shape", [x]);
    await run("Size", [x]);
    for (const shape of [[4, 6], [-1], [0, -1], [2, 0, 2, -1], [6, 4, 1]]) {
      await run("Reshape", [x, int64s(shape)]);
    }
    for (const axis of opset < 11 ? [0, 1, 3] : [-2, 0, 2, 3]) await run("Flatten", [x], { axis });
    for (const perm of [undefined, [1, 2, 0], [0, 1, 2]]) await run("Transpose", [x], { perm });
    for (const shape of [[3, 4], [5, 1, 3, 1], [1]]) {
      await run("Expand", [random([3, 1]), int64s(shape)]);
    }
    await run("Tile", [x, int64s([1, 2, 3])]);
    await run("Tile", [x, int64s([2, 0, 1])]);
    const y = random([1, 3, 1, 2]);
    await run("Squeeze", [y]);
    for (const axes of opset < 11 ? [[0], [0, 2]] : [[0], [-2, 0]]) {
      const attribute = opset < 13;
      await run("Squeeze", attribute ? [y] : [y, int64s(axes)], attribute ? { axes } : {});
      await run("Unsqueeze", attribute ? [y] : [y, int64s(axes)], attribute ? { axes } : {});
    }
  }
  for (const [start, end] of [
    [1, undefined],
    [-2, -1],
    [0, 9],
    [2, 1],
  ]) {
    await expectLikeOrt({ type: "Shape", opset: 15, inputs: [x], attributes: { start, end } });
  }
  for (const shape of [
    [0, 7],
    [3, 0, 2],
  ]) {
    await expectLikeOrt({
      type: "Reshape",
      opset: 14,
      inputs: [random([0, 3]), int64s(shape)],
      attributes: { allowzero: 1 },
    });
  }
});

test("reshaped shapes keep symbols", () => {
  for (const [from, to, result] of [
    [
      ["N", 64, 7, 7],
      [0, -1],
      ["N", 3136],
    ],
    [
      ["N", 64, 7, 7],
      ["N", -1],
      ["N", 3136],
    ],
    [
      ["N", 64, 7, 7],
      [-1, 3136],
      ["N", 3136],
    ],
    [
      ["N", 64, "H", "W"],
      [0, 8, 8, "H", -1],
      ["N", 8, 8, "H", "W"],
    ],
    [["N", "H"], [-1], [null]],
    [
      ["N", 4],
      [-1, 8],
      [null, 8],
    ],
    [
      [null, 4],
      [0, 2, -1],
      [null, 2, 2],
    ],
    [undefined, [0, 2, -1], [null, 2, null]],
    [[0, 3], [-1], [0]],
  ] as const) {
    expect(reshapedShape(from, to, false)).toEqual(result);
  }
  expect(() => reshapedShape([2, 3], [4], false)).toThrow(
    "cannot reshape 2x3 to 4: the numbers of elements differ",
  );
  expect(() => reshapedShape([2, 3], [4, -1], false)).toThrow("6 elements are no multiple of 4");
  expect(() => reshapedShape([2], [0, 0], false)).toThrow("it has no axis 1 to copy");
});

test("builders at every opset", () => {
  for (const opset of opsets) {
    const g = new Graph(opset);
    const x = g.input("x", "float32", ["N", 6, 1]);
    const sizes = shapeOf(g, x);
    expect(sizes.contents).toEqual(["N", 6, 1]);
    const y = unsqueeze(g, squeeze(g, x, [-1]), [-1, 0]);
    expect(y.shape).toEqual([1, "N", 6, 1]);
    const z = transpose(g, flatten(g, y, -2), [1, 0]);
    expect(z.shape).toEqual([6, "N"]);
    const back = reshape(g, expand(g, z, sizes), concat(g, [sizes, g.constant(int64s([-1]))], 0));
    const plain = reshape(g, z, [-1]);
    g.output(back, plain);
    expect(z).toMatchObject({ dtype: "float32" });
    const model = g.toModel();
    const feeds = { x: random([2, 6, 1]) };
    const results = evaluate(model, feeds);
    expect(results[plain.name].shape).toEqual([12]);
    expect(back.shape).toEqual(["N", 6, 1, "N"]);
    expect(inferTypes(model).of(model.graph!).get(back.name)?.shape).toEqual(["N", 6, 1, "N"]);
  }
});

test("what does not fit is refused", () => {
  const g = new Graph(13);
  const x = g.input("x", "float32", [2, 3]);
  expect(() => squeeze(g, x, [1])).toThrow("expected size 1 along axis 1, received 3");
  expect(() => transpose(g, x, [0, 0])).toThrow(
    "expected the axes 0 to 1 once each, received [0, 0]",
  );
  expect(() => unsqueeze(g, x, [0, 0])).toThrow("expected axes that differ, received [0, 0]");
  const huge = new Graph(13);
  const y = huge.input("y", "float32", [2, 3]);
  huge.output(expand(huge, y, huge.constant(int64s([2 ** 40, 1, 1]))));
  expect(() => evaluate(huge.toModel(), { y: random([2, 3]) })).toThrow(
    'Expand "expand": expected a result of sizes from 0 with at most 536870912 elements, received [1099511627776, 2, 3]',
  );
  expect(() => flatten(g, x, 5)).toThrow("expected an axis from -2 to 1, received 5");
});

test("gradients", async () => {
  const x = random([2, 1, 3, 1]);
  const builds: GradientCase["build"][] = [
    (g, [x]) => reshape(g, x, [0, -1]),
    (g, [x]) => reshape(g, x, [0, 3, 1, 1]),
    (g, [x]) => flatten(g, x, 1),
    (g, [x]) => flatten(g, x, 2),
    (g, [x]) => squeeze(g, x, [1, -1]),
    (g, [x]) => unsqueeze(g, x, [0, 2]),
  ];
  for (const build of builds) {
    for (const batch of [false, true]) await expectGradient({ build, inputs: [x], batch });
  }
  await expectGradient({ build: (g, [x]) => g.op("Squeeze", [x]), inputs: [x] });
  await expectGradient({ build: (g, [x]) => reshape(g, x, []), inputs: [random([1, 1])] });
});
