import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, mapPicture, pool, procedural } from "../test/pictures.ts";
import { areaAverage } from "./area.ts";
import { type Detail, DetailReference, detail } from "./detail.ts";
import { createPicture, cropToMultiple, type Picture } from "./picture.ts";
import { resize } from "./resize.ts";

const names = ["contrast", "bright", "dark", "luminance"] as const;

test("detail agrees with an independent computation in float64", () => {
  const known: [number[], number[]][] = [
    [
      [361, 378, 3, 101, 2],
      [0.793792385, 0.9002122718, 0.5707011434, 25.7004413861],
    ],
    [
      [50, 37, 3, 101, 3],
      [0.6997823965, 0.8880185738, 0.239691309, 39.4139981534],
    ],
    [
      [64, 41, 1, 97, 3],
      [0.5601301698, 0.756768684, 0.3481083621, 38.0872269286],
    ],
  ];
  for (const [[width, height, channels, m, factor], wanted] of known) {
    const original = procedural(width, height, channels, m);
    const found = detail(original, pool(cropToMultiple(original, factor), factor), factor);
    names.forEach((name, i) => {
      const label = `${width} x ${height} ${name}: ${found[name]} instead of ${wanted[i]}`;
      const tolerance = name === "luminance" ? 1e-5 : 3e-7;
      expect(Math.abs(found[name] - wanted[i]), label).toBeLessThan(tolerance);
    });
  }
});

/** The largest or smallest sample of every block. */
function extremes(p: Picture, k: number, choose: (...values: number[]) => number): Picture {
  return mapPicture(areaAverage(p, k), (_, i) => {
    const [w, h] = [p.width / k, p.height / k];
    const [x, y, c] = [i % w, Math.floor(i / w) % h, Math.floor(i / w / h)];
    const at = (j: number) =>
      (c * p.height + y * k + Math.floor(j / k)) * p.width + x * k + (j % k);
    return choose(...Array.from({ length: k * k }, (_unused, j) => p.data[at(j)]));
  });
}

test("a picture itself keeps all, the mean loses contrast, extremes keep themselves, mixtures lie between", () => {
  fc.assert(
    fc.property(anyPicture(2, 40), fc.integer({ min: 1, max: 4 }), (p, factor) => {
      const k = Math.min(factor, p.width, p.height);
      const original = cropToMultiple(p, k);
      const reference = new DetailReference(p, k);
      const near = (found: number, wanted: number) =>
        expect(Math.abs(found - wanted), `${found} ${wanted}`).toBeLessThan(1e-5);
      const mean = areaAverage(original, k);
      // Each sample repeated over a block: pooling it back loses nothing.
      const blocks = resize(mean, original.width, original.height, "nearest");
      const own = detail(blocks, mean, k);
      if (!Number.isNaN(own.contrast)) {
        for (const name of ["contrast", "bright", "dark"] as const) near(own[name], 1);
        near(own.luminance, 0);
      }
      const bright = extremes(original, k, Math.max);
      const dark = extremes(original, k, Math.min);
      const found = [dark, mean, bright].map((q) => reference.score(q));
      if (found.some(({ contrast }) => Number.isNaN(contrast))) return;
      const [d, m, b]: Detail[] = found;
      // The luma of the channels' extremes is at least as extreme as any pixel's.
      expect(b.bright).toBeGreaterThan(1 - 1e-5);
      expect(d.dark).toBeGreaterThan(1 - 1e-5);
      if (p.channels === 1) near(b.bright, 1);
      expect(m.contrast).toBeLessThan(1 + 1e-5);
      // From dark to bright: bright detail and luminance rise, dark detail falls.
      const half = reference.score(mapPicture(mean, (v, i) => (v + bright.data[i]) / 2));
      for (const [low, high] of [
        [d, m],
        [m, half],
        [half, b],
      ]) {
        expect(high.bright).toBeGreaterThan(low.bright - 1e-5);
        expect(high.dark).toBeLessThan(low.dark + 1e-5);
        expect(high.luminance).toBeGreaterThan(low.luminance - 1e-3);
      }
      // The mean of values is never lighter than the mean of light.
      expect(m.luminance).toBeLessThan(1e-3);
    }),
    { numRuns: 60 },
  );
});

test("flat and black originals have no detail to keep; NaN stays NaN; sizes must fit", () => {
  const flat = mapPicture(createPicture(70, 70, 3), () => 0.4);
  const found = detail(flat, areaAverage(procedural(70, 70, 3, 31), 2), 2);
  expect([found.contrast, found.bright, found.dark]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  expect(Number.isFinite(found.luminance)).toBe(true);
  const black = createPicture(8, 8, 1);
  expect(detail(black, createPicture(4, 4, 1), 2).luminance).toBeNaN();
  const p = procedural(64, 64, 1, 31);
  const spoilt = mapPicture(areaAverage(p, 2), (v, i) => (i === 40 ? Number.NaN : v));
  for (const name of names) expect(detail(p, spoilt, 2)[name], name).toBeNaN();
  expect(() => detail(p, p, 2)).toThrow(/pooled must measure 32 x 32 x 1 .* got 64 x 64 x 1/);
  expect(() => new DetailReference(p, 65)).toThrow(/got 65/);
  expect(() => new DetailReference(p, 1.5)).toThrow(
    /DetailReference: factor must be an integer of at least 1, got 1.5/,
  );
});
