/**
 * e^t on vectors: t log2(e) is split into an integer n and a fraction f in [-1/2, 1/2] by adding a
 * magic constant, 2^f is a polynomial, and n is added to the exponent bits.
 *
 * f32: degree 5, relative minimax on [-1/2, 1/2] (error 7.5e-8), divided by its leading coefficient,
 * so that results are K_F32 times too large. A ratio of sums of such exponentials does not see the
 * factor, and it saves a multiplication. f64: the Taylor series to degree 12 (error 1.7e-16), exact
 * scale.
 */

const LOG2E: f64 = 1.4426950408889634;

/** The factor by which {@link expScaled} is too large in f32: e^0 comes out as this (the constant term). */
export const K_F32: f32 = 753.2122047682643;

/**
 * e^t times a constant: K_F32 in f32, 1 in f64. `t` within [-80, 80] in f32, [-700, 700] in f64.
 * In f32, `rate` is beta log2(e) and the argument x; in f64, `rate` is beta.
 */
// @ts-ignore: decorator
@inline
export function expScaled<T>(x: v128, rate: v128): v128 {
  if (sizeof<T>() == 4) {
    const magic = f32x4.splat(12582912.0);
    const t = f32x4.mul(x, rate);
    const shifted = f32x4.add(t, magic);
    const f = f32x4.sub(t, f32x4.sub(shifted, magic));
    let p = f32x4.add(f, f32x4.splat(7.28773542532703));
    p = f32x4.add(f32x4.mul(p, f), f32x4.splat(41.80864684366988));
    p = f32x4.add(f32x4.mul(p, f), f32x4.splat(180.93752461560842));
    p = f32x4.add(f32x4.mul(p, f), f32x4.splat(522.0867178795891));
    p = f32x4.add(f32x4.mul(p, f), f32x4.splat(K_F32));
    return i32x4.add(p, i32x4.shl(shifted, 23));
  }
  const magic = f64x2.splat(6755399441055744.0);
  const t = f64x2.mul(x, rate);
  const shifted = f64x2.add(f64x2.mul(t, f64x2.splat(LOG2E)), magic);
  const n = f64x2.sub(shifted, magic);
  // ln 2 in two parts, so that n ln 2 is exact enough.
  let f = f64x2.sub(t, f64x2.mul(n, f64x2.splat(0.693147180369123816490)));
  f = f64x2.sub(f, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10)));
  let p = f64x2.splat(1.0 / 479001600.0);
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 39916800.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 3628800.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 362880.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 40320.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 5040.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 720.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 120.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 24.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0 / 6.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(0.5));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0));
  p = f64x2.add(f64x2.mul(p, f), f64x2.splat(1.0));
  return i64x2.add(p, i64x2.shl(shifted, 52));
}

/** The `rate` argument of {@link expScaled} for a temperature beta. */
// @ts-ignore: decorator
@inline
export function rateOf<T>(beta: f64): f64 {
  return sizeof<T>() == 4 ? beta * LOG2E : beta;
}

/** e^t of one f64 for any t <= 0, NaN included; 0 below the normal numbers. */
export function expOne(t: f64): f64 {
  if (t < -708) return 0;
  if (t != t) return t;
  return f64x2.extract_lane(expScaled<f64>(f64x2.splat(t), f64x2.splat(1)), 0);
}
