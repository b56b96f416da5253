import { create } from "@bufbuild/protobuf";
import { GraphProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { runOrt } from "../../test/ort.ts";
import { Graph, type Value } from "../graph.ts";
import { inferTypes } from "../infer.ts";
import { evaluate } from "../reference.ts";
import type { Shape } from "../shape.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";

/** A model that runs a body three times on `x` and collects what the body shows. */
function looped(shape: Shape, body: (g: Graph, i: Value, x: Value) => [next: Value, scan: Value]) {
  const g = new Graph(13);
  const x = g.input("x", "float32", shape);
  const inner = g.subgraph();
  const i = inner.input("i", "int64", []);
  const go = inner.input("go", "bool", []);
  const now = inner.input("now", undefined);
  const [next, scan] = body(inner, i, now);
  inner.output(inner.op("Identity", [go]), { name: next.name }, { name: scan.name });
  const graph = create(GraphProtoSchema, inner.toGraph("body"));
  const outputs = g.node(
    "Loop",
    [g.constant(scalar("int64", 3)), g.constant(scalar("bool", 1)), x],
    { body: graph },
    { outputs: 2 },
  );
  g.output(...outputs.map(({ name }) => ({ name, dtype: "float32" as const })));
  return { model: g.toModel(), outputs };
}

test("loops like ONNX Runtime; sizes that stay are known, ranks where sizes change", async () => {
  const cases: [Parameters<typeof looped>[1], Shape, Shape][] = [
    [
      (g, i, x) => [add(g, x, g.op("Cast", [i], { to: 1 })), g.op("Neg", [x])],
      ["N", 4],
      [null, "N", 4],
    ],
    [
      (g, _, x) => {
        const half = g.op("Concat", [x, x], { axis: 0 });
        return [half, g.op("ReduceSum", [x, g.constant(int64s([0]))], { keepdims: 0 })];
      },
      [null, 4],
      [null, 4],
    ],
  ];
  const x = tensor("float32", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
  for (const [body, carried, scan] of cases) {
    const { model, outputs } = looped(["N", 4], body);
    const types = inferTypes(model).of(model.graph!);
    expect(outputs.map(({ name }) => types.get(name)?.shape)).toEqual([carried, scan]);
    const [ours, theirs] = [evaluate(model, { x }), await runOrt(model, { x })];
    for (const { name } of outputs) {
      expect(ours[name].shape).toEqual([...theirs[name].shape]);
      expect([...ours[name].data]).toEqual([...theirs[name].data]);
    }
  }
});
