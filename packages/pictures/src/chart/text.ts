/** A panel of text, large to small, as an optician hangs it. */
import { type Canvas, type Colour, inset, type Rect } from "./canvas.ts";
import { capHeight, pixelText, pixelTextWidth } from "./pixel-font.ts";
import { strokeText, strokeTextWidth } from "./stroke-font.ts";

/** Heights of capitals in pixels that are drawn with strokes, from the largest wanted. */
const sizes = [96, 64, 44, 30, 21, 15, 11];

/** What is written large: each line takes the longest that fits. */
const texts = [
  "Ax",
  "Soft",
  "Pool 2",
  "Sum x e^x",
  "Maximum 3.14",
  "a window of pixels",
  "the brightest weigh most",
  "grey light, black ink, white paper",
  "every quick jet zigzags over black forest walls",
];

/** What is written small, over and over. */
const paragraph =
  "Each window becomes one pixel. A mean keeps the light and loses the stars; a maximum keeps " +
  "the stars and eats the ink. y = sum x e^x / sum e^x lies between: 0.25, 0.5 and 1 give 0.684. " +
  "Every quick jet zigzags over black forest walls (WXYZ 123456789).";

/**
 * Writes one line of each size the panel has room for, then fills the rest with the pixel font.
 *
 * @param canvas the canvas
 * @param rect the panel
 * @param ink colour of the letters
 * @param paper colour behind them
 */
export function text(canvas: Canvas, rect: Rect, ink: Colour, paper: Colour): void {
  canvas.fill(rect, paper);
  const margin = Math.max(1, Math.round(Math.min(rect.width, rect.height) / 16));
  const inner = inset(rect, margin);
  const bottom = inner.y + inner.height;
  let y = inner.y;
  for (const size of sizes) {
    const advance = Math.round(1.45 * size) + 2;
    if (size > 0.19 * inner.height || y + advance > bottom - 0.2 * inner.height) continue;
    const weight = Math.max(1, size / 9);
    const line = longest((t) => strokeTextWidth(t, size - weight) + weight, inner.width);
    const left = inner.x + weight / 2;
    strokeText(canvas, left, y + weight / 2, line, size - weight, weight, ink, rect);
    y += advance;
  }
  write(canvas, { ...inner, y, height: bottom - y }, ink);
}

/** Fills a rectangle with the paragraph in the pixel font: by words, or by letters where words are too long. */
function write(canvas: Canvas, rect: Rect, ink: Colour): void {
  const words = paragraph.split(" ").filter((word) => pixelTextWidth(word) <= rect.width);
  const whole = words.length > 20;
  const parts = whole ? words : [...paragraph.replaceAll(" ", "")];
  let line = "";
  let { y } = rect;
  for (let i = 0; y + capHeight + 2 <= rect.y + rect.height; i = (i + 1) % parts.length) {
    const longer = line === "" ? parts[i] : `${line}${whole ? " " : ""}${parts[i]}`;
    if (pixelTextWidth(longer) <= rect.width) {
      line = longer;
      continue;
    }
    pixelText(canvas, rect.x, y, line, ink);
    line = parts[i];
    y += capHeight + 4;
  }
}

/** The last of the texts that is at most `room` wide, or nothing. */
function longest(width: (t: string) => number, room: number): string {
  return texts.findLast((t) => width(t) <= room) ?? "";
}
