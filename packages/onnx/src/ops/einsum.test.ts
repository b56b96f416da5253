import { expect, test } from "vitest";
import { expectGradient, gradientsOf, node } from "../../test/gradient.ts";
import { random } from "../../test/ort.ts";
import { tensor } from "../tensor.ts";

test("gradients", async () => {
  const cases: [equation: string, ...shapes: number[][]][] = [
    ["ij,jk->ik", [2, 3], [3, 4]],
    ["bij,bjk->bik", [2, 3, 4], [2, 4, 2]],
    ["i,j->ij", [3], [4]],
    ["ij->j", [2, 3]],
    ["ij->", [2, 3]],
    ["ij,ij", [2, 3], [2, 3]],
    ["...ij,jk->...ik", [2, 2, 3], [3, 2]],
    ["...i,...i->...", [3, 1, 4], [2, 4]],
    ["ij,jk,kl->il", [2, 3], [3, 2], [2, 2]],
    ["ij,k->i", [2, 3], [4]],
    ["ij,j->i", [2, 3], [1]],
  ];
  for (const [equation, ...shapes] of cases) {
    const build = node("Einsum", { equation });
    const inputs = shapes.map((shape) => random(shape));
    // ONNX Runtime 1.30 refuses to stretch axes of `...`.
    const ort = !equation.startsWith("...i,");
    await expectGradient({ build, inputs, ort, opsets: [12, 18] });
    await expectGradient({ build, inputs, ort, opsets: [13], wrt: [inputs.length - 1] });
  }
  const build = node("Einsum", { equation: "bij,bjk->bik" });
  const inputs = [random([2, 3, 4]), random([2, 4, 3])];
  await expectGradient({ build, inputs, batch: true, opsets: [12] });
  const trace = { build: node("Einsum", { equation: "ii->" }), inputs: [random([3, 3])] };
  expect(() => gradientsOf(trace, [tensor("float64", [], 1)])).toThrow("labels that differ");
});
