/**
 * The 11-tap window along rows and along columns, a row of the SSIM map, and linear light, two float64 at
 * a time, in AssemblyScript. What is computed stands in src/window.ts, src/ssim-map.ts and src/light.ts.
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

/**
 * x^2.4 = s^4.8 of s = sqrt(x) as a polynomial for x in [0.034, 1.13], within 2e-9 above 0.09 and 7e-9 of
 * itself below: least squares at Chebyshev nodes, weighted by s^-4.
 */
const POWER = memory.data<f64>([
  1.3732391218941625e-6, -4.8473601216249143e-5, 0.00080760379958186, -0.008935338014306363,
  0.09200407058186219, 1.1376104760421248, -0.40407894056204074, 0.32405627320713387,
  -0.22166841410862817, 0.10843558095514474, -0.03270371164967902, 0.004519500615095772,
]);

/** Coefficients i and i + 1 of the power: c_i + c_(i + 1) s. */
function pair(i: usize, s: v128): v128 {
  const c = POWER + (i << 3);
  return f64x2.add(v128.load64_splat(c), f64x2.mul(v128.load64_splat(c, 8), s));
}

/** The largest magnitude that `light` converts: 1.055 (32 * 1.13) - 0.055, rounded down. */
const MOST: f64 = 36;

/** Vector constants are loaded: building one takes longer than most that is done with it. */
const CONSTANTS = memory.data<f64>([0.055, 1 / 1.055, 1.1, 1 / 12.92, 0.04045, 1 / 32, 1, 4096]);
const SIGN = memory.data<i64>([i64.MIN_VALUE]);

function constant(i: usize): v128 {
  return v128.load64_splat(CONSTANTS + (i << 3));
}

/** Linear light of sRGB values in [-36, 36]; x^2.4 above 1.1 is 4096 (x / 32)^2.4. */
function toLinear(v: v128): v128 {
  const sign = v128.and(v, v128.load64_splat(SIGN));
  const a = v128.xor(v, sign);
  const x = f64x2.mul(f64x2.add(a, constant(0)), constant(1));
  const large = f64x2.gt(x, constant(2));
  const scale = v128.bitselect(constant(5), constant(6), large);
  const s = f64x2.sqrt(f64x2.mul(x, scale));
  // Twelve terms by pairs, fours and eights: short chains.
  const s2 = f64x2.mul(s, s);
  const s4 = f64x2.mul(s2, s2);
  const low = f64x2.add(pair(0, s), f64x2.mul(pair(2, s), s2));
  const middle = f64x2.add(pair(4, s), f64x2.mul(pair(6, s), s2));
  const high = f64x2.add(pair(8, s), f64x2.mul(pair(10, s), s2));
  let power = f64x2.add(low, f64x2.mul(s4, f64x2.add(middle, f64x2.mul(high, s4))));
  power = f64x2.mul(power, v128.bitselect(constant(7), constant(6), large));
  const linear = f64x2.mul(a, constant(3));
  return v128.or(sign, v128.bitselect(linear, power, f64x2.le(a, constant(4))));
}

/**
 * Converts one channel's row of sRGB values to linear light, compares it with the original's, and adds
 * it to a row of luma. Writes one sample too many where `count` is odd.
 *
 * @param row the sRGB values, float64; stay as they are
 * @param original the original's row in linear light, float32
 * @param luma the row to add to, or to begin
 * @param weight the channel's weight in luma
 * @param begin whether this is the first channel
 * @returns the sum of squared differences; -1, and nothing is done, where a value is not in [-36, 36]
 */
export function light(
  row: usize,
  original: usize,
  luma: usize,
  count: i32,
  weight: f64,
  begin: bool,
): f64 {
  if (count & 1) {
    store<f64>(row + ((<usize>count) << 3), 0);
    store<f32>(original + ((<usize>count) << 2), 0);
  }
  const end = row + ((<usize>count) << 3);
  let within = i64x2.splat(-1);
  for (let at = row; at < end; at += 16) {
    within = v128.and(within, f64x2.le(f64x2.abs(v128.load(at)), f64x2.splat(MOST)));
  }
  if (!i64x2.all_true(within)) return -1;
  const share = f64x2.splat(weight);
  let error = f64x2.splat(0);
  for (; row < end; row += 16, original += 8, luma += 16) {
    const v = toLinear(v128.load(row));
    const d = f64x2.sub(v, f64x2.promote_low_f32x4(v128.load64_zero(original)));
    error = f64x2.add(error, f64x2.mul(d, d));
    const part = f64x2.mul(v, share);
    v128.store(luma, begin ? part : f64x2.add(v128.load(luma), part));
  }
  return f64x2.extract_lane(error, 0) + f64x2.extract_lane(error, 1);
}
