import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, maxDiff } from "../test/pictures.ts";
import { createPicture } from "./picture.ts";
import { findValueRange, fromValueRange, toValueRange, valueRanges } from "./values.ts";

test("ranges are what they say, and lead back", () => {
  const colour = createPicture(1, 2, 3, Float32Array.of(0, 1, 0, 1, 0, 1));
  const grey = createPicture(2, 1, 1, Float32Array.of(0, 1));
  expect([...toValueRange(colour, "byte").data]).toEqual([0, 255, 0, 255, 0, 255]);
  // (0 - mean) / deviation and (1 - mean) / deviation.
  const wanted = [-2.1179039, 2.2489083, -2.0357143, 2.4285714, -1.8044444, 2.64];
  expect(maxDiff(toValueRange(colour, "imagenet").data, wanted)).toBeLessThan(1e-6);
  const both = [-1.9867257, 2.4380531];
  expect(maxDiff(toValueRange(grey, "imagenet").data, both)).toBeLessThan(1e-6);
  fc.assert(
    fc.property(anyPicture(1, 6), (p) => {
      expect(toValueRange(p, "unit")).toBe(p);
      for (const { name } of valueRanges) {
        const back = fromValueRange(toValueRange(p, name), name);
        expect({ ...back, data: 0 }).toEqual({ ...p, data: 0 });
        expect(maxDiff(back.data, p.data), name).toBeLessThan(3e-7);
      }
    }),
  );
  expect([...fromValueRange(createPicture(1, 1, 1, Float32Array.of(510)), "byte").data]).toEqual([
    2,
  ]);
});

test("ranges are found by name, and what was meant is asked", () => {
  for (const range of valueRanges) expect(findValueRange(range.name)).toBe(range);
  expect(() => findValueRange("imagnet")).toThrow(
    /unit, byte, imagenet, got "imagnet"; did you mean imagenet\?/,
  );
  expect(() => toValueRange(createPicture(1, 1, 1), "bit" as never)).toThrow(/got "bit"/);
  expect(() => fromValueRange(undefined as never, "byte")).toThrow(
    /fromValueRange: p must be a picture .* got undefined/,
  );
});
