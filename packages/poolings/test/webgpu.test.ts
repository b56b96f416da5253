/** Every method on ONNX Runtime's WebGPU provider (software adapter), against the reference evaluator. */
import { evaluate, poolWindow, readModel, type Tensor, writeModel } from "@softpool/onnx";
import { fromRun, toRun } from "@softpool/onnx/session-node";
import { expect, test } from "vitest";
import { runOnWebGPU, skipWebGPU, type WebGPUCase } from "../../onnx/test/webgpu.ts";
import { catalogue } from "../src/catalogue.ts";
import { expectClose, initialParameters, modelOf, numbers } from "./run.ts";

const windows = [
  { shape: [2, 4, 8, 8], window: poolWindow([2, 2], { strides: [2, 2] }) },
  { shape: [1, 4, 9, 7], window: poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }) },
  { shape: [1, 4, 9, 7], window: poolWindow([3, 2], { strides: [2, 3], ceilMode: true }) },
  { shape: [1, 2, 11], window: poolWindow([3], { strides: [2], pads: [1, 0] }) },
  { shape: [1, 2, 4, 6, 5], window: poolWindow([2, 2, 2], { strides: [2, 2, 2] }) },
];

// A minute on a software adapter: with CI_FULL=1 only.
test.skipIf(process.env.CI_FULL !== "1")(
  "WebGPU: every method, 1D to 3D",
  { timeout: 300_000 },
  async () => {
    const cases: WebGPUCase[] = [];
    const expected: { what: string; y: Tensor }[] = [];
    const tried = new Set<string>();
    for (const method of catalogue) {
      for (const [i, { shape, window }] of windows.entries()) {
        const axes = window.kernel.length;
        if (!method.axes.includes(axes)) continue;
        const x = numbers(shape, 10 + i);
        const channels = shape[1];
        const settings = Object.fromEntries(
          (method.settings ?? []).map((setting) => [setting.name, setting.default]),
        );
        if (method.refuse?.({ window, channels }, settings) !== undefined) continue;
        const parameters = initialParameters({ method, x, window });
        const opset = i % 2 === 0 ? 17 : 21;
        const { model, feeds } = modelOf({ method, x, window, parameters }, { opset });
        const bytes = writeModel(model);
        cases.push({
          model: bytes,
          feeds: Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, toRun(t)])),
        });
        const { y } = evaluate(readModel(bytes), feeds);
        expected.push({ what: `${method.name} ${window.kernel}`, y });
        tried.add(method.name);
      }
    }
    expect(tried.size).toBe(catalogue.length);
    const outputs = await runOnWebGPU(cases, { timeout: 280_000 });
    for (const [i, { what, y }] of expected.entries()) {
      const found = outputs?.[i].y;
      if (found === undefined) throw new Error(`${what}: no output`);
      expectClose(fromRun(found), y, 1e-4, what);
    }
  },
);

test.skipIf(skipWebGPU)("WebGPU: SoftPool of extreme values, NaN and infinities", async () => {
  const soft = catalogue.find(({ name }) => name === "soft");
  if (soft === undefined) throw new Error("no soft");
  const MAX = 3.4028234663852886e38;
  const rows: [values: number[], y: number][] = [
    [[1, 2, 4, 5], 4.588781],
    [[1, Number.NaN, 4, 5], Number.NaN],
    [[1, Infinity, 4, 5], Infinity],
    [[1, -Infinity, 4, 5], 4.68176],
    [[MAX, -MAX, 0, 1], MAX],
    [[-MAX, -MAX, -MAX, -MAX], -MAX],
    [[200, 200, 200, 200], 200],
    [[-200, -201, -200, -200], -200.1092317],
  ];
  const window = poolWindow([2, 2], { strides: [2, 2] });
  const cases = rows.flatMap(([values]) =>
    ["guarded", "exact"].map((form): WebGPUCase => {
      const x = { ...numbers([1, 1, 2, 2], 1), data: Float64Array.from(values) };
      const { model, feeds } = modelOf({ method: soft, x, window, settings: { form } });
      return { model: writeModel(model), feeds: { x: toRun(feeds.x) } };
    }),
  );
  const outputs = await runOnWebGPU(cases);
  for (const [i, output] of (outputs ?? []).entries()) {
    const [values, right] = rows[i >> 1];
    const value = Number(output.y.data[0]);
    const same = Object.is(value, right) || value === right;
    const close = Math.abs(value - right) <= 4e-6 * Math.abs(right);
    expect(same || close, `[${values}] gave ${value} instead of ${right}`).toBe(true);
  }
});
