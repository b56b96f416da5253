import { expect, test } from "vitest";
import { float } from "./attributes.ts";
import { OnnxError } from "./error.ts";
import { Graph, type Value } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { knownProto } from "./known.ts";
import { averagePool } from "./ops/pool.ts";
import { poolWindow } from "./ops/window.ts";
import { type Tensor, tensor, tensorToProto } from "./tensor.ts";

const scales = tensor("float32", [4], [1, 1, 2, 0.5]);

/** A model that resizes `x` by scales, and its type of the result. */
function resized(stored: (g: Graph) => Value) {
  const g = new Graph(13);
  const x = g.input("x", "float32", ["N", 3, 10, 8]);
  const y = g.op("Resize", [x, undefined, stored(g)]);
  g.output({ name: y.name, dtype: y.dtype });
  const model = g.toModel();
  return { model, built: y.shape, inferred: () => inferTypes(model).of(model.graph!).get(y.name) };
}

test("short floating-point constants are known however they are stored", () => {
  const ways: ((g: Graph) => Value)[] = [
    (g) => g.constant(scales),
    (g) => g.initializer("s", scales),
    (g) => g.op("Identity", [g.initializer("s", scales)]),
    (g) => g.op("Constant", [], { value_floats: float([1, 1, 2, 0.5]) }),
  ];
  for (const way of ways) {
    const { built, inferred } = resized(way);
    expect(built).toEqual(["N", 3, 20, 4]);
    expect(inferred()).toMatchObject({ dtype: "float32", shape: ["N", 3, 20, 4] });
  }
  const { model, inferred } = resized(ways[1]);
  const [stored] = model.graph!.initializer;
  stored.rawData = new Uint8Array();
  stored.floatData = [1, 1, 3, 1];
  expect(inferred()?.shape).toEqual(["N", 3, 30, 8]);
  // What does not fit is a contradiction that work without types can pass over.
  stored.floatData = [1];
  expect(inferred).toThrow(/tensor "s": expected 4 values for \[4\], received 1/);
  const told: OnnxError[] = [];
  inferTypes(model, { onError: (error) => told.push(error) });
  expect(told).toEqual([new OnnxError('tensor "s": expected 4 values for [4], received 1')]);
});

test("long tensors, tensors outside the file and other types have no known values", () => {
  const known = (value: Tensor) => knownProto(tensorToProto(value));
  for (const dtype of ["float16", "bfloat16", "float32", "float64"] as const) {
    expect(known(tensor(dtype, [2, 32], 0.5)).numbers).toEqual(new Array(64).fill(0.5));
    expect(known(tensor(dtype, [65], 0.5))).toEqual({ dtype, shape: [65] });
  }
  expect(known(tensor("int64", [1024], 7)).contents).toHaveLength(1024);
  expect(known(tensor("int64", [1025], 7))).toEqual({ dtype: "int64", shape: [1025] });
  expect(known(tensor("bool", [2], [0, 1]))).toMatchObject({ contents: [0, 1] });
  expect(known(tensor("uint8", [2], 1))).toEqual({ dtype: "uint8", shape: [2] });
  const outside = { ...tensorToProto(scales), dataLocation: 1, rawData: new Uint8Array() };
  expect(knownProto(outside)).toEqual({ dtype: "float32", shape: [4] });
});

test("a function that is called with two shapes has what holds for both; options name inputs", () => {
  const body = new Graph(17);
  const v = body.input("v", undefined);
  body.output(averagePool(body, v, poolWindow([2], { strides: [2] })));
  const half = body.toFunction({ domain: "d", name: "Half" });
  const g = new Graph(17);
  const call = (shape: number[], i: number) => {
    const x = g.input(`x${i}`, "float32", shape);
    return g.op("Half", [x], {}, { domain: "d" });
  };
  const results = [
    [1, 2, 8],
    [1, 2, 6],
  ].map(call);
  g.output(...results.map(({ name }) => ({ name })));
  const model = g.toModel();
  model.functions.push(half);
  const types = inferTypes(model);
  expect(results.map(({ name }) => types.of(model.graph!).get(name)?.shape)).toEqual([
    [1, 2, 4],
    [1, 2, 3],
  ]);
  expect(types.of(half).get("v")).toMatchObject({ dtype: "float32", shape: [1, 2, null] });
  const wider = inferTypes(model, { inputs: { x0: ["N", 2, 10] } }).of(model.graph!);
  expect(wider.get(results[0].name)?.shape).toEqual(["N", 2, 5]);
  expect(() => inferTypes(model, { inputs: { y: [1] } })).toThrow(
    'the model has no input "y"; its inputs are "x0", "x1"',
  );
  // A contradiction names the node, while a graph is built as well as afterwards.
  expect(() => inferTypes(model, { inputs: { x1: [1, 2, 1] } })).toThrow(
    /^AveragePool "averagepool": kernel_shape: a window of 2 does not fit an axis of 1$/,
  );
  const before = g.nodes.length;
  expect(() => g.op("Add", [g.inputs[0], g.inputs[1]])).toThrow(/^Add "add": cannot broadcast/);
  expect(g.nodes).toHaveLength(before);
});
