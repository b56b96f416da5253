import { expect, test } from "vitest";
import { expectGradient, type GradientCase, gradientsOf } from "../../test/gradient.ts";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { Graph, type Value } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, scalar, tensor } from "../tensor.ts";
import { MAX_OPSET } from "../versions.ts";
import { type Reduction, reduce, reducing } from "./reduce.ts";
import { shapeOf } from "./reshape.ts";

const opsets = [9, 10, 11, 13, 18, 21];
const types = reducing.map(({ type }) => type).filter((type) => type.startsWith("Reduce"));

test("reductions like ONNX Runtime", async () => {
  expect(types.length).toBe(10);
  for (const type of types) {
    const x = random([2, 3, 4], type.includes("Log") ? 0.5 : -2, 2);
    for (const opset of opsets) {
      const since = type === "ReduceSum" ? 13 : 18;
      for (const axes of [undefined, [1], [0, 2], ...(opset < 11 ? [] : [[-1], [-2, 0]])]) {
        for (const keepdims of [undefined, 0]) {
          const given = opset >= since && axes ? [int64s(axes)] : [];
          const attributes = { axes: opset < since ? axes : undefined, keepdims };
          await expectLikeOrt({ type, opset, inputs: [x, ...given], attributes });
        }
      }
      const none = { noop_with_empty_axes: 1 };
      // ONNX Runtime copies the input where the operator's definition maps its elements.
      if (opset >= since && /Sum$|Mean|Max|Min|Prod/.test(type) && type !== "ReduceLogSum") {
        await expectLikeOrt({ type, opset, inputs: [x], attributes: none });
        await expectLikeOrt({ type, opset, inputs: [x, int64s([])], attributes: none });
      }
    }
  }
  for (const type of ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"]) {
    await expectLikeOrt({ type, opset: 13, inputs: [integers([3, 4], -5, 5)], constants: [] });
  }
});

test("positions and running sums like ONNX Runtime", async () => {
  const x = integers([3, 4, 5], 0, 3, "int32");
  const y = { ...x, dtype: "float32" as const };
  for (const opset of opsets) {
    for (const type of ["ArgMax", "ArgMin"]) {
      for (const axis of opset < 11 ? [0, 2] : [-1, 1]) {
        for (const keepdims of [undefined, 0]) {
          for (const last of opset < 12 ? [undefined] : [0, 1]) {
            const attributes = { axis, keepdims, select_last_index: last };
            await expectLikeOrt({ type, opset, inputs: [y], attributes });
          }
        }
      }
    }
    if (opset < 11) continue;
    for (const [exclusive, reverse] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]) {
      for (const axis of [0, -2, 2]) {
        const attributes = { exclusive, reverse };
        const inputs = [y, scalar("int64", axis)];
        await expectLikeOrt({ type: "CumSum", opset, inputs, attributes });
      }
    }
  }
});

test("builder, infinities and NaN", () => {
  const x = tensor(
    "float32",
    [3, 3],
    [1, NaN, 3, -Infinity, 2, -1, -Infinity, -Infinity, -Infinity],
  );
  const rows: Partial<Record<Reduction, number[]>> = {
    ReduceMax: [NaN, 2, -Infinity],
    ReduceMin: [NaN, -Infinity, -Infinity],
    ReduceLogSumExp: [NaN, 2 + Math.log1p(Math.exp(-3)), -Infinity],
    ReduceL1: [NaN, Infinity, Infinity],
  };
  for (const opset of opsets) {
    for (const [type, expected] of Object.entries(rows)) {
      const g = new Graph(opset);
      const input = g.input("x", "float32", ["N", 3]);
      const y = reduce(g, type as Reduction, input, [-1], false);
      const all = reduce(g, type as Reduction, input, undefined);
      const none = reduce(g, type as Reduction, input, []);
      expect([y.shape, all.shape, none.shape]).toEqual([["N"], [1, 1], ["N", 3]]);
      g.output(y, all, none);
      const results = evaluate(g.toModel(), { x });
      expect([...results[y.name].data]).toEqual(expected);
      expect(results[none.name].data[4]).toBe(2);
    }
    const g = new Graph(opset);
    const sizes = shapeOf(g, g.input("x", "float32", [2, "H", 3]));
    expect(reduce(g, "ReduceProd", sizes, [0]).contents).toEqual([null]);
    expect(
      reduce(g, "ReduceProd", shapeOf(g, g.input("y", "float32", [2, 3])), undefined, false),
    ).toMatchObject({ shape: [], contents: [6] });
  }
});

test("what does not fit is refused", () => {
  const g = new Graph(13);
  const x = g.input("x", "float32", [2, 3]);
  expect(() => reduce(g, "ReduceSum", x, [2])).toThrow("expected an axis from -2 to 1, received 2");
});

/** A reduction at any opset: axes as an attribute or as an input. */
const reducedBy =
  (type: Reduction, axes: readonly number[] | undefined, keepdims: boolean) =>
  (g: Graph, [x]: readonly Value[]): Value =>
    reduce(g, type, x, axes, keepdims);

test("gradients of reductions", async () => {
  for (const type of types as Reduction[]) {
    for (const axes of [undefined, [1], [0, -1]]) {
      for (const keepdims of [true, false]) {
        const build = reducedBy(type, axes, keepdims);
        const x = random([3, 4, 2], type === "ReduceLogSum" ? 0.2 : -2, 2);
        const batch = axes?.[0] === 1;
        await expectGradient({ build, inputs: [x], batch, opsets: [11, 13, 18] });
      }
    }
    const all: GradientCase["build"] = (g, [x]) =>
      g.op(type, [x, g.constant(int64s([]))], { noop_with_empty_axes: 1 });
    const x = random([2, 3], 0.2, 2);
    await expectGradient({ build: all, inputs: [x], opsets: [MAX_OPSET], ort: false });
    await expectGradient({ build: reducedBy(type, undefined, false), inputs: [random([4], 1, 2)] });
  }
});

test("gradients of the mean and the sum over axes of unknown size", async () => {
  for (const type of ["ReduceMean", "ReduceSum", "ReduceMax"] as const) {
    for (const keepdims of [true, false]) {
      const build = reducedBy(type, [0, 2], keepdims);
      await expectGradient({ build, inputs: [random([3, 4, 2])], batch: true });
    }
  }
});

test("ties and zeros in reductions as in PyTorch", () => {
  const of = (type: Reduction, values: readonly number[]) => {
    const x = tensor("float32", [values.length / 3, 3], values);
    const test = { build: reducedBy(type, [1], false), inputs: [x] };
    return Array.from(gradientsOf(test, [tensor("float64", [values.length / 3], 1)])[0].data);
  };
  expect(of("ReduceMax", [1, 3, 3, 2, 2, 2])).toEqual([0, 0.5, 0.5, 1 / 3, 1 / 3, 1 / 3]);
  expect(of("ReduceMin", [1, 3, 1])).toEqual([0.5, 0, 0.5]);
  const products = of("ReduceProd", [1, 0, 3, 0, 2, 0, 1, 2, 3]);
  expect(products).toEqual([0, 3, 0, 0, 0, 0, 6, 3, 2]);
  expect(of("ReduceL1", [-1, 0, 2])).toEqual([-1, 0, 1]);
  const norms = of("ReduceL2", [0, 0, 0, 0, 3, 4]);
  expect(norms.map((x) => Math.round(x * 1e9) / 1e9)).toEqual([0, 0, 0, 0, 0.6, 0.8]);
});

test("gradients of running sums", async () => {
  for (const exclusive of [0, 1]) {
    for (const reverse of [0, 1]) {
      const build: GradientCase["build"] = (g, [x]) =>
        g.op("CumSum", [x, g.constant(scalar("int64", 1))], { exclusive, reverse });
      await expectGradient({ build, inputs: [random([2, 4, 3])], batch: true });
    }
  }
});
