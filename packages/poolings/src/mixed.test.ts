import { tensor } from "@softpool/onnx";
import { expect, test } from "vitest";
import { plainMixed, plainMixture } from "../test/plain/mixtures.ts";
import { evaluated, initialParameters, noiseOf, numbers, square } from "../test/run.ts";
import { expectFinite, expectNaN, onSquare, type Plain, suite } from "../test/suite.ts";
import type { Context } from "./method.ts";
import { mixed as method } from "./mixed.ts";

const plain: Plain = (x, window, settings, { theta }, { choice }) => {
  if (settings.variant !== "yu") return plainMixed(x, window, theta.data);
  const probability = (settings.probability as number) ?? 0.5;
  return plainMixture(x, window, ({ sample, channel }) => {
    if (choice === undefined) return probability >= 0.5 ? 1 : 0;
    return choice.data[sample * x.shape[1] + channel] < probability ? 1 : 0;
  });
};

const settings: Context["settings"][] = [
  {},
  { share: "channel" },
  { variant: "yu" },
  { variant: "yu", probability: 0.25 },
];

suite({ method, plain, settings, training: true });

test("the ends of the share, and its middle at first", () => {
  for (const [values, average, maximum] of [
    [[1, 2, 4, 5], 3, 5],
    [[-1, 2, 0, -3], -0.5, 2],
  ] as const) {
    expect(onSquare(method, values)).toBe((average + maximum) / 2);
    expect(onSquare(method, values, {}, { theta: -60 })).toBeCloseTo(average, 12);
    expect(onSquare(method, values, {}, { theta: 60 })).toBeCloseTo(maximum, 12);
    expect(onSquare(method, values, { variant: "yu" })).toBe(maximum);
    expect(onSquare(method, values, { variant: "yu", probability: 0.4 })).toBe(average);
  }
});

test("parameters and noise are those of the variant", () => {
  const x = numbers([2, 3, 4, 4], 1);
  const { window } = square([0, 0, 0, 0]);
  const of = (setting: Record<string, string>) => {
    const call = { method, x, window, settings: setting };
    const all = { ...initialParameters(call), ...noiseOf(call) };
    return Object.entries(all).map(([name, { shape }]) => `${name} ${shape}`);
  };
  expect(of({})).toEqual(["theta 1"]);
  expect(of({ share: "channel" })).toEqual(["theta 3"]);
  expect(of({ variant: "yu" })).toEqual(["choice 2,3,1,1"]);
});

test("yu: one choice for every channel of every sample, as frequent as it is set", () => {
  const x = { ...numbers([100, 100, 2, 4], 4), dtype: "float32" as const };
  const { window } = square([0, 0, 0, 0]);
  const largest = evaluated({ method, x, window, settings: { variant: "yu" } });
  for (const probability of [0.5, 0.125]) {
    const call = { method, x, window, settings: { variant: "yu", probability } };
    const y = evaluated({ ...call, noise: noiseOf(call, 11) });
    const drawn = Array.from(y.data, (v, i) => v === largest.data[i]);
    // Both windows of a channel share the choice.
    for (let i = 0; i < drawn.length; i += 2) expect(drawn[i]).toBe(drawn[i + 1]);
    const share = drawn.filter(Boolean).length / drawn.length;
    // Five standard deviations of 10,000 draws.
    const sigma = Math.sqrt((probability * (1 - probability)) / 1e4);
    expect(Math.abs(share - probability)).toBeLessThan(5 * sigma);
    // The draw is a function of the noise.
    expect(evaluated({ ...call, noise: noiseOf(call, 11) })).toEqual(y);
    expect(evaluated({ ...call, noise: noiseOf(call, 12) })).not.toEqual(y);
  }
});

test("extreme values, NaN and settings that cannot be taken", async () => {
  await expectFinite({ method, plain });
  await expectFinite({ method, plain, parameters: { theta: tensor("float32", [1], [5]) } });
  await expectNaN(method);
  expect(() => onSquare(method, [1, 2, 3, 4], { probability: 1.5 })).toThrow(
    /^mixed: probability: expected a number from 0 to 1, received 1.5/,
  );
  expect(() => onSquare(method, [1, 2, 3, 4], { variant: "me" })).toThrow(/lee or yu/);
});
