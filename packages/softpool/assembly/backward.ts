/**
 * The backward of all poolings but the maximum, as separable sums, gathered per input element:
 *
 *     soft:     dx = E (sum A + beta (x sum A - sum B)),  A = g / S, B = A y;   E alone: weights only
 *     average:  dx = sum A,                               A = g / taps
 *     sum:      dx = sum A,                               A = g
 *     power:    dx = sign(x) |x|^(p-1) sum A,             A = g y^(1-p) / M
 *
 * The sums run over the windows that cover the element; they are separable too: first over the rows of
 * outputs that cover an input row, then along W. Every gradient is written once, by one thread.
 */
import {
  beta,
  betaRow,
  channelBytes,
  direct,
  firstOut,
  loadColumns,
  loadRun,
  outs,
  paddedRow,
  phaseBytes,
  phases,
  rates,
  resetScratch,
  roomFor,
  setBlock,
  setType,
  start,
  storedShift,
  storeColumns,
  sumBytes,
  take,
  typeShift,
  width,
} from "./block";
import { divides, openReciprocals, rowReciprocal } from "./forward";
import { pow } from "./imports";
import { Axis, Job, Method } from "./job";
import { addRows, initial, list, listed, listWindow, openRows, row, sumsAt } from "./rows";
import { splat } from "./vector";

/** Ring of rows of A (and B): base, bytes of a row, bytes of one of the two, rows per D position, tags. */
let ring: usize = 0;
let rowBytes: usize = 0;
let partBytes: usize = 0;
let ringH: i32 = 0;
let ringD: i32 = 0;
let tags: usize = 0;
/** Zeros before the first output in a row of A, in bytes. */
let margin: usize = 0;
/** Rows of A that cover the current input row. */
let covering: usize = 0;
let covered: i32 = 0;
/** Sums over these rows, with the same margins. */
let sums: usize = 0;
/** Gradient of a row, split into phases; input of a row, likewise. */
let gradient: usize = 0;
let raw: usize = 0;
/** Scratch for the sums of a row of outputs. */
let rowSums: usize = 0;

/** First output whose window may reach input position t, and the end of that range. */
// @ts-ignore: decorator
@inline
export function firstCovering(axis: Axis, t: i32): i32 {
  const numerator = t + axis.pad - (axis.kernel - 1) * axis.dilation;
  return numerator <= 0 ? 0 : (numerator + axis.stride - 1) / axis.stride;
}
// @ts-ignore: decorator
@inline
export function endCovering(axis: Axis, t: i32): i32 {
  const numerator = t + axis.pad;
  return numerator < 0 ? 0 : min(axis.out, numerator / axis.stride + 1);
}

/** The tap of output o at input position t, or -1 where dilation passes over it. */
// @ts-ignore: decorator
@inline
export function tapAt(axis: Axis, o: i32, t: i32): i32 {
  const offset = t + axis.pad - o * axis.stride;
  return offset % axis.dilation == 0 ? offset / axis.dilation : -1;
}

/** First output of the block of input columns that begins at `w`. */
export function firstOutput(axis: Axis, w: i32): i32 {
  const reach = (w + axis.pad) / axis.stride;
  return max(0, min(axis.out - 1, min(firstCovering(axis, w), reach)));
}

/** Sets the sizes of a row of A and B and returns its bytes. */
function measure(job: Job): usize {
  const W = job.w;
  const before = (((W.kernel - 1) * W.dilation) / W.stride) * job.inner;
  const after = max(before, ((width + W.stride - 1) / W.stride + 1 - outs) * job.inner);
  margin = <usize>before << typeShift;
  partBytes = roomFor(before + outs * job.inner + after) + 16;
  rowBytes = 2 * partBytes;
  return rowBytes;
}

function open(job: Job): void {
  const D = job.d;
  const H = job.h;
  ringD = min(D.out, ((D.kernel - 1) * D.dilation) / D.stride + 1);
  ringH = job.allRows ? H.out : min(H.out, ((H.kernel - 1) * H.dilation) / H.stride + 1);
  const count = ringD * ringH;
  ring = take(rowBytes * count);
  memory.fill(ring, 0, rowBytes * count);
  tags = take(<usize>count << 2);
  memory.fill(tags, 0xff, <usize>count << 2);
  covering = take(<usize>(D.kernel * H.kernel) << 2);
  sums = take(rowBytes);
  memory.fill(sums, 0, rowBytes);
  gradient = take(channelBytes);
  raw = take(channelBytes);
  rowSums = take(2 * sumBytes);
}

/** Sets the vector after the last output to zero again. */
// @ts-ignore: decorator
@inline
function clearAfter(part: usize, count: i32): void {
  v128.store(part + margin + (<usize>count << typeShift), i32x4.splat(0));
}

/** A = g y^(1-p) / M in place of g, from the sums of powers; 0 where y is 0. In f64. */
function powerFactor(job: Job, g: usize, total: usize, reciprocals: usize, perRow: f64): void {
  const size = <usize>(outs * job.inner) << 3;
  // y^(1-p) = (total / M)^((1-p)/p)
  const exponent = (1 - job.p) / job.p;
  for (let i: usize = 0; i < size; i += 8) {
    const sum = load<f64>(total + i);
    const inverse = reciprocals != 0 ? load<f64>(reciprocals + i) * perRow : 1;
    const mean = sum * inverse;
    const power = job.p == 2 ? 1 / sqrt(mean) : pow(mean, exponent);
    store<f64>(g + i, sum > 0 ? load<f64>(g + i) * inverse * power : 0);
  }
}

/** The row of A (and B) of outputs od, oh. */
function outputRow<T>(job: Job, g: usize, od: i32, oh: i32, reciprocals: usize): usize {
  const slot = (od % ringD) * ringH + (oh % ringH);
  const at = ring + rowBytes * slot;
  const tag = od * job.h.out + oh;
  const tagAt = tags + (<usize>slot << 2);
  if (load<i32>(tagAt) == tag) return at;
  store<i32>(tagAt, tag);
  const method = job.method;
  const C = job.inner;
  const count = outs * C;
  const size = <usize>count << alignof<T>();
  const A = at + margin;
  loadRun<T>(job, g + (<usize>((tag * job.w.out + firstOut) * C) << storedShift(job)), A, count);
  if (method == Method.SOFT) {
    listWindow(job, od, oh, true);
    const N = rowSums + sumBytes;
    addRows<T>(list, listed, sumsAt, size, initial(paddedRow(job, 0)), rowSums);
    addRows<T>(list, listed, sumsAt + sumBytes, size, initial(paddedRow(job, 1)), N);
    const B = A + partBytes;
    for (let i: usize = 0; i < size; i += 16) {
      const r = v128.div<T>(splat<T>(1), v128.load(rowSums + i));
      const a = v128.mul<T>(v128.load(A + i), r);
      v128.store(A + i, a);
      v128.store(B + i, v128.mul<T>(a, v128.mul<T>(v128.load(N + i), r)));
    }
    clearAfter(at + partBytes, count);
  } else if (method == Method.AVERAGE) {
    const r = splat<T>(rowReciprocal(job, od, oh));
    for (let i: usize = 0; i < size; i += 16) {
      const a = v128.mul<T>(v128.load(A + i), v128.load(reciprocals + i));
      v128.store(A + i, v128.mul<T>(a, r));
    }
  } else if (sizeof<T>() == 8 && method == Method.POWER) {
    listWindow(job, od, oh, true);
    addRows<T>(list, listed, sumsAt, size, 0, rowSums);
    powerFactor(job, A, rowSums, reciprocals, reciprocals != 0 ? rowReciprocal(job, od, oh) : 1);
  }
  clearAfter(at, count);
  return at;
}

/** Sum over the taps e of one phase of the sums at byte `i`. */
// @ts-ignore: decorator
@inline
function gather<T>(table: usize, count: i32, from: usize): v128 {
  if (count == 0) return i32x4.splat(0);
  let v = v128.load(from - <usize>load<u32>(table));
  for (let t = 1; t < count; t++) {
    v = v128.add<T>(v, v128.load(from - <usize>load<u32>(table + (<usize>t << 2))));
  }
  return v;
}

/** Multiplies by sign(x) |x|^(p-1), 0 at 0; in f64. */
function powerSlope(at: usize, x: usize, size: usize, p: f64): void {
  for (let i: usize = 0; i < size; i += 8) {
    const v = load<f64>(x + i);
    const slope = p == 2 || v == 0 ? v : copysign<f64>(pow(abs<f64>(v), p - 1), v);
    store<f64>(at + i, load<f64>(at + i) * slope);
  }
}

/**
 * Gradients of `count` elements at byte `b` of the row: the sums over windows start at `from`, the
 * transformed row (SoftPool) at `at`; `table` has the offsets of the `terms` taps.
 */
function differentiate<T>(
  job: Job,
  table: usize,
  terms: i32,
  from: usize,
  at: usize,
  b: usize,
  count: i32,
): void {
  const size = <usize>count << alignof<T>();
  const to = gradient + b;
  if (job.method == Method.SOFT && !job.weightsOnly) {
    const one = splat<T>(beta);
    const factors = betaRow + b;
    const XE = at + channelBytes;
    for (let i: usize = 0; i < size; i += 16) {
      const A = gather<T>(table, terms, from + i);
      const B = gather<T>(table, terms, from + partBytes + i);
      const E = v128.load(at + i);
      const rate = rates != 0 ? v128.load(factors + i) : one;
      const slope = v128.sub<T>(v128.mul<T>(v128.load(XE + i), A), v128.mul<T>(E, B));
      v128.store(to + i, v128.add<T>(v128.mul<T>(E, A), v128.mul<T>(rate, slope)));
    }
    return;
  }
  for (let i: usize = 0; i < size; i += 16) v128.store(to + i, gather<T>(table, terms, from + i));
  if (job.method == Method.SOFT) {
    for (let i: usize = 0; i < size; i += 16) {
      v128.store(to + i, v128.mul<T>(v128.load(to + i), v128.load(at + i)));
    }
  } else if (sizeof<T>() == 8 && job.method == Method.POWER) powerSlope(to, raw + b, size, job.p);
}

function differentiateAny(
  job: Job,
  table: usize,
  terms: i32,
  from: usize,
  at: usize,
  b: usize,
  count: i32,
): void {
  if (typeShift == 3) differentiate<f64>(job, table, terms, from, at, b, count);
  else differentiate<f32>(job, table, terms, from, at, b, count);
}

/** Byte offsets of the taps whose column is `phase` modulo `modulus`; returns their number. */
function phaseTaps(job: Job, table: usize, phase: i32, modulus: i32): i32 {
  let terms = 0;
  for (let e = 0; e < job.w.kernel; e++) {
    const column = e * job.w.dilation;
    if (column % modulus != phase) continue;
    const back = <u32>((column / modulus) * job.inner) << <u32>typeShift;
    store<u32>(table + (<usize>terms << 2), back);
    terms++;
  }
  return terms;
}

/** The sums over `covered` rows of A (and B). */
function addCovering(job: Job): usize {
  if (covered == 1) return <usize>load<u32>(covering);
  const count = outs * job.inner;
  const size = <usize>count << typeShift;
  for (let part: usize = 0; part < (job.method == Method.SOFT ? rowBytes : partBytes); part += partBytes) {
    if (typeShift == 3) addRows<f64>(covering, covered, part + margin, size, 0, sums + part + margin);
    else addRows<f32>(covering, covered, part + margin, size, 0, sums + part + margin);
    clearAfter(sums + part, count);
  }
  return sums;
}

/** Lists the rows of A (and B) whose windows cover the input row d, h. */
function listCovering(job: Job, g: usize, d: i32, h: i32, reciprocals: usize): void {
  covered = 0;
  for (let od = firstCovering(job.d, d), lastD = endCovering(job.d, d); od < lastD; od++) {
    if (tapAt(job.d, od, d) < 0) continue;
    for (let oh = firstCovering(job.h, h), lastH = endCovering(job.h, h); oh < lastH; oh++) {
      if (tapAt(job.h, oh, h) < 0) continue;
      const at =
        typeShift == 3
          ? outputRow<f64>(job, g, od, oh, reciprocals)
          : outputRow<f32>(job, g, od, oh, reciprocals);
      store<u32>(covering + (<usize>covered << 2), <u32>at);
      covered++;
    }
  }
}

/** The gradient of inputs `[begin, end)` of the outer axis of plane `index`, shift `c` (f64 only). */
export function backward(job: Job, index: i32, begin: i32, end: i32, double: bool, c: f64): void {
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const C = job.inner;
  const bytes = storedShift(job);
  const inside = (<usize>index * D.size * H.size * W.size * C) << bytes;
  const x = job.x + inside;
  const g = job.y + ((<usize>index * D.out * H.out * W.out * C) << bytes);
  const line = <usize>(W.size * C) << bytes;
  const firstD = job.outer == 0 ? begin : 0;
  const endD = job.outer == 0 ? end : D.size;
  const firstH = job.outer == 1 ? begin : 0;
  const endH = job.outer == 1 ? end : H.size;
  const endW = job.outer == 2 ? end : W.size;
  setType(double, c);
  for (let w0 = job.outer == 2 ? begin : 0; w0 < endW; w0 += job.columns) {
    const w1 = min(endW, w0 + job.columns);
    const scratch = take(0);
    const o = firstOutput(W, w0);
    setBlock(job, o, max(1, endCovering(W, w1 - 1) - o), w1, index % job.channels);
    openRows(job, x, true, measure(job));
    open(job);
    const reciprocals = divides(job) ? openReciprocals(job) : 0;
    const table = take(<usize>W.kernel << 2);
    const from = w0 - start;
    const until = w1 - start;
    for (let d = firstD; d < endD; d++) {
      for (let h = firstH; h < endH; h++) {
        const rowAt = line * (d * H.size + h);
        const target = job.gx + inside + rowAt + (<usize>(w0 * C) << bytes);
        listCovering(job, g, d, h, reciprocals);
        if (covered == 0) {
          memory.fill(target, 0, <usize>((w1 - w0) * C) << bytes);
          continue;
        }
        const total = addCovering(job) + margin;
        const at = job.method == Method.SOFT ? row(job, d, h, 1, true) : 0;
        if (job.method == Method.POWER) loadColumns<f64>(job, x + rowAt, raw);
        if (direct) {
          // Channels last with a stride: the columns of one phase, one after the other.
          for (let phase = 0; phase < W.stride; phase++) {
            const terms = phaseTaps(job, table, phase, W.stride);
            for (let j = phase; j < until; j += W.stride) {
              if (j < from) continue;
              const b = <usize>(j * C) << typeShift;
              const sum = total + (<usize>((j / W.stride) * C) << typeShift);
              differentiateAny(job, table, terms, sum, at + b, b, C);
            }
          }
        } else {
          for (let phase = 0; phase < phases; phase++) {
            const terms = phaseTaps(job, table, phase, phases);
            const b = <usize>phase * phaseBytes;
            const count = ((width - phase + phases - 1) / phases) * C;
            differentiateAny(job, table, terms, total, at + b, b, count);
          }
        }
        if (double) storeColumns<f64>(job, gradient, target, from, until);
        else storeColumns<f32>(job, gradient, target, from, until);
      }
    }
    resetScratch(scratch);
  }
}
