/** The two gradients of SoftPool's training form: golden vectors, central differences, ONNX Runtime. */
import {
  evaluate,
  Graph,
  gradients,
  mul,
  type PoolWindow,
  poolWindow,
  readModel,
  reduce,
  type Tensor,
  tensor,
  writeModel,
} from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runOrt } from "../../onnx/test/ort.ts";
import { plainSoftBeta } from "../test/plain/soft-beta.ts";
import { numbers, seeded, square, trials } from "../test/run.ts";
import { applyMethod } from "./apply.ts";
import { soft as method } from "./soft.ts";

/** The model that gives the gradient of sum(weights y) by x, and y. */
function modelOf(x: Tensor, window: PoolWindow, settings: Record<string, number | string>) {
  const g = new Graph(17);
  const input = g.input("x", x.dtype, x.shape);
  const y = applyMethod(g, method, input, window, { settings, training: true });
  const weights = g.input("weights", x.dtype, y.shape);
  const loss = reduce(g, "ReduceSum", mul(g, y, weights), undefined, false);
  const [dx] = gradients(g, loss, [input]);
  g.output(g.op("Identity", [dx], {}, { outputNames: ["dx"] }));
  g.output(g.op("Identity", [y], {}, { outputNames: ["y"] }));
  return readModel(writeModel(g.toModel()));
}

test("golden vectors", () => {
  const golden: [values: number[], exact: number[], weights: number[]][] = [
    [
      [1, 2, 4, 5],
      [-0.0330193, -0.0550848, 0.1053488, 0.9827553],
      [0.0127548, 0.0346711, 0.2561866, 0.6963875],
    ],
    [
      [-1, 2, 0, -3],
      [-0.067643, 1.1584273, -0.0703232, -0.0204611],
      [0.0417726, 0.8390245, 0.1135496, 0.0056533],
    ],
  ];
  for (const [values, exact, weights] of golden) {
    const { x, window } = square(values);
    const feeds = { x, weights: tensor("float32", [1, 1, 1, 1], [1]) };
    for (const [gradient, right] of [
      ["exact", exact],
      ["weights", weights],
    ] as const) {
      const { dx } = evaluate(modelOf(x, window, { gradient }), feeds);
      for (const [i, value] of dx.data.entries()) expect(value).toBeCloseTo(right[i], 6);
    }
  }
});

test("the exact gradient is the derivative: every kind of window, temperatures of both signs", () => {
  const beta = fc.constantFrom(1, 0.5, -1, 3, 0);
  const h = 1e-5;
  fc.assert(
    fc.property(trials({ low: -2, high: 2 }), beta, fc.nat(1e6), (trial, b, seed) => {
      const x: Tensor = { ...trial.x, dtype: "float64" };
      const { window } = trial;
      const y = plainSoftBeta(x, window, [b]);
      const weights: Tensor = { ...numbers(y.shape, seed, -1, 1), dtype: "float64" };
      const { dx } = evaluate(modelOf(x, window, { beta: b }), { x, weights });
      const lossAt = (data: Float64Array) =>
        plainSoftBeta({ ...x, data }, window, [b]).data.reduce(
          (sum, value, i) => sum + value * weights.data[i],
          0,
        );
      for (const i of [0, x.data.length >> 1, x.data.length - 1]) {
        const [up, down] = [h, -h].map((step) => {
          const moved = x.data.slice();
          moved[i] += step;
          return lossAt(moved);
        });
        expect(dx.data[i]).toBeCloseTo((up - down) / (2 * h), 6);
      }
    }),
    seeded(60),
  );
});

test("both gradients of a window add up to 1; far values and ONNX Runtime", async () => {
  const window = poolWindow([3, 3], { strides: [3, 3] });
  for (const [low, high] of [
    [-3, 3],
    [400, 500],
    [-1e4, 1e4],
    [-3e37, 3e37],
  ]) {
    const x = numbers([1, 2, 9, 6], 5, low, high);
    const weights = tensor("float32", [1, 2, 3, 2], 1);
    for (const gradient of ["exact", "weights"]) {
      const model = modelOf(x, window, { gradient });
      const right = evaluate(model, { x, weights }).dx;
      const { dx } = await runOrt(model, { x, weights });
      const total = dx.data.reduce((a, b) => a + b);
      expect(total).toBeCloseTo(12, 3);
      for (const [i, value] of dx.data.entries()) {
        expect(Math.abs(value - right.data[i])).toBeLessThan(1e-4);
      }
    }
  }
});
