import { expect, test } from "vitest";
import { betaAt, parseBeta, placeOf } from "./beta.ts";

test("the slider goes from 0 over 1 to infinity, and back to the same place", () => {
  expect([betaAt(0), betaAt(0.5), betaAt(1)]).toEqual([0, 1, Number.POSITIVE_INFINITY]);
  for (let i = 0; i <= 915; i++) {
    const beta = betaAt(i / 1000);
    expect(placeOf(beta)).toBeCloseTo(i / 1000, 12);
    if (i > 0) expect(beta).toBeGreaterThan(betaAt((i - 1) / 1000));
    expect(beta).toBeLessThan(120);
  }
  expect([placeOf(-3), placeOf(Number.POSITIVE_INFINITY)]).toEqual([0, 1]);
});

test("temperatures are read as people write them", () => {
  const cases: [string, number | undefined][] = [
    ["1", 1],
    [" 2,5 ", 2.5],
    ["−4", -4],
    ["-1e2", -100],
    ["inf", Number.POSITIVE_INFINITY],
    ["-∞", Number.NEGATIVE_INFINITY],
    ["", undefined],
    ["warm", undefined],
    ["NaN", undefined],
  ];
  for (const [text, value] of cases) expect(parseBeta(text), text).toBe(value);
});
