/**
 * Between stored pixels (interleaved, 8 or 16 bit) and what is pooled: planes of float32 in [0, 1],
 * in sRGB values or linear light, alpha premultiplied so that transparent pixels have no say.
 */
import { type Light, srgbToLinear, toSrgb } from "@softpool/pictures";

/** Value of every stored number, in the light asked for. */
function table(bits: 8 | 16, light: Light): Float32Array {
  const most = 2 ** bits - 1;
  return Float32Array.from({ length: most + 1 }, (_, i) =>
    light === "linear" ? srgbToLinear(i / most) : i / most,
  );
}

const tables = new Map<string, Float32Array>();

function tableFor(bits: 8 | 16, light: Light): Float32Array {
  const key = `${bits} ${light}`;
  let values = tables.get(key);
  if (values === undefined) {
    values = table(bits, light);
    tables.set(key, values);
  }
  return values;
}

/**
 * Planes of interleaved pixels, colours times alpha where there is alpha.
 * @param rows interleaved pixels
 * @param channels 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha
 * @param light what is averaged: sRGB values or linear light
 * @param planes receives the planes, one after the other
 */
export function toPlanes(
  rows: Uint8Array | Uint16Array,
  channels: number,
  light: Light,
  planes: Float32Array,
): void {
  const bits = rows instanceof Uint16Array ? 16 : 8;
  const values = tableFor(bits, light);
  const count = rows.length / channels;
  const hasAlpha = channels % 2 === 0;
  const colours = hasAlpha ? channels - 1 : channels;
  for (let c = 0; c < colours; c++) {
    const plane = planes.subarray(c * count, (c + 1) * count);
    for (let i = 0, at = c; i < count; i++, at += channels) plane[i] = values[rows[at]];
  }
  if (!hasAlpha) return;
  const alpha = planes.subarray(colours * count, channels * count);
  const scale = 1 / (2 ** bits - 1);
  for (let i = 0, at = colours; i < count; i++, at += channels) alpha[i] = rows[at] * scale;
  for (let c = 0; c < colours; c++) {
    const plane = planes.subarray(c * count, (c + 1) * count);
    for (let i = 0; i < count; i++) plane[i] *= alpha[i];
  }
}

/**
 * The inverse: interleaved pixels of planes, colours divided by alpha, clipped to [0, 1] and rounded.
 * @param planes planes, changed on the way
 * @param count pixels of a plane
 */
export function fromPlanes(
  planes: Float32Array,
  count: number,
  channels: number,
  bits: 8 | 16,
  light: Light,
): Uint8Array | Uint16Array {
  const hasAlpha = channels % 2 === 0;
  const colours = hasAlpha ? channels - 1 : channels;
  const most = 2 ** bits - 1;
  const rows = bits === 16 ? new Uint16Array(count * channels) : new Uint8Array(count * channels);
  const alpha = hasAlpha ? planes.subarray(colours * count, channels * count) : undefined;
  for (let c = 0; c < colours; c++) {
    let plane = planes.subarray(c * count, (c + 1) * count);
    if (alpha !== undefined) {
      for (let i = 0; i < count; i++) plane[i] = alpha[i] > 0 ? plane[i] / alpha[i] : 0;
    }
    if (light === "linear") {
      for (let i = 0; i < count; i++) plane[i] = Math.min(1, Math.max(0, plane[i]));
      plane = toSrgb({ width: count, height: 1, channels: 1, data: plane }).data as typeof plane;
    }
    for (let i = 0, at = c; i < count; i++, at += channels) {
      rows[at] = Math.min(most, Math.max(0, Math.round(plane[i] * most)));
    }
  }
  if (alpha !== undefined) {
    for (let i = 0, at = colours; i < count; i++, at += channels) {
      rows[at] = Math.min(most, Math.max(0, Math.round(alpha[i] * most)));
    }
  }
  return rows;
}
