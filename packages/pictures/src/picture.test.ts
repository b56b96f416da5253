import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture } from "../test/pictures.ts";
import { createPicture, crop, cropToMultiple } from "./picture.ts";

test("createPicture keeps the data it is given and says what is wrong with anything else", () => {
  const data = new Float32Array(12);
  expect(createPicture(2, 2, 3, data)).toEqual({ width: 2, height: 2, channels: 3, data });
  expect(createPicture(2, 2, 3, data).data).toBe(data);
  expect(createPicture(3, 2, 1).data).toEqual(new Float32Array(6));
  const bad: [() => unknown, RegExp][] = [
    [() => createPicture(0, 2, 1), /createPicture: width must be an integer of at least 1, got 0/],
    [() => createPicture(2.5, 2, 1), /width .* got 2.5/],
    [() => createPicture(2, Number.NaN, 1), /height .* got NaN/],
    [() => createPicture(2, "2" as never, 1), /height .* got string "2"/],
    [() => createPicture(2, 2, 4), /channels must be 1 \(grey\) or 3 \(RGB\), got 4/],
    [() => createPicture(2, 2, 3, new Float32Array(11)), /2 x 2 x 3 = 12 samples, got 11/],
    [() => createPicture(2, 2, 1, new Float64Array(4) as never), /got Float64Array of length 4/],
    [() => crop({} as never, 0, 0, 1, 1), /crop: p must be a picture .* got Object/],
    [() => crop(undefined as never, 0, 0, 1, 1), /crop: p must be a picture .* got undefined/],
    [() => crop(createPicture(4, 4, 1), 3, 0, 2, 1), /x \+ width <= 4, got x 3 and width 2/],
    [() => crop(createPicture(4, 4, 1), 0, -1, 2, 1), /got y -1 and height 1/],
    [() => cropToMultiple(createPicture(4, 4, 1), 5), /k .* 4 x 4 picture, got 5/],
  ];
  for (const [call, message] of bad) expect(call).toThrow(message);
});

test("crop copies the rectangle, cropToMultiple the largest top left part that divides", () => {
  const property = (p: ReturnType<typeof createPicture>, u: number, v: number) => {
    const x = Math.floor(u * p.width);
    const y = Math.floor(v * p.height);
    const part = crop(p, x, y, p.width - x, p.height - y);
    for (let c = 0, i = 0; c < p.channels; c++) {
      for (let row = y; row < p.height; row++) {
        for (let column = x; column < p.width; column++, i++) {
          expect(part.data[i]).toBe(p.data[(c * p.height + row) * p.width + column]);
        }
      }
    }
    const k = 1 + Math.floor(u * Math.min(p.width, p.height));
    const whole = cropToMultiple(p, k);
    const [width, height] = [p.width - (p.width % k), p.height - (p.height % k)];
    expect(whole).toEqual(crop(p, 0, 0, width, height));
    expect(whole.data.buffer).not.toBe(p.data.buffer);
  };
  const unit = fc.double({ min: 0, max: 0.999, noNaN: true });
  fc.assert(fc.property(anyPicture(1, 9), unit, unit, property));
});
