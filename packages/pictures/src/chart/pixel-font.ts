/**
 * A pixel font, 5 x 7 with two rows for descenders, drawn as whole pixels and never blended.
 *
 * A glyph is a string with one base-32 digit per row from the top, missing rows being empty; the digit's
 * five bits are the row's pixels from left to right: `A` = "ehhvhhh", e = .###. h = #...# v = #####.
 * Glyphs are as wide as their ink, one pixel apart; a space is three pixels.
 */
import type { Canvas, Colour } from "./canvas.ts";

/** Rows from the top of a capital to the baseline. */
export const capHeight = 7;

const glyphs: Readonly<Record<string, string>> = {
  ...{ A: "ehhvhhh", B: "uhhuhhu", C: "ehggghe", D: "uhhhhhu", E: "vgguggv", F: "vgguggg" },
  ...{ G: "ehgnhhe", H: "hhhvhhh", I: "e44444e", J: "72222ic", K: "hikokih", L: "ggggggv" },
  ...{ M: "hrllhhh", N: "hhpljhh", O: "ehhhhhe", P: "uhhuggg", Q: "ehhhlid", R: "uhhukih" },
  ...{ S: "fgge11u", T: "v444444", U: "hhhhhhe", V: "hhhhha4", W: "hhhllla", X: "hha4ahh" },
  ...{ Y: "hhha444", Z: "v1248gv" },
  ...{ a: "00e1fhf", b: "ggmphhu", c: "00egghe", d: "11djhhf", e: "00ehvge", f: "698s888" },
  ...{ g: "00fhhhf1e", h: "ggmphhh", i: "40c444e", j: "2062222ic", k: "ggikoki", l: "c44444e" },
  ...{ m: "00qllll", n: "00mphhh", o: "00ehhhe", p: "00uhhhugg", q: "00fhhhf11", r: "00mpggg" },
  ...{ s: "00fge1u", t: "88s8896", u: "00hhhjd", v: "00hhha4", w: "00hhlla", x: "00ha4ah" },
  ...{ y: "00hhhhf1e", z: "00v248v" },
  ...{ "0": "ciiiiic", "1": "4c4444e", "2": "eh1248v", "3": "v2421he", "4": "26aiv22" },
  ...{ "5": "vgu11he", "6": "68guhhe", "7": "v124888", "8": "ehhehhe", "9": "ehhf12c" },
  ...{
    ".": "00000cc",
    ",": "00000448",
    ":": "0cc0cc0",
    ";": "0cc0c48",
    "-": "000e000",
    "+": "044v440",
  },
  ...{ "=": "00v0v00", "/": "11248gg", "(": "2488842", ")": "8422248", "^": "4ah", "'": "448" },
};

/** A glyph's rows of bits, and the span of its ink: first bit from the left, and width. */
function glyph(character: string): { rows: number[]; first: number; width: number } {
  const rows = [...(glyphs[character] ?? "")].map((digit) => Number.parseInt(digit, 32));
  const ink = rows.reduce((all, row) => all | row, 0);
  if (ink === 0) return { rows, first: 0, width: 3 };
  const first = Math.clz32(ink) - 27;
  return { rows, first, width: 32 - first - 27 - (31 - Math.clz32(ink & -ink)) };
}

/** The width of a text in pixels at the given whole scale. */
export function pixelTextWidth(text: string, scale = 1): number {
  let width = -1;
  for (const character of text) width += glyph(character).width + 1;
  return Math.max(0, width) * scale;
}

/**
 * Writes a text; characters the font lacks are left blank.
 *
 * @param canvas the canvas
 * @param x left column
 * @param y row of the capitals' top
 * @param text the text
 * @param colour the ink
 * @param scale pixels per font pixel, a whole number
 */
export function pixelText(
  canvas: Canvas,
  x: number,
  y: number,
  text: string,
  colour: Colour,
  scale = 1,
): void {
  let left = x;
  for (const character of text) {
    const { rows, first, width } = glyph(character);
    rows.forEach((bits, row) => {
      for (let column = 0; column < width; column++) {
        if (((bits >> (4 - first - column)) & 1) === 0) continue;
        const size = { width: scale, height: scale };
        canvas.fill({ x: left + column * scale, y: y + row * scale, ...size }, colour);
      }
    });
    left += (width + 1) * scale;
  }
}
