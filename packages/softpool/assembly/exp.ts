/**
 * e^t on vectors: t log2(e) is split into an integer n and a fraction f in [-1/2, 1/2] by adding a
 * magic constant, 2^f is a polynomial, and n is added to the exponent bits.
 *
 * f32: degree 5, relative minimax on [-1/2, 1/2] (error 7.5e-8), divided by its leading coefficient,
 * so that results are K_F32 times too large. A ratio of sums of such exponentials does not see the
 * factor, and it saves a multiplication. f64: the Taylor series to degree 12 (error 1.7e-16), exact
 * scale.
 *
 * Constants come from memory: compilers of WebAssembly materialise vector constants anew at each use,
 * which costs a third of the speed. Loops load those of f32 once, into registers.
 */

const LOG2E: f64 = 1.4426950408889634;

/** The factor by which f32 exponentials are too large (the constant term of the polynomial). */
export const K_F32: f32 = 753.2122047682643;

/** Magic constant and coefficients of degree 4 to 0. */
const F32 = memory.data<f32>([
  12582912.0, 7.28773542532703, 41.80864684366988, 180.93752461560842, 522.0867178795891,
  753.2122047682643,
]);

/** log2(e), magic, ln 2 in two parts (so that n ln 2 is exact enough), and 1/12! to 1/0!. */
const F64 = memory.data<f64>([
  1.4426950408889634, 6755399441055744.0, 0.69314718036912381649, 1.90821492927058770002e-10,
  2.08767569878681e-9, 2.505210838544172e-8, 2.755731922398589e-7, 2.7557319223985893e-6,
  2.48015873015873e-5, 1.984126984126984e-4, 1.388888888888889e-3, 8.333333333333333e-3,
  4.1666666666666664e-2, 0.16666666666666666, 0.5, 1.0, 1.0,
]);

/** Constant `i` of the f32 exponential, for {@link exp4}: 0 the magic constant, 1 to 5 coefficients. */
// @ts-ignore: decorator
@inline
export function constant(i: i32): v128 {
  return v128.load32_splat(F32 + (<usize>i << 2));
}

/** K_F32 e^x in f32 where `rate` is log2(e): |x rate| <= 115. `k0` to `k5` are the constants. */
// @ts-ignore: decorator
@inline
export function exp4(
  x: v128,
  rate: v128,
  k0: v128,
  k1: v128,
  k2: v128,
  k3: v128,
  k4: v128,
  k5: v128,
): v128 {
  const t = f32x4.mul(x, rate);
  const shifted = f32x4.add(t, k0);
  const f = f32x4.sub(t, f32x4.sub(shifted, k0));
  let p = f32x4.add(f, k1);
  p = f32x4.add(f32x4.mul(p, f), k2);
  p = f32x4.add(f32x4.mul(p, f), k3);
  p = f32x4.add(f32x4.mul(p, f), k4);
  p = f32x4.add(f32x4.mul(p, f), k5);
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

// @ts-ignore: decorator
@inline
function c64(i: i32): v128 {
  return v128.load64_splat(F64 + (<usize>i << 3));
}

/** e^(x rate) in f64, |x rate| <= 700. */
// @ts-ignore: decorator
@inline
export function exp2(x: v128, rate: v128): v128 {
  const t = f64x2.mul(x, rate);
  const magic = c64(1);
  const shifted = f64x2.add(f64x2.mul(t, c64(0)), magic);
  const n = f64x2.sub(shifted, magic);
  let f = f64x2.sub(t, f64x2.mul(n, c64(2)));
  f = f64x2.sub(f, f64x2.mul(n, c64(3)));
  let p = c64(4);
  p = f64x2.add(f64x2.mul(p, f), c64(5));
  p = f64x2.add(f64x2.mul(p, f), c64(6));
  p = f64x2.add(f64x2.mul(p, f), c64(7));
  p = f64x2.add(f64x2.mul(p, f), c64(8));
  p = f64x2.add(f64x2.mul(p, f), c64(9));
  p = f64x2.add(f64x2.mul(p, f), c64(10));
  p = f64x2.add(f64x2.mul(p, f), c64(11));
  p = f64x2.add(f64x2.mul(p, f), c64(12));
  p = f64x2.add(f64x2.mul(p, f), c64(13));
  p = f64x2.add(f64x2.mul(p, f), c64(14));
  p = f64x2.add(f64x2.mul(p, f), c64(15));
  p = f64x2.add(f64x2.mul(p, f), c64(16));
  return i64x2.add(p, i64x2.shl(shifted, 52));
}

/** {@link exp4} or {@link exp2}, by T; in f32 `k0` to `k5` are {@link constant}s. */
// @ts-ignore: decorator
@inline
export function expScaled<T>(
  x: v128,
  rate: v128,
  k0: v128,
  k1: v128,
  k2: v128,
  k3: v128,
  k4: v128,
  k5: v128,
): v128 {
  return sizeof<T>() == 4 ? exp4(x, rate, k0, k1, k2, k3, k4, k5) : exp2(x, rate);
}

/** The `rate` argument of {@link expScaled} for a temperature beta. */
// @ts-ignore: decorator
@inline
export function rateOf<T>(beta: f64): f64 {
  return sizeof<T>() == 4 ? beta * LOG2E : beta;
}

/** e^t of one f64 for any t <= 700, NaN included; 0 below the normal numbers. */
export function expOne(t: f64): f64 {
  if (t < -708) return 0;
  if (t != t) return t;
  return f64x2.extract_lane(exp2(f64x2.splat(t), f64x2.splat(1)), 0);
}
