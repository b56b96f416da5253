import { expect, test } from "vitest";
import { expectGradient, type GradientCase } from "../../test/gradient.ts";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, type Tensor } from "../tensor.ts";
import { concat, split } from "./join.ts";
import { shapeOf } from "./reshape.ts";
import { slice } from "./slice.ts";

const opsets = [9, 10, 11, 13, 18, 21];

test("like ONNX Runtime", async () => {
  const x = random([5, 4, 3]);
  const far = 2 ** 63;
  const cuts: [number[], number[], number[]?, number[]?][] = [
    [[1], [4]],
    [
      [-3, 1],
      [far, -1],
      [0, 2],
    ],
    [[3], [1]],
    [
      [-9, 0],
      [2, 9],
      [1, 0],
    ],
    [[-1], [-far], [0], [-1]],
    [
      [9, 0],
      [0, 3],
      [0, 2],
      [-2, 2],
    ],
    [[0], [far], [-2], [3]],
    [
      [0, -2],
      [far, -far],
      [1, 0],
      [1, -3],
    ],
  ];
  for (const opset of opsets) {
    for (const [starts, ends, axes, steps] of cuts) {
      const lists = [starts, ends, axes, steps].map((list) => list && int64s(list));
      if (opset >= 10) await expectLikeOrt({ type: "Slice", opset, inputs: [x, ...lists] });
      else if (steps === undefined) {
        const near = ends.map((end) => Math.min(end, 2 ** 40));
        const attributes = { starts, ends: near, axes };
        await expectLikeOrt({ type: "Slice", opset, inputs: [x], attributes });
      }
    }
    for (const sizes of [[1, 2, 2], [5], undefined]) {
      const given = opset >= 13 && sizes !== undefined;
      const inputs: Tensor[] = [random([2, sizes ? 5 : 6]), ...(given ? [int64s(sizes)] : [])];
      await expectLikeOrt({
        type: "Split",
        opset,
        inputs,
        outputs: sizes?.length ?? 3,
        attributes: {
          axis: opset < 11 ? 1 : -1,
          split: opset < 13 ? sizes : undefined,
          num_outputs: opset >= 18 && !sizes ? 3 : undefined,
        },
      });
    }
    for (const axis of opset < 11 ? [0, 1] : [0, -1]) {
      const inputs = [random([2, 3]), axis === 0 ? random([1, 3]) : random([2, 5]), random([2, 3])];
      await expectLikeOrt({ type: "Concat", opset, inputs, attributes: { axis } });
    }
    const lists = [int64s([1, 2]), int64s([3])];
    await expectLikeOrt({
      type: "Concat",
      opset,
      inputs: lists,
      constants: [0],
      attributes: { axis: 0 },
    });
  }
  await expectLikeOrt({
    type: "Split",
    opset: 18,
    inputs: [random([7, 2])],
    outputs: 3,
    attributes: { num_outputs: 3 },
  });
});

test("shape arithmetic through slices, parts and joints", () => {
  for (const opset of opsets) {
    const g = new Graph(opset);
    const x = g.input("x", "float32", ["N", 8, "H", "W"]);
    const sizes = shapeOf(g, x);
    const outer = slice(g, sizes, { axes: [0], starts: [0], ends: [2] });
    const [, inner] = split(g, sizes, 0, [2, 2]);
    expect(concat(g, [outer, inner, g.constant(int64s([3]))], -1).contents).toEqual([
      "N",
      8,
      "H",
      "W",
      3,
    ]);
    const all = { axes: [-1, -2], starts: [0, 0], ends: [Infinity, 2 ** 31 - 1] };
    expect(slice(g, x, all).shape).toEqual(["N", 8, "H", "W"]);
    expect(slice(g, x, { axes: [1, 3], starts: [1, 1], ends: [-1, 5] }).shape).toEqual([
      "N",
      6,
      "H",
      null,
    ]);
    expect(concat(g, [x], 1)).toBe(x);
    expect(concat(g, [x, x], -3).shape).toEqual(["N", 16, "H", "W"]);
    if (opset >= 10) {
      const y = slice(g, x, { axes: [2, 3], starts: int64s4(g, [0, 0]), ends: inner });
      expect(y.shape).toEqual(["N", 8, "H", "W"]);
      const back = slice(g, x, {
        axes: [3, 1],
        starts: [-1, 7],
        ends: [-Infinity, 0],
        steps: [-1, -2],
      });
      expect(back.shape).toEqual(["N", 4, "H", "W"]);
      g.output(back, y);
      const results = evaluate(g.toModel(), { x: random([1, 8, 2, 3]) });
      expect(results[back.name].shape).toEqual([1, 4, 2, 3]);
      expect(results[y.name].shape).toEqual([1, 8, 2, 3]);
    }
  }
});

const int64s4 = (g: Graph, values: number[]) => g.constant(int64s(values));

test("what does not fit is refused", () => {
  const g = new Graph(9);
  const x = g.input("x", "float32", [4, "n"]);
  const unknown = g.input("s", "int64", [1]);
  expect(() => slice(g, x, { axes: [1], starts: [0], ends: [4], steps: [2] })).toThrow(
    'Slice: steps: expected a known size of axis 1 before opset 10, received "x" of shape 4 x n; use',
  );
  const part = slice(g, x, { axes: [1], starts: [0], ends: [-1] });
  expect(() => gradients(g, part, [x], part)).toThrow(
    /^Slice .*gradient: expected known sizes before opset 11; give the inputs' shapes/,
  );
  expect(() => slice(g, x, { axes: [0], starts: unknown, ends: [4] })).toThrow(
    "Slice: starts: expected numbers before opset 10, received a value that is not known",
  );
  expect(() => split(g, x, 0, [1, 2])).toThrow(
    "expected parts from 0 that add up to 4, received [1, 2]",
  );
  expect(() => concat(g, [x, g.input("y", "float32", [3, 1])], 1)).toThrow(
    "expected inputs that differ along axis 1 only, received [4, n] and [3, 1]",
  );
  expect(() => concat(g, [], 0)).toThrow("Concat: expected at least one value, received none");
  const newer = new Graph(13);
  const y = newer.input("y", "float32", [4]);
  expect(() => slice(newer, y, { axes: [0], starts: [0], ends: [4], steps: [0] })).toThrow(
    "expected steps other than 0",
  );
});

test("gradients of slices", async () => {
  const x = random([5, 4, 7]);
  const cuts: [axes: number[], starts: number[], ends: number[], steps?: number[]][] = [
    [[2], [1], [5]],
    [
      [0, 2],
      [1, -3],
      [4, 99],
    ],
    [[1], [0], [99]],
    [[1], [2], [2]],
    [[2], [0], [99], [2]],
    [[2], [1], [99], [2]],
    [[2], [1], [6], [2]],
    [[2], [5], [99], [3]],
    [[2], [4], [99], [3]],
    [
      [0, 2],
      [1, 0],
      [99, 99],
      [2, 3],
    ],
    [[2], [-1], [-99], [-1]],
    [
      [1, 2],
      [-1, -2],
      [-99, 0],
      [-1, -2],
    ],
  ];
  for (const [axes, starts, ends, steps] of cuts) {
    const build: GradientCase["build"] = (g, [x]) => slice(g, x, { axes, starts, ends, steps });
    await expectGradient({ build, inputs: [x], opsets: [9, 11, 13, 18] });
    const [old, now] = [9, 13].map((opset) => {
      const g = new Graph(opset);
      const y = slice(g, g.input("x", "float32", x.shape), { axes, starts, ends, steps });
      g.output(y);
      return evaluate(g.toModel(), { x })[y.name];
    });
    expect(old).toEqual(now);
    // The batch is whole: its size need not be known.
    if (!axes.includes(0)) await expectGradient({ build, inputs: [x], batch: true, opsets: [13] });
  }
  const unknown: [start: number, end: number, step?: number][] = [
    [0, 3],
    [2, 99],
    [-3, -1],
    [-99, 2],
    [-1, -(2 ** 40), -1],
  ];
  for (const [start, end, step = 1] of unknown) {
    const part = { axes: [0, 2], starts: [start, 1], ends: [end, 4], steps: [step, 1] };
    const both = step === 1 ? part : { axes: [0], starts: [start], ends: [end], steps: [step] };
    const build: GradientCase["build"] = (g, [x]) => slice(g, x, both);
    await expectGradient({ build, inputs: [x], batch: true, opsets: [11, 18] });
  }
});

test("gradients of parts", async () => {
  const x = random([3, 6, 2]);
  const all: GradientCase["build"] = (g, [x]) => split(g, x, 1, [1, 3, 2]);
  const chosen =
    (...parts: number[]): GradientCase["build"] =>
    (g, [x]) => {
      const list = split(g, x, 1, [1, 3, 2]);
      return parts.map((i) => list[i]);
    };
  for (const build of [all, chosen(1), chosen(0, 2)]) {
    for (const batch of [false, true]) await expectGradient({ build, inputs: [x], batch });
  }
  const even: GradientCase["build"] = (g, [x]) =>
    g.node("Split", [x], { axis: 1, num_outputs: 4 }, { outputs: 4 }).slice(1);
  await expectGradient({ build: even, inputs: [random([2, 7])], opsets: [18] });
});

test("gradients of concatenations", async () => {
  const inputs = [random([3, 2]), random([3, 4]), random([3, 1])];
  const build: GradientCase["build"] = (g, values) => concat(g, values, 1);
  for (const batch of [false, true]) {
    await expectGradient({ build, inputs, batch });
    await expectGradient({ build, inputs, batch, wrt: [0, 2] });
  }
  const rows: GradientCase["build"] = (g, values) => concat(g, [...values, values[0]], 0);
  const batches = [random([3, 2]), random([4, 2])];
  await expectGradient({ build: rows, inputs: batches });
  await expectGradient({ build: rows, inputs: batches, batch: true, opsets: [13, 18] });
});
