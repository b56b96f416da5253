import { poolWindow, type Tensor, tensor } from "@softpool/onnx";
import { expect, test } from "vitest";
import { plainAda } from "../test/plain/ada.ts";
import { evaluated, expectClose, numbers, onCpu, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import { ada, edscw, em } from "./ada.ts";

const shares = (theta: Tensor) => theta.data.map((v) => 1 / (1 + Math.exp(-v)));
const plain: Plain = (x, window, _, { theta }) => plainAda(x, window, shares(theta));
const plainDice: Plain = (x, window) => plainAda(x, window, [1]);
const plainSoft: Plain = (x, window) => plainAda(x, window, [0]);

suite({ method: ada, plain });
suite({ method: edscw, plain: plainDice });
suite({ method: em, plain: plainSoft });

test("golden vectors", () => {
  for (const [values, dice, both] of [
    [[1, 2, 4, 5], 3.1370275, 3.8629042],
    [[-1, 2, 0, -3], -0.5109784, 0.5541691],
  ] as const) {
    expect(onSquare(edscw, values)).toBeCloseTo(dice, 7);
    expect(onSquare(ada, values)).toBeCloseTo(both, 7);
  }
  expect(onSquare(em, [1, 2, 4, 5])).toBeCloseTo(4.588781, 6);
});

const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
const x = numbers([2, 3, 7, 9], 4);

test("a mixture per region; mixtures 0 and 1 are the parts", async () => {
  const settings = { share: "region", height: 4, width: 5 };
  const theta = numbers([4, 5], 7);
  const call = { method: ada, x, window, settings, parameters: { theta } };
  const expected = plainAda(x, window, shares(theta));
  for (const known of [true, false]) {
    expectClose(evaluated(call, { known }), expected, 1e-9);
    expectClose(await onCpu(call, { known }), expected, 2e-5);
  }
  const site = { window, channels: 3 };
  expect(ada.refuse?.(site, { ...settings, depth: 0 })).toBeUndefined();
  expect(ada.refuse?.(site, { ...settings, depth: 0, width: 0 })).toMatch(/needs the sizes/);
  const at = (value: number) =>
    evaluated({ method: ada, x, window, parameters: { theta: tensor("float32", [1], [value]) } });
  expectClose(at(-100), evaluated({ method: em, x, window }), 1e-9);
  expectClose(at(100), evaluated({ method: edscw, x, window }), 1e-9);
});

test("eDSCW: constants, scale of either sign, near the average", () => {
  const map = (f: (v: number) => number) => ({ ...x, data: x.data.map(f) });
  const dice = (input: Tensor) => evaluated({ method: edscw, x: input, window });
  expectClose(dice(map(() => -2.5)), { ...dice(x), data: dice(x).data.map(() => -2.5) }, 1e-12);
  for (const a of [-1, 3, 1e-30, 1e30]) {
    const y = dice(map((v) => a * v));
    expectClose({ ...y, data: y.data.map((v) => v / a) }, dice(x), 1e-9);
  }
  expect(onSquare(edscw, [0, 0, 0, 0])).toBe(0);
  // D of 1 and -1 with mean 0 is 0, that of 0 is 1: all taps count, and cancel.
  expect(onSquare(edscw, [1, -1, 0, 0])).toBeCloseTo(0, 12);
});

test("extreme values, NaN in its windows only", async () => {
  await expectFinite({ method: ada, plain });
  await expectFinite({ method: edscw, plain: plainDice });
  await expectNaN(ada);
  await expectNaN(edscw);
  await expectNaN(em);
  const M = 3.4028234663852886e38;
  for (const values of [
    [M, M, -M, 0],
    [M, 1e-45, 0, -1],
  ]) {
    const y = (await onCpu({ method: edscw, ...square(values) })).data[0];
    expect(Number.isFinite(y), `${values}: ${y}`).toBe(true);
  }
});
