/** Lines one pixel wide: upright and level at several spacings, and a fan of every direction. */
import { type Canvas, type Colour, inset, type Rect, split } from "./canvas.ts";
import { cosTurns, sinTurns } from "./maths.ts";

/** Distances between neighbouring lines, in pixels. */
const spacings = [2, 3, 4, 6, 8];

/**
 * One panel of lines.
 *
 * @param canvas the canvas
 * @param rect the panel
 * @param ink colour of the lines
 * @param paper colour between them
 */
export function lines(canvas: Canvas, rect: Rect, ink: Colour, paper: Colour): void {
  canvas.fill(rect, paper);
  const margin = Math.max(1, Math.round(Math.min(rect.width, rect.height) / 16));
  const [combs, fan] = split(inset(rect, margin), "x", [1, 1], margin);
  const [upright, level] = split(combs, "y", [1, 1], margin);
  comb(canvas, upright, "x", ink);
  comb(canvas, level, "y", ink);
  drawFan(canvas, fan, ink);
}

/**
 * Groups of parallel lines side by side along the axis, the spacing growing from group to group; as many
 * groups as have room.
 */
function comb(canvas: Canvas, rect: Rect, axis: "x" | "y", ink: Colour): void {
  const room = axis === "x" ? rect.width : rect.height;
  const groups = spacings.slice(0, Math.max(1, Math.floor(room / 9)));
  const shares = groups.map((spacing) => 1 + spacing / 3);
  split(rect, axis, shares, 3).forEach((group, i) => {
    const size = axis === "x" ? group.width : group.height;
    for (let at = 0; at < size; at += groups[i]) {
      const line =
        axis === "x"
          ? { ...group, x: group.x + at, width: 1 }
          : { ...group, y: group.y + at, height: 1 };
      canvas.fill(line, ink);
    }
  });
}

/**
 * Antialiased rays from the lower left corner to the other sides: every 15 degrees from a radius of
 * 14 pixels, and wherever the radius doubles, new ones halfway between, so that neighbours stay 3.7
 * to 7.3 pixels apart.
 */
function drawFan(canvas: Canvas, rect: Rect, ink: Colour): void {
  const origin = [rect.x + 0.5, rect.y + rect.height - 0.5] as const;
  const longest = rect.width + rect.height;
  for (let step = 15, start = 14; start < longest; step /= 2, start *= 2) {
    for (let i = 0; i * step <= 90; i++) {
      if (step < 15 && i % 2 === 0) continue;
      const turns = (i * step) / 360;
      const [cos, sin] = [cosTurns(turns), sinTurns(turns)];
      const reach = Math.min(
        (rect.width - 1) / cos || longest,
        (rect.height - 1) / sin || longest,
        longest,
      );
      const ray = (r: number) => [origin[0] + r * cos, origin[1] - r * sin] as const;
      if (reach > start) canvas.stroke(ray(start), ray(reach), 1, ink, rect);
    }
  }
}
