import { expect, test } from "vitest";
import { maxDiff } from "../test/pictures.ts";
import { linearToSrgb, srgbToLinear, toLinear, toSrgb } from "./light.ts";
import { createPicture } from "./picture.ts";

test("the curves of IEC 61966-2-1 at known points, odd, and continued beyond 1", () => {
  const known = [
    [0, 0],
    [0.02, 0.02 / 12.92],
    [0.04045, 0.0031308],
    [0.25, 0.0508761],
    [0.5, 0.2140411],
    [188 / 255, 0.5028865],
    [1, 1],
    [1.2, 1.5168374],
  ];
  for (const [value, light] of known) {
    for (const sign of [1, -1]) {
      expect(srgbToLinear(sign * value)).toBeCloseTo(sign * light, 7);
      expect(linearToSrgb(sign * light)).toBeCloseTo(sign * value, 6);
    }
  }
  expect(srgbToLinear(Number.NaN)).toBeNaN();
  expect(linearToSrgb(Number.NaN)).toBeNaN();
  expect(srgbToLinear(-Infinity)).toBe(-Infinity);
  expect(linearToSrgb(Infinity)).toBe(Infinity);
});

test("whole pictures agree with the curves to 1e-6 and survive the round trip", () => {
  const dense = Float32Array.from({ length: 300_000 }, (_, i) => i / 100_000 - 1);
  const knees = [0.0031308, 0.04045, 1, 0].flatMap((v) => [v - 1e-7, v, v + 1e-7, -v]);
  const special = [Number.NaN, Infinity, -Infinity, 1e30];
  const values = Float32Array.from([...dense, ...knees, ...special]);
  const p = createPicture(values.length, 1, 1, values);
  const exact = (f: (v: number) => number) => Float32Array.from(values, f);
  expect(toLinear(p).data.slice(-4)).toEqual(exact(srgbToLinear).slice(-4));
  const finite = (a: Float32Array) => a.subarray(0, -4);
  const difference = (a: Float32Array, b: Float32Array) => maxDiff(finite(a), finite(b));
  expect(difference(toLinear(p).data, exact(srgbToLinear))).toBeLessThan(5e-7);
  expect(difference(toSrgb(p).data, exact(linearToSrgb))).toBeLessThan(5e-7);
  const inside = (a: Float32Array) => a.subarray(0, 200_001);
  expect(maxDiff(inside(toSrgb(toLinear(p)).data), inside(values))).toBeLessThan(1e-6);
  expect(maxDiff(inside(toLinear(toSrgb(p)).data), inside(values))).toBeLessThan(1e-6);
  expect(values[0]).toBe(-1);
});
