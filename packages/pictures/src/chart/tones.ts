/** Grey and colour without detail: ramps, steps, and patches. */
import { type Canvas, type Colour, grey, type Rect, split } from "./canvas.ts";

/**
 * Greys: a smooth ramp, its eleven steps, and the ends: patches a few hundredths from black and from
 * white.
 */
export function greys(canvas: Canvas, rect: Rect): void {
  const [ramp, steps, ends] = split(rect, "y", [1, 1, 1]);
  canvas.paint(ramp, (x) => grey((x + 0.5) / ramp.width));
  split(steps, "x", new Array(11).fill(1)).forEach((cell, i) => {
    canvas.fill(cell, grey(i / 10));
  });
  const [dark, bright] = split(ends, "x", [1, 1]);
  [dark, bright].forEach((half, end) => {
    canvas.fill(half, grey(end));
    const [, middle] = split(half, "y", [1, 3, 1]);
    split(middle, "x", [1, 2, 1, 2, 1, 2, 1, 2, 1]).forEach((cell, i) => {
      const away = 0.02 * (i + 1);
      if (i % 2 === 1) canvas.fill(cell, grey(end === 0 ? away : 1 - away));
    });
  });
}

/** Colours: every hue from left to right, from black at the bottom over full colour to white at the top. */
export function hues(canvas: Canvas, rect: Rect): void {
  canvas.paint(rect, (x, y) => {
    const [r, g, b] = hue((x + 0.5) / rect.width);
    const height = 2 - (2 * (y + 0.5)) / rect.height;
    const shade = (v: number) => (height < 1 ? v * height : v + (1 - v) * (height - 1));
    return [shade(r), shade(g), shade(b)];
  });
}

/** Even patches: eight hues in rows of a pale, a full, a dull and a dark tone, a grey column beside them. */
export function patches(canvas: Canvas, rect: Rect): void {
  const gap = rect.height >= 64 ? 2 : 0;
  canvas.fill(rect, grey(0.1));
  const tones: ((v: number) => number)[] = [
    (v) => 0.72 + 0.26 * v,
    (v) => 0.1 + 0.85 * v,
    (v) => 0.38 + 0.3 * v,
    (v) => 0.06 + 0.34 * v,
  ];
  split(rect, "y", [1, 1, 1, 1], gap).forEach((row, tone) => {
    split(row, "x", new Array(9).fill(1), gap).forEach((cell, i) => {
      const [r, g, b] = i < 8 ? hue(i / 8) : grey(0.5);
      canvas.fill(cell, [tones[tone](r), tones[tone](g), tones[tone](b)]);
    });
  });
}

/** The full colour of a hue in turns: red 0, green 1/3, blue 2/3, straight lines between. */
function hue(turn: number): Colour {
  const channel = (shift: number) => {
    const t = turn + shift - Math.floor(turn + shift);
    return Math.min(1, Math.max(0, Math.abs(6 * t - 3) - 1));
  };
  return [channel(0), channel(2 / 3), channel(1 / 3)];
}
