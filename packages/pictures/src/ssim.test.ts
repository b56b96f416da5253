import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, mapPicture, maxDiff, procedural } from "../test/pictures.ts";
import { luma } from "./luma.ts";
import { createPicture, type Picture } from "./picture.ts";
import { msSsim, SsimReference, ssim } from "./ssim.ts";

/** The definition: the full 11 x 11 window at every valid position, in float64. */
function definition(a: Picture, b: Picture): number {
  const [x, y] = [luma(a), luma(b)];
  const g = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const total = g.reduce((sum, v) => sum + v) ** 2;
  let sum = 0;
  let count = 0;
  for (let top = 0; top + 11 <= a.height; top++) {
    for (let left = 0; left + 11 <= a.width; left++, count++) {
      let [mx, my, xx, yy, xy] = [0, 0, 0, 0, 0];
      for (let j = 0; j < 121; j++) {
        const at = (top + Math.floor(j / 11)) * a.width + left + (j % 11);
        const w = (g[Math.floor(j / 11)] * g[j % 11]) / total;
        mx += w * x[at];
        my += w * y[at];
        xx += w * x[at] ** 2;
        yy += w * y[at] ** 2;
        xy += w * x[at] * y[at];
      }
      const [c1, c2] = [0.0001, 0.0009];
      sum +=
        (((2 * mx * my + c1) / (mx ** 2 + my ** 2 + c1)) * (2 * (xy - mx * my) + c2)) /
        (xx - mx ** 2 + yy - my ** 2 + c2);
    }
  }
  return sum / count;
}

test("ssim agrees with scikit-image", () => {
  // structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1)
  // on BT.601 luma of the same pictures.
  const known: [number, number, number, number][] = [
    [11, 11, 1, 0.94793177],
    [24, 17, 1, 0.911899106],
    [41, 30, 3, 0.935397238],
  ];
  for (const [width, height, channels, wanted] of known) {
    const p = procedural(width, height, channels, 101);
    const q = procedural(width, height, channels, 97);
    const mixed = mapPicture(p, (v, i) => 0.75 * v + 0.25 * q.data[i]);
    expect(Math.abs(ssim(p, mixed) - wanted), `${width} x ${height}`).toBeLessThan(2e-8);
  }
});

test("ssim follows the definition, is 1 for equal pictures, symmetric, and NaN where it has no window", () => {
  fc.assert(
    fc.property(anyPicture(1, 26), fc.integer({ min: 2, max: 997 }), (a, m) => {
      const other = procedural(a.width, a.height, a.channels, m);
      const b = mapPicture(a, (v, i) => 0.7 * v + 0.3 * other.data[i]);
      const reference = new SsimReference(a);
      const value = reference.compare(b);
      if (Math.min(a.width, a.height) < 11) {
        expect(value).toBeNaN();
        return;
      }
      expect(Math.abs(value - definition(a, b))).toBeLessThan(1e-12);
      expect(value).toBeLessThan(1 + 1e-12);
      expect(reference.compare(a)).toBe(1);
      expect(ssim(b, a)).toBe(value);
      // A second use gives the same: nothing is left over from the first.
      expect(reference.compare(b)).toBe(value);
    }),
    { numRuns: 60 },
  );
});

test("a reference is a snapshot; NaN and Infinity make NaN and leave no trace; sizes must agree", () => {
  for (const channels of [1, 3]) {
    const p = procedural(20, 15, channels, 89);
    const q = mapPicture(p, (v) => v * v);
    const reference = new SsimReference(p);
    const value = reference.compare(q);
    for (const bad of [Number.NaN, Infinity]) {
      expect(reference.compare(mapPicture(q, (v, i) => (i === 33 ? bad : v)))).toBeNaN();
    }
    p.data.fill(0);
    expect(reference.compare(q)).toBe(value);
    expect(() => reference.compare(procedural(15, 20, channels, 89))).toThrow(
      /SsimReference.compare: other must measure 20 x 15 x \d .* got 15 x 20 x \d/,
    );
  }
});

test("data ranges and MS-SSIM agree with scikit-image and SciPy", () => {
  const p = procedural(190, 181, 3, 101);
  const q = procedural(190, 181, 3, 97);
  const mixed = mapPicture(p, (v, i) => 0.75 * v + 0.25 * q.data[i]);
  for (const [dataRange, multi, single] of [
    [1, 0.9883734163, 0.9396954153],
    [1 / 255, 0.9872627524, 0.9361022642],
    [255, 0.9999974899, 0.9999764926],
  ]) {
    expect(Math.abs(msSsim(p, mixed, { dataRange }) - multi), `${dataRange}`).toBeLessThan(2e-8);
    expect(Math.abs(ssim(p, mixed, { dataRange }) - single), `${dataRange}`).toBeLessThan(2e-8);
    // Values and range scaled alike change nothing.
    const [a, b] = [p, mixed].map((picture) => mapPicture(picture, (v) => 4 * v));
    const scaled = new SsimReference(a, { dataRange: 4 * dataRange }).compare(b);
    expect(Math.abs(scaled - single), `${dataRange}`).toBeLessThan(2e-8);
  }
  expect(msSsim(p, p)).toBe(1);
  expect(msSsim(mixed, p)).toBe(msSsim(p, mixed));
  // The negative of a picture has a negative covariance, which counts as 0.
  expect(
    msSsim(
      p,
      mapPicture(p, (v) => 1 - v),
    ),
  ).toBe(0);
  expect(msSsim(procedural(400, 175, 1, 31), procedural(400, 175, 1, 31))).toBeNaN();
  expect(msSsim(procedural(176, 176, 1, 31), procedural(176, 176, 1, 31))).toBe(1);
  expect(() => msSsim(p, p, { dataRange: -1 })).toThrow(
    /msSsim: dataRange must be a finite number above 0, got -1/,
  );
  expect(() => new SsimReference(p, { dataRange: Number.NaN })).toThrow(/got NaN/);
});

test("the farther a picture is mixed with another, the lower both", () => {
  const p = procedural(176, 180, 1, 101);
  const q = procedural(176, 180, 1, 97);
  let last = [1, 1];
  for (const share of [0.02, 0.1, 0.2, 0.4, 0.7, 1]) {
    const mixed = mapPicture(p, (v, i) => (1 - share) * v + share * q.data[i]);
    const now = [ssim(p, mixed), msSsim(p, mixed)];
    for (const i of [0, 1]) expect(now[i], `${share}`).toBeLessThan(last[i]);
    last = now;
  }
});

test("luma is BT.601 full range, and a grey picture's own data", () => {
  const p = createPicture(
    2,
    2,
    3,
    Float32Array.from({ length: 12 }, (_, i) => ((i * 5) % 12) / 12),
  );
  const wanted = [0, 1, 2, 3].map(
    (i) => 0.299 * p.data[i] + 0.587 * p.data[4 + i] + 0.114 * p.data[8 + i],
  );
  expect(maxDiff(luma(p), wanted)).toBeLessThan(1e-7);
  const grey = procedural(3, 2, 1, 7);
  expect(luma(grey)).toBe(grey.data);
});
