import fc from "fast-check";
import { expect, test } from "vitest";
import { type Axis, padded, ticksOf } from "./axis.ts";
import { dotPanels } from "./dots.ts";
import type { Html } from "./html.ts";
import { placeLabels } from "./labels.ts";
import { learningCurves } from "./learning.ts";
import { lines } from "./lines.ts";
import { renderPage } from "./page.ts";
import { stylesOf } from "./palette.ts";
import { scatter } from "./scatter.ts";
import { tradeoff } from "./tradeoff.ts";

const HOSTILE = [
  `"><script>alert(1)</script>`,
  "</title></style></svg><b>",
  "\u202Egnp.exe\u2067",
  "' onload='alert(1)",
  "&amp;&lt;]]>",
  "x".repeat(5000),
  "👩‍🔬 صورة.png",
  "",
];

const hostile: Axis = { label: HOSTILE[0], unit: HOSTILE[3] };

/** Every plot, with these names and values. */
function plots(names: readonly string[], values: readonly number[], axis: Axis): Html[] {
  const value = (i: number) => values[i % values.length];
  const points = names.map((name, i) => ({ name, x: value(i), y: value(i + 1) }));
  const series = names.map((name, i) => ({
    name,
    points: values.map((y, x) => ({ x, y: y + i, low: y - 1, high: value(x + 1) })),
  }));
  const title = names[0];
  return [
    lines({
      title,
      x: axis,
      y: { ...axis, log: true },
      series,
      levels: points,
      marks: points,
      note: names,
    }),
    scatter({ title, x: axis, y: axis, groups: names.map((name) => ({ name, points })) }),
    tradeoff({
      title,
      x: { ...axis, log: true },
      y: axis,
      better: "less",
      points: points.map((point, i) => ({ ...point, acrossX: [value(i), value(i + 2)] })),
    }),
    dotPanels({
      axis,
      reference: title,
      panels: names.map((name) => ({
        title: name,
        values: points.map(({ name, y }, i) => ({ name, value: y, low: y - 1, high: value(i) })),
      })),
    }),
    learningCurves(names.map((name) => ({ name, epochs: [{ epoch: 1, loss: value(0) }] }))),
  ];
}

const VOID = new Set(["meta", "img", "br", "!doctype"]);

/** Fails where tags do not close, or where there is an attribute or an element that should not be. */
function expectSound(markup: string): void {
  const open: string[] = [];
  const rest = markup.replace(
    /<(\/?)([a-z0-9!]+)((?: [\w-]+(?:="[^"<>]*")?)*)(\/?)>/gi,
    (_, close: string, tag: string, attributes: string, alone: string) => {
      expect(attributes.replace(/"[^"]*"/g, "")).not.toMatch(/ on\w+=/);
      if (close !== "") expect(open.pop()).toBe(tag);
      else if (alone === "" && !VOID.has(tag)) open.push(tag);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]/);
  expect(markup).not.toMatch(/<(script|b|title[^>]*><\/title)>/);
  expect(rest).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
  expect(markup).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
}

test("whatever names and values are, plots are sound SVG in colours of the theme", () => {
  for (const values of [
    [1, 2, 3],
    [1],
    [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 1e-300],
    [Number.NaN],
    [5, 5, 5],
    [],
  ]) {
    for (const plot of plots(HOSTILE, values.length === 0 ? [Number.NaN] : values, hostile)) {
      expectSound(plot.markup);
      expect(plot.markup).not.toMatch(/NaN|Infinity|undefined/);
      for (const [, colour] of plot.markup.matchAll(/(?:fill|stroke)="([^"]*)"/g)) {
        expect(colour).toMatch(/^(none|currentColor|var\(--[a-z0-9]+\))$/);
      }
      // The longest name is cut everywhere but in titles above and notes below.
      for (const [svg] of plot.markup.matchAll(/<svg [\s\S]*?<\/svg>/g)) {
        expect(svg).not.toContain("x".repeat(200));
      }
    }
  }
  for (const plot of plots([], [1], hostile)) expect(plot.markup).not.toContain("NaN");
});

test("a page holds its parts, and nothing that is loaded or run", () => {
  const page = renderPage({
    title: HOSTILE[0],
    lead: HOSTILE[1],
    sections: HOSTILE.map((title) => ({
      title,
      body: plots(HOSTILE.slice(0, 2), [1, 2], hostile),
    })),
    foot: HOSTILE.map((name) => [name, name]),
  });
  const [before, , after] = page.split(/<style>|<\/style>/);
  expectSound(before + after);
  expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/);
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
});

test("points stand where their values say, on wide and on narrow pages", () => {
  const { markup } = lines({
    x: { label: "x", ticks: [0, 10] },
    y: { label: "y", log: true },
    series: [
      {
        name: "soft",
        points: [0, 1, 2, 4].map((x) => ({ x, y: x === 1 ? Number.NaN : 10 ** x })),
      },
    ],
  });
  const drawings = [...markup.matchAll(/<svg [^>]*class="(wide|narrow)">([\s\S]*?)<\/svg>/g)];
  expect(drawings.map(([, kind]) => kind)).toEqual(["wide", "narrow"]);
  for (const [, , inside] of drawings) {
    const circles = [...inside.matchAll(/cy="([\d.]+)" cx="([\d.]+)"/g)].map(([, y, x]) => ({
      x: Number(x),
      y: Number(y),
    }));
    expect(circles).toHaveLength(3);
    const [a, b, c] = circles;
    expect((b.x - a.x) / (c.x - a.x)).toBeCloseTo(0.5, 2);
    expect((b.y - a.y) / (c.y - a.y)).toBeCloseTo(0.5, 2);
    expect(c.y).toBeLessThan(a.y);
    // The value that is none leaves a gap: two parts of the line.
    expect(inside.match(/ d="M[\d.]+,[\d.]+ZM|M[\d.]+,[\d.]+L/g)).not.toBeNull();
  }
});

test("a value far from the others becomes an arrow with its number", () => {
  const values = [0.8, 0.81, 0.82, 0.83, 0.84, 0.85, -3.25].map((value, i) => ({
    name: `m${i}`,
    value,
  }));
  const { markup } = dotPanels({ axis: { label: "SSIM" }, panels: [{ values }] });
  expect(markup).toContain("◂ −3.25");
  expect(markup.match(/<circle/g)).toHaveLength(6);
});

test("ticks are round, ascending, within the domain, and differ in their texts", () => {
  const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      number,
      fc.double({ min: 1e-4, max: 1e7, noNaN: true }),
      fc.boolean(),
      (from, length, log) => {
        const axis: Axis = { label: "", log };
        const low = log ? Math.abs(from) + 1e-3 : from;
        const domain = padded(axis, [low, low + length], 0.05);
        const ticks = ticksOf(axis, domain, 6);
        const values = ticks.map(({ value }) => value);
        expect(values).toEqual([...values].sort((a, b) => a - b));
        expect(ticks.length).toBeLessThanOrEqual(9);
        expect(
          values.every(
            (value) =>
              value >= domain[0] - 1e-9 * Math.abs(from) &&
              value <= domain[1] + 1e-9 * Math.abs(from),
          ),
        ).toBe(true);
        if (length > Math.abs(low) * 1e-3) {
          expect(ticks.length).toBeGreaterThan(1);
          expect(new Set(ticks.map(({ text }) => text)).size).toBe(ticks.length);
        }
      },
    ),
  );
});

test("names of points cover no other name where there is room", () => {
  const area = { left: 0, top: 0, right: 800, bottom: 400 };
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(79), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 10, max: 110 }), { minLength: 12, maxLength: 12 }),
      (cells, widths) => {
        const points = cells.map((cell, i) => ({
          x: 40 + (cell % 8) * 102,
          y: 20 + Math.floor(cell / 8) * 40,
          width: widths[i],
        }));
        const places = placeLabels(points, area);
        for (const [i, a] of places.entries()) {
          expect(a.x - widths[i] / 2).toBeGreaterThanOrEqual(-1);
          expect(a.x + widths[i] / 2).toBeLessThanOrEqual(801);
          for (const [j, b] of places.entries()) {
            if (j <= i) continue;
            const apart =
              Math.abs(a.x - b.x) > (widths[i] + widths[j]) / 2 - 1 || Math.abs(a.y - b.y) > 13;
            expect(apart).toBe(true);
          }
        }
      },
    ),
  );
});

test("methods keep their looks, and no two of forty series look alike", () => {
  const some = stylesOf(["lip", "maximum", "soft", "x"]);
  const others = stylesOf(["average", "soft", "maximum"]);
  for (const name of ["soft", "maximum"]) expect(some.get(name)).toEqual(others.get(name));
  const all = stylesOf([
    ...Array.from({ length: 37 }, (_, i) => `m${i}`),
    "maximum",
    "soft",
    "average",
  ]);
  const looks = [...all.values()].map((style) => JSON.stringify(style));
  expect(new Set(looks).size).toBe(40);
});
