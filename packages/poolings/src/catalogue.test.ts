import { poolWindow } from "@softpool/onnx";
import { expect, test } from "vitest";
import { settingsOf } from "./apply.ts";
import { catalogue, findMethod, methodOf } from "./catalogue.ts";

test("names and aliases are unique, and of the words that users know", () => {
  const names = catalogue.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  for (const name of [
    "soft",
    "avg",
    "max",
    "sum",
    "power-average",
    "lp",
    "gate",
    "dpp",
    "lite-dpp",
  ]) {
    expect(findMethod(name)).toBeDefined();
  }
  for (const name of [
    "lip",
    "stochastic",
    "s3",
    "lite-s3dpp",
    "mixed",
    "ordinal",
    "lift",
    "gfgp",
    "ada",
  ]) {
    expect(methodOf(name).name).toBe(name);
  }
  expect(() => methodOf("median")).toThrow(/expected one of average, .*received "median"/);
});

test("what is said of a method is so", () => {
  const site = { window: poolWindow([2, 2], { strides: [2, 2] }), channels: 6 };
  for (const method of catalogue) {
    const settings = settingsOf(method);
    const parameters = method.parameters?.(site, settings) ?? [];
    // Whoever must be trained has something to learn; whoever draws has noise in some variant.
    if (method.trained) expect(parameters.length, method.name).toBeGreaterThan(0);
    expect(method.noise !== undefined, method.name).toBe(method.random);
    expect(new Set(parameters.map(({ name }) => name)).size).toBe(parameters.length);
    for (const { shape, initial } of parameters) {
      const values = initial(() => 0.25);
      const count = shape.reduce((n, size) => n * size, 1);
      if (typeof values !== "number") expect(values.length, method.name).toBe(count);
      for (const value of typeof values === "number" ? [values] : values) {
        expect(Number.isFinite(value)).toBe(true);
      }
    }
    expect(method.axes.every((axes) => [1, 2, 3].includes(axes))).toBe(true);
    expect(method.source).not.toBe("");
  }
});
