import fc from "fast-check";
import { expect, test } from "vitest";
import { bootstrapMean } from "../statistics/intervals.ts";
import { interval } from "../study/bootstrap.ts";
import type { Comparison } from "./comparison.ts";
import { meansCsv } from "./csv.ts";
import { measures } from "./measures.ts";
import { published } from "./published.ts";
import type { Score } from "./scores.ts";
import { knownSet } from "./sets.ts";
import { isSwept, summarise, withoutSweep } from "./summary.ts";
import { bestOf, softAt, sweepVariants, temperatureOf } from "./sweep.ts";
import type { Variant } from "./variant.ts";
import { incomplete, inWords } from "./words.ts";

const srgb: Comparison = { values: "unit", protocol: "bilinear", light: "srgb", dataRange: 1 };
const linear: Comparison = { ...srgb, light: "linear" };
const fixed = (method: string): Variant => ({
  method,
  settings: {},
  state: "fixed",
  phase: "inference",
});

/** A score whose measures are all one number; PSNR a hundred times as much. */
function score(picture: string, variant: Variant, value: number, more: Partial<Score> = {}): Score {
  const values = Object.fromEntries(
    measures.map(({ key }) => [key, key === "psnr" ? 100 * value : value]),
  ) as unknown as Score["values"];
  return {
    ...{ set: "urban100", picture, kernel: 2, variant, comparison: srgb, seed: undefined, values },
    ...{ size: [4, 4], nanoseconds: 1, engine: "wasm", machine: "here", revision: "1" },
    ...more,
  };
}

test("means, intervals, seeds and pictures on which a method beats average", () => {
  const training: Variant = { ...fixed("s3"), phase: "training" };
  const scores = [
    ...[0.5, 0.6, 0.7].map((value, i) => score(`img_00${i + 1}.png`, fixed("average"), value)),
    ...[0.6, 0.5, 0.8].map((value, i) => score(`img_00${i + 1}.png`, fixed("soft"), value)),
    ...[0.1, 0.3].map((value, seed) => score("img_002.png", training, value, { seed })),
    ...[0.5, 0.6].map((value, i) =>
      score(`img_00${i + 1}.png`, fixed("soft"), value, { comparison: linear }),
    ),
  ];
  const [summary] = summarise(scores);
  expect(summary.known).toEqual({ name: "Urban100", total: 100 });
  expect(summary.comparisons.map(({ comparison }) => comparison)).toEqual([srgb, linear]);
  const [soft, average, s3] = summary.comparisons[0].means;
  expect([soft, average, s3].map(({ name }) => name)).toEqual(["soft", "average", "s3 (training)"]);
  expect(soft.measures.ssim.value).toBeCloseTo(1.9 / 3, 12);
  expect(soft.measures.psnr.value).toBeCloseTo(190 / 3, 10);
  expect(soft.better).toMatchObject({ ssim: 2, psnr: 2 });
  // Nearer to 1 is better for detail, nearer to 0 for the luminance error.
  expect(soft.better).toMatchObject({ contrast: 2, luminance: 1 });
  expect(s3).toMatchObject({ pictures: 1, seeds: 2, compared: 1 });
  expect(s3.measures.ssim.value).toBeCloseTo(0.2, 12);
  expect(incomplete(summary)).toEqual([
    "S3 (training): measured on 1 of 3 pictures with kernel 2 only.",
    "Soft: measured on 2 of 3 pictures with kernel 2 only.",
  ]);
  expect(meansCsv([summary]).split("\r\n")[1]).toMatch(
    /^urban100,unit,bilinear,srgb,1,2,soft,soft,3,,0\.633.*,2,2,3,0\.694,50\.687,wasm$/,
  );
  expect(meansCsv(summarise(scores.toReversed()))).toBe(meansCsv([summary]));
});

test("the paragraph says what holds", () => {
  const both = (soft: number, average: number, comparison: Comparison) =>
    ["img_004.png", "img_012.png"].flatMap((picture) => [
      score(picture, fixed("soft"), soft, { comparison }),
      score(picture, fixed("average"), average, { comparison }),
      score(picture, fixed("maximum"), 0.1, { comparison }),
    ]);
  const [mixed] = summarise([...both(0.5, 0.6, srgb), ...both(0.6, 0.5, linear)]);
  const words = inWords(mixed);
  expect(words).toMatch(
    /ahead of average by mean SSIM and PSNR at every kernel with bilinear reconstruction in linear light \(PSNR \+10\.00 dB, ahead in 2 of 2/,
  );
  expect(words).toMatch(
    /behind average by both at every kernel with bilinear reconstruction in sRGB/,
  );
  expect(words).toMatch(
    /best of all methods does not hold in general: it has the best mean in 2 of 4 cases/,
  );
  expect(words).toMatch(
    /numbers for Urban100 \(of which 2 of 100 pictures were measured\) are not reproduced/,
  );
  const [all] = summarise(both(0.6, 0.5, srgb));
  expect(inWords(all)).toMatch(/best of all methods holds: it has the best mean in 2 of 2 cases/);
  const [lonely] = summarise([score("a.png", fixed("lip"), 1)]);
  expect(inWords(lonely)).toMatch(/nothing to be said/);
});

test("the paper's numbers stand beside the variants they are of", () => {
  const at = (variant: Variant, fitted = false) => published("Urban100", variant, 5, fitted)?.psnr;
  expect(at(fixed("soft"))).toBe(28.326);
  expect(at(softAt(2))).toBeUndefined();
  expect(at(fixed("stochastic"))).toBeUndefined();
  expect(at({ ...fixed("stochastic"), phase: "training" })).toBe(19.358);
  expect(at({ ...fixed("lip"), state: "initial" })).toBe(27.849);
  expect(at({ ...fixed("lip"), state: "initial" }, true)).toBeUndefined();
  expect(at({ ...fixed("lip"), state: "fitted" }, true)).toBe(27.849);
  expect(published("Urban100", fixed("soft"), 4, false)).toBeUndefined();
  expect(published("Kodak", fixed("soft"), 2, false)).toBeUndefined();
});

test("known sets are recognised by their layout", () => {
  const names = (count: number, of: (n: number) => string) =>
    Array.from({ length: count }, (_, i) => of(i + 1));
  const padded = (digits: number) => (n: number) => `${String(n).padStart(digits, "0")}.png`;
  const img = (n: number) => `img_${String(n).padStart(3, "0")}.png`;
  const cases: [string, string[], string | undefined][] = [
    ["train", names(800, padded(4)), "DIV2K"],
    ["x", names(9, (n) => `08${String(n).padStart(2, "0")}x4.png`), "DIV2K"],
    ["x", names(50, padded(6)), "Flickr2K"],
    ["x", ["AisazuNihaIrarenai.png", "LoveHina_vol01.png", "YumeiroCooking.png"], "Manga109"],
    ["x", names(24, (n) => `kodim${String(n).padStart(2, "0")}.png`), "Kodak"],
    ["x", ["baby.png", "bird_GT.bmp", "woman.png"], "Set5"],
    ["x", ["zebra.png", "comic.png", "ppt3.png"], "Set14"],
    ["set5", names(5, (n) => `img_00${n}_SRF_4_HR.png`), "Set5"],
    ["x", names(14, img), "Set14"],
    ["Urban 100", names(10, img), "Urban100"],
    ["x", names(100, img), "Urban100"],
    ["BSD100", names(100, img), undefined],
    ["x", ["img_020.png", "img_077.png"], "Urban100"],
    ["x", names(3, img), undefined],
    ["urban100", ["a.png", "b.png"], undefined],
    ["x", ["0001.png"], undefined],
  ];
  for (const [directory, files, name] of cases) {
    expect([directory, files[0], knownSet(directory, files)?.name]).toEqual([
      directory,
      files[0],
      name,
    ]);
  }
});

test("the best temperature is the top of the parabola, and a sweep stays out of the tables", () => {
  const number = fc.double({ min: -5, max: 5, noNaN: true });
  fc.assert(
    fc.property(number, number, fc.double({ min: 0.1, max: 9, noNaN: true }), (top, most, bend) => {
      const xs = [-20, -7, -2, 0.5, 1, 3, 8, 20];
      const best = bestOf(xs.map((x) => ({ x, y: most - bend * (x - top) ** 2 })));
      expect(best?.atEnd).toBe(false);
      expect(best?.x).toBeCloseTo(top, 8);
      expect(best?.y).toBeCloseTo(most, 6);
    }),
    { numRuns: 50 },
  );
  const rising = [0, 1, 2].map((x) => ({ x, y: x }));
  expect(bestOf(rising)).toEqual({ x: 2, y: 2, atEnd: true });
  expect(bestOf(rising, (y) => Math.abs(y - 1))).toMatchObject({ x: 1, atEnd: false });
  expect(bestOf([])).toBeUndefined();
  const variants = [...sweepVariants("byte"), softAt(1), fixed("average")];
  expect(variants.map(temperatureOf)).toContain(Number((1 / 255).toPrecision(6)));
  const [{ comparisons }] = summarise(variants.map((variant) => score("a.png", variant, 0.5)));
  const { means } = comparisons[0];
  expect(withoutSweep(means).map(({ name }) => name)).toEqual(["soft", "average"]);
  expect(means.filter((mean) => isSwept(mean, means))).toHaveLength(means.length - 2);
});

test("intervals are those of the bootstrap, whatever is not finite left out", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: -9, max: 9 }), { minLength: 2, maxLength: 9 }),
      (values) => {
        const ours = interval([...values, Number.NaN, Infinity]);
        expect(ours).toEqual(bootstrapMean(values, { resamples: 2000 }));
      },
    ),
    { numRuns: 20 },
  );
  expect(interval([3])).toEqual({ value: 3, low: Number.NaN, high: Number.NaN });
});
