/**
 * What the kernels need of 128-bit vectors: T is the type computed in (f32: 4 lanes, f64: 2 lanes),
 * S the type stored (f32, f64, or u16 for float16 bits).
 */

/** Lanes of a vector of T. */
// @ts-ignore: decorator
@inline
export function lanes<T>(): i32 {
  return 16 / <i32>sizeof<T>();
}

/** Four float16 (bits in the low half of each 32-bit lane, sign extended) as f32. */
// @ts-ignore: decorator
@inline
function widen(h: v128): v128 {
  // Sign and magnitude moved to their places in an f32, then 2^(127 - 15) corrects the exponent;
  // subnormals come out right. Infinity and NaN come out as at least 65536: set their exponent.
  const f = f32x4.mul(
    v128.and(i32x4.shl(h, 13), i32x4.splat(<i32>0x8fffe000)),
    f32x4.splat(reinterpret<f32>(0x77800000)),
  );
  const special = f32x4.ge(f32x4.abs(f), f32x4.splat(65536.0));
  return v128.or(f, v128.and(special, i32x4.splat(0x7f800000)));
}

/** Four f32 rounded to float16 (nearest, ties to even), bits in the low half of each 32-bit lane. */
// @ts-ignore: decorator
@inline
function narrow(f: v128): v128 {
  const sign = v128.and(f, i32x4.splat(<i32>0x80000000));
  const a = v128.xor(f, sign);
  // Normal: rebias the exponent and add just under half a unit, one more when the last kept bit is 1.
  const odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(
    i32x4.add(i32x4.add(a, i32x4.splat(<i32>0xc8000fff)), odd),
    13,
  );
  // Subnormal: adding 1/2 lets the float unit round at 2^-24.
  const half = f32x4.splat(0.5);
  const subnormal = i32x4.sub(f32x4.add(a, half), half);
  let r = v128.bitselect(subnormal, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  // Overflow to infinity; NaN stays NaN.
  const infinity = i32x4.splat(0x7c00);
  r = v128.bitselect(infinity, r, i32x4.ge_s(a, i32x4.splat(0x47800000)));
  r = v128.or(r, v128.and(i32x4.gt_s(a, i32x4.splat(0x7f800000)), i32x4.splat(0x200)));
  return v128.or(r, i32x4.shr_u(sign, 16));
}

/** Four float16 at `p` as f32. */
// @ts-ignore: decorator
@inline
export function loadHalf4(p: usize): v128 {
  return widen(i32x4.extend_low_i16x8_s(v128.load64_zero(p)));
}

/** Converts `n` float16 to f32; reads up to 3 elements beyond, writes up to 3 beyond. */
export function widenRow(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) v128.store(to + (<usize>i << 2), loadHalf4(from + (<usize>i << 1)));
}

/** Converts `n` f32 to float16; writes no element beyond. */
export function narrowRow(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    store4Half(to + (<usize>i << 1), v128.load(from + (<usize>i << 2)));
  }
  if (i < n) storePart<u16, f32>(to + (<usize>i << 1), v128.load(from + (<usize>i << 2)), n - i);
}

// @ts-ignore: decorator
@inline
function store4Half(p: usize, v: v128): void {
  const h = narrow(v);
  v128.store64_lane(p, v128.shuffle<u16>(h, h, 0, 2, 4, 6, 0, 2, 4, 6), 0);
}

/** `lanes<T>()` elements of type S at `p`. */
// @ts-ignore: decorator
@inline
export function loadLanes<S, T>(p: usize): v128 {
  if (sizeof<S>() == 2) {
    if (sizeof<T>() == 4) return loadHalf4(p);
    return f64x2.promote_low_f32x4(widen(i32x4.extend_low_i16x8_s(v128.load32_zero(p))));
  }
  if (sizeof<S>() == 4 && sizeof<T>() == 8) return f64x2.promote_low_f32x4(v128.load64_zero(p));
  return v128.load(p);
}

/** Stores `lanes<T>()` elements at `p` as type S. */
// @ts-ignore: decorator
@inline
export function storeLanes<S, T>(p: usize, v: v128): void {
  if (sizeof<S>() == 2) {
    if (sizeof<T>() == 4) store4Half(p, v);
    else {
      const h = narrow(f32x4.demote_f64x2_zero(v));
      v128.store32_lane(p, v128.shuffle<u16>(h, h, 0, 2, 0, 2, 0, 2, 0, 2), 0);
    }
  } else if (sizeof<S>() == 4 && sizeof<T>() == 8) {
    v128.store64_lane(p, f32x4.demote_f64x2_zero(v), 0);
  } else v128.store(p, v);
}

/** Stores the first `n` elements at `p` as type S, `n` at least 1 and below `lanes<T>()`. */
export function storePart<S, T>(p: usize, v: v128, n: i32): void {
  let s = v;
  if (sizeof<T>() == 8 && sizeof<S>() < 8) s = f32x4.demote_f64x2_zero(v);
  if (sizeof<S>() == 2) s = narrow(s);
  if (sizeof<S>() == 8) v128.store64_lane(p, s, 0);
  else if (sizeof<S>() == 4) {
    v128.store32_lane(p, s, 0);
    if (n > 1) v128.store32_lane(p + 4, s, 1);
    if (n > 2) v128.store32_lane(p + 8, s, 2);
  } else {
    v128.store16_lane(p, s, 0);
    if (n > 1) v128.store16_lane(p + 2, s, 2);
    if (n > 2) v128.store16_lane(p + 4, s, 4);
  }
}

/** One element of type S at `p` as f64. */
// @ts-ignore: decorator
@inline
export function loadOne<S>(p: usize): f64 {
  if (sizeof<S>() == 8) return load<f64>(p);
  if (sizeof<S>() == 4) return <f64>load<f32>(p);
  return <f64>f32x4.extract_lane(widen(i32x4.splat(<i32>load<i16>(p))), 0);
}

/** Stores one f64 at `p` as type S. */
// @ts-ignore: decorator
@inline
export function storeOne<S>(p: usize, v: f64): void {
  if (sizeof<S>() == 8) store<f64>(p, v);
  else if (sizeof<S>() == 4) store<f32>(p, <f32>v);
  else store<u16>(p, <u16>i32x4.extract_lane(narrow(f32x4.splat(<f32>v)), 0));
}

/** A vector with the f64 `v` in every lane. */
// @ts-ignore: decorator
@inline
export function splat<T>(v: f64): v128 {
  if (sizeof<T>() == 4) return f32x4.splat(<f32>v);
  return f64x2.splat(v);
}
