/**
 * What the kernels need of 128-bit vectors: T is the type computed in (f32: 4 lanes, f64: 2 lanes),
 * S the type stored (f32 or f64; float16 is converted row by row).
 */

/** Lanes of a vector of T. */
// @ts-ignore: decorator
@inline
export function lanes<T>(): i32 {
  return 16 / <i32>sizeof<T>();
}

/** Constants of the conversions, from memory for the reason given in exp.ts. */
const HALF = memory.data<u32>([
  0x8fffffff, 0x77800000, 0x7fff7fff, 0x7bff7bff, 0x7f800000, 0x47800000, 0x07800000, 0x7fffffff, 1,
  0xfff, 0x7c00, 0x200, 0x8000,
]);

// @ts-ignore: decorator
@inline
function half(i: i32): v128 {
  return v128.load32_splat(HALF + (<usize>i << 2));
}

/**
 * Four float16 in the upper halves of 32-bit lanes as f32: the magnitude moves to its place, then
 * 2^(127 - 15) corrects the exponent. Subnormals come out right, infinity and NaN at least 65536.
 */
// @ts-ignore: decorator
@inline
function widen(h: v128, mask: v128, scale: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shr_s(h, 3), mask), scale);
}

/** Sets the exponent of what was infinite or NaN. */
// @ts-ignore: decorator
@inline
function repair(f: v128): v128 {
  return v128.or(f, v128.and(f32x4.ge(f32x4.abs(f), half(5)), half(4)));
}

/** Converts `n` float16 to f32; reads up to 7 elements beyond, writes up to 7 beyond. */
export function widenRow(from: usize, to: usize, n: i32): void {
  const zero = i32x4.splat(0);
  const mask = half(0);
  const scale = half(1);
  const magnitude = half(2);
  let most = zero;
  for (let i = 0; i < n; i += 8) {
    const h = v128.load(from + (<usize>i << 1));
    const at = to + (<usize>i << 2);
    most = i16x8.max_s(most, v128.and(h, magnitude));
    v128.store(at, widen(v128.shuffle<u16>(zero, h, 0, 8, 0, 9, 0, 10, 0, 11), mask, scale));
    v128.store(at, widen(v128.shuffle<u16>(zero, h, 0, 12, 0, 13, 0, 14, 0, 15), mask, scale), 16);
  }
  if (!v128.any_true(i16x8.gt_s(most, half(3)))) return;
  for (let i = 0; i < n; i += 4) {
    const at = to + (<usize>i << 2);
    v128.store(at, repair(v128.load(at)));
  }
}

/**
 * Converts `n` f32 to float16, nearest, ties to even: a product with 2^-112 puts the exponent where
 * float16 has it (subnormals too), 13 bits are rounded away. Reads up to 3 elements beyond, writes none.
 */
export function narrowRow(from: usize, to: usize, n: i32): void {
  const scale = half(6);
  const magnitude = half(7);
  const one = half(8);
  const below = half(9);
  const infinity = half(10);
  const quiet = half(11);
  const signs = half(12);
  let r = i32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    const f = v128.load(from + (<usize>i << 2));
    const a = v128.and(f32x4.mul(f, scale), magnitude);
    const odd = v128.and(i32x4.shr_u(a, 13), one);
    r = i32x4.shr_u(i32x4.add(i32x4.add(a, below), odd), 13);
    // Overflow to infinity; NaN stays NaN.
    r = i32x4.min_u(r, infinity);
    r = v128.or(r, v128.and(f32x4.ne(f, f), quiet));
    r = v128.or(r, v128.and(i32x4.shr_u(f, 16), signs));
    r = i16x8.narrow_i32x4_u(r, r);
    if (i + 4 <= n) v128.store64_lane(to + (<usize>i << 1), r, 0);
  }
  const rest = n & 3;
  const end = to + (<usize>(n - rest) << 1);
  if (rest > 0) v128.store16_lane(end, r, 0);
  if (rest > 1) v128.store16_lane(end + 2, r, 1);
  if (rest > 2) v128.store16_lane(end + 4, r, 2);
}

/** `lanes<T>()` elements of type S (f32 or f64) at `p`. */
// @ts-ignore: decorator
@inline
export function loadLanes<S, T>(p: usize): v128 {
  if (sizeof<S>() == 4 && sizeof<T>() == 8) return f64x2.promote_low_f32x4(v128.load64_zero(p));
  return v128.load(p);
}

/** Stores `lanes<T>()` elements at `p` as type S. */
// @ts-ignore: decorator
@inline
export function storeLanes<S, T>(p: usize, v: v128): void {
  if (sizeof<S>() == 4 && sizeof<T>() == 8) {
    v128.store64_lane(p, f32x4.demote_f64x2_zero(v), 0);
  } else v128.store(p, v);
}

/** Stores the first `n` elements at `p` as type S, `n` at least 1 and below `lanes<T>()`. */
export function storePart<S, T>(p: usize, v: v128, n: i32): void {
  let s = v;
  if (sizeof<T>() == 8 && sizeof<S>() < 8) s = f32x4.demote_f64x2_zero(v);
  if (sizeof<S>() == 8) v128.store64_lane(p, s, 0);
  else {
    v128.store32_lane(p, s, 0);
    if (n > 1) v128.store32_lane(p + 4, s, 1);
    if (n > 2) v128.store32_lane(p + 8, s, 2);
  }
}

/** One element of type S at `p` as f64. */
// @ts-ignore: decorator
@inline
export function loadOne<S>(p: usize): f64 {
  if (sizeof<S>() == 8) return load<f64>(p);
  if (sizeof<S>() == 4) return <f64>load<f32>(p);
  const f = widen(i32x4.splat(<i32>load<u16>(p) << 16), half(0), half(1));
  return <f64>f32x4.extract_lane(repair(f), 0);
}

/** Stores one f64 at `p` as type S (f32 or f64). */
// @ts-ignore: decorator
@inline
export function storeOne<S>(p: usize, v: f64): void {
  if (sizeof<S>() == 8) store<f64>(p, v);
  else store<f32>(p, <f32>v);
}

/** A vector with the f64 `v` in every lane. */
// @ts-ignore: decorator
@inline
export function splat<T>(v: f64): v128 {
  if (sizeof<T>() == 4) return f32x4.splat(<f32>v);
  return f64x2.splat(v);
}
