/**
 * `textures`: textured shapes drawn by the project, a small set to learn from without any files. A
 * picture is a function of (seed, index, size) in additions, multiplications, divisions and square
 * roots of float64, which round alike on every machine: the same bytes everywhere.
 *
 * Class = shape + 5 texture: one of five shapes (disc, square, triangle, ring, cross) filled with one of
 * two textures (stripes, checks), turned, sized, placed and coloured by chance, on clouds of value
 * noise. Neither shape nor texture alone tells the class. Directions are rational points of the circle,
 * ((1 - t^2) / (1 + t^2), 2 t / (1 + t^2)), so that no sine is needed.
 */
import { philox } from "@softpool/poolings/random";
import { type Dataset, datasetOf, fitClasses, type Pixels, type Split } from "./dataset.ts";
import { stream } from "./draw.ts";

const SHAPES = ["disc", "square", "triangle", "ring", "cross"] as const;
const TEXTURES = ["striped", "checked"] as const;

/** Names of the ten classes. */
export const textureClasses: readonly string[] = TEXTURES.flatMap((texture) =>
  SHAPES.map((shape) => `${texture}-${shape}`),
);

/** A set's options. */
export interface TextureOptions {
  /** Width and height in pixels, from 8 to 1024; default 32. */
  readonly size?: number;
  /** How many pictures, from 10 to 10 million; default 10,000. */
  readonly count?: number;
  /** What the pictures are drawn from; sets with different seeds share no picture. Default 0. */
  readonly seed?: number;
}

/** Distance to a shape's edge in units of its radius, negative inside; (u, v) lies in its own frame. */
function distance(shape: (typeof SHAPES)[number], u: number, v: number): number {
  const [a, b] = [Math.abs(u), Math.abs(v)];
  switch (shape) {
    case "disc":
      return Math.sqrt(u * u + v * v) - 0.95;
    case "square":
      return Math.max(a, b) - 0.8;
    case "triangle":
      // The side v = 0.55 and two more, turned by a third of a circle.
      return Math.max(v, a * 0.8660254037844386 - v * 0.5) - 0.55;
    case "ring":
      return Math.abs(Math.sqrt(u * u + v * v) - 0.72) - 0.23;
    case "cross":
      return Math.max(Math.min(a, b) - 0.3, Math.max(a, b) - 0.98);
  }
}

/** A wave of period 1 between 0 and 1 with soft edges: a triangle wave, made steeper and cut. */
function wave(x: number): number {
  const triangle = Math.abs(2 * (x - Math.floor(x)) - 1);
  return Math.min(1, Math.max(0, 2 * triangle - 0.5));
}

/** Clouds: values of a lattice between 0 and 1, joined by smooth steps. */
function clouds(seed: number, index: number, cells: number): (x: number, y: number) => number {
  const side = cells + 1;
  const next = stream("lattice", seed, 0, index);
  const lattice = Float64Array.from({ length: side * side }, next);
  const ease = (t: number) => t * t * (3 - 2 * t);
  return (x, y) => {
    const [i, j] = [Math.min(cells - 1, Math.floor(x)), Math.min(cells - 1, Math.floor(y))];
    const [s, t] = [ease(x - i), ease(y - j)];
    const at = j * side + i;
    const upper = lattice[at] + s * (lattice[at + 1] - lattice[at]);
    const lower = lattice[at + side] + s * (lattice[at + side + 1] - lattice[at + side]);
    return upper + t * (lower - upper);
  };
}

/**
 * Draws picture `index` of a set; its class is `index` modulo 10.
 * @param seed seed of the set, a whole number from 0 to 2^53 - 1
 * @param index number of the picture, from 0
 * @param size width and height in pixels
 */
export function drawTexture(seed: number, index: number, size: number): Pixels {
  const next = stream("texture", seed, 0, index);
  const between = (low: number, high: number) => low + next() * (high - low);
  const direction = (): [number, number] => {
    const t = between(-1, 1);
    const sign = next() < 0.5 ? -1 : 1;
    return [(sign * (1 - t * t)) / (1 + t * t), (2 * t) / (1 + t * t)];
  };
  const colour = () => [between(0, 1), between(0, 1), between(0, 1)];
  const shape = SHAPES[index % SHAPES.length];
  const checked = Math.floor(index / SHAPES.length) % 2 === 1;
  const radius = between(0.24, 0.42);
  const centre = [between(radius, 1 - radius), between(radius, 1 - radius)];
  const [c, s] = direction();
  const [tc, ts] = direction();
  const period = between(0.13, 0.2);
  const phase = [next(), next()];
  const [dark, light] = [colour().map((v) => v * 0.4), colour().map((v) => 0.6 + v * 0.4)];
  const [from, to] = [colour(), colour()];
  const grain = between(0.02, 0.12);
  const cloud = clouds(seed, index, 5);
  const pixels = new Uint8Array(size * size * 3);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [px, py] = [(x + 0.5) / size, (y + 0.5) / size];
      const [dx, dy] = [(px - centre[0]) / radius, (py - centre[1]) / radius];
      const edge = distance(shape, c * dx + s * dy, c * dy - s * dx) * radius * size;
      const inside = Math.min(1, Math.max(0, 0.5 - edge));
      const first = wave((tc * px + ts * py) / period + phase[0]);
      const second = checked ? wave((tc * py - ts * px) / period + phase[1]) : 0;
      const pattern = first + second - 2 * first * second;
      const back = cloud(px * 5, py * 5);
      for (let channel = 0; channel < 3; channel++, at++) {
        const fill = dark[channel] + pattern * (light[channel] - dark[channel]);
        const behind = from[channel] + back * (to[channel] - from[channel]);
        const value = behind + inside * (fill - behind) + grain * (next() - 0.5);
        pixels[at] = Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5);
      }
    }
  }
  return { pixels, width: size, height: size };
}

/** The seed of the set's pictures that are held out: another one for every seed. */
function heldOut(seed: number): number {
  const [low, high] = philox([1, 0, 0, 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]);
  return low + (high & 0x1fffff) * 2 ** 32;
}

function expectNumber(name: string, value: number, low: number, high: number): number {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(
    `textures: ${name}: expected a whole number from ${low} to ${high}, received ${value}`,
  );
}

/**
 * The set, balanced over its classes.
 * @param options size, count and seed
 * @param split which pictures: those held out are drawn from another seed
 * @param classList names of the classes by number; undefined for the set's own order
 * @throws RangeError for an option out of range; Failure when the class list lacks a class
 */
export function textures(
  options: TextureOptions = {},
  split: Split = "train",
  classList?: readonly string[],
): Dataset {
  const size = expectNumber("size", options.size ?? 32, 8, 1024);
  const count = expectNumber("count", options.count ?? 10_000, 10, 10_000_000);
  const given = expectNumber("seed", options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER);
  const seed = split === "train" ? given : heldOut(given);
  const title = `textures:${size},${count}`;
  const { classes, numbers } = fitClasses(title, textureClasses, classList);
  return datasetOf(title, split, classes, count, (index) => ({
    name: `${split}/${index}`,
    label: numbers[index % textureClasses.length],
    source: { kind: "texture", seed, index, size },
  }));
}
