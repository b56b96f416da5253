import fc from "fast-check";
import { expect, test } from "vitest";
import { quantile } from "../statistics/quantile.ts";
import type { Json } from "../study/cell.ts";
import { figuresOf, latencyResult, spread, type Times } from "./result.ts";

const times = (own: readonly number[], more: Partial<Times> = {}): Times => ({
  kind: "times",
  own,
  average: own.map(() => 2),
  processor: [own.map(() => 3), own.map(() => 1.5)],
  calls: [1, 1],
  warm: [own[0] * 3],
  memory: null,
  busy: 0,
  notes: [],
  ...more,
});

test("figures are medians and quartiles of rounds, and of ratios taken round by round", () => {
  const own = [4, 8, 6, 10, 2];
  const figures = figuresOf(times(own, { average: [2, 2, 1, 5, 1], warm: [18, 6] }));
  expect(figures.time).toEqual({ value: 6, low: 4, high: 8 });
  expect(figures.ratio).toEqual({ value: 2, low: 2, high: 4 });
  expect(figures.average.value).toBe(2);
  expect(figures.first).toBe(3);
  expect([figures.processor.value, figures.processorRatio.value]).toEqual([3, 2]);
  // Thirds of five rounds are single ones.
  expect(figures.drift).toBe(0.5);
  expect(figures.drifted).toBe(true);
  expect(figuresOf(times([5, 9, 1, 1, 9, 6.6])).drifted).toBe(true);
  expect(figuresOf(times([5, 5, 1, 9, 5.4, 5.4])).drifted).toBe(false);
  expect(figuresOf(times([3])).drift).toBe(1);
});

test("quantiles lie between neighbours, grow with their share, and take no notice of order", () => {
  const numbers = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(numbers, share, share, (values, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)].map((s) => quantile(values, s));
      expect(low).toBeGreaterThanOrEqual(Math.min(...values));
      expect(high).toBeLessThanOrEqual(Math.max(...values));
      expect(high).toBeGreaterThanOrEqual(low - 1e-9);
      expect(quantile([...values].reverse(), a)).toBe(quantile(values, a));
    }),
  );
  expect(spread([]).value).toBeNaN();
});

test("only what has the form of a result is read as one", () => {
  const good: Times = times([1, 2]);
  const good2 = times([1, 2], { memory: { bytes: 64, how: "allocator" } });
  const read = (value: unknown) => latencyResult(value as Json);
  for (const value of [
    good,
    good2,
    { kind: "absent", reason: "no" },
    { kind: "engine", present: true, note: "" },
  ]) {
    expect(read(JSON.parse(JSON.stringify(value)))).toEqual(value);
  }
  const { warm: _, ...cold } = good;
  for (const value of [
    undefined,
    null,
    [],
    7,
    {},
    cold,
    { kind: "absent" },
    { kind: "engine", present: 1, note: "" },
    { ...good, own: [] },
    { ...good, own: [1, "2"] },
    { ...good, own: [1, -2] },
    { ...good, average: [1] },
    { ...good, processor: [[1, 2]] },
    { ...good, processor: [[1, 2], [1]] },
    { ...good, memory: {} },
    { ...good, memory: undefined },
    { ...good, notes: "none" },
  ]) {
    expect(read(value), JSON.stringify(value)).toBeUndefined();
  }
});
