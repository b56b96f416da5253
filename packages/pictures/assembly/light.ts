/**
 * Rows in linear light, two float64 at a time, in AssemblyScript. The curve stands in src/light.ts.
 */

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
