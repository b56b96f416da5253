/** The pictures that the study of similarity is timed with: the same on every machine. */
import { join } from "node:path";
import { uniforms } from "@softpool/poolings";
import sharp from "sharp";

/**
 * A picture of waves, blocks and noise.
 * @param {string} path
 * @param {number} side
 * @param {number} seed
 */
async function makePicture(path, side, seed) {
  const noise = uniforms(side * side, { seed });
  const bytes = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const wave =
        Math.sin(x / (5 + seed)) * Math.cos(y / 9) + Math.sin((x * y) / (4000 + 99 * seed));
      const block = ((x >> 5) * 7 + (y >> 5) * 13 + seed) % 5;
      for (let c = 0; c < 3; c++) {
        const value =
          0.25 + 0.12 * block + 0.1 * wave * (1 + c) + 0.15 * (noise[y * side + x] - 0.5);
        bytes[3 * (y * side + x) + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
    }
  }
  const raw = { width: side, height: side, channels: /** @type {const} */ (3) };
  await sharp(bytes, { raw }).png({ compressionLevel: 3 }).toFile(path);
}

/**
 * Writes square pictures into a folder.
 * @param {string} folder
 * @param {number} count how many
 * @param {number} side pixels of a side
 * @returns {Promise<string[]>} the files
 */
export async function makePictures(folder, count, side) {
  const files = Array.from({ length: count }, (_, i) => join(folder, `${1000 + i}.png`));
  for (const [i, file] of files.entries()) await makePicture(file, side, i);
  return files;
}
