/**
 * Between the pixels of a page (RGBA, 8 bit, alpha not multiplied) and what is pooled: planes of float32
 * in [0, 1], sRGB values or linear light, premultiplied by alpha where the picture has alpha.
 */
import { type Light, srgbToLinear } from "@softpool/pictures";

const values: Readonly<Record<Light, Float32Array>> = {
  srgb: Float32Array.from({ length: 256 }, (_, i) => i / 255),
  linear: Float32Array.from({ length: 256 }, (_, i) => srgbToLinear(i / 255)),
};

/** Whether any pixel is not opaque. */
export function hasAlpha(rgba: Uint8ClampedArray): boolean {
  const words = new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length >> 2);
  // The last byte of a pixel is the highest of its word on every machine that browsers run on.
  for (let i = 0; i < words.length; i++) if (words[i] >>> 24 !== 255) return true;
  return false;
}

/**
 * Fills planes from pixels.
 * @param rgba the pixels
 * @param light what the planes hold
 * @param planes receives 3 planes, or 4 where alpha is one of them
 */
export function toPlanes(rgba: Uint8ClampedArray, light: Light, planes: Float32Array): void {
  const count = rgba.length >> 2;
  const table = values[light];
  const red = planes.subarray(0, count);
  const green = planes.subarray(count, 2 * count);
  const blue = planes.subarray(2 * count, 3 * count);
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    red[i] = table[rgba[at]];
    green[i] = table[rgba[at + 1]];
    blue[i] = table[rgba[at + 2]];
  }
  if (planes.length === 3 * count) return;
  const alpha = planes.subarray(3 * count);
  for (let i = 0; i < count; i++) {
    const a = rgba[4 * i + 3] / 255;
    alpha[i] = a;
    red[i] *= a;
    green[i] *= a;
    blue[i] *= a;
  }
}

const STEPS = 65536;
/** From which light on the next sRGB byte is nearer: the middle between two bytes, in linear light. */
const edges = Float64Array.from({ length: 256 }, (_, i) => srgbToLinear((i + 0.5) / 255));
/** The byte of the light at the lower end of each step, which holds at most one edge. */
const bytes = Uint8Array.from({ length: STEPS + 1 }, (_, i) => byteOf(i / STEPS));

function byteOf(light: number): number {
  let byte = 0;
  while (byte < 255 && light >= edges[byte]) byte++;
  return byte;
}

/**
 * Rounds planes to pixels, clipped to [0, 1].
 * @param planes 3 or 4 planes
 * @param light what they hold
 * @param rgba receives the pixels
 */
export function toPixels(planes: Float32Array, light: Light, rgba: Uint8ClampedArray): void {
  const count = rgba.length >> 2;
  const alpha = planes.length > 3 * count ? planes.subarray(3 * count) : undefined;
  for (let c = 0; c < 3; c++) {
    const plane = planes.subarray(c * count, (c + 1) * count);
    if (alpha !== undefined) divided(plane, alpha, light, rgba, c);
    else if (light === "linear") {
      for (let i = 0, at = c; i < count; i++, at += 4) {
        const x = Math.max(0, Math.min(1, plane[i]));
        const byte = bytes[(x * STEPS) | 0];
        rgba[at] = x >= edges[byte] ? byte + 1 : byte;
      }
    } else {
      for (let i = 0, at = c; i < count; i++, at += 4) {
        rgba[at] = (Math.max(0, Math.min(1, plane[i])) * 255 + 0.5) | 0;
      }
    }
  }
  if (alpha === undefined) for (let at = 3; at < rgba.length; at += 4) rgba[at] = 255;
  else for (let i = 0; i < count; i++) rgba[4 * i + 3] = Math.round(clip(alpha[i]) * 255);
}

function clip(v: number): number {
  return Math.max(0, Math.min(1, v));
}

/** One channel of a picture with alpha. */
function divided(
  plane: Float32Array,
  alpha: Float32Array,
  light: Light,
  rgba: Uint8ClampedArray,
  c: number,
): void {
  for (let i = 0; i < plane.length; i++) {
    const a = clip(alpha[i]);
    const x = a > 0 ? clip(plane[i] / a) : 0;
    rgba[4 * i + c] = light === "linear" ? byteOfLight(x) : Math.round(x * 255);
  }
}

function byteOfLight(x: number): number {
  const byte = bytes[(x * STEPS) | 0];
  return x >= edges[byte] ? byte + 1 : byte;
}

/** Lays premultiplied planes over white: three planes. */
export function overWhite(planes: Float32Array, count: number): Float32Array {
  const flat = planes.slice(0, 3 * count);
  if (planes.length === flat.length) return flat;
  for (let i = 0; i < flat.length; i++) flat[i] += 1 - planes[3 * count + (i % count)];
  return flat;
}
