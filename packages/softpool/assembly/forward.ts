/** The forward of all poolings as separable sums: see block.ts. */
import {
  channels,
  firstOut,
  outs,
  paddedRow,
  resetScratch,
  setBlock,
  setShift,
  shift,
  storedShift,
  storeRun,
  sumBytes,
  take,
} from "./block";
import { pow } from "./imports";
import { Job, Method } from "./job";
import { addRows, initial, list, listed, listWindow, maxRows, openRows, padded } from "./rows";
import { lanes, splat } from "./vector";

/** Divisors along W as reciprocals, one per element of a row of outputs; returns the row. */
export function openReciprocals<T>(job: Job): usize {
  const reciprocals = take(sumBytes);
  for (let o = 0; o < outs; o++) {
    const r = 1 / load<f64>(job.countW + (<usize>(firstOut + o) << 3));
    for (let c = 0; c < job.inner; c++) {
      store<T>(reciprocals + (<usize>(o * job.inner + c) << alignof<T>()), <T>r);
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

/** y = N / S + shift from the listed rows, or their variance; `to` has room for three rows. */
function finishSoft<T>(job: Job, to: usize, size: usize): void {
  const N = to + sumBytes;
  addRows<T>(list, listed, 0, size, initial(paddedRow(job, 0)), to);
  addRows<T>(list, listed, sumBytes, size, initial(paddedRow(job, 1)), N);
  if (sizeof<T>() == 8 && channels > 2) {
    const Q = N + sumBytes;
    addRows<T>(list, listed, 2 * sumBytes, size, initial(paddedRow(job, 2)), Q);
    for (let i: usize = 0; i < size; i += 16) {
      const S = v128.load(to + i);
      const y = v128.div<T>(v128.load(N + i), S);
      const v = v128.sub<T>(v128.div<T>(v128.load(Q + i), S), v128.mul<T>(y, y));
      // Rounding must not make a variance negative.
      v128.store(to + i, v128.pmax<T>(v, splat<T>(0)));
    }
    return;
  }
  const c = splat<T>(shift);
  for (let i: usize = 0; i < size; i += 16) {
    const y = v128.div<T>(v128.load(N + i), v128.load(to + i));
    v128.store(to + i, sizeof<T>() == 8 ? v128.add<T>(y, c) : y);
  }
}

/** v^(1/p) in place. */
function root<T>(at: usize, size: usize, p: f64): void {
  if (p == 2) {
    for (let i: usize = 0; i < size; i += 16) v128.store(at + i, v128.sqrt<T>(v128.load(at + i)));
  } else {
    for (let i: usize = 0; i < size; i += sizeof<T>()) {
      store<T>(at + i, <T>pow(<f64>load<T>(at + i), 1 / p));
    }
  }
}

/** Turns the listed rows into a row of results at `to`. */
function finish<T>(job: Job, to: usize, size: usize, reciprocals: usize, perRow: f64): void {
  const method = job.method;
  if (method == Method.SOFT) {
    finishSoft<T>(job, to, size);
    return;
  }
  if (method == Method.MAXIMUM) {
    const least = job.zeroPadding && padded > 0 ? 0 : -Infinity;
    maxRows<T>(list, listed, 0, size, least, to);
    if (job.negate) {
      for (let i: usize = 0; i < size; i += 16) v128.store(to + i, v128.neg<T>(v128.load(to + i)));
    }
    return;
  }
  addRows<T>(list, listed, 0, size, 0, to);
  if (reciprocals != 0) {
    const r = splat<T>(perRow);
    for (let i: usize = 0; i < size; i += 16) {
      const v = v128.mul<T>(v128.load(to + i), v128.load(reciprocals + i));
      v128.store(to + i, v128.mul<T>(v, r));
    }
  }
  if (method == Method.POWER) root<T>(to, size, job.p);
}

/** Pools outputs `[begin, end)` of the outer axis of plane `index`, with `c` as shift (f64 only). */
export function forward<T>(job: Job, index: i32, begin: i32, end: i32, c: f64): void {
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
  setShift(c);
  for (let o = job.outer == 2 ? begin : 0; o < endW; o += job.columns) {
    const scratch = take(0);
    setBlock<T>(job, o, min(job.columns, endW - o), 0, index % job.channels);
    openRows(job, x, false);
    const reciprocals = divides(job) ? openReciprocals<T>(job) : 0;
    const result = take(3 * sumBytes);
    const count = outs * C;
    const size = <usize>count << alignof<T>();
    for (let od = firstD; od < endD; od++) {
      for (let oh = firstH; oh < endH; oh++) {
        listWindow<T>(job, od, oh, true);
        finish<T>(job, result, size, reciprocals, reciprocals != 0 ? rowReciprocal(job, od, oh) : 1);
        const at = <usize>((od * H.out + oh) * W.out + o) * C;
        storeRun<T>(job, result, y + (at << bytes), count);
      }
    }
    resetScratch(scratch);
  }
}
