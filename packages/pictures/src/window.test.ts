import fc from "fast-check";
import { expect, test } from "vitest";
import { srgbToLinear } from "./light.ts";
import { prepare, windowSize } from "./window.ts";

test("every mean follows the definition, at any width, beside other widths, again and again", () => {
  const g = Array.from({ length: windowSize }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const total = g.reduce((sum, v) => sum + v);
  const width = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 250, max: 540 }));
  fc.assert(
    fc.property(fc.array(width, { minLength: 1, maxLength: 3 }), fc.nat(), (widths, seed) => {
      const value = (plane: number, x: number, y: number) =>
        ((x * x * 7 + y * 13 + plane * 29 + x * y * 5 + seed) % 101) / 101;
      const all = prepare(widths);
      for (let row = 0; row < 14; row++) {
        all.forEach((rows, n) => {
          for (let x = 0; x < rows.plain.length; x++) {
            rows.plain[x] = value(0, x, row);
            rows.reference[x] = value(1, x, row);
          }
          expect(rows.take(row)).toBe(row >= 10 && widths[n] >= 11);
        });
        if (row < 10) continue;
        all.forEach((rows) => {
          [rows.mean, rows.second, rows.mixed].forEach((found, plane) => {
            expect(found.length).toBe(Math.max(0, rows.plain.length - 10));
            for (let x = 0; x < found.length; x += 1 + (x % 7)) {
              let wanted = 0;
              for (let j = 0; j < 121; j++) {
                const [dx, dy] = [j % 11, Math.floor(j / 11)];
                const v = value(0, x + dx, row - 10 + dy);
                const factor = [1, v, value(1, x + dx, row - 10 + dy)][plane];
                wanted += (g[dx] * g[dy] * v * factor) / total ** 2;
              }
              expect(Math.abs(found[x] - wanted), `${x} of ${found.length}`).toBeLessThan(1e-14);
            }
          });
        });
      }
    }),
    { numRuns: 25 },
  );
});

test("linear light is the curve's, below 0 and above 1 too, and any value passes", () => {
  const values = [0, 0.04045, 0.0404501, 1, 1.11, 1.2, 35.9, 36.1, 1e4, Infinity, Number.NaN];
  const value = fc.oneof(
    fc.double({ min: -0.2, max: 1.2, noNaN: true }),
    fc.double({ min: -40, max: 40, noNaN: true }),
    fc.constantFrom(...values, ...values.map((v) => -v)),
  );
  const near = (found: number, wanted: number) => {
    if (!Number.isFinite(wanted)) expect(found).toBe(wanted);
    else expect(Math.abs(found - wanted)).toBeLessThanOrEqual(2e-8 * Math.max(1, Math.abs(wanted)));
  };
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 9 }), (row) => {
      const [rows] = prepare([row.length]);
      const light = row.map(srgbToLinear);
      const original = Float32Array.from(row, (_, i) => i / 8);
      [0.25, 0.5].forEach((weight, i) => {
        rows.channel.set(row);
        const wanted = light.reduce((sum, v, x) => sum + (v - original[x]) ** 2, 0);
        near(rows.addLight(original, weight, i === 0), wanted);
      });
      light.forEach((v, x) => {
        near(rows.plain[x], 0.75 * v);
      });
    }),
    { numRuns: 500 },
  );
});
