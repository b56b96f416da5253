import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../assembly/compile.js";
import { binary } from "./binary.ts";
import { prepare, windowSize } from "./window.ts";

test("the binary is that of its source (else run assembly/build.js)", () => {
  expect(Buffer.from(binary, "base64").equals(compile())).toBe(true);
});

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
