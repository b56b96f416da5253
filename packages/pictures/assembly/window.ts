/**
 * The 11-tap window along rows and along columns, and a row of the SSIM map, two float64 at a time, in
 * AssemblyScript. What is computed stands in src/window.ts and src/ssim-map.ts.
 *
 * The window is symmetric: byte 8 d of the memory holds the weight of the samples 5 - d away from its
 * middle, d = 0 to 5. The sums are those of one sample at a time, in the same order.
 *
 * A ring holds the last 11 rows that were filtered along themselves, cut into strips of 256 columns; a
 * strip has 22 rows of STEP bytes, and row r is written to r mod 11 and again 11 further down, so that
 * any 11 successive rows lie in order, at offsets known when this is compiled.
 */

const STRIP: i32 = 256;
const STEP: usize = 2112;
const STRIP_BYTES: usize = 22 * STEP;

function weight(d: usize): v128 {
  return v128.load64_splat(d << 3);
}

/**
 * Filters a row along itself into a ring; reads one sample and writes one result too many where
 * `columns` is odd.
 *
 * @param from the row's first sample
 * @param slot the row's number mod 11
 */
export function along(from: usize, ring: usize, slot: usize, columns: i32): void {
  const w5 = weight(0);
  const w4 = weight(1);
  const w3 = weight(2);
  const w2 = weight(3);
  const w1 = weight(4);
  const w0 = weight(5);
  let to = ring + slot * STEP;
  while (columns > 0) {
    const end = from + ((<usize>min(columns, STRIP)) << 3);
    let at = to;
    for (; from < end; from += 16, at += 16) {
      let s = f64x2.mul(w5, f64x2.add(v128.load(from), v128.load(from, 80)));
      s = f64x2.add(s, f64x2.mul(w4, f64x2.add(v128.load(from, 8), v128.load(from, 72))));
      s = f64x2.add(s, f64x2.mul(w3, f64x2.add(v128.load(from, 16), v128.load(from, 64))));
      s = f64x2.add(s, f64x2.mul(w2, f64x2.add(v128.load(from, 24), v128.load(from, 56))));
      s = f64x2.add(s, f64x2.mul(w1, f64x2.add(v128.load(from, 32), v128.load(from, 48))));
      s = f64x2.add(s, f64x2.mul(w0, v128.load(from, 40)));
      v128.store(at, s);
      v128.store(at, s, 11 * STEP);
    }
    columns -= STRIP;
    to += STRIP_BYTES;
  }
}

/**
 * Filters the 11 rows of a ring along columns into a row; writes one result too many where `columns` is
 * odd.
 *
 * @param oldest the number, mod 11, of the window's first row
 */
export function across(ring: usize, oldest: usize, to: usize, columns: i32): void {
  const w5 = weight(0);
  const w4 = weight(1);
  const w3 = weight(2);
  const w2 = weight(3);
  const w1 = weight(4);
  const w0 = weight(5);
  let from = ring + oldest * STEP;
  while (columns > 0) {
    const end = to + ((<usize>min(columns, STRIP)) << 3);
    let at = from;
    for (; to < end; to += 16, at += 16) {
      let s = f64x2.mul(w5, f64x2.add(v128.load(at), v128.load(at, 10 * STEP)));
      s = f64x2.add(s, f64x2.mul(w4, f64x2.add(v128.load(at, STEP), v128.load(at, 9 * STEP))));
      s = f64x2.add(s, f64x2.mul(w3, f64x2.add(v128.load(at, 2 * STEP), v128.load(at, 8 * STEP))));
      s = f64x2.add(s, f64x2.mul(w2, f64x2.add(v128.load(at, 3 * STEP), v128.load(at, 7 * STEP))));
      s = f64x2.add(s, f64x2.mul(w1, f64x2.add(v128.load(at, 4 * STEP), v128.load(at, 6 * STEP))));
      s = f64x2.add(s, f64x2.mul(w0, v128.load(at, 5 * STEP)));
      v128.store(to, s);
    }
    columns -= STRIP;
    from += STRIP_BYTES;
  }
}

/**
 * The squares of a row and its products with a reference; one of each too many where `count` is odd.
 *
 * @param plain the row; squares, products and the reference's row follow, `step` bytes apart
 */
export function multiply(plain: usize, step: usize, count: i32): void {
  const end = plain + ((<usize>count) << 3);
  const reference = <usize>3 * step;
  for (; plain < end; plain += 16) {
    const v = v128.load(plain);
    v128.store(plain + step, f64x2.mul(v, v));
    v128.store(plain + 2 * step, f64x2.mul(v, v128.load(plain + reference)));
  }
}

/**
 * The sums of l cs, into byte 48 of the memory, and of cs, into byte 56, over one row of the map.
 *
 * @param mean the means of the samples; those of their squares, those of their products, the
 *   reference's means and its variances follow, `step` bytes apart
 * @param both whether cs is wanted; else its sum is 0
 */
export function similarity(
  mean: usize,
  step: usize,
  columns: i32,
  c1: f64,
  c2: f64,
  both: bool,
): void {
  const one = f64x2.splat(c1);
  const two = f64x2.splat(c2);
  let ssim = f64x2.splat(0);
  let structure = f64x2.splat(0);
  for (let i = 0; i < columns; i += 2, mean += 16) {
    const my = v128.load(mean);
    const yy = f64x2.mul(my, my);
    const mx = v128.load(mean + 3 * step);
    const xx = f64x2.mul(mx, mx);
    const mxy = f64x2.mul(mx, my);
    const luminance = f64x2.add(f64x2.add(mxy, mxy), one);
    const light = f64x2.add(f64x2.add(xx, yy), one);
    let covariance = f64x2.sub(v128.load(mean + 2 * step), mxy);
    covariance = f64x2.add(f64x2.add(covariance, covariance), two);
    const variance = f64x2.sub(v128.load(mean + step), yy);
    const power = f64x2.add(f64x2.add(v128.load(mean + 4 * step), variance), two);
    let product = f64x2.div(f64x2.mul(luminance, covariance), f64x2.mul(light, power));
    let quotient = both ? f64x2.div(covariance, power) : f64x2.splat(0);
    if (i + 1 === columns) {
      product = f64x2.replace_lane(product, 1, 0);
      quotient = f64x2.replace_lane(quotient, 1, 0);
    }
    ssim = f64x2.add(ssim, product);
    structure = f64x2.add(structure, quotient);
  }
  store<f64>(48, f64x2.extract_lane(ssim, 0) + f64x2.extract_lane(ssim, 1));
  store<f64>(56, f64x2.extract_lane(structure, 0) + f64x2.extract_lane(structure, 1));
}
