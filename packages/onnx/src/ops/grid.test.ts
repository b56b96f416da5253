import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";

test("GridSample like ONNX Runtime", async () => {
  const cases: [opset: number, modes: string[], shape: number[], grid: number[]][] = [
    [16, ["nearest", "bilinear", "bicubic"], [2, 2, 5, 6], [2, 3, 7, 2]],
    [20, ["nearest", "linear"], [1, 2, 3, 4, 5], [1, 2, 3, 4, 3]],
  ];
  for (const [opset, modes, shape, grid] of cases) {
    // Far outside too.
    const inputs = [random(shape), random(grid, -2.6, 2.6)];
    for (const mode of modes) {
      for (const padding_mode of ["zeros", "border", "reflection"]) {
        for (const align_corners of [0, 1]) {
          const attributes = { mode, padding_mode, align_corners };
          await expectLikeOrt({ type: "GridSample", opset, inputs, attributes });
        }
      }
    }
  }
});

test("gradients of elements and of places", async () => {
  // Away from the places of elements, where the slope jumps; far outside too.
  const placed = (shape: number[]) => {
    const grid = random(shape, -2.6, 2.6);
    return { ...grid, data: grid.data.map((v) => Math.round(v * 20) / 20 + 0.013) };
  };
  for (const [opset, shape, grid] of [
    [16, [2, 2, 5, 6], [2, 3, 2, 2]],
    [20, [2, 1, 3, 4, 2], [2, 1, 3, 2, 3]],
    [20, [1, 2, 1, 4], [1, 2, 3, 2]],
  ] as const) {
    for (const mode of opset < 20 ? ["nearest", "bilinear"] : ["nearest", "linear"]) {
      for (const padding_mode of ["zeros", "border", "reflection"]) {
        for (const align_corners of [0, 1]) {
          const build = node("GridSample", { mode, padding_mode, align_corners });
          const inputs = [random(shape), placed([...grid])];
          await expectGradient({ build, inputs, batch: true, opsets: [opset] });
        }
      }
    }
  }
  const g = new Graph(16);
  const x = g.input("x", "float32", [1, 1, 4, 4]);
  const places = g.input("grid", "float32", [1, 2, 2, 2]);
  const y = g.op("GridSample", [x, places], { mode: "bicubic" }, { name: "the node" });
  expect(() => gradients(g, y, [x], y)).toThrow(
    'GridSample "the node": gradient: expected the mode nearest or linear, received cubic',
  );
});
