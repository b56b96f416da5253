/** Textures: the same bytes everywhere, balanced classes, and splits that share nothing. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { drawTexture, textureClasses, textures } from "./textures.ts";

test("the pictures are these bytes on every machine", () => {
  const hash = createHash("sha256");
  for (const size of [8, 32, 57]) {
    for (let index = 0; index < 20; index++) {
      const { pixels, width, height } = drawTexture(2 ** 40 + 5, index, size);
      expect([width, height, pixels.length]).toEqual([size, size, size * size * 3]);
      hash.update(pixels);
    }
  }
  expect(hash.digest("hex")).toBe(
    "b3598fe96b8721a25b486283dd486c2306a8641c0af94d1146045ae6fe2dfd16",
  );
});

test("classes are balanced, pictures differ, sizes show the same drawing", async () => {
  const count = 40;
  const seen = new Set<string>();
  const labels = new Int32Array(10);
  for (const split of ["train", "test"] as const) {
    for (const seed of [0, 1]) {
      const dataset = textures({ size: 16, count, seed }, split);
      expect(dataset.classes).toEqual(textureClasses);
      for (let i = 0; i < count; i++) {
        const item = await dataset.item(i);
        labels[item.label]++;
        seen.add(Buffer.from(item.pixels).toString("base64"));
      }
    }
  }
  expect(seen.size).toBe(4 * count);
  expect([...labels]).toEqual(new Array(10).fill(16));
  // Without the grain, which is drawn by the pixel, a picture of twice the size is the same scene.
  const mean = (pixels: Uint8Array) => pixels.reduce((sum, v) => sum + v, 0) / pixels.length;
  for (let i = 0; i < 10; i++) {
    const [small, large] = [drawTexture(3, i, 32), drawTexture(3, i, 64)];
    expect(Math.abs(mean(small.pixels) - mean(large.pixels)), `picture ${i}`).toBeLessThan(2);
  }
});

test("a class list renumbers, and wrong options are named", () => {
  const list = [...textureClasses].reverse();
  expect(textures({ count: 10 }, "train", list).label(0)).toBe(9);
  expect(() => textures({ count: 10 }, "train", list.slice(1))).toThrow(/lack "checked-cross"/);
  for (const options of [{ size: 7 }, { size: 1.5 }, { count: 9 }, { seed: -1 }]) {
    const [name] = Object.keys(options);
    expect(() => textures(options)).toThrow(`textures: ${name}: expected a whole number from`);
  }
});
