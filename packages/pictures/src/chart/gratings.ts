/** Gratings by period and direction, checkerboards, and a chart of contrast against frequency. */
import { type Canvas, type Colour, grey, type Rect, split } from "./canvas.ts";
import { cosTurns, exp2 } from "./maths.ts";

/** Periods of the gratings in pixels. */
const periods = [2, 3, 4, 6, 8, 12];

/** The colours of the checkerboards, from the finest to the coarsest pair of fields. */
const checks: readonly (readonly [Colour, Colour])[] = [
  [grey(0), grey(1)],
  [grey(0), grey(1)],
  [
    [0.85, 0.12, 0.1],
    [0.1, 0.55, 0.2],
  ],
  [
    [0.12, 0.25, 0.85],
    [0.95, 0.8, 0.1],
  ],
];

/**
 * Cosine gratings of full contrast, one column per period: upright, level and slanted bars. Below them
 * checkerboards: of one and two pixels in black and white, of two pixels red and green, blue and yellow.
 */
export function gratings(canvas: Canvas, rect: Rect): void {
  const gap = rect.height >= 64 ? 2 : 0;
  canvas.fill(rect, grey(0.5));
  const rows = split(rect, "y", [3, 3, 3, 2], gap);
  const phases = [
    (x: number, _y: number) => x,
    (_x: number, y: number) => y,
    (x: number, y: number) => 0.6 * x + 0.8 * y,
  ];
  phases.forEach((phase, row) => {
    split(rows[row], "x", [3, 3, 4, 4, 5, 6], gap).forEach((cell, i) => {
      canvas.paint(cell, (x, y) => grey(0.5 + 0.5 * cosTurns(phase(x, y) / periods[i])));
    });
  });
  split(rows[3], "x", [1, 1, 1, 1], gap).forEach((cell, i) => {
    const side = i === 0 ? 1 : 2;
    const [even, odd] = checks[i];
    canvas.paint(cell, (x, y) =>
      (Math.floor(x / side) + Math.floor(y / side)) % 2 === 0 ? even : odd,
    );
  });
}

/**
 * Contrast against frequency: a cosine whose frequency rises from 1/64 to 1/2 cycles per pixel from left
 * to right and whose contrast falls from 1 at the bottom to 1/64 at the top, both by equal ratios. Where
 * the bars seem to end is the limit of what is seen.
 */
export function contrast(canvas: Canvas, rect: Rect): void {
  const octaves = 5;
  const cycles = (rect.width / 64) * (1 / (octaves * Math.LN2));
  const phase = Array.from({ length: rect.width }, (_, x) =>
    cosTurns(cycles * (exp2((octaves * (x + 0.5)) / rect.width) - 1)),
  );
  for (let y = 0; y < rect.height; y++) {
    const amplitude = 0.5 * exp2((-6 * (rect.height - 1 - y)) / rect.height);
    const row = { ...rect, y: rect.y + y, height: 1 };
    canvas.paint(row, (x) => grey(0.5 + amplitude * phase[x]));
  }
}
