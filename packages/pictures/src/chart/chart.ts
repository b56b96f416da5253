/** The resolution chart. */
import { createPicture, type Picture } from "../picture.ts";

/** What `resolutionChart` accepts. */
export interface ChartOptions {
  /** Columns, at least 64; 768 by default. */
  readonly width?: number;
  /** Rows, at least 64; 512 by default. */
  readonly height?: number;
  /** Seed of the noise, an integer; 1 by default. */
  readonly seed?: number;
}

/** Draws the resolution chart: sRGB values, three channels. */
export function resolutionChart(options: ChartOptions = {}): Picture {
  const { width = 768, height = 512, seed = 1 } = options;
  const p = createPicture(width, height, 3);
  for (let i = 0; i < p.data.length; i++) {
    const x = (i % width) - width / 2;
    const y = (Math.floor(i / width) % height) - height / 2;
    p.data[i] = Math.round(127.5 + 127.5 * Math.cos((x * x + y * y) / width + seed)) / 255;
  }
  return p;
}
