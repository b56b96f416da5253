/** The exact area average: each output is the mean of its `factor x factor` block of inputs. */
import { expectCount, expectPicture, type Picture } from "./picture.ts";

/**
 * Shrinks a picture by an integer factor, block by block, in the values it has.
 *
 * To average light, convert with `toLinear` first. Accumulates in float64 and rounds once.
 *
 * @param p the picture; both sides must be multiples of `factor`
 * @param factor the side of a block, an integer of at least 1
 * @throws RangeError when a side is not a multiple of `factor`
 */
export function areaAverage(p: Picture, factor: number): Picture {
  expectPicture("areaAverage", "p", p);
  expectCount("areaAverage", "factor", factor);
  if (p.width % factor !== 0 || p.height % factor !== 0) {
    throw new RangeError(
      `areaAverage: factor must divide both sides of the ${p.width} x ${p.height} picture, got ${factor}; crop with cropToMultiple first`,
    );
  }
  const width = p.width / factor;
  const height = p.height / factor;
  const data = new Float32Array(width * height * p.channels);
  const sums = new Float64Array(width);
  const area = factor * factor;
  for (let line = 0; line < height * p.channels; line++) {
    sums.fill(0);
    let from = line * factor * p.width;
    for (let row = 0; row < factor; row++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = 0; k < factor; k++) sum += p.data[from++];
        sums[x] += sum;
      }
    }
    for (let x = 0; x < width; x++) data[line * width + x] = sums[x] / area;
  }
  return { width, height, channels: p.channels, data };
}
