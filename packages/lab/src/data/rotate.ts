/**
 * Rotation of square planes about their centre: output (x, y) is the bilinear value of the input at
 *
 *     c + (cos a (x - c) + sin a (y - c),  cos a (y - c) - sin a (x - c)),   c = (size - 1) / 2
 *
 * and black outside. In float64 arithmetic of fixed order.
 */

/**
 * Rotates planes in place.
 * @param planes any number of planes of size x size values
 * @param size width and height
 * @param degrees the angle; the picture turns clockwise for positive ones (rows run down)
 */
export function rotate(planes: Float32Array, size: number, degrees: number): void {
  const plane = size * size;
  const before = planes.slice();
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const centre = (size - 1) / 2;
  const valueAt = (from: number, x: number, y: number) =>
    x >= 0 && x < size && y >= 0 && y < size ? before[from + y * size + x] : 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = centre + cos * (x - centre) + sin * (y - centre);
      const v = centre + cos * (y - centre) - sin * (x - centre);
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const [right, down] = [u - left, v - top];
      for (let from = 0; from < planes.length; from += plane) {
        const upper = (1 - right) * valueAt(from, left, top) + right * valueAt(from, left + 1, top);
        const lower =
          (1 - right) * valueAt(from, left, top + 1) + right * valueAt(from, left + 1, top + 1);
        planes[from + y * size + x] = (1 - down) * upper + down * lower;
      }
    }
  }
}
