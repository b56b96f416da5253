import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, mapPicture, maxDiff } from "../test/pictures.ts";
import { createPicture, type Picture } from "./picture.ts";
import { type Reconstruction, resize } from "./resize.ts";

const reconstructions: readonly Reconstruction[] = ["nearest", "bilinear", "bicubic"];

/** The definition: a kernel around half-pixel positions over inputs clamped to the edge. */
const kernels: Record<Reconstruction, (d: number) => number> = {
  nearest: (d) => (d > -0.5 && d <= 0.5 ? 1 : 0),
  bilinear: (d) => Math.max(0, 1 - Math.abs(d)),
  bicubic: (d) => {
    const a = Math.abs(d);
    if (a <= 1) return 1.5 * a ** 3 - 2.5 * a ** 2 + 1;
    return a < 2 ? -0.5 * a ** 3 + 2.5 * a ** 2 - 4 * a + 2 : 0;
  },
};

function definition(p: Picture, width: number, height: number, kind: Reconstruction): Picture {
  const out = createPicture(width, height, p.channels);
  const clamp = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
  for (let c = 0, i = 0; c < p.channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const u = ((2 * x + 1) * p.width - width) / (2 * width);
        const v = ((2 * y + 1) * p.height - height) / (2 * height);
        let sum = 0;
        for (let row = Math.floor(v) - 2; row <= v + 3; row++) {
          for (let column = Math.floor(u) - 2; column <= u + 3; column++) {
            const line = (c * p.height + clamp(row, p.height)) * p.width;
            const weight = kernels[kind](column - u) * kernels[kind](row - v);
            sum += weight * p.data[line + clamp(column, p.width)];
          }
        }
        out.data[i] = sum;
      }
    }
  }
  return out;
}

test("resize follows the definition at every size, is the identity at the same, keeps constants", () => {
  const side = fc.integer({ min: 1, max: 17 });
  fc.assert(
    fc.property(anyPicture(1, 9), side, side, fc.float(), (p, width, height, level) => {
      for (const kind of reconstructions) {
        const got = resize(p, width, height, kind);
        const wanted = definition(p, width, height, kind).data;
        expect(maxDiff(got.data, wanted), kind).toBeLessThan(1e-6);
        expect(resize(p, p.width, p.height, kind)).toEqual(p);
        const scale = Math.fround(Number.isFinite(level) ? level : 1);
        const constant = resize(
          mapPicture(p, () => scale),
          width,
          height,
          kind,
        );
        expect(
          maxDiff(constant.data, new Float32Array(constant.data.length).fill(scale)),
        ).toBeLessThanOrEqual(1e-6 * Math.abs(scale));
      }
    }),
  );
});

test("small rows by hand", () => {
  const row = createPicture(2, 1, 1, Float32Array.of(0, 1));
  const stretched = (width: number, kind: Reconstruction) => [...resize(row, width, 1, kind).data];
  expect(stretched(4, "nearest")).toEqual([0, 0, 1, 1]);
  expect(stretched(3, "nearest")).toEqual([0, 1, 1]);
  expect(stretched(4, "bilinear")).toEqual([0, 0.25, 0.75, 1]);
  expect(stretched(1, "bilinear")).toEqual([0.5]);
  // At 1/4 of the way Keys' weights are -0.0703125, 0.8671875, 0.2265625, -0.0234375.
  expect(stretched(4, "bicubic")).toEqual([-0.0703125, 0.203125, 0.796875, 1.0703125]);
});

test("a NaN spoils only the outputs that look at it, and wrong arguments are named", () => {
  const p = createPicture(16, 16, 1);
  p.data[8 * 16 + 8] = Number.NaN;
  const reach = { nearest: 2, bilinear: 4, bicubic: 8 };
  for (const kind of reconstructions) {
    const spoilt = resize(p, 32, 32, kind).data.filter(Number.isNaN).length;
    expect(spoilt, kind).toBe(reach[kind] ** 2);
  }
  expect(() => resize(p, 0, 4, "nearest")).toThrow(/resize: width .* got 0/);
  expect(() => resize(p, 4, 1.5, "nearest")).toThrow(/resize: height .* got 1.5/);
  expect(() => resize(p, 4, 4, "lanczos" as never)).toThrow(/"bicubic", got "lanczos"/);
});
