/**
 * Between stored pixels (interleaved, 8 or 16 bit) and what is pooled: planes of float32 in [0, 1],
 * in sRGB values or linear light, alpha premultiplied so that transparent pixels have no say.
 */
import { type Light, srgbToLinear, toSrgb } from "@softpool/pictures";

const tables = new Map<string, Float32Array>();

/** The value in [0, 1] of every stored number, in the light asked for. */
function tableFor(bits: 8 | 16, light: Light): Float32Array {
  const key = `${bits} ${light}`;
  let values = tables.get(key);
  if (values === undefined) {
    const most = 2 ** bits - 1;
    values = Float32Array.from({ length: most + 1 }, (_, i) =>
      light === "linear" ? srgbToLinear(i / most) : i / most,
    );
    tables.set(key, values);
  }
  return values;
}

/** A tile of a picture as planes, and which columns of the stored rows it covers. */
export interface Tile {
  /** The planes, one after the other. */
  readonly planes: Float32Array;
  /** Pixels of one plane. */
  readonly count: number;
  /** 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha. */
  readonly channels: number;
  /** First column of the tile in the stored rows. */
  readonly left: number;
  /** Columns of the tile. */
  readonly width: number;
}

/**
 * Fills rows of a tile from stored pixels: colours times alpha where there is alpha.
 * @param rows stored pixels, interleaved, in whole rows
 * @param rowWidth pixels of a stored row
 * @param light what is pooled: sRGB values or linear light
 * @param tile receives the values
 * @param row the tile's row that the first of `rows` is
 */
export function toPlanes(
  rows: Uint8Array | Uint16Array,
  rowWidth: number,
  light: Light,
  tile: Tile,
  row: number,
): void {
  const { planes, count, channels, left, width } = tile;
  const bits = rows instanceof Uint16Array ? 16 : 8;
  const values = tableFor(bits, light);
  const shares = tableFor(bits, "srgb");
  const hasAlpha = channels % 2 === 0;
  const colours = hasAlpha ? channels - 1 : channels;
  const step = rowWidth * channels;
  for (
    let from = left * channels, to = row * width;
    from < rows.length;
    from += step, to += width
  ) {
    for (let c = 0; c < colours; c++) {
      const plane = planes.subarray(c * count + to, c * count + to + width);
      for (let i = 0, at = from + c; i < width; i++, at += channels) plane[i] = values[rows[at]];
    }
    if (!hasAlpha) continue;
    const alpha = planes.subarray(colours * count + to, colours * count + to + width);
    for (let i = 0, at = from + colours; i < width; i++, at += channels)
      alpha[i] = shares[rows[at]];
    for (let c = 0; c < colours; c++) {
      const plane = planes.subarray(c * count + to, c * count + to + width);
      for (let i = 0; i < width; i++) plane[i] *= alpha[i];
    }
  }
}

/**
 * The inverse: stored pixels of a tile, clipped to [0, 1] and rounded. Colours are divided by alpha
 * (clipped before, so that an opaque picture gives what it gives without alpha), or laid over white
 * where the stored pixels have no alpha.
 * @param tile the values, changed on the way; alpha there is dropped when `stored` has one channel less
 * @param light what was pooled
 * @param stored receives the pixels, in whole rows, as many as the tile has
 * @param storedChannels channels of `stored`
 */
export function fromPlanes(
  tile: Tile,
  light: Light,
  stored: Uint8Array | Uint16Array,
  storedChannels: number,
): void {
  const { planes, count, channels, left, width } = tile;
  const most = stored instanceof Uint16Array ? 65535 : 255;
  const hasAlpha = channels % 2 === 0;
  const colours = hasAlpha ? channels - 1 : channels;
  const step = (stored.length / (count / width)) | 0;
  const alpha = planes.subarray(colours * count, channels * count);
  for (let i = 0; i < alpha.length; i++) alpha[i] = Math.min(1, Math.max(0, alpha[i]));
  for (let c = 0; c < channels; c++) {
    if (c >= storedChannels) break;
    let plane: Float32Array = planes.subarray(c * count, (c + 1) * count);
    if (hasAlpha && c < colours) {
      const keep = storedChannels === channels;
      for (let i = 0; i < count; i++) {
        const a = alpha[i];
        plane[i] = keep ? (a > 0 ? plane[i] / a : 0) : plane[i] + 1 - a;
      }
    }
    if (light === "linear" && c < colours) {
      for (let i = 0; i < count; i++) plane[i] = Math.min(1, Math.max(0, plane[i]));
      plane = toSrgb({ width: count, height: 1, channels: 1, data: plane }).data;
    }
    for (let start = 0, to = left * storedChannels + c; start < count; start += width, to += step) {
      for (let i = 0, at = to; i < width; i++, at += storedChannels) {
        stored[at] = Math.min(most, Math.max(0, Math.round(plane[start + i] * most)));
      }
    }
  }
}
