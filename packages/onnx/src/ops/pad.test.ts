import { expect, test } from "vitest";
import { expectGradient, type GradientCase, node } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, scalar } from "../tensor.ts";
import { pad } from "./pad.ts";

test("like ONNX Runtime", async () => {
  const x = random([3, 4, 5]);
  for (const opset of [9, 10, 11, 13, 18, 19, 21]) {
    for (const mode of ["constant", "reflect", "edge", "wrap"]) {
      if (mode === "wrap" && opset < 19) continue;
      const lists = [
        [0, 1, 2, 0, 2, 1],
        [1, 0, 0, 0, 3, 0],
        [0, -1, 0, 0, -1, -2],
        ...(mode === "constant" ? [[0, -1, 2, 2, 3, -2]] : []),
      ];
      for (const pads of lists) {
        const attributes = opset < 11 ? { mode, pads, value: float(1.5) } : { mode };
        const constant = scalar("float32", 1.5);
        const inputs =
          opset < 11 ? [x] : [x, int64s(pads), mode === "constant" ? constant : undefined];
        await expectLikeOrt({ type: "Pad", opset, inputs, attributes });
      }
      if (opset >= 18) {
        const inputs = [x, int64s([2, 1, 1, 2]), undefined, int64s([-1, 1])];
        await expectLikeOrt({ type: "Pad", opset, inputs, attributes: { mode } });
      }
    }
  }
  const whole = integers([2, 3], -5, 5);
  await expectLikeOrt({ type: "Pad", opset: 13, inputs: [whole, int64s([1, 1, 0, 0])] });
});

test("builder", () => {
  for (const opset of [9, 11, 18, 21]) {
    const g = new Graph(opset);
    const x = g.input("x", "float32", ["N", 3, "W"]);
    const y = pad(g, x, [0, 1, -1, 0, 2, 1], -Infinity);
    const z = pad(g, y, g.constant(int64s([0, 0, 1, 0, 0, 1])), 0, "reflect");
    expect([y.shape, z.shape]).toEqual([
      ["N", 6, "W"],
      ["N", 6, null],
    ]);
    g.output(y, z);
    const results = evaluate(g.toModel(), { x: random([2, 3, 4]) });
    expect(results[y.name].data[0]).toBe(-Infinity);
    expect(results[z.name].shape).toEqual([2, 6, 6]);
  }
});

test("what does not fit is refused", () => {
  const old = new Graph(9);
  const x = old.input("x", "float32", [4]);
  expect(() => pad(old, x, old.input("p", "int64", [2]), 0)).toThrow(
    "Pad: pads: expected numbers before opset 11, received a value that is not known",
  );
  expect(() => pad(old, x, [1, 1, 1], 0)).toThrow(
    "pads: expected 2 numbers for 1 axes, received 3",
  );
  expect(() => pad(old, x, [1, 1], 0, "wrap")).toThrow(
    '"wrap" needs opset 19 or newer, received 9',
  );
  const g = new Graph(13);
  expect(() => pad(g, g.input("x", undefined), [1, 1], 3)).toThrow(
    "Pad: value: expected an input of known type for 3",
  );
});

test("gradients", async () => {
  const x = random([3, 4, 5]);
  const lists = [
    [0, 0, 0, 0, 0, 0],
    [0, 1, 2, 0, 3, 1],
    [0, 0, 2, 0, 0, 0],
    [0, 2, 0, 0, 1, 4],
  ];
  for (const mode of ["constant", "edge", "reflect", "wrap"] as const) {
    for (const pads of lists) {
      const build: GradientCase["build"] = (g, [x]) => pad(g, x, pads, 0, mode);
      const opsets = mode === "wrap" ? [19] : [11, 18];
      await expectGradient({ build, inputs: [x], opsets });
      await expectGradient({ build, inputs: [x], opsets, batch: true });
    }
  }
  const single: GradientCase["build"] = (g, [x]) => pad(g, x, [2, 3], 0, "edge");
  await expectGradient({ build: single, inputs: [random([1])] });
  const cut = [0, -1, 2, 0, 1, -2];
  const cutting: GradientCase["build"] = (g, [x]) => pad(g, x, cut, 0);
  await expectGradient({ build: cutting, inputs: [x], batch: true });
});

test("gradients of the constant, of pads that are not known, of chosen axes", async () => {
  const x = random([3, 4]);
  const pads = int64s([1, 0, 0, 2]);
  for (const open of [false, true]) {
    const inputs = [x, pads, scalar("float32", 0.5)];
    await expectGradient({ build: node("Pad"), inputs, open });
    const axes = [random([2, 3, 4]), int64s([1, 2]), scalar("float32", 0.5), int64s([-1])];
    await expectGradient({ build: node("Pad"), inputs: axes, open, opsets: [18] });
  }
});
