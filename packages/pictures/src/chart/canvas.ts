/**
 * A place to draw on: three planes of sRGB values, rectangles, coverage blending.
 *
 * Edges that fall between pixels are blended in sRGB values by the part of the pixel they cover, as
 * screens' text usually is. The finished picture holds multiples of 1/255 only, so that an 8-bit file
 * of it is the same picture.
 */
import type { Picture } from "../picture.ts";

/** Red, green and blue in [0, 1], sRGB values. */
export type Colour = readonly [number, number, number];

/** A rectangle in whole pixels. */
export interface Rect {
  /** Left column. */
  readonly x: number;
  /** Top row. */
  readonly y: number;
  /** Columns; nothing is drawn below 1. */
  readonly width: number;
  /** Rows; nothing is drawn below 1. */
  readonly height: number;
}

/** Black. */
export const black: Colour = [0, 0, 0];
/** White. */
export const white: Colour = [1, 1, 1];

/** The grey of value v. */
export function grey(v: number): Colour {
  return [v, v, v];
}

/** The rectangle with `by` pixels taken off every side. */
export function inset(r: Rect, by: number): Rect {
  return { x: r.x + by, y: r.y + by, width: r.width - 2 * by, height: r.height - 2 * by };
}

/**
 * Cuts a rectangle into parts along one axis, in whole pixels, with `gap` pixels between them.
 *
 * @param r the rectangle
 * @param axis `x` for parts side by side, `y` for parts one above the other
 * @param weights the parts' relative sizes
 * @param gap pixels between neighbours
 */
export function split(r: Rect, axis: "x" | "y", weights: readonly number[], gap = 0): Rect[] {
  const whole = (axis === "x" ? r.width : r.height) - gap * (weights.length - 1);
  const total = weights.reduce((sum, w) => sum + w, 0);
  let sum = 0;
  return weights.map((w, i) => {
    const from = Math.round((sum / total) * whole);
    sum += w;
    const size = Math.round((sum / total) * whole) - from;
    const at = from + i * gap;
    return axis === "x" ? { ...r, x: r.x + at, width: size } : { ...r, y: r.y + at, height: size };
  });
}

/** A canvas of fixed size, black at first. */
export class Canvas {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  readonly #data: Float32Array;

  /** Makes a black canvas. */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#data = new Float32Array(3 * width * height);
  }

  /** Blends `colour` over the pixel at (x, y) by `coverage`, clamped to [0, 1]; outside, nothing. */
  blend(x: number, y: number, colour: Colour, coverage = 1): void {
    if (!(coverage > 0) || x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const part = Math.min(1, coverage);
    const area = this.width * this.height;
    for (let c = 0, i = y * this.width + x; c < 3; c++, i += area) {
      this.#data[i] += part * (colour[c] - this.#data[i]);
    }
  }

  /** Fills a rectangle with one colour. */
  fill(r: Rect, colour: Colour): void {
    this.paint(r, () => colour);
  }

  /** Fills a rectangle by a function of the pixel's column and row inside it. */
  paint(r: Rect, colour: (x: number, y: number) => Colour): void {
    for (let y = 0; y < r.height; y++) {
      for (let x = 0; x < r.width; x++) this.blend(r.x + x, r.y + y, colour(x, y));
    }
  }

  /**
   * Draws a straight stroke with round ends.
   *
   * @param from one end, [x, y], in units where pixel (0, 0) has its middle at (0.5, 0.5)
   * @param to the other end
   * @param width the stroke's width in pixels
   * @param colour its colour
   * @param clip nothing is drawn outside
   */
  stroke(
    from: readonly [number, number],
    to: readonly [number, number],
    width: number,
    colour: Colour,
    clip: Rect,
  ): void {
    this.strokes([[from, to]], width, colour, clip);
  }

  /** Draws connected strokes as one shape, so that their joints are not blended twice. */
  strokes(
    paths: readonly (readonly (readonly [number, number])[])[],
    width: number,
    colour: Colour,
    clip: Rect,
  ): void {
    const points = paths.flat();
    const reach = width / 2 + 1;
    const xs = points.map((p) => p[0]);
    const ys = points.map((p) => p[1]);
    const left = Math.max(clip.x, Math.floor(Math.min(...xs) - reach));
    const right = Math.min(clip.x + clip.width, Math.ceil(Math.max(...xs) + reach));
    const top = Math.max(clip.y, Math.floor(Math.min(...ys) - reach));
    const bottom = Math.min(clip.y + clip.height, Math.ceil(Math.max(...ys) + reach));
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        let nearest = Infinity;
        for (const path of paths) {
          for (let i = 1; i < path.length; i++) {
            nearest = Math.min(nearest, squaredDistance(x + 0.5, y + 0.5, path[i - 1], path[i]));
          }
        }
        this.blend(x, y, colour, width / 2 + 0.5 - Math.sqrt(nearest));
      }
    }
  }

  /** The finished picture, its values rounded to multiples of 1/255. */
  toPicture(): Picture {
    const data = this.#data.map((v) => Math.round(Math.min(1, Math.max(0, v)) * 255) / 255);
    return { width: this.width, height: this.height, channels: 3, data };
  }
}

/** The squared distance of (x, y) from the segment a-b. */
function squaredDistance(
  x: number,
  y: number,
  a: readonly [number, number],
  b: readonly [number, number],
): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((x - a[0]) * dx + (y - a[1]) * dy) / length;
  const t = Math.min(1, Math.max(0, along));
  const ex = x - a[0] - t * dx;
  const ey = y - a[1] - t * dy;
  return ex * ex + ey * ey;
}
