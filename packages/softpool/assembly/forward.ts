/** The forward of all poolings as separable sums: see block.ts. */
import {
  firstOut,
  outs,
  paddedRow,
  put,
  resetScratch,
  setBlock,
  setType,
  shift,
  storedShift,
  storeRun,
  sumBytes,
  take,
  typeShift,
} from "./block";
import { pow } from "./imports";
import { canFuseWindow, fuseRow, fuseWindow, wideBytes } from "./fused";
import { Job, Method } from "./job";
import { initial, joined, list, listed, listedRow, listWindow, openRows, padded } from "./rows";
import { splat } from "./vector";

/** Divisors along W as reciprocals, one per element of a row of outputs; returns the row. */
export function openReciprocals(job: Job): usize {
  const reciprocals = take(sumBytes);
  for (let o = 0; o < outs; o++) {
    const r = 1 / load<f64>(job.countW + (<usize>(firstOut + o) << 3));
    for (let c = 0; c < job.inner; c++) {
      put(reciprocals + (<usize>(o * job.inner + c) << typeShift), r);
    }
  }
  return reciprocals;
}

/** 1 / (taps along D and H) of outputs od, oh. */
// @ts-ignore: decorator
@inline
export function rowReciprocal(job: Job, od: i32, oh: i32): f64 {
  return (
    1 / (load<f64>(job.countD + (<usize>od << 3)) * load<f64>(job.countH + (<usize>oh << 3)))
  );
}

/** Whether the method divides by the number of taps. */
// @ts-ignore: decorator
@inline
export function divides(job: Job): bool {
  return job.method == Method.AVERAGE || (job.method == Method.POWER && job.normalized != 0);
}

/** The listed rows of sums at bytes `[begin, end)`: N / S + shift, or the variance, behind `to`. */
function finishSoft<T>(job: Job, to: usize, begin: usize, end: usize): void {
  const rows = list;
  const count = listed;
  const r0 = listedRow(rows, count, 0);
  const r1 = listedRow(rows, count, 1);
  const r2 = listedRow(rows, count, 2);
  const one = sumBytes;
  const first = splat<T>(initial(paddedRow(job, 0)));
  const second = splat<T>(initial(paddedRow(job, 1)));
  const third = splat<T>(initial(paddedRow(job, 2)));
  const c = splat<T>(shift);
  for (let i = begin; i < end; i += 16) {
    const S = joined<T>(rows, count, r0, r1, r2, i, first, false);
    let y = v128.div<T>(joined<T>(rows, count, r0, r1, r2, one + i, second, false), S);
    if (sizeof<T>() == 8) {
      if (job.variance) {
        const Q = joined<T>(rows, count, r0, r1, r2, 2 * one + i, third, false);
        y = v128.sub<T>(v128.div<T>(Q, S), v128.mul<T>(y, y));
        // Rounding must not make a variance negative.
        y = v128.pmax<T>(y, splat<T>(0));
      } else y = v128.add<T>(y, c);
    }
    v128.store(to + i, y);
  }
}

/** The same for the other methods: the maximum, the sum, or the sum times the reciprocals. */
function finish<T>(
  job: Job,
  to: usize,
  begin: usize,
  end: usize,
  reciprocals: usize,
  perRow: f64,
  kind: i32,
): void {
  const rows = list;
  const count = listed;
  const r0 = listedRow(rows, count, 0);
  const r1 = listedRow(rows, count, 1);
  const r2 = listedRow(rows, count, 2);
  let first = splat<T>(0);
  if (kind == MAXIMUM) first = splat<T>(job.zeroPadding && padded > 0 ? 0 : -Infinity);
  const r = splat<T>(perRow);
  for (let i = begin; i < end; i += 16) {
    let v = joined<T>(rows, count, r0, r1, r2, i, first, kind == MAXIMUM);
    if (kind == MEAN) v = v128.mul<T>(v128.mul<T>(v, v128.load(reciprocals + i)), r);
    v128.store(to + i, v);
  }
}

/** What {@link finish} does. */
const MAXIMUM: i32 = 0;
const SUM: i32 = 1;
const MEAN: i32 = 2;

function finishRow<T>(job: Job, to: usize, begin: usize, end: usize, reciprocals: usize, perRow: f64): void {
  const method = job.method;
  if (method == Method.SOFT) {
    finishSoft<T>(job, to, begin, end);
    return;
  }
  let kind = reciprocals != 0 ? MEAN : SUM;
  if (method == Method.MAXIMUM) kind = MAXIMUM;
  finish<T>(job, to, begin, end, reciprocals, perRow, kind);
  if (method == Method.MAXIMUM) {
    if (job.negate) {
      for (let i = begin; i < end; i += 16) v128.store(to + i, v128.neg<T>(v128.load(to + i)));
    }
    return;
  }
  if (sizeof<T>() == 8 && method == Method.POWER) root(to + begin, end - begin, job.p);
}

/** v^(1/p) in place, in f64. */
function root(at: usize, size: usize, p: f64): void {
  for (let i: usize = 0; i < size; i += 8) {
    const v = load<f64>(at + i);
    store<f64>(at + i, p == 2 ? sqrt(v) : pow(v, 1 / p));
  }
}

/** {@link finishRow} in the type computed in. */
function finishAny(job: Job, to: usize, begin: usize, end: usize, r: usize, perRow: f64): void {
  if (typeShift == 3) finishRow<f64>(job, to, begin, end, r, perRow);
  else finishRow<f32>(job, to, begin, end, r, perRow);
}

/** SoftPool in windows of 3x3 with stride 2 in f32, C = 1: rows of results `[begin, end)` of a block. */
function windows(job: Job, x: usize, y: usize, begin: i32, end: i32, o: i32, result: usize): void {
  const H = job.h;
  const bytes = storedShift(job);
  const line = <usize>job.w.size << bytes;
  const above = take(2 * sumBytes);
  const wide = take(2 * wideBytes(job));
  /** The row whose sums are at `above`. */
  let shared = -1;
  for (let oh = begin; oh < end; oh++) {
    const h = oh * 2 - H.pad;
    const to = y + (<usize>(oh * job.w.out + o) << bytes);
    const target = bytes == 2 ? to : result;
    if (h < 0 || h + 2 >= H.size) {
      // Windows that reach outside.
      listWindow(job, 0, oh, true);
      finishRow<f32>(job, result, 0, <usize>outs << 2, 0, 1);
      storeRun<f32>(job, result, to, outs);
      continue;
    }
    if (h != shared) fuseRow(job, x + line * h, wide, above);
    fuseWindow(job, x + line * (h + 1), x + line * (h + 2), wide, above, target);
    shared = h + 2;
    if (bytes != 2) storeRun<f32>(job, result, to, outs);
  }
}

/** Pools outputs `[begin, end)` of the outer axis of plane `index`, with `c` as shift (f64 only). */
export function forward(job: Job, index: i32, begin: i32, end: i32, double: bool, c: f64): void {
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const C = job.inner;
  const bytes = storedShift(job);
  const x = job.x + ((<usize>index * D.size * H.size * W.size * C) << bytes);
  const y = job.y + ((<usize>index * D.out * H.out * W.out * C) << bytes);
  const firstD = job.outer == 0 ? begin : 0;
  const endD = job.outer == 0 ? end : D.out;
  const firstH = job.outer == 1 ? begin : 0;
  const endH = job.outer == 1 ? end : H.out;
  const endW = job.outer == 2 ? end : W.out;
  setType(double, c);
  for (let o = job.outer == 2 ? begin : 0; o < endW; o += job.columns) {
    const scratch = take(0);
    setBlock(job, o, min(job.columns, endW - o), 0, index % job.channels);
    openRows(job, x, false, 0);
    const reciprocals = divides(job) ? openReciprocals(job) : 0;
    const result = take(3 * sumBytes);
    const count = outs * C;
    const size = <usize>count << typeShift;
    const same = bytes == typeShift;
    if (!double && canFuseWindow(job)) {
      windows(job, x, y, firstH, endH, o, result);
      resetScratch(scratch);
      continue;
    }
    for (let od = firstD; od < endD; od++) {
      for (let oh = firstH; oh < endH; oh++) {
        listWindow(job, od, oh, true);
        const perRow = reciprocals != 0 ? rowReciprocal(job, od, oh) : 1;
        const to = y + ((<usize>((od * H.out + oh) * W.out + o) * C) << bytes);
        // Whole vectors go straight to the output where its type is the one computed in.
        const whole = same ? size & ~15 : 0;
        if (whole > 0) finishAny(job, to, 0, whole, reciprocals, perRow);
        if (whole < size) {
          finishAny(job, result - whole, whole, size, reciprocals, perRow);
          const rest = count - <i32>(whole >> typeShift);
          if (double) storeRun<f64>(job, result, to + whole, rest);
          else storeRun<f32>(job, result, to + whole, rest);
        }
      }
    }
    resetScratch(scratch);
  }
}
