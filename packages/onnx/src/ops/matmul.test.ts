import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { einsum } from "./einsum.ts";
import { gemm, matMul } from "./matmul.ts";

test("like ONNX Runtime", async () => {
  const pairs = [
    [
      [3, 4],
      [4, 5],
    ],
    [[4], [4, 5]],
    [[2, 3, 4], [4]],
    [[4], [4]],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    [
      [1, 4],
      [6, 4, 2],
    ],
  ];
  for (const opset of [9, 11, 13, 21]) {
    for (const [a, b] of pairs) {
      await expectLikeOrt({ type: "MatMul", opset, inputs: [random(a), random(b)] });
    }
    for (const [transA, transB] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ]) {
      for (const c of [[3, 5], [5], [3, 1], [], ...(opset < 11 ? [] : [undefined])]) {
        const inputs = [
          random(transA ? [4, 3] : [3, 4]),
          random(transB ? [5, 4] : [4, 5]),
          c && random(c),
        ];
        const attributes = { transA, transB, alpha: float(0.5), beta: float(2) };
        await expectLikeOrt({ type: "Gemm", opset, inputs, attributes });
      }
    }
  }
  const sums: [string, ...number[][]][] = [
    ["bij,bjk->bik", [2, 3, 4], [2, 4, 5]],
    ["ij->ji", [3, 4]],
    ["ij", [3, 4]],
    ["ii->i", [3, 3]],
    ["ij,kj", [3, 4], [2, 4]],
    ["...ij,...jk->...ik", [2, 3, 4], [2, 4, 5]],
    ["b...,b...->b...", [2, 3, 4], [2, 3, 4]],
    ["a,b,c->abc", [2], [3], [4]],
    ["ijk->", [2, 3, 4]],
    ["bhwij , bhwj -> bhwi", [1, 2, 2, 3, 4], [1, 2, 2, 4]],
  ];
  for (const opset of [12, 21]) {
    for (const [equation, ...shapes] of sums) {
      const inputs = shapes.map((shape) => random(shape));
      await expectLikeOrt({ type: "Einsum", opset, inputs, attributes: { equation } });
    }
  }
});

test("builders", () => {
  const g = new Graph(13);
  const x = g.input("x", "float32", ["N", 3, 4]);
  const w = g.initializer("w", random([4, 5]));
  const y = matMul(g, x, w);
  expect(y.shape).toEqual(["N", 3, 5]);
  const z = einsum(g, "nij,jk->nik", x, w);
  expect(z.shape).toEqual(["N", 3, 5]);
  const flat = g.input("v", "float32", ["N", 5]);
  const u = gemm(g, flat, w, undefined, { transB: true, alpha: 2 });
  expect(u.shape).toEqual(["N", 4]);
  g.output(y, z, u);
  const results = evaluate(g.toModel(), { x: random([2, 3, 4]), v: random([2, 5]) });
  expect(results[y.name].data).toEqual(results[z.name].data);
  expect(() => matMul(g, x, flat)).not.toThrow();
  expect(() => matMul(g, w, w)).toThrow("expected inner sizes that agree, received 4x5 and 4x5");
  expect(() => einsum(g, "ij,jk,kl", x, w)).toThrow(
    'attribute "equation": expected labels for 2 inputs with 3, 2 axes, received "ij,jk,kl"',
  );
});

test("gradients", async () => {
  const pairs = [
    [
      [3, 4],
      [4, 5],
    ],
    [[4], [4, 5]],
    [[4], [3, 4, 5]],
    [[2, 3, 4], [4]],
    [[4], [4]],
    [
      [2, 3, 4],
      [4, 5],
    ],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
  ];
  for (const [a, b] of pairs) {
    const inputs = [random(a), random(b)];
    await expectGradient({ build: node("MatMul"), inputs, opsets: [11, 18] });
  }
  for (const [i, c] of [[3, 5], [5], [3, 1], []].entries()) {
    const [transA, transB] = [i % 2, i >> 1];
    const attributes = { transA, transB, alpha: float(0.5), beta: float(i) };
    const a = random(transA ? [4, 3] : [3, 4]);
    const b = random(transB ? [5, 4] : [4, 5]);
    const opsets = [9, 11, 18];
    await expectGradient({ build: node("Gemm", attributes), inputs: [a, b, random(c)], opsets });
  }
  const inputs = [random([2, 3, 4]), random([4, 5])];
  await expectGradient({ build: node("MatMul"), inputs, batch: true, opsets: [18] });
});
