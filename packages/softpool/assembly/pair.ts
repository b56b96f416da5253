/**
 * Windows of 2x2 with stride 2 and no padding, the commonest of all, for float32 and float16: one pass
 * over pairs of rows, nothing but the input read and the output written.
 *
 * SoftPool: the dominant tap M is moved out by compare-exchanges (which keep a NaN), three
 * exponentials remain:  y = M + sum d_i e_i / (1 + sum e_i),  d_i = x_i - M bounded so that
 * beta d_i >= -80, for beta > 0. Rows with a result that is not finite are done again by careful.ts.
 */
import { resetScratch, storedShift, take } from "./block";
import { backwardCareful, forwardCareful } from "./careful";
import { constant, exp4, rateOf } from "./exp";
import { Job, Method } from "./job";
import { narrowRow, storePart, widenRow } from "./vector";

/** SoftPool's parameters as vectors: beta log2(e), bound of the deviations, beta. */
let rate: v128 = i32x4.splat(0);
let least: v128 = i32x4.splat(0);
let weight: v128 = i32x4.splat(0);
/**
 * The largest magnitude of results (or of sums of taps) as bits without sign, shifted left by one: at
 * least 0xff000000 where a value was not finite.
 */
let check: v128 = i32x4.splat(0);
/** What the touches read, kept so that they are not removed. */
let touched: i32 = 0;

function setBeta(beta: f64, weightsOnly: i32): void {
  rate = f32x4.splat(<f32>rateOf<f32>(beta));
  least = f32x4.splat(<f32>(-80 / beta));
  weight = f32x4.splat(weightsOnly ? 0 : <f32>beta);
}

// @ts-ignore: decorator
@inline
function bounded(x: v128, m: v128, bound: v128): v128 {
  return f32x4.pmax(f32x4.sub(x, m), bound);
}

/** SoftPool of four taps. */
// @ts-ignore: decorator
@inline
function soft4(
  a: v128, b: v128, c: v128, d: v128, r: v128, bound: v128,
  k0: v128, k1: v128, k2: v128, k3: v128, k4: v128, k5: v128,
): v128 {
  const high1 = f32x4.pmax(a, b);
  const low1 = f32x4.pmin(b, a);
  const high2 = f32x4.pmax(c, d);
  const low2 = f32x4.pmin(d, c);
  const m = f32x4.pmax(high1, high2);
  const low3 = f32x4.pmin(high2, high1);
  const d1 = bounded(low1, m, bound);
  const d2 = bounded(low2, m, bound);
  const d3 = bounded(low3, m, bound);
  const e1 = exp4(d1, r, k0, k1, k2, k3, k4, k5);
  const e2 = exp4(d2, r, k0, k1, k2, k3, k4, k5);
  const e3 = exp4(d3, r, k0, k1, k2, k3, k4, k5);
  const S = f32x4.add(f32x4.add(e1, e2), f32x4.add(e3, k5));
  const T = f32x4.add(f32x4.add(f32x4.mul(d1, e1), f32x4.mul(d2, e2)), f32x4.mul(d3, e3));
  return f32x4.add(m, f32x4.div(T, S));
}

// @ts-ignore: decorator
@inline
function even(p: usize): v128 {
  return v128.shuffle<f32>(v128.load(p), v128.load(p, 16), 0, 2, 4, 6);
}
// @ts-ignore: decorator
@inline
function odd(p: usize): v128 {
  return v128.shuffle<f32>(v128.load(p), v128.load(p, 16), 1, 3, 5, 7);
}

/** A row of SoftPool; two vectors at once: the exponentials of one hide the latency of the other. */
function softRow(first: usize, second: usize, to: usize, columns: i32, C: i32): void {
  const r = rate;
  const bound = least;
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  let bad = i32x4.splat(0);
  const plain = C == 1;
  const step = <usize>C << 2;
  const groups = plain ? 1 : columns;
  const run = plain ? columns : C;
  for (let o = 0; o < groups; o++) {
    for (let i = 0; i < run; i += 8) {
      let a: v128, b: v128, c: v128, d: v128, a2: v128, b2: v128, c2: v128, d2: v128;
      if (plain) {
        const at = <usize>i << 3;
        a = even(first + at);
        b = odd(first + at);
        c = even(second + at);
        d = odd(second + at);
        a2 = even(first + at + 32);
        b2 = odd(first + at + 32);
        c2 = even(second + at + 32);
        d2 = odd(second + at + 32);
      } else {
        const at = <usize>i << 2;
        a = v128.load(first + at);
        b = v128.load(first + step + at);
        c = v128.load(second + at);
        d = v128.load(second + step + at);
        a2 = v128.load(first + at, 16);
        b2 = v128.load(first + step + at, 16);
        c2 = v128.load(second + at, 16);
        d2 = v128.load(second + step + at, 16);
      }
      const y = soft4(a, b, c, d, r, bound, k0, k1, k2, k3, k4, k5);
      const y2 = soft4(a2, b2, c2, d2, r, bound, k0, k1, k2, k3, k4, k5);
      // Lanes beyond the row may raise a false alarm: the careful kernel is right all the same.
      bad = i32x4.max_u(bad, i32x4.max_u(i32x4.shl(y, 1), i32x4.shl(y2, 1)));
      const target = to + (<usize>i << 2);
      if (i + 8 <= run) {
        v128.store(target, y);
        v128.store(target, y2, 16);
      } else storeEnd(target, y, y2, run - i);
    }
    first += 2 * step;
    second += 2 * step;
    to += step;
  }
  check = i32x4.max_u(check, bad);
}

/** A row of the average or the maximum. Maxima drop a NaN, so that the sum is looked at. */
function plainRow(first: usize, second: usize, to: usize, columns: i32, C: i32, method: i32): void {
  const average = method == Method.AVERAGE;
  const quarter = f32x4.splat(0.25);
  let bad = i32x4.splat(0);
  const plain = C == 1;
  const step = <usize>C << 2;
  const groups = plain ? 1 : columns;
  const run = plain ? columns : C;
  for (let o = 0; o < groups; o++) {
    for (let i = 0; i < run; i += 4) {
      let a: v128, b: v128, c: v128, d: v128;
      const at = <usize>i << (plain ? 3 : 2);
      if (plain) {
        a = even(first + at);
        b = odd(first + at);
        c = even(second + at);
        d = odd(second + at);
      } else {
        a = v128.load(first + at);
        b = v128.load(first + step + at);
        c = v128.load(second + at);
        d = v128.load(second + step + at);
      }
      const sum = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
      bad = i32x4.max_u(bad, i32x4.shl(sum, 1));
      const y = average ? f32x4.mul(sum, quarter) : f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
      const target = to + (<usize>i << 2);
      if (i + 4 <= run) v128.store(target, y);
      else storePart<f32, f32>(target, y, run - i);
    }
    first += 2 * step;
    second += 2 * step;
    to += step;
  }
  check = i32x4.max_u(check, bad);
}

/** The first `n` < 8 of two vectors, and nothing behind them: that may be another thread's. */
function storeEnd(to: usize, y: v128, y2: v128, n: i32): void {
  if (n < 4) storePart<f32, f32>(to, y, n);
  else {
    v128.store(to, y);
    if (n > 4) storePart<f32, f32>(to + 16, y2, n - 4);
  }
}

/** Whether a value of the row was not finite; starts the next row. */
function suspicious(): bool {
  const bad = v128.any_true(i32x4.ge_u(check, i32x4.splat(<i32>0xff000000)));
  check = i32x4.splat(0);
  return bad;
}

/** Reads one word of every cache line of `bytes` at `p`, in a burst, so that the row is on its way. */
function touch(p: usize, bytes: usize): void {
  let t = 0;
  for (let i: usize = 0; i < bytes; i += 64) t |= load<i32>(p + i);
  touched = t;
}

/** Pools outputs `[begin, end)` along H of plane `index`. */
export function forwardPair(job: Job, index: i32, begin: i32, end: i32): void {
  const C = job.inner;
  const half = job.dtype == 2;
  const bytes = storedShift(job);
  const line = job.w.size * C;
  const outLine = job.w.out * C;
  const used = 2 * outLine;
  const x = job.x + ((<usize>index * job.h.size * line) << bytes);
  const y = job.y + ((<usize>index * job.h.out * outLine) << bytes);
  const scratch = take(0);
  const room = (<usize>used << 2) + 64;
  const wide = half ? take(2 * room) : 0;
  const result = half ? take(room) : 0;
  const beta = load<f64>(job.betas + (job.oneBeta ? 0 : <usize>(index % job.channels) << 3));
  setBeta(beta, 0);
  check = i32x4.splat(0);
  for (let o = begin; o < end; o++) {
    let first = x + (<usize>(2 * o * line) << bytes);
    let second = first + (<usize>line << bytes);
    const to = y + (<usize>(o * outLine) << bytes);
    touch(first, <usize>(2 * line) << bytes);
    if (half) {
      widenRow(first, wide, used);
      widenRow(second, wide + room, used);
      first = wide;
      second = wide + room;
    }
    const target = half ? result : to;
    if (job.method == Method.SOFT) softRow(first, second, target, job.w.out, C);
    else plainRow(first, second, target, job.w.out, C, job.method);
    if (suspicious()) forwardCareful(job, index, o, o + 1);
    else if (half) narrowRow(result, to, outLine);
  }
  resetScratch(scratch);
}

// @ts-ignore: decorator
@inline
function storePair(to: usize, p: v128, q: v128, left: i32): void {
  const low = v128.shuffle<f32>(p, q, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(p, q, 2, 6, 3, 7);
  if (left >= 4) {
    v128.store(to, low);
    v128.store(to, high, 16);
    return;
  }
  storeEnd(to, low, high, 2 * left);
}

/** Stores the gradients of four taps: interleaved where `step` is 0 (C = 1), else `step` bytes apart. */
// @ts-ignore: decorator
@inline
function storeSlopes(
  to1: usize, to2: usize, step: usize, left: i32, a: v128, b: v128, c: v128, d: v128,
): void {
  if (step == 0) {
    storePair(to1, a, b, left);
    storePair(to2, c, d, left);
  } else {
    v128.store(to1, a);
    v128.store(to1 + step, b);
    v128.store(to2, c);
    v128.store(to2 + step, d);
  }
}

/** Computes and stores the gradients of four taps; returns what tells whether all was finite. */
// @ts-ignore: decorator
@inline
function slopes4(
  a: v128, b: v128, c: v128, d: v128, g: v128, method: i32, soft: bool,
  r: v128, bound: v128, factor: v128,
  k0: v128, k1: v128, k2: v128, k3: v128, k4: v128, k5: v128,
  to1: usize, to2: usize, step: usize, left: i32,
): v128 {
  if (!soft) {
    let ga = f32x4.mul(g, f32x4.splat(0.25));
    let gb = ga;
    let gc = ga;
    let gd = ga;
    let flag = i32x4.splat(0);
    if (method == Method.MAXIMUM) {
      const m = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
      const isA = f32x4.eq(a, m);
      const isB = f32x4.eq(b, m);
      const ab = v128.or(isA, isB);
      const isC = v128.andnot(f32x4.eq(c, m), ab);
      ga = v128.and(g, isA);
      gb = v128.and(g, v128.andnot(isB, isA));
      gc = v128.and(g, isC);
      gd = v128.andnot(g, v128.or(ab, isC));
      flag = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
    }
    storeSlopes(to1, to2, step, left, ga, gb, gc, gd);
    return flag;
  }
  const m = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  const da = bounded(a, m, bound);
  const db = bounded(b, m, bound);
  const dc = bounded(c, m, bound);
  const dd = bounded(d, m, bound);
  const ea = exp4(da, r, k0, k1, k2, k3, k4, k5);
  const eb = exp4(db, r, k0, k1, k2, k3, k4, k5);
  const ec = exp4(dc, r, k0, k1, k2, k3, k4, k5);
  const ed = exp4(dd, r, k0, k1, k2, k3, k4, k5);
  const S = f32x4.add(f32x4.add(ea, eb), f32x4.add(ec, ed));
  const T = f32x4.add(
    f32x4.add(f32x4.mul(da, ea), f32x4.mul(db, eb)),
    f32x4.add(f32x4.mul(dc, ec), f32x4.mul(dd, ed)),
  );
  const inverse = f32x4.div(f32x4.splat(1), S);
  const scale = f32x4.mul(g, inverse);
  // w (1 + beta (d - delta)): what does not depend on the tap is `base`.
  const base = f32x4.sub(f32x4.splat(1), f32x4.mul(factor, f32x4.mul(T, inverse)));
  storeSlopes(
    to1, to2, step, left,
    f32x4.mul(f32x4.mul(ea, scale), f32x4.add(base, f32x4.mul(factor, da))),
    f32x4.mul(f32x4.mul(eb, scale), f32x4.add(base, f32x4.mul(factor, db))),
    f32x4.mul(f32x4.mul(ec, scale), f32x4.add(base, f32x4.mul(factor, dc))),
    f32x4.mul(f32x4.mul(ed, scale), f32x4.add(base, f32x4.mul(factor, dd))),
  );
  return f32x4.add(T, m);
}

/** One pair of gradient rows from a row of `columns` output gradients. */
// @ts-ignore: decorator
@inline
function backwardRow(
  first: usize,
  second: usize,
  g: usize,
  to1: usize,
  to2: usize,
  columns: i32,
  C: i32,
  method: i32,
  soft: bool,
): void {
  const r = rate;
  const bound = least;
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  const factor = weight;
  let bad = i32x4.splat(0);
  const plain = C == 1;
  const step = <usize>C << 2;
  const groups = plain ? 1 : columns;
  const run = plain ? columns : C;
  for (let o = 0; o < groups; o++) {
    for (let i = 0; i < run; i += 4) {
      let a: v128, b: v128, c: v128, d: v128;
      const at = <usize>i << (plain ? 3 : 2);
      if (plain) {
        a = even(first + at);
        b = odd(first + at);
        c = even(second + at);
        d = odd(second + at);
      } else {
        a = v128.load(first + at);
        b = v128.load(first + step + at);
        c = v128.load(second + at);
        d = v128.load(second + step + at);
      }
      const flag = slopes4(
        a, b, c, d, v128.load(g + (<usize>i << 2)), method, soft, r, bound, factor, k0, k1, k2, k3, k4, k5,
        to1 + at, to2 + at, plain ? 0 : step, run - i,
      );
      bad = i32x4.max_u(bad, i32x4.shl(flag, 1));
    }
    first += 2 * step;
    second += 2 * step;
    to1 += 2 * step;
    to2 += 2 * step;
    g += step;
  }
  check = i32x4.max_u(check, bad);
}

function softSlopes(x: usize, x2: usize, g: usize, t: usize, t2: usize, columns: i32, C: i32): void {
  backwardRow(x, x2, g, t, t2, columns, C, Method.SOFT, true);
}
function plainSlopes(
  x: usize, x2: usize, g: usize, t: usize, t2: usize, columns: i32, C: i32, method: i32,
): void {
  backwardRow(x, x2, g, t, t2, columns, C, method, false);
}

/** The gradient of inputs `[begin, end)` along H of plane `index`; `begin` is even. */
export function backwardPair(job: Job, index: i32, begin: i32, end: i32): void {
  const C = job.inner;
  const half = job.dtype == 2;
  const bytes = storedShift(job);
  const line = job.w.size * C;
  const outLine = job.w.out * C;
  const used = 2 * outLine;
  const plane = <usize>index * job.h.size * line;
  const x = job.x + (plane << bytes);
  const gx = job.gx + (plane << bytes);
  const g = job.y + ((<usize>index * job.h.out * outLine) << bytes);
  const scratch = take(0);
  const room = (<usize>used << 2) + 64;
  const wide = half ? take(5 * room) : 0;
  const beta = load<f64>(job.betas + (job.oneBeta ? 0 : <usize>(index % job.channels) << 3));
  setBeta(beta, job.weightsOnly);
  check = i32x4.splat(0);
  const last = min(end, 2 * job.h.out);
  for (let h = begin; h < last; h += 2) {
    let first = x + (<usize>(h * line) << bytes);
    let second = first + (<usize>line << bytes);
    let from = g + (<usize>((h >> 1) * outLine) << bytes);
    let to1 = gx + (<usize>(h * line) << bytes);
    let to2 = to1 + (<usize>line << bytes);
    const end1 = to1;
    const end2 = to2;
    touch(first, <usize>(2 * line) << bytes);
    touch(end1, <usize>(2 * line) << bytes);
    if (half) {
      widenRow(first, wide, used);
      widenRow(second, wide + room, used);
      widenRow(from, wide + 2 * room, outLine);
      first = wide;
      second = wide + room;
      from = wide + 2 * room;
      to1 = wide + 3 * room;
      to2 = wide + 4 * room;
    }
    if (job.method == Method.SOFT) softSlopes(first, second, from, to1, to2, job.w.out, C);
    else plainSlopes(first, second, from, to1, to2, job.w.out, C, job.method);
    if (suspicious()) {
      backwardCareful(job, index, h, h + 2);
      continue;
    }
    if (half) {
      narrowRow(to1, end1, used);
      narrowRow(to2, end2, used);
    }
    // Columns that no window covers.
    const rest = <usize>(line - used) << bytes;
    if (rest > 0) {
      memory.fill(end1 + (<usize>used << bytes), 0, rest);
      memory.fill(end2 + (<usize>used << bytes), 0, rest);
    }
  }
  if (end > last) {
    const from = max(begin, last);
    memory.fill(gx + (<usize>(from * line) << bytes), 0, <usize>((end - from) * line) << bytes);
  }
  resetScratch(scratch);
}
