import { expect, test } from "vitest";
import type { Picture } from "../picture.ts";
import { black, Canvas, white } from "./canvas.ts";
import { type ChartOptions, resolutionChart } from "./chart.ts";
import { lines } from "./lines.ts";
import { cosTurns, exp2, random, sinTurns } from "./maths.ts";
import { pixelText } from "./pixel-font.ts";
import { strokeText } from "./stroke-font.ts";
import { text } from "./text.ts";

/** FNV-1a over the picture's 8-bit values; every value must be one. */
function fingerprint(p: Picture): string {
  let hash = 0x811c9dc5;
  for (const v of p.data) {
    const byte = Math.round(v * 255);
    if (Math.fround(byte / 255) !== v) throw new Error(`${v} is no multiple of 1/255 in [0, 1]`);
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0).toString(16);
}

test("the chart is the same on every machine", () => {
  const known: [ChartOptions, string][] = [
    [{}, "db423420"],
    [{ seed: 2 }, "16ce66fb"],
    [{ width: 64, height: 64 }, "cd988bae"],
    [{ width: 400, height: 700, seed: -5 }, "ba89ebc6"],
    [{ width: 1100, height: 1050 }, "b5ae58f1"],
  ];
  const got = known.map(([options]) => fingerprint(resolutionChart(options)));
  expect(got).toEqual(known.map(([, hash]) => hash));
});

test("any size from 64 x 64 can be drawn, and the seed moves the noise only", () => {
  for (const [width, height] of [
    [64, 64],
    [65, 999],
    [1001, 64],
    [127, 199],
    [320, 321],
    [511, 200],
  ]) {
    const p = resolutionChart({ width, height });
    const q = resolutionChart({ width, height, seed: 9 });
    expect([p.width, p.height, p.channels, p.data.length]).toEqual([
      width,
      height,
      3,
      3 * width * height,
    ]);
    const changed = p.data.reduce((n, v, i) => n + (v === q.data[i] ? 0 : 1), 0) / p.data.length;
    expect(changed, `${width} x ${height}`).toBeGreaterThan(0.001);
    expect(changed, `${width} x ${height}`).toBeLessThan(0.08);
  }
  const bad: [object, RegExp][] = [
    [{ width: 63 }, /resolutionChart: width must be an integer from 64 to 16384, got 63/],
    [{ height: 100.5 }, /height .* got 100.5/],
    [{ height: 1e9 }, /height .* got 1000000000/],
    [{ seed: 0.5 }, /seed must be an integer, got 0.5/],
  ];
  for (const [options, message] of bad) expect(() => resolutionChart(options)).toThrow(message);
});

test("both polarities of text and lines are exact negatives of each other", () => {
  const rect = { x: 0, y: 0, width: 160, height: 200 };
  for (const draw of [text, lines]) {
    const [dark, light] = [new Canvas(160, 200), new Canvas(160, 200)];
    draw(dark, rect, black, white);
    draw(light, rect, white, black);
    const [p, q] = [dark.toPicture().data, light.toPicture().data];
    const unlike = p.findIndex((v, i) => Math.abs(v + q[i] - 1) > 0.0041);
    expect(unlike).toBe(-1);
    expect(p.filter((v) => v < 0.5).length).toBeGreaterThan(p.length / 50);
  }
});

test("both fonts hold every letter and digit, each unlike the others", () => {
  const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:-+=/()^";
  const rect = { x: 0, y: 0, width: 40, height: 48 };
  for (const font of ["pixel", "stroke"]) {
    const seen = new Map<string, string>();
    for (const character of characters) {
      const canvas = new Canvas(rect.width, rect.height);
      if (font === "pixel") pixelText(canvas, 2, 2, character, white, 3);
      else strokeText(canvas, 4, 4, character, 24, 3, white, rect);
      const { data } = canvas.toPicture();
      expect(
        data.some((v) => v > 0),
        `${font} ${character}`,
      ).toBe(true);
      const key = fingerprint({ ...rect, channels: 3, data });
      expect(seen.get(key), `${font} ${character} looks like another`).toBeUndefined();
      seen.set(key, character);
    }
  }
});

test("machine-independent cosines, powers and random numbers", () => {
  for (let t = -3; t <= 3; t += 1 / 257) {
    expect(Math.abs(cosTurns(t) - Math.cos(2 * Math.PI * t))).toBeLessThan(1e-13);
    expect(Math.abs(sinTurns(t) - Math.sin(2 * Math.PI * t))).toBeLessThan(1e-13);
    expect(Math.abs(exp2(9 * t) / 2 ** (9 * t) - 1)).toBeLessThan(1e-13);
  }
  // A thousand draws per cell expected; a chi-squared of 99 degrees of freedom stays within 99 +- 60.
  for (const key of ["seed", "stream", "counter"]) {
    const cells = new Float64Array(100);
    for (let i = 0; i < 100_000; i++) {
      const v =
        key === "seed" ? random(i, 1, 1) : key === "stream" ? random(1, i, 1) : random(1, 1, i);
      cells[Math.floor(v * 100)]++;
    }
    const chi = cells.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(Math.abs(chi - 99), key).toBeLessThan(60);
  }
});
