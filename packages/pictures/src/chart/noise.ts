/** Noise from a seed: grains, clouds, and single points of both polarities. */
import { black, type Canvas, type Colour, grey, type Rect, split, white } from "./canvas.ts";
import { random } from "./maths.ts";

/** Four fields: independent greys, independent colours, clouds, and points white on black and black on white. */
export function noise(canvas: Canvas, rect: Rect, seed: number): void {
  const gap = rect.height >= 64 ? 2 : 0;
  const [left, right] = split(rect, "x", [1, 1], gap);
  const [greys, colours] = split(left, "x", [1, 1], gap);
  const [clouds, points] = split(right, "x", [1, 1], gap);
  canvas.fill(rect, grey(0.5));
  canvas.paint(greys, (x, y) => grey(at(seed, 1, x, y)));
  canvas.paint(
    colours,
    (x, y): Colour => [at(seed, 2, x, y), at(seed, 3, x, y), at(seed, 4, x, y)],
  );
  canvas.paint(clouds, (x, y) => grey(cloud(seed, x, y)));
  const [stars, specks] = split(points, "y", [1, 1]);
  canvas.paint(stars, (x, y) => (at(seed, 5, x, y) < 0.04 ? white : black));
  canvas.paint(specks, (x, y) => (at(seed, 6, x, y) < 0.04 ? black : white));
}

/** The random number of a grid point; coordinates below 65536. */
function at(seed: number, stream: number, x: number, y: number): number {
  return random(seed, stream, y * 65536 + x);
}

/** Smooth noise summed over grids of 32, 16, 8, 4 and 2 pixels with amplitudes that halve. */
function cloud(seed: number, x: number, y: number): number {
  let sum = 0;
  let amplitude = 0.5;
  for (let grid = 32, stream = 16; grid >= 2; grid /= 2, stream++) {
    sum += amplitude * (smooth(seed, stream, x / grid, y / grid) - 0.5);
    amplitude /= 2;
  }
  return 0.5 + 1.7 * sum;
}

/** Random numbers at whole points, blended between them by 3 t^2 - 2 t^3. */
function smooth(seed: number, stream: number, x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const ease = (t: number) => t * t * (3 - 2 * t);
  const [u, v] = [ease(x - column), ease(y - row)];
  const along = (r: number) =>
    (1 - u) * at(seed, stream, column, r) + u * at(seed, stream, column + 1, r);
  return (1 - v) * along(row) + v * along(row + 1);
}
