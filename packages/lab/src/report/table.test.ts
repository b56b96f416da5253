import { expect, test } from "vitest";
import { formatNumber, table } from "./table.ts";

test("numbers as tables have them", () => {
  for (const [value, digits, text] of [
    [1234.5, undefined, "1,234.5"],
    [-0.25, 3, "−0.250"],
    [0.00005, 2, "0.00"],
    [1e-9, undefined, "1.000e-9"],
    [1e20, 2, "1.00e+20"],
    [Number.NEGATIVE_INFINITY, 2, "−∞"],
    [Number.NaN, 2, "–"],
    [-0, 1, "0.0"],
  ] as const) {
    expect(formatNumber(value, digits)).toBe(text);
  }
});

test("the best of each group is marked, ties too; intervals stand apart; rows aside never win", () => {
  const { markup } = table({
    caption: "<caption>",
    columns: [
      { title: "kernel", words: true },
      { title: "method", words: true },
      { title: "PSNR", group: "sRGB", unit: "dB", digits: 1, best: "largest", bounds: "95 %" },
      { title: "error", group: "sRGB", best: "smallest" },
      { title: "n" },
    ],
    groups: [
      {
        rows: [
          ["2", "<soft>", { value: 20, low: 19, high: 21 }, 0.5, 1],
          ["2", "average", 21, 0.5, 2],
          ["2", "sum", Number.POSITIVE_INFINITY, 0.75, undefined],
        ],
        aside: [["2", "paper", 99, 0, Number.NaN]],
      },
      { rows: [["3", "soft", 1, 1, 1]] },
    ],
  });
  const rows = markup
    .split("<tr")
    .slice(3)
    .map((row) => row.replace(/<small>|<[^>]*>/g, "|").replace(/\|+/g, "|"));
  expect(rows.map((row) => row.slice(row.indexOf("|")))).toEqual([
    "|2|&lt;soft&gt;|20.0 dB|19.0 to 21.0|0.5|1|\n",
    "|average|21.0 dB|0.5|2|\n",
    "|sum|∞|0.75|–|\n",
    "|paper|99.0 dB|0|–|\n|\n|",
    "|3|soft|1.0 dB|1|1|\n|\n|\n",
  ]);
  const best = [...markup.matchAll(/class="best"><span>([^<]*)/g)].map(([, text]) => text);
  expect(best).toEqual(["0.5", "0.5", "∞"]);
  expect(markup).toContain('colspan="3"><span>sRGB</span>');
  expect(markup.match(/class="bounds">/g)).toHaveLength(6);
  expect(markup).toContain("&lt;caption&gt;");
});
