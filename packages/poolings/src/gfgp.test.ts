import { poolWindow, type Tensor, tensor } from "@softpool/onnx";
import { expect, test } from "vitest";
import { plainGuided, plainTemperatures } from "../test/plain/gfgp.ts";
import { plainSoftBeta } from "../test/plain/soft-beta.ts";
import { evaluated, expectClose, initialParameters, numbers, onCpu, square } from "../test/run.ts";
import { type Plain, randomParameters, suite } from "../test/suite.ts";
import { gfgp as method } from "./gfgp.ts";

const plain: Plain = (x, window, settings, parameters) =>
  plainGuided(
    x,
    window,
    plainTemperatures(x, parameters, String(settings.activation ?? "sigmoid")),
  );

suite({
  method,
  plain,
  settings: [{}, { activation: "softplus" }],
  // Variances are positive.
  parameters: [0.3, 1.3],
});

const window = poolWindow([3, 2], { strides: [2, 2], pads: [1, 0, 1, 0], ceilMode: true });
const x = numbers([3, 4, 7, 6], 4);

test("training normalizes with the batch", async () => {
  const call = { method, x, window, settings: { activation: "softplus" }, training: true };
  const parameters = randomParameters(call, 5, [0.3, 1.3]);
  const lambda = plainTemperatures(x, parameters, "softplus", true);
  const expected = plainGuided(x, window, lambda);
  for (const known of [true, false]) {
    expectClose(evaluated({ ...call, parameters }, { known }), expected, 1e-9);
    expectClose(await onCpu({ ...call, parameters }, { known, opset: 14 }), expected, 2e-5);
  }
  expect(() => evaluated(call, { opset: 13 })).toThrow(/gfgp: training needs operator set 14/);
});

/** The parameters with given values for the last normalization: all temperatures are the same. */
function constant(bias: number): Record<string, Tensor> {
  const parameters = initialParameters({ method, x, window });
  const set = (name: string, value: number) => {
    parameters[name] = tensor("float32", parameters[name].shape, value);
  };
  set("bn2.weight", 0);
  set("bn2.bias", bias);
  return parameters;
}

test("temperature 0 is the average, 1 SoftPool, the start between them", () => {
  const at = (bias: number, activation: string) =>
    evaluated({ method, x, window, parameters: constant(bias), settings: { activation } });
  const [average, soft] = [0, 1].map((beta) => plainSoftBeta(x, window, [beta]));
  expectClose(at(-100, "softplus"), average, 1e-9);
  expectClose(at(-100, "sigmoid"), average, 1e-9);
  expectClose(at(100, "sigmoid"), soft, 1e-9);
  expectClose(at(Math.log(Math.E - 1), "softplus"), soft, 1e-6);
  const start = evaluated({ method, x, window });
  for (const [i, v] of start.data.entries()) {
    expect(v).toBeGreaterThanOrEqual(average.data[i] - 1e-9);
    expect(v).toBeLessThanOrEqual(soft.data[i] + 1e-9);
  }
});

test("large and small values stay finite; NaN fills its sample only", async () => {
  for (const values of [
    [1e30, -1e30, 1e30, 0],
    [-1e30, -1e30, -1e30, -1e30],
    [1e-40, 0, -1e-40, 0],
  ]) {
    const y = (await onCpu({ method, ...square(values) })).data[0];
    const slack = 1e-6 * Math.max(...values.map(Math.abs));
    expect(y, `${values}`).toBeGreaterThanOrEqual(Math.min(...values) - slack);
    expect(y, `${values}`).toBeLessThanOrEqual(Math.max(...values) + slack);
  }
  const broken = { ...x, data: Float64Array.from(x.data) };
  broken.data[0] = NaN;
  const y = await onCpu({ method, x: broken, window });
  const third = y.data.length / 3;
  expect([...y.data].map(Number.isNaN)).toEqual([...y.data].map((_, i) => i < third));
});
