/** Pictures for tests: a procedural one that any language can redraw, and random ones. */
import fc from "fast-check";
import { areaAverage } from "../src/area.ts";
import { createPicture, type Picture } from "../src/picture.ts";

/**
 * Values 0.6 ((7 x^2 + 3 y^2 + 5 x y + 29 c) mod m) / m + 0.4 ((x + y + 3 c) mod 37) / 37, rounded to
 * float32: fine texture over a coarse ramp, in [0, 1).
 */
export function procedural(width: number, height: number, channels: number, m: number): Picture {
  const p = createPicture(width, height, channels);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const texture = (7 * x * x + 3 * y * y + 5 * x * y + 29 * c) % m;
        p.data[i] = (texture / m) * 0.6 + (((x + y + 3 * c) % 37) / 37) * 0.4;
      }
    }
  }
  return p;
}

/** The picture with every sample replaced. */
export function mapPicture(p: Picture, f: (v: number, i: number) => number): Picture {
  return createPicture(p.width, p.height, p.channels, p.data.map(f));
}

/** Random pictures of the given size range, one or three channels, values in [0, 1]. */
export function anyPicture(least: number, most: number): fc.Arbitrary<Picture> {
  const side = fc.integer({ min: least, max: most });
  return fc.tuple(side, side, fc.constantFrom(1, 3)).chain(([width, height, channels]) => {
    const length = width * height * channels;
    return fc
      .float32Array({ min: 0, max: 1, noNaN: true, minLength: length, maxLength: length })
      .map((data) => createPicture(width, height, channels, data));
  });
}

/** The largest difference between two rows of numbers; NaN when one holds a NaN the other lacks. */
export function maxDiff(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= largest)) largest = d;
  }
  return largest;
}

/** Half the mean and half the maximum of each block: a stand-in for a pooling. */
export function pool(p: Picture, k: number): Picture {
  const mean = areaAverage(p, k);
  const area = mean.width * mean.height;
  return mapPicture(mean, (v, i) => {
    const [x, row] = [i % mean.width, Math.floor((i % area) / mean.width)];
    const channel = Math.floor(i / area) * p.width * p.height;
    let top = -Infinity;
    for (let j = 0; j < k * k; j++) {
      const line = channel + (row * k + Math.floor(j / k)) * p.width;
      top = Math.max(top, p.data[line + x * k + (j % k)]);
    }
    return 0.5 * v + 0.5 * top;
  });
}
