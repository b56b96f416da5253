/** Luma after ITU-R BT.601, full range: Y = 0.299 R + 0.587 G + 0.114 B of the values given. */
import { expectPicture, type Picture } from "./picture.ts";

/** The weights of red, green and blue. */
export const lumaWeights: readonly number[] = [0.299, 0.587, 0.114];

/**
 * The luma of a picture, `height * width` samples. A grey picture is its own luma: its data is
 * returned, not a copy.
 */
export function luma(p: Picture): Float32Array {
  expectPicture("luma", "p", p);
  if (p.channels === 1) return p.data;
  const area = p.width * p.height;
  const { data } = p;
  const y = new Float32Array(area);
  const [red, green, blue] = lumaWeights;
  for (let i = 0; i < area; i++) {
    y[i] = red * data[i] + green * data[area + i] + blue * data[2 * area + i];
  }
  return y;
}
