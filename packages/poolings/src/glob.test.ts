import fc from "fast-check";
import { expect, test } from "vitest";
import { matches } from "./glob.ts";

test("patterns", () => {
  const cases: [pattern: string, name: string, fits: boolean][] = [
    ["*", "", true],
    ["*", "/layer1/pool", true],
    ["/layer*/pool", "/layer1/pool", true],
    ["/layer*/pool", "/layer1/pool2", false],
    ["/layer?/pool", "/layer1/pool", true],
    ["/layer?/pool", "/layer12/pool", false],
    ["pool", "pool", true],
    ["pool", "Pool", false],
    ["a*b*c", "a.b.b.c", true],
    ["a.c", "abc", false],
    ["", "", true],
    ["", "a", false],
    ["**a", "ba", true],
  ];
  for (const [pattern, name, fits] of cases) {
    expect(matches(pattern, name), `${pattern} ${name}`).toBe(fits);
  }
});

test("as a regular expression", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", ".") });
  fc.assert(
    fc.property(text, text, (pattern, name) => {
      const source = [...pattern]
        .map((c) =>
          c === "*" ? "[^]*" : c === "?" ? "[^]" : `\\u{${c.codePointAt(0)?.toString(16)}}`,
        )
        .join("");
      expect(matches(pattern, name)).toBe(new RegExp(`^${source}$`, "u").test(name));
    }),
  );
});
