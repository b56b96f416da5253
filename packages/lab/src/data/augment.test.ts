/** Transforms: against their formulas, and pure functions of picture and place. */
import { uniforms } from "@softpool/poolings";
import { expect, test } from "vitest";
import { augment } from "./augment.ts";
import { jitterColours, lumaOf } from "./colour.ts";
import type { Pixels } from "./dataset.ts";
import { order, stream } from "./draw.ts";
import { axisOf, type Layout, resample } from "./resample.ts";
import { rotate } from "./rotate.ts";
import {
  evaluationTransform,
  expectTransform,
  type Transform,
  trainingTransform,
} from "./transforms.ts";

function noise(width: number, height: number, seed = 1): Pixels {
  const pixels = Uint8Array.from(uniforms(width * height * 3, { seed }), (u) => u * 256);
  return { pixels, width, height };
}

/** A transform that leaves values from 0 to 1. */
const plain = { mean: [0, 0, 0], std: [1, 1, 1], flip: 0 } as const;
const place = { seed: 7, epoch: 2, index: 11 };

function apply(picture: Pixels, transform: Transform, where = place): Float32Array {
  const out = new Float32Array((transform.channels ?? 3) * transform.size ** 2);
  augment(picture, transform, where, out);
  return out;
}

const maxdiff = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

test("resampling is the formula, summed over all inputs", () => {
  const picture = noise(13, 9);
  const whole: Layout = { origin: 0, scale: 1, length: 5, low: 0, high: 13 };
  const layouts: Layout[] = [
    { ...whole, scale: 13 / 5 },
    { ...whole, origin: 2, scale: 7 / 5, low: 2, high: 9 },
    { ...whole, origin: 1.3, scale: 0.4, mirrored: true },
    { ...whole, origin: -3, first: 3 },
    { ...whole, origin: 11, last: 2 },
  ];
  const weight = (
    { origin, scale, low, high, first = 0, last = 5 }: Layout,
    i: number,
    k: number,
  ) =>
    k < low || k >= high || i < first || i >= last
      ? 0
      : Math.max(0, 1 - Math.abs(k + 0.5 - origin - scale * (i + 0.5)) / Math.max(1, scale));
  for (const across of layouts) {
    for (const other of layouts) {
      const [high, scale] = [Math.min(9, other.high), Math.min(9 / 5, other.scale)];
      const down = { ...other, high, scale, origin: Math.min(5, other.origin) };
      const out = new Float32Array(75);
      resample(picture, axisOf(across), axisOf(down), out);
      const expected = Array.from({ length: 75 }, (_, at) => {
        const [c, j, i] = [Math.floor(at / 25), Math.floor(at / 5) % 5, at % 5];
        let [sum, weights] = [0, 0];
        for (let y = 0; y < 9; y++) {
          for (let x = 0; x < 13; x++) {
            const u = across.mirrored ? 4 - i : i;
            const v = down.mirrored ? 4 - j : j;
            const w = weight(across, u, x) * weight(down, v, y);
            sum += w * picture.pixels[(y * 13 + x) * 3 + c];
            weights += w;
          }
        }
        return weights === 0 ? 0 : sum / weights;
      });
      expect(maxdiff(out, expected)).toBeLessThan(1e-4);
    }
  }
});

test("evaluation: the shorter side resized, the centre taken, no chance", () => {
  // Values that grow along one side show where the crop lies.
  const ramp = (width: number, height: number, of: (x: number, y: number) => number): Pixels => ({
    pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) =>
      of(Math.floor(i / 3) % width, Math.floor(i / 3 / width)),
    ),
    width,
    height,
  });
  const transform: Transform = { ...plain, size: 8, geometry: { kind: "centre-crop", resize: 10 } };
  for (const turned of [false, true]) {
    const picture = turned ? ramp(40, 100, (_, y) => y) : ramp(100, 40, (x) => x);
    const out = apply(picture, transform);
    // 40 -> 10, 100 -> 25; of 25 the outputs from round(17 / 2) = 9 on, each 4 inputs wide.
    const expected = Array.from({ length: 192 }, (_, at) => {
      const i = turned ? Math.floor(at / 8) % 8 : at % 8;
      return (4 * (9 + i + 0.5) - 0.5) / 255;
    });
    expect(maxdiff(out, expected)).toBeLessThan(1e-6);
    expect(apply(picture, transform, { seed: 1, epoch: 0, index: 0 })).toEqual(out);
  }
  // A small picture of the size itself passes as it is, normalised.
  const small = noise(32, 32);
  const { mean, std } = evaluationTransform(32);
  const expected = Array.from({ length: 3072 }, (_, at) => {
    const c = Math.floor(at / 1024);
    return (small.pixels[(at % 1024) * 3 + c] / 255 - mean[c]) / std[c];
  });
  expect(maxdiff(apply(small, evaluationTransform(32)), expected)).toBeLessThan(1e-6);
  const resizes = [224, 299].map((size) => evaluationTransform(size).geometry);
  expect(resizes).toEqual([256, 342].map((resize) => ({ kind: "centre-crop", resize })));
});

test("pad and crop: every offset and both directions come up, pixels only move", () => {
  const picture = noise(6, 6);
  const transform: Transform = {
    ...plain,
    flip: 0.5,
    size: 6,
    geometry: { kind: "pad-crop", padding: 1 },
  };
  const moved = (dx: number, dy: number, mirrored: boolean) =>
    Float32Array.from({ length: 108 }, (_, at) => {
      const [c, y, column] = [Math.floor(at / 36), (Math.floor(at / 6) % 6) + dy, at % 6];
      const x = (mirrored ? 5 - column : column) + dx;
      const inside = x >= 0 && x < 6 && y >= 0 && y < 6;
      return inside ? picture.pixels[(y * 6 + x) * 3 + c] * (1 / 255) : 0;
    }).toString();
  const counts = new Map<string, number>();
  for (const mirrored of [false, true]) {
    for (const dx of [-1, 0, 1])
      for (const dy of [-1, 0, 1]) counts.set(moved(dx, dy, mirrored), 0);
  }
  for (let index = 0; index < 900; index++) {
    const got = apply(picture, transform, { ...place, index }).toString();
    expect(counts.has(got), `picture ${index}`).toBe(true);
    counts.set(got, (counts.get(got) as number) + 1);
  }
  // 50 each are expected, with a deviation of 7.
  for (const count of counts.values()) expect(Math.abs(count - 50)).toBeLessThan(35);
});

test("random areas stay inside, have the area and the ratio asked for, and vary", () => {
  const [width, height] = [200, 120];
  // Red tells the column, green the row.
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const at = Math.floor(i / 3);
    return i % 3 === 0 ? at % width : i % 3 === 1 ? Math.floor(at / width) : 0;
  });
  const geometry = { kind: "random-area", area: [0.1, 0.4], ratio: [0.5, 2] } as const;
  const transform: Transform = { ...plain, size: 2, geometry };
  const areas: number[] = [];
  for (let index = 0; index < 300; index++) {
    const out = apply({ pixels, width, height }, transform, { ...place, index });
    // Two outputs half a side apart, except for the triangle's cut at the crop's edges: 1/2 -> 5/12.
    const w = ((out[1] - out[0]) * 255 * 12) / 5;
    const h = ((out[6] - out[4]) * 255 * 12) / 5;
    areas.push((w * h) / (width * height));
    expect(w / h).toBeGreaterThan(0.5 * 0.93);
    expect(w / h).toBeLessThan(2 / 0.93);
    const [x, y] = [(out[0] + out[1]) / 2, (out[4] + out[6]) / 2].map((v) => v * 255 + 0.5);
    expect(Math.min(x - w / 2, y - h / 2)).toBeGreaterThan(-1.5);
    expect(Math.max(x + w / 2 - width, y + h / 2 - height)).toBeLessThan(1.5);
  }
  expect(Math.min(...areas)).toBeGreaterThan(0.09);
  expect(Math.max(...areas)).toBeLessThan(0.42);
  const mean = areas.reduce((a, b) => a + b) / areas.length;
  expect(Math.abs(mean - 0.25)).toBeLessThan(0.03);
  // Where nothing fits, the largest region of a ratio allowed, in the centre.
  const strip = apply({ pixels: pixels.subarray(0, 600), width: 200, height: 1 }, transform);
  const columns = [strip[0], strip[1]].map((v) => v * 255);
  expect(columns).toEqual([expect.closeTo(99, 4), expect.closeTo(100, 4)]);
});

test("colours: factors of one leave them, a third of the circle exchanges channels", () => {
  const values = Float32Array.from(uniforms(300, { seed: 3 }));
  const draw =
    (...numbers: number[]) =>
    () =>
      numbers.shift() as number;
  const none = { brightness: 0, contrast: 0, saturation: 0, hue: 0 };
  const changed = (jitter: object, ...numbers: number[]) => {
    const planes = values.slice();
    jitterColours(planes, { ...none, ...jitter }, draw(...numbers));
    return planes;
  };
  expect(changed({}, 0.1, 0.9, 0.3, 0.7)).toEqual(values);
  const third = changed({ hue: 0.5 }, 0, 0, 0, 5 / 6);
  const exchanged = Float32Array.from(values, (_, i) => values[(i + 200) % 300]);
  expect(maxdiff(third, exchanged)).toBeLessThan(1e-6);
  expect(
    maxdiff(
      changed({ brightness: 1 }, 0.25, 0, 0, 0),
      values.map((v) => v / 2),
    ),
  ).toBe(0);
  const luma = (planes: Float32Array, i: number) =>
    0.299 * planes[i] + 0.587 * planes[100 + i] + 0.114 * planes[200 + i];
  const grey = changed({ saturation: 1 }, 0, 0, 0, 0);
  const flat = changed({ contrast: 1 }, 0, 0, 0, 0);
  let mean = 0;
  for (let i = 0; i < 100; i++) mean += luma(values, i) / 100;
  for (let at = 0; at < 300; at++) {
    expect(grey[at]).toBeCloseTo(luma(values, at % 100), 5);
    expect(flat[at]).toBeCloseTo(mean, 5);
  }
});

test("rotation: quarter turns move pixels, small ones keep a linear picture linear, chance decides", () => {
  const size = 7;
  const planes = Float32Array.from(uniforms(2 * size * size, { seed: 5 }));
  const turned = planes.slice();
  rotate(turned, size, 90);
  const at = (p: Float32Array, c: number, x: number, y: number) => p[(c * size + y) * size + x];
  for (let c = 0; c < 2; c++) {
    for (let y = 0; y < size; y++) {
      // Clockwise: the top row becomes the right column.
      for (let x = 0; x < size; x++) {
        expect(at(turned, c, size - 1 - y, x)).toBeCloseTo(at(planes, c, x, y), 5);
      }
    }
  }
  // f(x, y) = x turned by a becomes c + cos a (x - c) + sin a (y - c), away from the black outside.
  const ramp = Float32Array.from({ length: 49 }, (_, i) => i % size);
  rotate(ramp, size, 10);
  const [cos, sin] = [Math.cos(Math.PI / 18), Math.sin(Math.PI / 18)];
  for (let y = 1; y < 6; y++) {
    for (let x = 1; x < 6; x++) {
      expect(at(ramp, 0, x, y)).toBeCloseTo(3 + cos * (x - 3) + sin * (y - 3), 5);
    }
  }
  const picture = noise(9, 9);
  const still: Transform = { ...plain, size: 9, geometry: { kind: "centre-crop", resize: 9 } };
  const moving = { ...still, rotate: { degrees: 10, probability: 0.6 } };
  const same = apply(picture, still).toString();
  let count = 0;
  for (let index = 0; index < 400; index++) {
    if (apply(picture, moving, { ...place, index }).toString() !== same) count++;
  }
  // 240 are expected, with a deviation of 10.
  expect(Math.abs(count - 240)).toBeLessThan(50);
});

test("a picture depends on seed, epoch and index, and on nothing else", () => {
  const picture = noise(90, 70);
  const jitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
  const transform = { ...trainingTransform(65), jitter };
  const first = apply(picture, transform);
  expect(apply(picture, transform)).toEqual(first);
  for (const other of [{ seed: 8 }, { epoch: 3 }, { index: 12 }]) {
    expect(apply(picture, transform, { ...place, ...other })).not.toEqual(first);
  }
  // The noise that a network is fed for the same seed is other noise.
  const next = stream("augment", 7, 0, 0);
  expect(uniforms(8, { seed: 7 })).not.toEqual(Float32Array.from({ length: 8 }, next));
});

test("greyscale is the luma of the same picture in colours", () => {
  const jitter = { brightness: 0.4, contrast: 0.2, saturation: 0.9, hue: 0.3 };
  const unit = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
  for (const changes of [{}, { jitter, rotate: { degrees: 20, probability: 1 } }]) {
    const usual = trainingTransform(24, undefined, 1);
    const colours = apply(noise(40, 31), { ...usual, ...changes, ...unit, channels: 3 });
    const mean = lumaOf(...usual.mean);
    const deviation = lumaOf(...usual.std);
    const expected = Array.from({ length: 576 }, (_, i) => {
      return (lumaOf(colours[i], colours[576 + i], colours[1152 + i]) - mean) / deviation;
    });
    expect(maxdiff(apply(noise(40, 31), { ...usual, ...changes }), expected)).toBeLessThan(2e-6);
  }
});

test("an epoch's order is a permutation, each place equally likely", () => {
  const counts = new Int32Array(36);
  for (let epoch = 0; epoch < 600; epoch++) {
    const taken = order(6, 5, epoch);
    expect([...taken].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    taken.forEach((index, i) => {
      counts[i * 6 + index]++;
    });
  }
  for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(45);
});

test("transforms that cannot be are refused by field", () => {
  const good = trainingTransform(224);
  const wrong: [string, object][] = [
    ["size", { size: 0 }],
    ["flip", { flip: 1.5 }],
    ["degrees", { rotate: { degrees: 200, probability: 1 } }],
    ["probability", { rotate: { degrees: 10, probability: -1 } }],
    ["mean", { mean: [0, 0] }],
    ["std", { std: [1, 0, 1] }],
    ["resize", { geometry: { kind: "centre-crop", resize: 200 } }],
    ["padding", { geometry: { kind: "pad-crop", padding: -1 } }],
    ["area", { geometry: { kind: "random-area", area: [0.5, 2], ratio: [1, 1] } }],
    ["ratio", { geometry: { kind: "random-area", area: [0.5, 1], ratio: [2, 1] } }],
    ["hue", { jitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0.6 } }],
  ];
  expect(() => expectTransform(good)).not.toThrow();
  for (const [name, change] of wrong) {
    const message = `transform: ${name}: expected`;
    expect(() => expectTransform({ ...good, ...change } as Transform), name).toThrow(message);
  }
});
