import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, mapPicture, pool } from "../test/pictures.ts";
import { cropToMultiple } from "./picture.ts";
import { resize } from "./resize.ts";
import { SquaredError } from "./squared-error.ts";

test("the squared error is that of the reconstruction, or none is given", () => {
  let given = 0;
  fc.assert(
    fc.property(anyPicture(1, 20), fc.integer({ min: 1, max: 5 }), (p, factor) => {
      const k = Math.min(factor, p.width, p.height);
      const original = cropToMultiple(p, k);
      const pooled = pool(original, k);
      for (const kind of ["nearest", "bilinear", "bicubic"] as const) {
        const error = new SquaredError(p, k, kind);
        const large = resize(pooled, original.width, original.height, kind);
        const wanted = large.data.reduce((sum, v, i) => sum + (v - original.data[i]) ** 2, 0);
        const found = error.of(pooled);
        if (found === undefined) {
          expect(wanted).toBeLessThan(2e-6 * 2 * original.data.reduce((s, v) => s + v * v, 1e-3));
        } else {
          given++;
          expect(Math.abs(found - wanted) / wanted, `${kind} ${found}`).toBeLessThan(1e-3);
          if (wanted > 0.01) {
            expect(Math.abs(found - wanted) / wanted, kind).toBeLessThan(1e-4);
          }
        }
        for (const bad of [Number.NaN, Infinity]) {
          expect(error.of(mapPicture(pooled, (v, i) => (i === 0 ? bad : v)))).toBeUndefined();
        }
      }
    }),
  );
  expect(given).toBeGreaterThan(100);
});
