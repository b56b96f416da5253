/**
 * SoftPool's sums in f32, any window, forward: the exponentials of a segment, which is some rows that the
 * same windows cover, are summed over its rows where they lie, whatever the channels; what a row of
 * windows needs is then summed from these columns, once for the whole segment.
 */
import { beta, channelBytes, joinRow, outs, pad0, start, sumBytes, width } from "./block";
import { constant, rateOf } from "./exp";
import { see } from "./fused";
import { Axis, Job } from "./job";
import { splat, widenRow } from "./vector";

/** Rows from position `at` on that the same windows cover, of an axis without dilation. */
export function segment(axis: Axis, at: i32): i32 {
  const s = axis.stride;
  const phase = (at + axis.pad) % s;
  // To the next first row of a window, and to the next row behind the last of one.
  const last = (axis.kernel % s) - phase;
  return min(axis.size - at, min(s - phase, last > 0 ? last : last + s));
}

/** Masks of the first 1 to 3 lanes of a vector. */
const MASKS = memory.data<u32>([0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0]);

/** The mask of the first `n` lanes, 1 to 3. */
// @ts-ignore: decorator
@inline
function first(n: i32): v128 {
  return v128.load(MASKS + (<usize>(3 - n) << 2));
}

/**
 * K_F32 e^(beta x) of `size` bytes of f32, and x times that, to `to` and `other`, where they are added to what
 * stands there or begin it. The exponential is that of exp.ts, in an order of operations with less latency.
 */
function sumRun(source: usize, size: usize, to: usize, other: usize, add: bool): void {
  const rate = splat<f32>(rateOf<f32>(beta));
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  let seen = i32x4.splat(0);
  // One vector ahead: the first half of an exponential hides the latency of the second of another.
  let x = v128.load(source);
  if (size < 16) x = v128.and(x, first(<i32>(size >> 2)));
  let t = f32x4.mul(x, rate);
  let n = f32x4.add(t, k0);
  let f = f32x4.sub(t, f32x4.sub(n, k0));
  for (let i: usize = 0; i < size; i += 16) {
    let next = v128.load(source + i, 16);
    if (i + 32 > size) next = v128.and(next, first(<i32>(size >> 2) & 3));
    let p = f32x4.add(f, k1);
    const f2 = f32x4.mul(f, f);
    p = f32x4.add(f32x4.mul(p, f2), f32x4.add(f32x4.mul(f, k2), k3));
    p = f32x4.add(f32x4.mul(p, f2), f32x4.add(f32x4.mul(f, k4), k5));
    let S = i32x4.add(p, i32x4.shl(n, 23));
    seen = i32x4.max_u(seen, i32x4.shl(x, 1));
    let N = f32x4.mul(x, S);
    t = f32x4.mul(next, rate);
    n = f32x4.add(t, k0);
    f = f32x4.sub(t, f32x4.sub(n, k0));
    x = next;
    if (add) {
      S = f32x4.add(v128.load(to + i), S);
      N = f32x4.add(v128.load(other + i), N);
    }
    v128.store(to + i, S);
    v128.store(other + i, N);
  }
  see(seen);
}

/** Columns `[from, end)` of the padding. */
function pad(C: i32, to: usize, from: i32, end: i32, value: f32): void {
  for (let i = from * C; i < end * C; i++) {
    store<f32>(to + (<usize>i << 2), value);
    store<f32>(to + channelBytes + (<usize>i << 2), 0);
  }
}

/** Sums over the taps along W for C = 1 without dilation: vectors along the taps, four outputs at once. */
function joinLines(job: Job, from: usize, to: usize): void {
  const size = <usize>job.w.kernel << 2;
  const step = <usize>job.w.stride << 2;
  const rest = first(job.w.kernel & 3);
  for (let o = outs; o > 0; o -= 4) {
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    for (let i: usize = 0; i < size; i += 16) {
      const at = from + i;
      let x = v128.load(at);
      let y = v128.load(at + step);
      let z = v128.load(at + 2 * step);
      let w = v128.load(at + 3 * step);
      if (i + 16 > size) {
        x = v128.and(x, rest);
        y = v128.and(y, rest);
        z = v128.and(z, rest);
        w = v128.and(w, rest);
      }
      a = f32x4.add(a, x);
      b = f32x4.add(b, y);
      c = f32x4.add(c, z);
      d = f32x4.add(d, w);
    }
    a = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
    c = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
    const sums = f32x4.add(v128.shuffle<f32>(a, c, 0, 1, 4, 5), v128.shuffle<f32>(a, c, 2, 3, 6, 7));
    v128.store(to, sums);
    from += 4 * step;
    to += 16;
  }
}

/** Where rows converted from float16 stand behind the columns. */
// @ts-ignore: decorator
@inline
function wideAt(job: Job): usize {
  return 2 * channelBytes + (<usize>job.w.stride << 4);
}

/** Bytes that {@link flatRow} needs. */
export function flatBytes(job: Job): usize {
  return wideAt(job) + (job.dtype == 2 ? (<usize>(width * job.inner) << 2) + 64 : 0);
}

/** The run of columns `[from, end)` of the input in `count` rows: see {@link sumRun}. */
function sumRows(
  job: Job, source: usize, line: usize, count: i32, from: i32, end: i32, wide: usize, to: usize, other: usize, add: bool,
): void {
  const half = job.dtype == 2;
  const n = (end - from) * job.inner;
  let at = source + (<usize>(from * job.inner) << (half ? 1 : 2));
  for (let r = 0; r < count; r++) {
    if (half) widenRow(at, wide, n);
    sumRun(half ? wide : at, <usize>n << 2, to, other, add);
    at += line;
    add = true;
  }
}

/**
 * Rows of sums of a segment of `count` rows at `source`, `line` bytes apart.
 * @param columns scratch of {@link flatBytes}
 */
export function flatRow(job: Job, source: usize, line: usize, count: i32, columns: usize, to: usize): void {
  const W = job.w;
  const C = job.inner;
  const wide = columns + wideAt(job);
  const span = (W.kernel - 1) * W.dilation + 1;
  const apart = outs == 1 || W.stride >= span;
  if (apart && C >= 32 && (C & 3) == 0 && pad0 == 0) {
    // Many channels: every column goes straight to its output.
    for (let o = 0; o < outs; o++) {
      let add = false;
      for (let e = 0; e < W.kernel; e++) {
        const w = start + o * W.stride + e * W.dilation;
        if (<u32>w >= <u32>W.size) continue;
        sumRows(job, source, line, count, w, w + 1, wide, to, to + sumBytes, add);
        add = true;
      }
      to += <usize>C << 2;
    }
    return;
  }
  // One run of all columns, or one for each window where columns in between are left out.
  const run = W.stride > span ? span : width;
  for (let w = start; w < start + width; w += max(W.stride, run)) {
    const from = max(w, 0);
    const end = min(w + run, W.size);
    if (from >= end) continue;
    const target = columns + (<usize>((from - start) * C) << 2);
    sumRows(job, source, line, count, from, end, wide, target, target + channelBytes, false);
  }
  const border = <f32>(pad0 * count);
  pad(C, columns, 0, min(width, -start), border);
  pad(C, columns, max(0, W.size - start), width, border);
  if (C > 1 || W.dilation > 1 || (W.stride == 1 && outs > 1)) {
    joinRow<f32>(job, columns, to);
    return;
  }
  joinLines(job, columns, to);
  joinLines(job, columns + channelBytes, to + sumBytes);
}
