import { expect, test } from "vitest";
import { expectGradient, type GradientCase, node } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { gather, gatherElements } from "./gather.ts";
import { concat } from "./join.ts";
import { reshape, shapeOf, unsqueeze } from "./reshape.ts";

const opsets = [9, 10, 11, 13, 18, 21];

test("like ONNX Runtime", async () => {
  const x = random([3, 4, 5]);
  for (const opset of opsets) {
    for (const axis of opset < 11 ? [0, 1] : [0, -2, 2]) {
      for (const constants of [[], [1]]) {
        const low = opset < 11 ? 0 : -3;
        for (const indices of [integers([2, 2], low, 3), scalar("int64", 1)]) {
          const inputs = [x, indices];
          await expectLikeOrt({ type: "Gather", opset, inputs, attributes: { axis }, constants });
        }
      }
      const condition = integers([3], 0, 2, "bool");
      await expectLikeOrt({
        type: "Compress",
        opset,
        inputs: [x, condition],
        attributes: { axis },
        dynamic: true,
      });
    }
    const list = [int64s([3, 4, 5, 6]), int64s([2, 0])];
    await expectLikeOrt({ type: "Gather", opset, inputs: list, constants: [0, 1] });
    const sparse = integers([3, 4], 0, 2, "bool");
    await expectLikeOrt({ type: "NonZero", opset, inputs: [sparse], dynamic: true });
    await expectLikeOrt({
      type: "Compress",
      opset,
      inputs: [random([2, 3]), sparse.data.length ? integers([6], 0, 2, "bool") : undefined],
      dynamic: true,
    });
    if (opset < 11) continue;
    for (const axis of [0, 1, -1]) {
      const inputs = [x, integers([2, 4, 3], -3, 3)];
      await expectLikeOrt({ type: "GatherElements", opset, inputs, attributes: { axis } });
    }
    for (const depth of [1, 2, 3]) {
      await expectLikeOrt({ type: "GatherND", opset, inputs: [x, integers([2, 6, depth], -3, 3)] });
    }
    if (opset < 12) continue;
    const inputs = [x, integers([3, 2, 1], 0, 4)];
    await expectLikeOrt({ type: "GatherND", opset, inputs, attributes: { batch_dims: 1 } });
  }
});

test("shapes through Gather, as exporters write them", () => {
  for (const opset of opsets) {
    const g = new Graph(opset);
    const x = g.input("x", "float32", ["N", 64, 7, 7]);
    const n = gather(g, shapeOf(g, x), g.constant(scalar("int64", 0)), 0);
    expect(n).toMatchObject({ shape: [], contents: ["N"] });
    const target = concat(g, [unsqueeze(g, n, [0]), g.constant(int64s([-1]))], 0);
    expect(target.contents).toEqual(["N", -1]);
    expect(reshape(g, x, target).shape).toEqual(["N", 3136]);
    if (opset < 11) {
      expect(() => gatherElements(g, x, x, 0)).toThrow(
        "GatherElements: expected opset 11 or newer",
      );
    } else expect(gatherElements(g, x, shapeOf(g, x), -1).dtype).toBe("float32");
  }
});

test("positions outside are refused", () => {
  const g = new Graph(13);
  const y = gather(g, g.input("x", "float32", [3]), g.constant(int64s([3])), -1);
  g.output(y);
  expect(() => evaluate(g.toModel(), { x: random([3]) })).toThrow(
    "expected an index from -3 to 2, received 3",
  );
});

const rules = [11, 13, 16, 18];

test("gradients of slices at positions", async () => {
  const x = random([3, 4, 5]);
  const places = [
    scalar("int64", 2),
    scalar("int64", -1),
    int64s([1]),
    int64s([0, 2, 2, -1]),
    tensor("int32", [2, 2], [1, -2, 1, 0]),
  ];
  for (const axis of [0, 1, -1]) {
    for (const indices of places) {
      const test = { build: node("Gather", { axis }), inputs: [x, indices], opsets: rules };
      await expectGradient(test);
      if (axis !== 0) await expectGradient({ ...test, batch: true });
      await expectGradient({ ...test, open: true });
    }
  }
  const rows = { build: node("Gather"), inputs: [x, int64s([0, 2, 2])], batch: true };
  await expectGradient({ ...rows, opsets: rules });
});

test("gradients of elements at positions", async () => {
  const x = random([3, 4, 2]);
  for (const axis of [0, 1, -1]) {
    const indices = integers([3, 2, 2], -2, 2);
    const test = { build: node("GatherElements", { axis }), inputs: [x, indices] };
    await expectGradient({ ...test, opsets: rules });
    await expectGradient({ ...test, opsets: [16], batch: true });
  }
  const few = [x, integers([2, 5, 1], -3, 3)];
  await expectGradient({
    build: node("GatherElements", { axis: 1 }),
    inputs: few,
    opsets: [11, 18],
  });
});

test("gradients of elements at lists of positions", async () => {
  const x = random([2, 3, 4]);
  const lists: [indices: ReturnType<typeof integers>, batch_dims?: number][] = [
    [tensor("int64", [4, 2], [0, 1, 1, -1, 0, 1, -2, 0])],
    [tensor("int64", [3, 1, 1], [0, 1, 1])],
    [tensor("int64", [2, 3], [0, 1, 2, 1, 2, -4])],
    [tensor("int64", [2, 2, 1], [0, 1, 2, 2]), 1],
    [tensor("int64", [2, 3, 1], [0, 1, 2, -1, 3, 3]), 2],
  ];
  for (const [indices, batch_dims] of lists) {
    const build = node("GatherND", { batch_dims });
    const opsets = batch_dims === undefined ? rules : [12, 16, 18];
    await expectGradient({ build, inputs: [x, indices], opsets });
  }
  const build: GradientCase["build"] = node("GatherND");
  await expectGradient({ build, inputs: [x, lists[0][0]], batch: true, opsets: [16] });
});
