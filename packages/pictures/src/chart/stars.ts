/** The round elements of the chart: the zone plate and the Siemens star. */
import { type Canvas, type Colour, grey, type Rect } from "./canvas.ts";
import { cosTurns } from "./maths.ts";

/**
 * A zone plate: (1 + cos(pi r^2 / 2R)) / 2 about the middle, whose frequency at radius r is r / 2R cycles
 * per pixel, so that it reaches the sampling limit, 1/2, at the rim R (half the shorter side). It fades to
 * grey over the last tenth of the radius, beyond which it could only alias.
 */
export function zonePlate(canvas: Canvas, rect: Rect): void {
  const rim = Math.min(rect.width, rect.height) / 2;
  canvas.paint(rect, (x, y) => {
    const dx = x + 0.5 - rect.width / 2;
    const dy = y + 0.5 - rect.height / 2;
    const squared = dx * dx + dy * dy;
    const fade = Math.min(1, Math.max(0, (rim - Math.sqrt(squared)) / (0.1 * rim)));
    return grey(0.5 + 0.5 * fade * cosTurns(squared / (4 * rim)));
  });
}

/**
 * A Siemens star on white to the left and on black to the right, with 36 spokes, or 24 or 12 in a small
 * rectangle.
 *
 * Edges are antialiased: with s = cos(n a), n the spokes and a the angle, an edge is about r s / n pixels
 * away, so that the spokes melt into grey where they get narrower than a pixel, at r = n / pi.
 */
export function siemensStar(canvas: Canvas, rect: Rect): void {
  const rim = (Math.min(rect.width, rect.height) * 15) / 32;
  const spokes = rim >= 48 ? 36 : rim >= 20 ? 24 : 12;
  canvas.paint(rect, (x, y): Colour => {
    const dx = x + 0.5 - rect.width / 2;
    const dy = y + 0.5 - rect.height / 2;
    const r = Math.sqrt(dx * dx + dy * dy);
    const s = r === 0 ? 0 : cosOfMultiple(dx / r, dy / r, spokes);
    const spoke = Math.min(1, Math.max(0, 0.5 + (s * r) / spokes));
    const inside = Math.min(1, Math.max(0, rim - r + 0.5));
    const around = dx < 0 ? 1 : 0;
    return grey(around + inside * (spoke - around));
  });
}

/** cos(n a) from cos a and sin a: the real part of (cos a + i sin a)^n, by repeated squaring. */
function cosOfMultiple(cos: number, sin: number, n: number): number {
  let [re, im] = [1, 0];
  let [u, v] = [cos, sin];
  for (let k = n; k > 0; k >>= 1) {
    if (k & 1) [re, im] = [re * u - im * v, re * v + im * u];
    [u, v] = [u * u - v * v, 2 * u * v];
  }
  return re;
}
