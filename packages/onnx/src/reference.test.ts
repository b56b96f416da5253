import { expect, test } from "vitest";
import { Graph } from "./graph.ts";
import { add, relu } from "./ops/elementwise.ts";
import { evaluate } from "./reference.ts";
import { scalar, tensor } from "./tensor.ts";

test("feeds, defaults, further values, and what is refused by name", () => {
  const g = new Graph(17);
  const x = g.input("x", "float32", ["N", 2]);
  const w = g.input("w", "float32", [2]);
  const inner = add(g, x, w);
  const y = relu(g, inner);
  g.output(y);
  const model = g.toModel();
  const a = tensor("float32", [1, 2], [1, -5]);
  const b = tensor("float32", [2], [1, 2]);
  const results = evaluate(model, { x: a, w: b }, { also: [inner.name] });
  expect([...results[y.name].data, ...results[inner.name].data]).toEqual([2, 0, 2, -3]);
  const wide = evaluate(model, { x: { ...a, dtype: "float64" }, w: b })[y.name];
  expect(wide).toEqual(results[y.name]);
  // The default of an input is an initializer of its name.
  const other = new Graph(17);
  other.initializer("w", b);
  model.graph?.initializer.push(...other.initializers);
  expect([...evaluate(model, { x: a })[y.name].data]).toEqual([2, 0]);
  model.graph?.initializer.pop();
  const cases: [feeds: Parameters<typeof evaluate>[1], message: string][] = [
    [{ x: a }, 'evaluate: feeds: expected a tensor for "w", received none'],
    [{ x: a, w: b, z: b }, 'evaluate: feeds: expected inputs ("x", "w"), received also "z"'],
    [
      { x: { ...a, dtype: "int32" }, w: b },
      'evaluate: input "x": expected float32 N x 2, received int32 1x2',
    ],
    [
      { x: a, w: scalar("float32", 1) },
      'evaluate: input "w": expected float32 2, received float32 scalar',
    ],
  ];
  for (const [feeds, message] of cases) expect(() => evaluate(model, feeds)).toThrow(message);
  const also = ["nothing"];
  expect(() => evaluate(model, { x: a, w: b }, { also })).toThrow('no value "nothing"');
  g.op("Frobnicate", [y]);
  expect(() => evaluate(g.toModel(), { x: a, w: b })).toThrow(
    'Frobnicate "frobnicate": the reference evaluator does not know this operator',
  );
});
