/**
 * Rows of sums for kernels of 2 or 3 taps and stride 2 in one pass from the input, in f32: nothing but
 * the sums is written. Column `start` + 2 i is tap 0 of local output i, and with 3 taps also tap 2 of
 * the output before it, so that its transformed value is carried over.
 */
import { beta, direct, outs, pad0, pad1, rates, start, sumBytes } from "./block";
import { constant, exp4, rateOf } from "./exp";
import { Job, Method } from "./job";
import { loadLanes, loadOne, splat } from "./vector";

/** Whether {@link fuseRow} serves the current block. */
export function canFuse(job: Job): bool {
  const W = job.w;
  const method = job.method;
  if (W.stride != 2 || W.dilation != 1 || (W.kernel | 1) != 3 || rates != 0) return false;
  if (job.inner != 1 && !direct) return false;
  if (method == Method.SOFT) return !job.variance;
  return method == Method.AVERAGE || (method == Method.MAXIMUM && !job.negate);
}

// @ts-ignore: decorator
@inline
function join(a: v128, b: v128, method: i32): v128 {
  return method == Method.MAXIMUM ? f32x4.pmax(a, b) : f32x4.add(a, b);
}

/** Lane numbers doubled: columns of even elements. */
// @ts-ignore: decorator
@inline
function evens(): v128 {
  return i32x4(0, 2, 4, 6);
}

/** One element per output, C = 1. */
// @ts-ignore: decorator
@inline
function plainRow<S>(job: Job, source: usize, to: usize, method: i32, kernel: i32): void {
  const W = job.w.size;
  const soft = method == Method.SOFT;
  const rate = splat<f32>(rateOf<f32>(beta));
  const e0 = splat<f32>(pad0);
  const x0 = splat<f32>(pad1);
  const to2 = to + sumBytes;
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  let carry = e0;
  let carryX = x0;
  const tap1 = start + (kernel == 3 ? 1 : 0);
  if (kernel == 3 && start >= 0) {
    carryX = splat<f32>(loadOne<S>(source + (<usize>start << alignof<S>())));
    carry = soft ? exp4(carryX, rate, k0, k1, k2, k3, k4, k5) : carryX;
    carryX = f32x4.mul(carryX, carry);
  }
  for (let i = 0; i < outs; i += 4) {
    const column = tap1 + 2 * i;
    const at = source + (<isize>column << alignof<S>());
    const a = loadLanes<S, f32>(at);
    const b = loadLanes<S, f32>(at + (4 << alignof<S>()));
    let even = v128.shuffle<f32>(a, b, 0, 2, 4, 6);
    let odd = v128.shuffle<f32>(a, b, 1, 3, 5, 7);
    let evenX = even;
    let oddX = odd;
    if (soft) {
      even = exp4(even, rate, k0, k1, k2, k3, k4, k5);
      odd = exp4(odd, rate, k0, k1, k2, k3, k4, k5);
      evenX = f32x4.mul(evenX, even);
      oddX = f32x4.mul(oddX, odd);
    }
    if (column < 0 || column + 8 > W) {
      // Columns outside the input become padding.
      const c = i32x4.add(evens(), i32x4.splat(column));
      const w = i32x4.splat(W);
      const inEven = i32x4.lt_u(c, w);
      const inOdd = i32x4.lt_u(i32x4.add(c, i32x4.splat(1)), w);
      even = v128.bitselect(even, e0, inEven);
      odd = v128.bitselect(odd, e0, inOdd);
      evenX = v128.bitselect(evenX, x0, inEven);
      oddX = v128.bitselect(oddX, x0, inOdd);
    }
    let S0 = join(even, odd, method);
    if (kernel == 3) S0 = join(v128.shuffle<f32>(carry, odd, 3, 4, 5, 6), S0, method);
    v128.store(to + (<usize>i << 2), S0);
    if (soft) {
      let N = f32x4.add(evenX, oddX);
      if (kernel == 3) N = f32x4.add(v128.shuffle<f32>(carryX, oddX, 3, 4, 5, 6), N);
      v128.store(to2 + (<usize>i << 2), N);
      carryX = oddX;
    }
    carry = odd;
  }
}

/** Channels last, C a multiple of 4: down the columns of four channels, one after the other. */
// @ts-ignore: decorator
@inline
function channelsRow<S>(job: Job, source: usize, to: usize, method: i32, kernel: i32): void {
  const W = job.w.size;
  const C = job.inner;
  const soft = method == Method.SOFT;
  const rate = splat<f32>(rateOf<f32>(beta));
  const e0 = splat<f32>(pad0);
  const x0 = splat<f32>(pad1);
  const step = <usize>C << alignof<S>();
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  const tap1 = start + (kernel == 3 ? 1 : 0);
  for (let c = 0; c < C; c += 4) {
    let at = source + (<isize>tap1 * <isize>step) + (<usize>c << alignof<S>());
    let target = to + (<usize>c << 2);
    let carry = e0;
    let carryX = x0;
    if (kernel == 3 && start >= 0) {
      carryX = loadLanes<S, f32>(at - step);
      carry = soft ? exp4(carryX, rate, k0, k1, k2, k3, k4, k5) : carryX;
      carryX = f32x4.mul(carryX, carry);
    }
    for (let i = 0, column = tap1; i < outs; i++, column += 2) {
      let even = e0;
      let evenX = x0;
      let odd = e0;
      let oddX = x0;
      if (<u32>column < <u32>W) {
        evenX = loadLanes<S, f32>(at);
        even = soft ? exp4(evenX, rate, k0, k1, k2, k3, k4, k5) : evenX;
        evenX = f32x4.mul(evenX, even);
      }
      if (<u32>(column + 1) < <u32>W) {
        oddX = loadLanes<S, f32>(at + step);
        odd = soft ? exp4(oddX, rate, k0, k1, k2, k3, k4, k5) : oddX;
        oddX = f32x4.mul(oddX, odd);
      }
      let S0 = join(even, odd, method);
      if (kernel == 3) S0 = join(carry, S0, method);
      v128.store(target, S0);
      if (soft) {
        let N = f32x4.add(evenX, oddX);
        if (kernel == 3) N = f32x4.add(carryX, N);
        v128.store(target + sumBytes, N);
        carryX = oddX;
      }
      carry = odd;
      at += 2 * step;
      target += <usize>C << 2;
    }
  }
}

// @ts-ignore: decorator
@inline
function rowOf<S>(job: Job, source: usize, to: usize, method: i32): void {
  if (job.inner == 1) {
    if (job.w.kernel == 3) plainRow<S>(job, source, to, method, 3);
    else plainRow<S>(job, source, to, method, 2);
  } else if (job.w.kernel == 3) channelsRow<S>(job, source, to, method, 3);
  else channelsRow<S>(job, source, to, method, 2);
}

function softRow<S>(job: Job, source: usize, to: usize): void {
  rowOf<S>(job, source, to, Method.SOFT);
}
function averageRow<S>(job: Job, source: usize, to: usize): void {
  rowOf<S>(job, source, to, Method.AVERAGE);
}
function maximumRow<S>(job: Job, source: usize, to: usize): void {
  rowOf<S>(job, source, to, Method.MAXIMUM);
}

// @ts-ignore: decorator
@inline
function anyRow<S>(job: Job, source: usize, to: usize): void {
  if (job.method == Method.SOFT) softRow<S>(job, source, to);
  else if (job.method == Method.AVERAGE) averageRow<S>(job, source, to);
  else maximumRow<S>(job, source, to);
}

/** The sums along W of the row at `source`, from the input in one pass; rows of `sumBytes` at `to`. */
export function fuseRow(job: Job, source: usize, to: usize): void {
  if (job.dtype == 0) anyRow<f32>(job, source, to);
  else anyRow<u16>(job, source, to);
}
