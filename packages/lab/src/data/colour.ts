/**
 * Changes of colour on planes of values in [0, 1], in this order: brightness, contrast, saturation,
 * hue, each cut to [0, 1] afterwards; and their luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). The hue
 * turns in HSV: value and saturation stay.
 */
import type { Jitter } from "./transforms.ts";

const cut = (v: number): number => Math.min(1, Math.max(0, v));

/** The luma of red, green and blue, of whatever scale. */
export function lumaOf(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** Moves values away from a reference or towards it: r + f (v - r). */
function blend(planes: Float32Array, factor: number, reference: (i: number) => number): void {
  const count = planes.length / 3;
  for (let i = 0; i < count; i++) {
    const r = reference(i);
    for (let at = i; at < planes.length; at += count) {
      planes[at] = cut(r + factor * (planes[at] - r));
    }
  }
}

/** Turns the hue of every pixel by a share of the circle. */
function turnHue(planes: Float32Array, share: number): void {
  const count = planes.length / 3;
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [planes[i], planes[count + i], planes[2 * count + i]];
    const most = Math.max(r, g, b);
    const chroma = most - Math.min(r, g, b);
    if (chroma === 0) continue;
    const sixth =
      most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const hue = sixth + 6 * share + 12;
    // A channel is the value less the chroma's share that its distance on the circle takes away.
    for (const [channel, shift] of [5, 3, 1].entries()) {
      const k = (shift + hue) % 6;
      planes[channel * count + i] = cut(most - chroma * cut(Math.min(k, 4 - k)));
    }
  }
}

/**
 * Changes the colours of a picture in place.
 * @param planes red, green and blue planes of values in [0, 1]
 * @param jitter how much at most
 * @param next gives numbers in [0, 1); four are taken whatever the jitter
 */
export function jitterColours(planes: Float32Array, jitter: Jitter, next: () => number): void {
  const count = planes.length / 3;
  const luma = (i: number) => lumaOf(planes[i], planes[count + i], planes[2 * count + i]);
  const factor = (x: number) => {
    const low = Math.max(0, 1 - x);
    return low + next() * (1 + x - low);
  };
  const brightness = factor(jitter.brightness);
  const contrast = factor(jitter.contrast);
  const saturation = factor(jitter.saturation);
  const hue = jitter.hue * (2 * next() - 1);
  if (brightness !== 1) blend(planes, brightness, () => 0);
  if (contrast !== 1) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += luma(i);
    blend(planes, contrast, () => sum / count);
  }
  if (saturation !== 1) blend(planes, saturation, luma);
  if (hue !== 0) turnHue(planes, hue);
}
