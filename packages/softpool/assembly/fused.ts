/**
 * Rows of sums for kernels of 2 or 3 taps and stride 2 in one pass from the input, in f32: nothing but
 * the sums is written. Column `start` + 2 i is tap 0 of local output i, and with 3 taps also tap 2 of
 * the output before it, so that its transformed value is carried over.
 */
import { beta, outs, pad0, start, sumBytes, width } from "./block";
import { constant, exp4, rateOf } from "./exp";
import { Job, Method } from "./job";
import { loadOne, splat, storePart, widenRow } from "./vector";

/** Whether {@link fuseRow} serves the current block. */
export function canFuse(job: Job): bool {
  const W = job.w;
  const method = job.method;
  if (W.stride != 2 || W.dilation != 1 || (W.kernel | 1) != 3) return false;
  if (method == Method.SOFT) return job.inner == 1 && !job.variance;
  // Channels last: whole vectors.
  if (job.inner != 1 && job.inner % 4 != 0) return false;
  return method == Method.AVERAGE || (method == Method.MAXIMUM && !job.negate);
}

// @ts-ignore: decorator
@inline
function join(a: v128, b: v128, method: i32): v128 {
  return method == Method.MAXIMUM ? f32x4.pmax(a, b) : f32x4.add(a, b);
}

/** The largest magnitude read so far, as bits shifted left by one. */
let most: v128 = i32x4.splat(0);

/** Starts the record of magnitudes. */
export function resetMagnitude(): void {
  most = i32x4.splat(0);
}

/** Records what was seen elsewhere. */
export function see(bits: v128): void {
  most = i32x4.max_u(most, bits);
}

/** The largest magnitude read since, infinite where a value was NaN or infinite. */
export function recordedMagnitude(): f64 {
  let m: u32 = <u32>i32x4.extract_lane(most, 0);
  m = max<u32>(m, <u32>i32x4.extract_lane(most, 1));
  m = max<u32>(m, <u32>i32x4.extract_lane(most, 2));
  m = max<u32>(m, <u32>i32x4.extract_lane(most, 3));
  return m >= 0xff000000 ? Infinity : <f64>reinterpret<f32>(m >> 1);
}

/** Lanes of a vector whose columns, two apart from `column` on, lie in the input of `size` columns. */
// @ts-ignore: decorator
@inline
function inside(column: i32, size: i32): v128 {
  return i32x4.lt_u(i32x4.add(i32x4(0, 2, 4, 6), i32x4.splat(column)), i32x4.splat(size));
}

/** The element before the first output of a block, in every lane; 0 where there is none. */
// @ts-ignore: decorator
@inline
function before(source: usize): v128 {
  if (start < 0) return i32x4.splat(0);
  const x = splat<f32>(loadOne<f32>(source + (<usize>start << 2)));
  most = i32x4.max_u(most, i32x4.shl(x, 1));
  return x;
}

/** Moves four values up by one lane; the last of `before` comes in. */
// @ts-ignore: decorator
@inline
function shifted(before: v128, v: v128): v128 {
  return v128.shuffle<f32>(before, v, 3, 4, 5, 6);
}

/**
 * A row of sums. With C = 1, which SoftPool needs (flat.ts has its channels last), a vector is four outputs;
 * with channels last it is four channels of one output, and the row is walked down once for every four.
 */
// @ts-ignore: decorator
@inline
function sumRow(job: Job, source: usize, to: usize, method: i32, soft: bool): void {
  const W = job.w.size;
  const C = job.inner;
  const n = outs;
  const plain = soft || C == 1;
  const three = job.w.kernel == 3;
  const rate = splat<f32>(rateOf<f32>(beta));
  const e0 = splat<f32>(pad0);
  const other = sumBytes;
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  const tap1 = start + i32(three);
  const step = <usize>C << 2;
  const advance = plain ? 4 : 1;
  let seen = most;
  for (let c: usize = 0; c < step; c += 16) {
    let at = source + (<isize>tap1 * <isize>step) + c;
    let target = to + c;
    let carryX = i32x4.splat(0);
    let carry = e0;
    if (three && start >= 0) {
      // Tap 0 of the first output. With C = 1 only the last lane counts, and it is all there is.
      carryX = plain ? v128.load32_splat(at - 4) : v128.load(at - step);
      seen = i32x4.max_u(seen, i32x4.shl(carryX, 1));
      carry = soft ? exp4(carryX, rate, k0, k1, k2, k3, k4, k5) : carryX;
      if (soft) carryX = f32x4.mul(carryX, carry);
    }
    for (let i = 0, column = tap1; i < n; i += advance, column += 2 * advance) {
      let evenX = v128.load(at);
      let oddX = v128.load(at + (plain ? 16 : step));
      if (plain) {
        const first = evenX;
        evenX = v128.shuffle<f32>(first, oddX, 0, 2, 4, 6);
        oddX = v128.shuffle<f32>(first, oddX, 1, 3, 5, 7);
      }
      let even = soft ? exp4(evenX, rate, k0, k1, k2, k3, k4, k5) : evenX;
      let odd = soft ? exp4(oddX, rate, k0, k1, k2, k3, k4, k5) : oddX;
      if (column < 0 || column + 2 * advance > W) {
        // Columns outside the input become padding.
        const inEven = plain ? inside(column, W) : i32x4.splat(-i32(<u32>column < <u32>W));
        const inOdd = plain ? inside(column + 1, W) : i32x4.splat(-i32(<u32>(column + 1) < <u32>W));
        evenX = v128.and(evenX, inEven);
        oddX = v128.and(oddX, inOdd);
        even = v128.bitselect(even, e0, inEven);
        odd = v128.bitselect(odd, e0, inOdd);
      }
      seen = i32x4.max_u(seen, i32x4.max_u(i32x4.shl(evenX, 1), i32x4.shl(oddX, 1)));
      let S = join(even, odd, method);
      if (three) S = join(plain ? shifted(carry, odd) : carry, S, method);
      v128.store(target, S);
      carry = odd;
      if (soft) {
        evenX = f32x4.mul(evenX, even);
        oddX = f32x4.mul(oddX, odd);
        let N = f32x4.add(evenX, oddX);
        if (three) N = f32x4.add(plain ? shifted(carryX, oddX) : carryX, N);
        v128.store(target + other, N);
        carryX = oddX;
      }
      at += plain ? 32 : 2 * step;
      target += plain ? 16 : step;
    }
  }
  most = seen;
}

/**
 * SoftPool in windows of 3x3 with stride 2, C = 1: a row of results from the two new rows of the
 * windows and the sums of the one they share with the windows above, in one pass.
 * @param above sums of the shared row; its place is taken by those of the second new row
 */
function windowRow(job: Job, first: usize, second: usize, above: usize, to: usize): void {
  const W = job.w.size;
  const n = outs;
  const rate = splat<f32>(rateOf<f32>(beta));
  const e0 = splat<f32>(pad0);
  const other = sumBytes;
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  let carryAX = before(first);
  let carryBX = before(second);
  let carryA = e0;
  let carryB = e0;
  if (start >= 0) {
    carryA = exp4(carryAX, rate, k0, k1, k2, k3, k4, k5);
    carryB = exp4(carryBX, rate, k0, k1, k2, k3, k4, k5);
    carryAX = f32x4.mul(carryAX, carryA);
    carryBX = f32x4.mul(carryBX, carryB);
  }
  let seen = most;
  for (let i = 0; i < n; i += 4) {
    const column = start + 1 + 2 * i;
    const offset = <isize>column << 2;
    const at = above + (<usize>i << 2);
    const edge = column < 0 || column + 8 > W;
    const inEven = inside(column, W);
    const inOdd = inside(column + 1, W);
    const a0 = v128.load(first + offset);
    const a1 = v128.load(first + offset, 16);
    let aEvenX = v128.shuffle<f32>(a0, a1, 0, 2, 4, 6);
    let aOddX = v128.shuffle<f32>(a0, a1, 1, 3, 5, 7);
    let aEven = exp4(aEvenX, rate, k0, k1, k2, k3, k4, k5);
    let aOdd = exp4(aOddX, rate, k0, k1, k2, k3, k4, k5);
    if (edge) {
      aEvenX = v128.and(aEvenX, inEven);
      aOddX = v128.and(aOddX, inOdd);
      aEven = v128.bitselect(aEven, e0, inEven);
      aOdd = v128.bitselect(aOdd, e0, inOdd);
    }
    seen = i32x4.max_u(seen, i32x4.max_u(i32x4.shl(aEvenX, 1), i32x4.shl(aOddX, 1)));
    aEvenX = f32x4.mul(aEvenX, aEven);
    aOddX = f32x4.mul(aOddX, aOdd);
    const S = f32x4.add(f32x4.add(aEven, aOdd), f32x4.add(shifted(carryA, aOdd), v128.load(at)));
    const sumX = f32x4.add(shifted(carryAX, aOddX), v128.load(at + other));
    const N = f32x4.add(f32x4.add(aEvenX, aOddX), sumX);
    carryA = aOdd;
    carryAX = aOddX;
    const b0 = v128.load(second + offset);
    const b1 = v128.load(second + offset, 16);
    let bEvenX = v128.shuffle<f32>(b0, b1, 0, 2, 4, 6);
    let bOddX = v128.shuffle<f32>(b0, b1, 1, 3, 5, 7);
    let bEven = exp4(bEvenX, rate, k0, k1, k2, k3, k4, k5);
    let bOdd = exp4(bOddX, rate, k0, k1, k2, k3, k4, k5);
    if (edge) {
      bEvenX = v128.and(bEvenX, inEven);
      bOddX = v128.and(bOddX, inOdd);
      bEven = v128.bitselect(bEven, e0, inEven);
      bOdd = v128.bitselect(bOdd, e0, inOdd);
    }
    seen = i32x4.max_u(seen, i32x4.max_u(i32x4.shl(bEvenX, 1), i32x4.shl(bOddX, 1)));
    bEvenX = f32x4.mul(bEvenX, bEven);
    bOddX = f32x4.mul(bOddX, bOdd);
    const below = f32x4.add(f32x4.add(bEven, bOdd), shifted(carryB, bOdd));
    const belowX = f32x4.add(f32x4.add(bEvenX, bOddX), shifted(carryBX, bOddX));
    carryB = bOdd;
    carryBX = bOddX;
    v128.store(at, below);
    v128.store(at + other, belowX);
    const y = f32x4.div(f32x4.add(N, belowX), f32x4.add(S, below));
    if (i + 4 > n) storePart<f32, f32>(to + (<usize>i << 2), y, n - i);
    else v128.store(to + (<usize>i << 2), y);
  }
  most = seen;
}

function softRow(job: Job, source: usize, to: usize): void {
  sumRow(job, source, to, Method.SOFT, true);
}
function otherRow(job: Job, source: usize, to: usize): void {
  sumRow(job, source, to, job.method, false);
}

/** The row at `source` in f32: the block's columns converted to `wide` where it is float16. */
function asSingle(job: Job, source: usize, wide: usize): usize {
  if (job.dtype == 0) return source;
  const C = job.inner;
  const from = max(0, start);
  // Vectors of neighbouring outputs look a little further.
  const end = min(job.w.size, start + width + 8);
  const skip = <usize>(from * C);
  widenRow(source + (skip << 1), wide, (end - from) * C);
  return wide - (skip << 2);
}

/** Bytes of a converted row, with room for what vectors read before and behind it. */
export function wideBytes(job: Job): usize {
  return job.dtype == 2 ? (<usize>(job.w.size * job.inner) << 2) + 256 : 0;
}

/**
 * The sums along W of the row at `source`, from the input in one pass; rows of `sumBytes` at `to`.
 * @param wide scratch of {@link wideBytes}
 */
export function fuseRow(job: Job, source: usize, wide: usize, to: usize): void {
  const x = asSingle(job, source, wide + 128);
  if (job.method == Method.SOFT) softRow(job, x, to);
  else otherRow(job, x, to);
}

/** Whether {@link fuseWindow} serves the current block. */
export function canFuseWindow(job: Job): bool {
  const H = job.h;
  const plain = job.d.size == 1 && job.d.kernel == 1 && job.inner == 1 && job.w.kernel == 3;
  return plain && H.kernel == 3 && H.stride == 2 && H.dilation == 1 && job.method == Method.SOFT && canFuse(job);
}

/** See {@link windowRow}; rows at `a` and `b`, scratch of two times {@link wideBytes}. */
export function fuseWindow(job: Job, a: usize, b: usize, wide: usize, above: usize, to: usize): void {
  const x = asSingle(job, a, wide + 128);
  windowRow(job, x, asSingle(job, b, wide + wideBytes(job) + 128), above, to);
}
