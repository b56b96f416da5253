import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, maxDiff } from "../test/pictures.ts";
import { areaAverage } from "./area.ts";
import { createPicture, type Picture } from "./picture.ts";
import { resize } from "./resize.ts";

test("areaAverage keeps the mean of every channel, undoes repetition and needs sides that divide", () => {
  const mean = (p: Picture, c: number) => {
    const area = p.width * p.height;
    return p.data.subarray(c * area, (c + 1) * area).reduce((sum, v) => sum + v, 0) / area;
  };
  fc.assert(
    fc.property(anyPicture(1, 6), fc.integer({ min: 1, max: 5 }), (p, factor) => {
      const large = resize(p, p.width * factor, p.height * factor, "nearest");
      expect(maxDiff(areaAverage(large, factor).data, p.data)).toBeLessThan(1e-7);
      if (p.width % factor === 0 && p.height % factor === 0) {
        const small = areaAverage(p, factor);
        for (let c = 0; c < p.channels; c++) expect(mean(small, c)).toBeCloseTo(mean(p, c), 6);
      } else {
        expect(() => areaAverage(p, factor)).toThrow(/factor must divide both sides .* got/);
      }
    }),
  );
  const p = createPicture(4, 2, 1, Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
  expect([...areaAverage(p, 2).data]).toEqual([2.5, 4.5]);
});
