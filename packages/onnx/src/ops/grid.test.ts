import { test } from "vitest";
import { expectLikeOrt, random } from "../../test/ort.ts";

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
