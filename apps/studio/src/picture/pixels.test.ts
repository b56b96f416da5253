import { linearToSrgb, srgbToLinear } from "@softpool/pictures";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasAlpha, overWhite, toPixels, toPlanes } from "./pixels.ts";

const lights = ["srgb", "linear"] as const;

test("every byte comes back, opaque and not, in both lights", () => {
  for (const light of lights) {
    for (const alpha of [255, 200, 128]) {
      const rgba = new Uint8ClampedArray(256 * 4);
      for (let i = 0; i < 256; i++) rgba.set([i, 255 - i, (i * 7) % 256, alpha], 4 * i);
      const planes = new Float32Array((alpha === 255 ? 3 : 4) * 256);
      toPlanes(rgba, light, planes);
      const back = new Uint8ClampedArray(rgba.length);
      toPixels(planes, light, back);
      expect(back, `${light}, alpha ${alpha}`).toEqual(rgba);
      expect(hasAlpha(rgba)).toBe(alpha !== 255);
    }
  }
});

test("rounding is that of the formula, clipped; NaN is black", () => {
  const values = fc.array(
    fc.oneof(
      fc.float({ min: Math.fround(-0.2), max: Math.fround(1.3), noNaN: true }),
      fc.constantFrom(0, 1, 1e-6, 0.0031308),
    ),
    { minLength: 3, maxLength: 60 },
  );
  fc.assert(
    fc.property(values, fc.constantFrom(...lights), (list, light) => {
      const count = Math.floor(list.length / 3);
      const planes = Float32Array.from(list.slice(0, 3 * count));
      const rgba = new Uint8ClampedArray(4 * count);
      toPixels(planes, light, rgba);
      for (let i = 0; i < count; i++) {
        for (let c = 0; c < 3; c++) {
          const v = Math.min(1, Math.max(0, planes[c * count + i]));
          const exact = 255 * (light === "linear" ? linearToSrgb(v) : v);
          // Where the formula is within its own rounding of the middle, either byte is right.
          const near = Math.abs(exact - Math.floor(exact) - 0.5) < 1e-6;
          const far = Math.abs(rgba[4 * i + c] - (near ? exact : Math.round(exact)));
          expect(far, `${v} in ${light}`).toBeLessThanOrEqual(near ? 0.51 : 0);
        }
      }
    }),
  );
  for (const light of lights) {
    const rgba = new Uint8ClampedArray(4);
    toPixels(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 7), light, rgba);
    expect([...rgba]).toEqual([0, 255, 255, 255]);
  }
});

test("planes are premultiplied, and white shows through", () => {
  const rgba = Uint8ClampedArray.of(255, 128, 0, 51);
  const planes = new Float32Array(4);
  toPlanes(rgba, "linear", planes);
  const want = [0.2, 0.2 * srgbToLinear(128 / 255), 0, 0.2];
  planes.forEach((value, i) => {
    expect(value).toBeCloseTo(want[i], 6);
  });
  const flat = overWhite(planes, 1);
  expect(flat.length).toBe(3);
  flat.forEach((value, c) => {
    expect(value).toBeCloseTo(want[c] + 0.8, 6);
  });
});
