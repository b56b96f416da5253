import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { depthToSpace, spaceToDepth } from "./blocks.ts";

test("like ONNX Runtime", async () => {
  for (const opset of [9, 11, 13, 21]) {
    for (const blocksize of [1, 2, 3]) {
      const channels = random([2, 2 * blocksize ** 2, 3, 2]);
      for (const mode of [undefined, ...(opset < 11 ? [] : ["DCR", "CRD"])]) {
        const attributes = { blocksize, mode };
        await expectLikeOrt({ type: "DepthToSpace", opset, inputs: [channels], attributes });
      }
      const pixels = random([2, 3, 2 * blocksize, 3 * blocksize]);
      const attributes = { blocksize };
      await expectLikeOrt({ type: "SpaceToDepth", opset, inputs: [pixels], attributes });
    }
  }
});

test("builders undo each other", () => {
  const g = new Graph(13);
  const x = g.input("x", "float32", ["N", 8, 4, 6]);
  const y = depthToSpace(g, spaceToDepth(g, x, 2), 2);
  expect(y.shape).toEqual(["N", 8, 4, 6]);
  g.output(y);
  const input = random([1, 8, 4, 6]);
  expect(Object.values(evaluate(g.toModel(), { x: input }))[0].data).toEqual(input.data);
  expect(() => depthToSpace(g, x, 3)).toThrow("expected a multiple of 9, received 8");
  expect(() => depthToSpace(new Graph(9), x, 2, "CRD")).toThrow("CRD needs opset 11 or newer");
});

test("gradients", async () => {
  for (const mode of ["DCR", "CRD"]) {
    const build = node("DepthToSpace", { blocksize: 2, mode });
    await expectGradient({ build, inputs: [random([2, 8, 3, 2])], batch: true });
  }
  const build = node("SpaceToDepth", { blocksize: 2 });
  await expectGradient({ build, inputs: [random([2, 3, 4, 6])], batch: true });
});
