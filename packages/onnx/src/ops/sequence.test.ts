import { expect, test } from "vitest";
import { expectGradient, type GradientCase, node } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { shapeOf, squeeze } from "./reshape.ts";
import { slice } from "./slice.ts";

test("like ONNX Runtime", async () => {
  for (const opset of [9, 10, 11, 13, 18, 21]) {
    for (const axis of opset < 11 ? [0, 1] : [0, -1, 1]) {
      const x = integers([4, 5, 3], 0, 4, "int32");
      const y = { ...x, dtype: "float32" as const };
      for (const largest of opset < 11 ? [undefined] : [0, 1]) {
        const attributes = { axis, largest, k: opset < 10 ? 2 : undefined };
        const inputs = opset < 10 ? [y] : [y, int64s([2])];
        await expectLikeOrt({ type: "TopK", opset, inputs, attributes, outputs: 2 });
      }
      await expectLikeOrt({
        type: "OneHot",
        opset,
        inputs: [
          integers([2, 3], opset < 11 ? 0 : -4, 5),
          int64s([4]),
          tensor("float32", [2], [0, 2]),
        ],
        attributes: { axis },
      });
    }
    if (opset < 11) continue;
    const ranges = [
      [0, 5, 1],
      [3, -4, -2],
      [2, 2, 1],
      [5, 2, 1],
    ];
    for (const [start, limit, step] of ranges) {
      for (const dtype of ["int64", "float32"] as const) {
        const inputs = [start, limit, step].map((value) => scalar(dtype, value));
        const constants = dtype === "int64" ? [0, 1, 2] : [];
        const dynamic = dtype !== "int64";
        await expectLikeOrt({ type: "Range", opset, inputs, constants, dynamic });
      }
    }
    if (opset < 14) continue;
    for (const upper of [0, 1]) {
      for (const k of [undefined, -1, 2]) {
        const inputs = [random([2, 3, 4]), k === undefined ? undefined : scalar("int64", k)];
        await expectLikeOrt({ type: "Trilu", opset, inputs, attributes: { upper } });
      }
    }
  }
});

test("a range over a size", () => {
  const g = new Graph(13);
  const sizes = shapeOf(g, g.input("x", "float32", ["N", 3]));
  const at = (i: number) =>
    squeeze(g, slice(g, sizes, { axes: [0], starts: [i], ends: [i + 1] }), [0]);
  const [zero, one] = [0, 1].map((value) => g.constant(scalar("int64", value)));
  expect(g.op("Range", [zero, at(0), one]).shape).toEqual(["N"]);
  const known = g.op("Range", [one, at(1), one]);
  expect(known).toMatchObject({ shape: [2], contents: [1, 2] });
  const all = g.op("Range", [zero, at(0), zero]);
  g.output(all);
  expect(() => evaluate(g.toModel(), { x: random([2, 3]) })).toThrow(
    "expected a step other than 0, received 0",
  );
});

test("gradients", async () => {
  const x = random([3, 5, 2]);
  for (const axis of [1, -1, undefined]) {
    for (const largest of [0, 1]) {
      const build: GradientCase["build"] = (g, [x]) => {
        const k = g.constant(int64s([2]));
        return g.node("TopK", [x, k], { axis, largest }, { outputs: 2 });
      };
      await expectGradient({ build, inputs: [x], batch: true });
    }
  }
  for (const upper of [0, 1]) {
    const inputs = [random([2, 3, 4]), scalar("int64", 1)];
    await expectGradient({ build: node("Trilu", { upper }), inputs, opsets: [14] });
  }
  const inputs = [tensor("int64", [3], [0, 2, -1]), scalar("int64", 4), random([2])];
  await expectGradient({ build: node("OneHot"), inputs });
});
