import { expect, test } from "vitest";
import { nearestName } from "./names.ts";

test("nearestName finds slips and beginnings, and nothing where nothing is near", () => {
  const names = ["nearest", "bilinear", "bicubic", "low-resolution"];
  const wanted: Record<string, string | undefined> = {
    nearest: "nearest",
    NEAREST: "nearest",
    neerest: "nearest",
    nearset: "nearest",
    bilnear: "bilinear",
    bicubik: "bicubic",
    low: "low-resolution",
    lowresolution: "low-resolution",
    bi: "bilinear",
    lanczos: undefined,
    "": undefined,
    x: undefined,
  };
  for (const [name, near] of Object.entries(wanted)) {
    expect(nearestName(name, names), name).toBe(near);
  }
  expect(nearestName("soft", [])).toBeUndefined();
  expect(nearestName("ab", ["ba", "xb"])).toBe("ba");
});
