import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeHtml, html, joined, raw, shortened } from "./html.ts";

/** Any code points, halves of pairs too. */
const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
});

test("names are escaped and control characters shown harmlessly", () => {
  expect(escapeHtml(`<a href="x">'&'`)).toBe("&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
  expect(escapeHtml("a\u0007b\u202ec\ud800")).toBe("a\\u0007b\\u202Ec\\uD800");
  // A joiner is what it is within an emoji, and hidden elsewhere.
  expect(escapeHtml("👩‍🔬👍🏽 ❤️‍🔥")).toBe("👩‍🔬👍🏽 ❤️‍🔥");
  expect(escapeHtml("a\u200Db👩\u200D")).toBe("a\\u200Db👩\\u200D");
});

test("whatever is put into a template stays text, in elements and in attributes", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { markup } =
        html`<p title="${text}">${[text, 1, undefined, false]}${html`<b>${text}</b>`}</p>`;
      const inside = escapeHtml(text);
      expect(inside).not.toMatch(/[<>"'\p{Cc}\u202A-\u202E\u2066-\u2069]/u);
      expect(inside).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/);
      expect(markup).toBe(`<p title="${inside}">${inside}1<b>${inside}</b></p>`);
    }),
  );
  expect(joined(["<", "", raw("<i>"), undefined], raw("&")).markup).toBe("&lt;&<i>");
});

test("long names are cut in the middle, between letters as people see them", () => {
  expect(shortened("abcdefghij", 10)).toBe("abcdefghij");
  expect(shortened("abcdefghijk", 10)).toBe("abcde…hijk");
  expect(shortened(`a${"é".repeat(5000)}b`, 5)).toBe("aé…éb");
  expect(shortened("👩‍🔬👩‍🔬👩‍🔬👩‍🔬", 3)).toBe("👩‍🔬…👩‍🔬");
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (text, most) => {
      const letters = [...new Intl.Segmenter().segment(shortened(text, most))].length;
      expect(letters).toBeLessThanOrEqual(most);
    }),
  );
});
