import { expect, test } from "vitest";
import { gradients } from "./gradients.ts";
import { Graph, type Value } from "./graph.ts";
import { readModel, writeModel } from "./model.ts";
import { exp, mul } from "./ops/elementwise.ts";
import { reduce } from "./ops/reduce.ts";
import { evaluate } from "./reference.ts";
import { scalar, type Tensor, tensor } from "./tensor.ts";

/** The gradient of the sum of what `f` makes of x, evaluated. */
function gradientAt(
  f: (g: Graph, x: Value, c: Value) => Value,
  values: readonly number[],
  c = 1,
): Tensor {
  const g = new Graph(17);
  const x = g.input("x", "float64", [values.length]);
  const condition = g.input("c", "bool", []);
  const loss = reduce(g, "ReduceSum", f(g, x, condition), undefined, false);
  const [dx] = gradients(g, loss, [x]);
  g.output({ ...g.op("Identity", [dx], {}, { outputNames: ["dx"] }) });
  const feeds = { x: tensor("float64", [values.length], values), c: scalar("bool", c) };
  return evaluate(readModel(writeModel(g.toModel())), feeds).dx;
}

const at = [0.5, -1, 2];
const close = (found: Tensor, f: (x: number) => number) => {
  for (const [i, x] of at.entries()) expect(found.data[i]).toBeCloseTo(f(x), 10);
};

test("a value that is read several times, and not at all", () => {
  // x^2 e^x: 2 x e^x + x^2 e^x
  const cube = (g: Graph, x: Value) => mul(g, mul(g, x, x), exp(g, x));
  close(gradientAt(cube, at), (x) => (2 * x + x * x) * Math.exp(x));
  close(
    gradientAt((g) => g.constant(tensor("float64", [1], [3])), at),
    () => 0,
  );
});

test("a detached value is a constant", () => {
  close(
    gradientAt((g, x) => mul(g, g.detach(x), x), at),
    (x) => x,
  );
});

test("branches: gradients of what they take from around them", () => {
  const branches = (g: Graph, x: Value, c: Value) => {
    const y = mul(g, x, x);
    const [z] = g.if(
      c,
      (h) => [mul(h, exp(h, y), x)],
      (h) => [h.constant(tensor("float64", [3], [1, 2, 3]))],
    );
    return mul(g, z, y);
  };
  // x^3 e^(x^2), and k x^2.
  close(gradientAt(branches, at, 1), (x) => (3 * x ** 2 + 2 * x ** 4) * Math.exp(x * x));
  close(gradientAt(branches, at, 0), (x) => 2 * x * (at.indexOf(x) + 1));
  const inside = (g: Graph, x: Value, c: Value) =>
    g.if(
      c,
      (h) =>
        h.if(
          c,
          (i) => [mul(i, x, x)],
          (i) => [exp(i, x)],
        ),
      (h) => [exp(h, x)],
    )[0];
  close(gradientAt(inside, at, 1), (x) => 2 * x);
  close(gradientAt(inside, at, 0), Math.exp);
});

test("errors name the node", () => {
  const g = new Graph(17);
  const x = g.input("x", "float64", [2, 2]);
  const y = g.op("NoSuchOperator", [x], {}, { name: "the node" });
  const loss = reduce(g, "ReduceSum", { ...y, dtype: "float64", shape: [2, 2] }, undefined, false);
  expect(() => gradients(g, loss, [x])).toThrow(
    'NoSuchOperator "the node": there is no gradient for this operator',
  );
  expect(() => gradients(g, x, [x])).toThrow(/expected one number without a seed, received "x"/);
});
