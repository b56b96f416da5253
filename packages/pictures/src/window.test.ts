import fc from "fast-check";
import { expect, test } from "vitest";
import { srgbToLinear } from "./light.ts";
import { head, instantiate, LightRow, rowBytes } from "./window.ts";

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
      const bytes = rowBytes(row.length);
      const kernels = instantiate(head + 3 * bytes);
      const rows = new LightRow(kernels, head, row.length);
      const to = new Float64Array(kernels.memory.buffer, head + 2 * bytes, row.length);
      const light = row.map(srgbToLinear);
      const original = Float32Array.from(row, (_, i) => i / 8);
      [0.25, 0.5].forEach((weight, i) => {
        rows.channel.set(row);
        const wanted = light.reduce((sum, v, x) => sum + (v - original[x]) ** 2, 0);
        near(rows.add(original, weight, i === 0, to), wanted);
      });
      light.forEach((v, x) => {
        near(to[x], 0.75 * v);
      });
    }),
    { numRuns: 500 },
  );
});
