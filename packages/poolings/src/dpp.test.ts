import { poolWindow, tensor } from "@softpool/onnx";
import { expect, test } from "vitest";
import { filteredReference, plainDpp } from "../test/plain/dpp.ts";
import { evaluated, expectClose, initialParameters, numbers, onCpu } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import { dpp, liteDpp } from "./dpp.ts";

const lite: Plain = (x, window, settings, parameters) =>
  plainDpp(x, window, formOf(settings, parameters));

const full: Plain = (x, window, settings, parameters) => {
  const reference = filteredReference(x, window, parameters.filter.data, parameters.bias.data);
  return plainDpp(x, window, formOf(settings, parameters), reference);
};

const formOf = (settings: Parameters<Plain>[2], parameters: Parameters<Plain>[3]) => ({
  a: parameters.log_alpha.data,
  l: parameters.log_lambda.data,
  asymmetric: settings.reward === "asymmetric",
  normalized: settings.normalized === 1,
});

const settings = ["symmetric", "asymmetric"].flatMap((reward) =>
  [0, 1].map((normalized) => ({ reward, normalized })),
);

suite({ method: liteDpp, plain: lite, settings: [{}, ...settings], rounded: 1e-7 });
suite({ method: dpp, plain: full, settings: [{}, ...settings], rounded: 1e-7 });

test("golden vectors", () => {
  const asymmetric = { reward: "asymmetric" };
  const normalized = { ...asymmetric, normalized: 1 };
  for (const method of [liteDpp, dpp]) {
    expect(onSquare(method, [1, 2, 4, 5])).toBeCloseTo(3, 7);
    expect(onSquare(method, [-1, 2, 0, -3])).toBeCloseTo(-0.5, 7);
    expect(onSquare(method, [1, 2, 4, 5], asymmetric)).toBeCloseTo(3.7136533, 6);
    expect(onSquare(method, [-1, 2, 0, -3], asymmetric)).toBeCloseTo(0.4278777, 6);
    expect(onSquare(method, [1, 2, 4, 5], normalized)).toBeCloseTo(3.6508601, 6);
    expect(onSquare(method, [-1, 2, 0, -3], normalized)).toBeCloseTo(0.2845812, 6);
  }
});

test("towards the average, the maximum and what differs most", () => {
  const values = [1, -2, 0.5, 3];
  const average = 0.625;
  for (const setting of settings) {
    const at = (a: number, l: number) =>
      onSquare(liteDpp, values, setting, { log_alpha: a, log_lambda: l });
    expect(at(0, -60)).toBeCloseTo(average, 9);
    expect(at(60, 0)).toBeCloseTo(average, 9);
    // All weight goes to 3 above the mean, or to -2, which lies further from it.
    const far = setting.reward === "symmetric" ? -2 : 3;
    expect(at(-1e4, 7)).toBeCloseTo(far, 9);
    expect(at(-1e4, 1e4)).toBeCloseTo(far, 9);
    for (const a of [-3, 0, 3]) {
      const y = at(a, 0.5);
      expect(y).toBeGreaterThan(-2);
      expect(y).toBeLessThan(3);
      const constant = { log_alpha: a, log_lambda: 1 };
      expect(onSquare(liteDpp, [7, 7, 7, 7], setting, constant)).toBeCloseTo(7, 12);
    }
  }
});

test("lite: shifts with the input; a mirror-symmetric window gives its mean", () => {
  for (const setting of settings) {
    const y = onSquare(liteDpp, [1, -2, 0.5, 3], setting);
    const shifted = onSquare(liteDpp, [101, 98, 100.5, 103], setting);
    expect(shifted - 100).toBeCloseTo(y, 9);
  }
  for (const l of [-1, 0, 1.5]) {
    expect(onSquare(liteDpp, [-4, 10, 8, -2], {}, { log_lambda: l })).toBeCloseTo(3, 12);
  }
});

test("full: at first lite where windows are whole; one tap more before the window", () => {
  const x = numbers([1, 2, 6, 7], 8);
  const window = { kernel: [2, 3], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] };
  const call = { x, window: { ...window, ceilMode: false } };
  const parameters = initialParameters({ method: dpp, ...call });
  const shapes = Object.entries(parameters).map(([name, { shape }]) => `${name} ${shape}`);
  expect(shapes).toEqual(["log_alpha 2", "log_lambda 2", "filter 2,3,4", "bias 2"]);
  expectClose(evaluated({ method: dpp, ...call }), evaluated({ method: liteDpp, ...call }), 1e-6);
  // A change of the tap before the window changes what is compared with.
  const data = new Float64Array(24);
  data[0] = data[12] = 1;
  const first = { ...parameters, filter: tensor("float32", [2, 3, 4], data) };
  const y = evaluated({ method: dpp, ...call, parameters: first }).data;
  x.data[1 * 7 + 1] += 0.5;
  const z = evaluated({ method: dpp, ...call, parameters: first }).data;
  // Row 1, column 1 is before the second window of the second row; the first window has it inside.
  expect([...z].map((v, i) => v !== y[i]).slice(0, 9)).toEqual([
    true,
    false,
    false,
    false,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test("extreme values and NaN", async () => {
  const sharp = {
    log_alpha: tensor("float32", [1], [-2]),
    log_lambda: tensor("float32", [1], [1.2]),
  };
  for (const setting of settings) {
    for (const [method, plain] of [
      [liteDpp, lite],
      [dpp, full],
    ] as const) {
      await expectFinite({ method, plain, settings: setting });
    }
    await expectNaN(liteDpp, setting);
    await expectFinite({ method: liteDpp, plain: lite, settings: setting, parameters: sharp });
  }
  // The learned reference sees a NaN before the window too.
  const x = numbers([1, 1, 1, 6], 2);
  x.data[3] = NaN;
  const window = poolWindow([1, 2], { strides: [1, 1] });
  for (const y of [
    evaluated({ method: dpp, x, window }),
    await onCpu({ method: dpp, x, window }),
  ]) {
    expect([...y.data].map(Number.isNaN)).toEqual([false, false, true, true, true]);
  }
});
