import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, mapPicture, procedural } from "../test/pictures.ts";
import { createPicture } from "./picture.ts";
import { meanPsnr, psnr } from "./psnr.ts";

test("psnr of known differences, its ends and its refusals", () => {
  const p = procedural(41, 30, 3, 101);
  const q = procedural(41, 30, 3, 97);
  // scikit-image's peak_signal_noise_ratio of the same two pictures.
  expect(
    psnr(
      p,
      mapPicture(p, (v, i) => 0.75 * v + 0.25 * q.data[i]),
    ),
  ).toBeCloseTo(24.2507666, 7);
  expect(
    psnr(
      createPicture(3, 3, 1),
      mapPicture(createPicture(3, 3, 1), () => 0.1),
    ),
  ).toBeCloseTo(20, 6);
  expect(
    psnr(
      p,
      mapPicture(p, (v, i) => (i === 7 ? Number.NaN : v)),
    ),
  ).toBeNaN();
  expect(
    psnr(
      p,
      mapPicture(p, (v, i) => (i === 7 ? Infinity : v)),
    ),
  ).toBe(-Infinity);
  expect(() => psnr(p, procedural(41, 30, 1, 101))).toThrow(
    /b must measure 41 x 30 x 3 .* 41 x 30 x 1/,
  );
  fc.assert(
    fc.property(anyPicture(1, 8), fc.double({ min: 0.001, max: 1, noNaN: true }), (a, shift) => {
      const b = mapPicture(a, (v) => v + shift);
      expect(psnr(a, a)).toBe(Infinity);
      expect(psnr(a, b)).toBe(psnr(b, a));
      expect(psnr(a, b)).toBeCloseTo(-20 * Math.log10(shift), 2);
    }),
  );
});

test("meanPsnr counts equal pictures apart", () => {
  expect(meanPsnr([20, Infinity, 30, Infinity])).toEqual({ mean: 25, infinite: 2 });
  expect(meanPsnr([Infinity])).toEqual({ mean: Number.NaN, infinite: 1 });
  expect(meanPsnr(new Set([20, Number.NaN]))).toEqual({ mean: Number.NaN, infinite: 0 });
});
