/**
 * The resolution chart: a test picture drawn from a seed, the same on every machine.
 *
 * It holds what downsampling is hard on, each element with a caption: a zone plate, a Siemens star, text,
 * lines of one pixel, gratings, contrast against frequency, greys, colours, noise and patches; what has a
 * polarity is there in both. Details have the size of pixels whatever the size of the chart: a larger
 * chart shows more, not larger, of everything.
 */
import type { Picture } from "../picture.ts";
import { black, Canvas, type Colour, inset, type Rect, split, white } from "./canvas.ts";
import { contrast, gratings } from "./gratings.ts";
import { lines } from "./lines.ts";
import { noise } from "./noise.ts";
import { capHeight, pixelText, pixelTextWidth } from "./pixel-font.ts";
import { siemensStar, zonePlate } from "./stars.ts";
import { strokeText, strokeTextWidth } from "./stroke-font.ts";
import { text } from "./text.ts";
import { greys, hues, patches } from "./tones.ts";

/** What `resolutionChart` accepts. */
export interface ChartOptions {
  /** Columns, an integer from 64 to 16384; 768 by default. */
  readonly width?: number;
  /** Rows, an integer from 64 to 16384; 512 by default. */
  readonly height?: number;
  /** Seed of the noise, an integer; 1 by default. Nothing else depends on it but its mention in the title. */
  readonly seed?: number;
}

/** An element: its share of its row, its captions from long to short, and how it is drawn. */
interface Tile {
  readonly share: number;
  readonly captions: readonly string[];
  readonly draw: (canvas: Canvas, rect: Rect, seed: number) => void;
}

const tiles = {
  zone: {
    share: 4,
    captions: ["zone plate, 0 to 1/2 cycle per pixel", "zone plate"],
    draw: zonePlate,
  },
  star: { share: 4, captions: ["Siemens star"], draw: siemensStar },
  inkText: {
    share: 3.4,
    captions: ["text, black on white", "text"],
    draw: (c, r) => text(c, r, black, white),
  },
  lightText: {
    share: 3.4,
    captions: ["text, white on black", "text"],
    draw: (c, r) => text(c, r, white, black),
  },
  inkLines: {
    share: 4,
    captions: ["lines of 1 px, black on white", "lines, 1 px"],
    draw: (c, r) => lines(c, r, black, white),
  },
  lightLines: {
    share: 4,
    captions: ["lines of 1 px, white on black", "lines, 1 px"],
    draw: (c, r) => lines(c, r, white, black),
  },
  gratings: {
    share: 4,
    captions: ["gratings, periods 2 3 4 6 8 12", "gratings"],
    draw: gratings,
  },
  contrast: { share: 4, captions: ["contrast by frequency", "contrast"], draw: contrast },
  greys: { share: 4, captions: ["grey ramp, steps, ends", "greys"], draw: greys },
  hues: { share: 4, captions: ["hues, black to white", "hues"], draw: hues },
  noise: { share: 4, captions: ["noise: grains, clouds, points", "noise"], draw: noise },
  patches: { share: 4, captions: ["patches, 8 hues in 4 tones", "patches"], draw: patches },
} satisfies Record<string, Tile>;

const landscape: readonly (readonly [share: number, row: readonly Tile[]])[] = [
  [20, [tiles.zone, tiles.star, tiles.inkText, tiles.lightText]],
  [13, [tiles.inkLines, tiles.lightLines, tiles.gratings, tiles.contrast]],
  [9, [tiles.greys, tiles.hues, tiles.noise, tiles.patches]],
];

const portrait: typeof landscape = [
  [20, [tiles.zone, tiles.star]],
  [17, [tiles.inkText, tiles.lightText]],
  [13, [tiles.inkLines, tiles.lightLines]],
  [13, [tiles.gratings, tiles.contrast]],
  [8, [tiles.greys, tiles.hues]],
  [8, [tiles.noise, tiles.patches]],
];

const background: Colour = [0.094, 0.106, 0.125];
const captionInk: Colour = [0.62, 0.65, 0.69];
const accent: Colour = [0.98, 0.62, 0.16];

/**
 * Draws the resolution chart.
 *
 * @returns sRGB values in three channels, all multiples of 1/255; the same bits on every machine.
 *   Captions are left out where they have no room, the title when a side is below 320.
 * @throws RangeError for a side outside 64 to 16384 or a seed that is not an integer
 */
export function resolutionChart(options: ChartOptions = {}): Picture {
  const { width = 768, height = 512, seed = 1 } = options;
  for (const [name, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 64 || value > 16384) {
      throw new RangeError(
        `resolutionChart: ${name} must be an integer from 64 to 16384, got ${value}`,
      );
    }
  }
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(`resolutionChart: seed must be an integer, got ${seed}`);
  }
  const canvas = new Canvas(width, height);
  const shorter = Math.min(width, height);
  const scale = Math.max(1, Math.floor(shorter / 512));
  const gap = Math.max(1, Math.round(shorter / 50));
  let area: Rect = { x: 0, y: 0, width, height };
  canvas.fill(area, background);
  area = inset(area, gap);
  if (shorter >= 320) area = drawTitle(canvas, area, scale, `${width} x ${height}, seed ${seed}`);
  const captioned = shorter >= 200;
  const below = captioned ? (capHeight + 5) * scale : 0;
  const rows = width >= height ? landscape : portrait;
  const bands = split(
    area,
    "y",
    rows.map(([share]) => share),
    captioned ? (gap * 0.5) | 0 : gap,
  );
  rows.forEach(([, row], i) => {
    const cells = split(
      bands[i],
      "x",
      row.map((tile) => tile.share),
      gap,
    );
    row.forEach((tile, j) => {
      const rect = { ...cells[j], height: cells[j].height - below };
      tile.draw(canvas, rect, seed);
      if (!captioned) return;
      const caption = tile.captions.find((t) => pixelTextWidth(t, scale) <= rect.width) ?? "";
      pixelText(canvas, rect.x, rect.y + rect.height + 3 * scale, caption, captionInk, scale);
    });
  });
  return canvas.toPicture();
}

/** Writes the title and what the chart was drawn from along the top, and returns what lies below. */
function drawTitle(canvas: Canvas, area: Rect, scale: number, facts: string): Rect {
  const height = 14 * scale;
  const weight = 2 * scale;
  const left = area.x + weight / 2;
  const size = height - weight;
  strokeText(canvas, left, area.y + weight / 2, "SOFTPOOL", size, weight, accent, area);
  const after = area.x + Math.ceil(strokeTextWidth("SOFTPOOL", size)) + 12 * scale;
  const y = area.y + height - capHeight * scale;
  pixelText(canvas, after, y, "resolution chart", white, scale);
  const right = area.x + area.width - pixelTextWidth(facts, scale);
  const end = after + pixelTextWidth("resolution chart", scale);
  if (right > end + 12 * scale) pixelText(canvas, right, y, facts, captionInk, scale);
  const taken = height + 8 * scale;
  return { ...area, y: area.y + taken, height: area.height - taken };
}
