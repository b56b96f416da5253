/**
 * EXIF orientation (1 to 8) of a raster of any size, in bands of rows: which corner the first row and
 * the first column of the stored pixels are. Orientations from 5 on exchange rows and columns.
 */
import { type Format, Raster, rowBytes } from "./raster.ts";

/** Bytes of a band. */
const BAND = 32 * 2 ** 20;

/** The raster turned and mirrored upright, as a new one; orientation 1 is upright already. */
export function orient(input: Raster, orientation: number): Raster {
  const { width, height, channels, bits } = input.format;
  const turned = orientation >= 5;
  const format: Format = turned ? { channels, bits, width: height, height: width } : input.format;
  // Where stored columns and rows run backwards in the upright picture.
  const columnsBack = [2, 3, 7, 8].includes(orientation);
  const rowsBack = [3, 4, 6, 7].includes(orientation);
  const output = Raster.create(format);
  const bandRows = Math.max(1, Math.floor(BAND / rowBytes(input.format)));
  try {
    for (let top = 0; top < height; top += bandRows) {
      const count = Math.min(bandRows, height - top);
      const band = input.read(top, count);
      const moved = bits === 16 ? new Uint16Array(band.length) : new Uint8Array(band.length);
      for (let y = 0; y < count; y++) {
        const v = rowsBack ? count - 1 - y : y;
        for (let x = 0; x < width; x++) {
          const u = columnsBack ? width - 1 - x : x;
          const from = (y * width + x) * channels;
          const to = (turned ? u * count + v : v * width + u) * channels;
          for (let c = 0; c < channels; c++) moved[to + c] = band[from + c];
        }
      }
      const first = rowsBack ? height - top - count : top;
      if (turned) output.writeColumns(first, count, moved);
      else output.write(first, moved);
    }
  } catch (error) {
    output.dispose();
    throw error;
  }
  return output;
}
