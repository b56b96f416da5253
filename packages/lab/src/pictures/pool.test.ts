/** Tiles and turning: cut anyhow, the pixels are those of the whole; turned, those of sharp. */
import sharp from "sharp";
import { expect, test } from "vitest";
import { findMethod } from "../methods.ts";
import { orient } from "./orient.ts";
import { type Pooling, poolRaster, Stopped } from "./pool.ts";
import { type Format, Raster } from "./raster.ts";

/** A raster of seeded pixels. */
function rasterOf(format: Format): Raster {
  const raster = Raster.create(format);
  const count = format.width * format.height * format.channels;
  const pixels = format.bits === 16 ? new Uint16Array(count) : new Uint8Array(count);
  let state = 12345;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[i] = state >>> (32 - format.bits);
  }
  raster.write(0, pixels);
  return raster;
}

const pixelsOf = (raster: Raster) => [...raster.read(0, raster.format.height)];

test("tiles of any size give the pixels of the whole", async () => {
  for (const channels of [1, 2, 3, 4] as const) {
    for (const bits of [8, 16] as const) {
      for (const [kernel, stride] of [
        [
          [2, 2],
          [2, 2],
        ],
        [
          [3, 5],
          [1, 2],
        ],
        [
          [1, 2],
          [3, 3],
        ],
        [
          [13, 4],
          [4, 13],
        ],
      ] as const) {
        const raster = rasterOf({ width: 31, height: 27, channels, bits });
        const method = findMethod("soft");
        const pooling: Pooling = { method, kernel, stride, beta: 1.5, light: "linear" };
        const whole = await poolRaster(raster, pooling);
        for (const most of [1, 60 * channels, 200 * channels]) {
          const target = { bits, alpha: true };
          const cut = await poolRaster(raster, pooling, target, () => false, most);
          expect(cut.raster.format).toEqual(whole.raster.format);
          // The order of sums differs with the width of a tile: half a step may round either way.
          const [a, b] = [pixelsOf(cut.raster), pixelsOf(whole.raster)];
          const maxdiff = a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);
          expect(maxdiff, `${channels} ${bits} ${kernel} ${stride} ${most}`).toBeLessThanOrEqual(1);
          expect(a.filter((v, i) => v !== b[i]).length).toBeLessThanOrEqual(a.length / 100);
        }
      }
    }
  }
});

test("alpha: opaque pictures pool like those without, transparent pixels have no say", async () => {
  const opaque = Raster.create({ width: 4, height: 2, channels: 4, bits: 8 });
  const plain = Raster.create({ width: 4, height: 2, channels: 3, bits: 8 });
  const colours = Array.from({ length: 24 }, (_, i) => (i * 37) % 200);
  plain.write(0, Uint8Array.from(colours));
  const withAlpha = (alpha: (pixel: number) => number) =>
    Uint8Array.from({ length: 32 }, (_, i) =>
      i % 4 === 3 ? alpha(i >> 2) : colours[(i >> 2) * 3 + (i % 4)],
    );
  for (const name of ["soft", "average", "maximum", "sum", "power-average"]) {
    const pooling: Pooling = {
      method: findMethod(name),
      kernel: [2, 2],
      stride: [2, 2],
      beta: 1,
      light: "srgb",
    };
    const expected = pixelsOf((await poolRaster(plain, pooling)).raster);
    opaque.write(
      0,
      withAlpha(() => 255),
    );
    const got = pixelsOf((await poolRaster(opaque, pooling)).raster);
    expect(
      got.filter((_, i) => i % 4 < 3),
      name,
    ).toEqual(expected);
    // Laid over white, an opaque picture is itself and a transparent one is white.
    const over = { bits: 8, alpha: false } as const;
    expect(pixelsOf((await poolRaster(opaque, pooling, over)).raster), name).toEqual(expected);
    opaque.write(
      0,
      withAlpha(() => 0),
    );
    const white = pixelsOf((await poolRaster(opaque, pooling, over)).raster);
    expect(new Set(white)).toEqual(new Set([255]));
    expect(new Set(pixelsOf((await poolRaster(opaque, pooling)).raster))).toEqual(new Set([0]));
    // One pixel of a window visible: its colour alone.
    opaque.write(
      0,
      withAlpha((pixel) => (pixel === 1 || pixel === 6 ? 255 : 0)),
    );
    if (name === "average" || name === "maximum") {
      const seen = pixelsOf((await poolRaster(opaque, pooling)).raster);
      expect([...seen.slice(0, 3), ...seen.slice(4, 7)]).toEqual([
        ...colours.slice(3, 6),
        ...colours.slice(18, 21),
      ]);
    }
  }
});

test("stops between tiles", async () => {
  const raster = rasterOf({ width: 8, height: 8, channels: 1, bits: 8 });
  const method = findMethod("max");
  const pooling: Pooling = { method, kernel: [2, 2], stride: [2, 2], beta: 1, light: "srgb" };
  let asked = 0;
  const stop = () => ++asked === 3;
  const target = { bits: 8, alpha: true } as const;
  await expect(poolRaster(raster, pooling, target, stop, 1)).rejects.toThrow(Stopped);
  expect(asked).toBe(3);
});

test("all eight orientations, as sharp turns them", async () => {
  for (const channels of [1, 3, 4] as const) {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const raster = rasterOf({ width: 7, height: 5, channels, bits: 8 });
      const image = raster.image().withMetadata({ orientation });
      const tagged = await image.png().toBuffer();
      const space = channels === 1 ? "b-w" : "srgb";
      const { data, info } = await sharp(tagged)
        .autoOrient()
        .toColourspace(space)
        .raw()
        .toBuffer({ resolveWithObject: true });
      const upright = orient(raster, orientation);
      expect([upright.format.width, upright.format.height]).toEqual([info.width, info.height]);
      expect(pixelsOf(upright), `orientation ${orientation}`).toEqual([...data]);
    }
  }
});
