import { expect, test } from "vitest";
import { pictureInput, valuesOf } from "./input.ts";
import { distanceOf, outputOf } from "./outputs.ts";

test("a shape says whether a picture fits, and where its channels are", () => {
  const open = { name: "x", dtype: "float32" } as const;
  expect(pictureInput("x", "float32", ["n", 3, 224, 200])).toEqual({
    ...open,
    channels: 3,
    last: false,
    height: 224,
    width: 200,
  });
  expect(pictureInput("x", "float32", [1, "h", "w", 3])).toEqual({
    ...open,
    channels: 3,
    last: true,
    height: undefined,
    width: undefined,
  });
  expect(pictureInput("x", "float32", [1, 1, 28, 28])).toMatchObject({ channels: 1, last: false });
  const wrong: [Parameters<typeof pictureInput>[1], Parameters<typeof pictureInput>[2], RegExp][] =
    [
      ["int64", [1, 3, 8, 8], /int64/],
      ["float32", undefined, /not declared/],
      ["float32", [1, 3, 8], /3 axes/],
      ["float32", [4, 3, 8, 8], /4 pictures/],
      ["float32", [1, 64, 8, 8], /64 channels/],
    ];
  for (const [dtype, shape, words] of wrong) expect(pictureInput("x", dtype, shape)).toMatch(words);
});

test("values are scaled and laid out as the network wants them", () => {
  const data = Uint8ClampedArray.of(255, 0, 51, 255, 0, 255, 102, 255);
  const pixels = { data, width: 2, height: 1 } as ImageData;
  const input = { name: "x", dtype: "float32", height: 1, width: 2, channels: 3 } as const;
  const planes = valuesOf(pixels, { ...input, last: false }, "unit");
  expect(planes.shape).toEqual([1, 3, 1, 2]);
  expect(Array.from(planes.data)).toEqual([1, 0, 0, 1, 0.2, 0.4]);
  const last = valuesOf(pixels, { ...input, last: true }, "byte");
  expect([last.shape, Array.from(last.data)]).toEqual([
    [1, 1, 2, 3],
    [255, 0, 51, 0, 255, 102],
  ]);
  const grey = valuesOf(pixels, { ...input, channels: 1, last: false }, "signed");
  expect(grey.data[0]).toBeCloseTo(2 * (0.299 + 0.114 * 0.2) - 1, 12);
  const norm = valuesOf(pixels, { ...input, last: false }, "imagenet");
  expect(norm.data[0]).toBeCloseTo((1 - 0.485) / 0.229, 12);
});

test("outputs are scores, maps or numbers, and their distance is told", () => {
  const scores = {
    dtype: "float32",
    shape: [1, 3],
    data: Float64Array.of(0, Math.log(3), 0),
  } as const;
  expect(outputOf("y", scores)).toMatchObject({
    kind: "scores",
    shares: true,
    softmax: true,
    count: 3,
    top: [{ index: 1 }, {}, {}],
  });
  expect(outputOf("y", { ...scores, data: Float64Array.of(0.2, 0.5, 0.3) })).toMatchObject({
    softmax: false,
    top: [{ index: 1, value: 0.5 }, { index: 2 }, { index: 0 }],
  });
  expect(outputOf("y", { ...scores, data: Float64Array.of(Number.NaN, 1, 2) })).toMatchObject({
    shares: false,
  });
  const maps = {
    dtype: "float32",
    shape: [1, 2, 1, 3],
    data: Float64Array.of(1, 2, 3, 4, 5, 6),
  } as const;
  expect(outputOf("m", maps)).toMatchObject({
    kind: "maps",
    width: 3,
    height: 1,
    channels: [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)],
  });
  expect(outputOf("n", { dtype: "float32", shape: [], data: Float64Array.of(1) }).kind).toBe(
    "numbers",
  );
  const other = { ...maps, data: Float64Array.of(1, 2, 3, 4, 5, Number.POSITIVE_INFINITY) };
  expect(distanceOf("m", maps, { ...maps, data: Float64Array.of(1, 2, 3, 4, 5, 8) })).toEqual({
    name: "m",
    largest: 2,
    scale: 6,
    finite: true,
  });
  expect(distanceOf("m", maps, other).finite).toBe(false);
});
