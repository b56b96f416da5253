/** Means, and what the numbers say in words. */
import { expect, test } from "vitest";
import type { Row } from "./measure.ts";
import { inWords, means } from "./summary.ts";
import { renderTable } from "./table.ts";

/** A row whose four measures are given in the order of the tables. */
function row(picture: string, kernel: number, method: string, values: number[], ms = 1): Row {
  const [a, b, c, d] = values;
  const score = { srgb: { ssim: a, psnr: b }, linear: { ssim: c, psnr: d } };
  return { picture, size: [10, 10], kernel, method, score, milliseconds: ms };
}

test("means leave out what is not defined and count infinite values apart", () => {
  const [mean] = means([
    row("a", 2, "soft", [0.5, 20, Number.NaN, Number.POSITIVE_INFINITY], 1),
    row("b", 2, "soft", [0.7, 30, 0.25, 40], 3),
  ]);
  expect(mean.values).toEqual({
    "srgb.ssim": 0.6,
    "srgb.psnr": 25,
    "linear.ssim": 0.25,
    "linear.psnr": 40,
  });
  expect([mean.infinite, mean.milliseconds, mean.pictures]).toEqual([1, 2, 2]);
});

test("words and marks follow the numbers", () => {
  const rows = [
    row("a", 2, "soft", [0.8, 20, 0.9, 25], 2),
    row("a", 2, "average", [0.9, 21, 0.8, 24], 1),
    row("a", 3, "soft", [0.7, 18, 0.8, 22.5], 3),
    row("a", 3, "average", [0.75, 18.25, 0.7, 21], 1),
  ];
  expect(inWords(means(rows), rows)).toBe(
    "In sRGB values average is ahead by SSIM and PSNR at every kernel (PSNR +0.25 to +1.00 dB over " +
      "soft); in linear light soft is ahead by SSIM and PSNR at every kernel (PSNR +1.00 to +1.50 dB " +
      "over average).",
  );
  // The lead changes hands: every measure and kernel is named.
  const mixed = [...rows.slice(0, 2), row("a", 3, "soft", [0.8, 17, 0.8, 22]), rows[3]];
  expect(inWords(means(mixed), mixed)).toContain(
    "In sRGB values the best are by SSIM average (kernel 2) and soft (kernel 3) and by PSNR average;",
  );
  const none = Number.NaN;
  const tiny = rows.map((r) => {
    const { srgb, linear } = r.score;
    return row("a", r.kernel, r.method, [none, srgb.psnr, none, linear.psnr]);
  });
  expect(inWords(means(tiny), tiny)).toContain("SSIM is not defined for pictures below 11 pixels.");
  expect(inWords(means(rows.slice(0, 1)), rows)).toContain("nothing to compare");
  const table = renderTable(means(rows), false).split("\n");
  expect(table[1].match(/\*/g)?.length).toBe(2);
  expect(table[2]).toMatch(/0\.9000\*\s+21\.00\*/);
});
