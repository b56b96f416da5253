/**
 * The rows of sums of a block, each computed once and kept while windows need it: a ring over the D
 * and H positions of the input (see block.ts), and the lists of rows that make up one window.
 */
import {
  channelBytes,
  channels,
  isFlat,
  joinRow,
  storedShift,
  sumBytes,
  take,
  transformRow,
  typeShift,
} from "./block";
import { flatBytes, flatRow, segment } from "./flat";
import { canFuse, fuseRow, wideBytes } from "./fused";
import { Axis, Job, Method } from "./job";
import { splat } from "./vector";

/** Ring of rows: base, bytes of a row, rows per D position, D positions, and a tag per row. */
let ring: usize = 0;
let rowBytes: usize = 0;
let ringH: i32 = 0;
let ringD: i32 = 0;
let tags: usize = 0;
/** Where the sums stand in a row; 0 when the transformed elements are not kept. */
export let sumsAt: usize = 0;
let temporary: usize = 0;
/** A row of neutral elements: zeros, or -Infinity for the maximum. */
let neutral: usize = 0;
/** Rows of sums are computed in one pass from the input. */
let fused: bool = false;
/** Rows of sums are those of segments: see flat.ts. */
let flat: bool = false;
/** The plane: its first element, elements of a row in bytes. */
let plane: usize = 0;
let lineBytes: usize = 0;
/** Rows of the current window, one pointer each, and their number. */
export let list: usize = 0;
export let listed: i32 = 0;
/** Rows of the current window that lie in the padding. */
export let padded: i32 = 0;

/** Positions an axis keeps: those of one window and, in a backward, of the next one's beginning. */
// @ts-ignore: decorator
@inline
function span(axis: Axis, extra: i32): i32 {
  return (axis.kernel - 1) * axis.dilation + 1 + extra;
}

function takeNeutral(job: Job, bytes: usize): usize {
  const at = take(bytes);
  if (job.method == Method.MAXIMUM) {
    const infinity = typeShift == 2 ? splat<f32>(-Infinity) : splat<f64>(-Infinity);
    for (let i: usize = 0; i < bytes; i += 16) v128.store(at + i, infinity);
  } else memory.fill(at, 0, bytes);
  return at;
}

/**
 * Empties the ring for a block.
 * @param base first element of the plane
 * @param keep keep the transformed elements too (for a backward)
 * @param extra bytes of the longest row that is summed besides
 */
export function openRows(job: Job, base: usize, keep: bool, extra: usize): void {
  plane = base;
  lineBytes = <usize>(job.w.size * job.inner) << storedShift(job);
  ringD = min(job.d.size, span(job.d, keep ? job.d.stride - 1 : 0));
  ringH = job.allRows ? job.h.size : min(job.h.size, span(job.h, keep ? job.h.stride - 1 : 0));
  sumsAt = keep ? channelBytes * channels : 0;
  rowBytes = sumsAt + sumBytes * channels;
  const count = ringD * ringH;
  ring = take(rowBytes * count);
  tags = take(<usize>count << 2);
  memory.fill(tags, 0xff, <usize>count << 2);
  neutral = takeNeutral(job, max(rowBytes, extra));
  fused = !keep && canFuse(job);
  flat = !keep && !fused && isFlat(job);
  if (flat) temporary = take(flatBytes(job));
  else if (!keep) temporary = take(max(channelBytes * channels, wideBytes(job)));
  list = take(<usize>max(1, job.d.kernel * job.h.kernel) << 2);
}

/**
 * The row at positions d, h of the input, computed where it is not in the ring.
 * @param count rows of the segment that begins there
 * @param sums compute the sums along W too
 */
export function row(job: Job, d: i32, h: i32, count: i32, sums: bool): usize {
  const slot = (d % ringD) * ringH + (h % ringH);
  const at = ring + rowBytes * slot;
  const tag = d * job.h.size + h;
  const tagAt = tags + (<usize>slot << 2);
  if (load<i32>(tagAt) != tag) {
    const source = plane + lineBytes * tag;
    const transformed = sumsAt != 0 ? at : temporary;
    if (typeShift == 3) {
      transformRow<f64>(job, source, transformed);
      if (sums) joinRow<f64>(job, transformed, at + sumsAt);
    } else if (flat) flatRow(job, source, lineBytes, count, temporary, at);
    else if (fused) fuseRow(job, source, temporary, at);
    else {
      transformRow<f32>(job, source, transformed);
      if (sums) joinRow<f32>(job, transformed, at + sumsAt);
    }
    store<i32>(tagAt, tag);
  }
  return at;
}

/** Lists the rows of the window of outputs od, oh. */
export function listWindow(job: Job, od: i32, oh: i32, sums: bool): void {
  const D = job.d;
  const H = job.h;
  listed = 0;
  let inside = 0;
  for (let a = 0; a < D.kernel; a++) {
    const d = od * D.stride - D.pad + a * D.dilation;
    if (<u32>d >= <u32>D.size) continue;
    for (let b = 0; b < H.kernel; b++) {
      const h = oh * H.stride - H.pad + b * H.dilation;
      if (<u32>h >= <u32>H.size) continue;
      const count = flat && H.dilation == 1 ? segment(H, h) : 1;
      store<u32>(list + (<usize>listed << 2), <u32>row(job, d, h, count, sums));
      listed++;
      inside += count;
      b += count - 1;
    }
  }
  padded = D.kernel * H.kernel - inside;
}

/** What rows in the padding add to a sum of the current window. */
// @ts-ignore: decorator
@inline
export function initial(perRow: f64): f64 {
  return padded == 0 ? 0 : perRow * padded;
}

/** The sum (or maximum) at byte `i` of `count` rows, of which the first three are r0 to r2. */
// @ts-ignore: decorator
@inline
export function joined<T>(
  rows: usize,
  count: i32,
  r0: usize,
  r1: usize,
  r2: usize,
  at: usize,
  start: v128,
  largest: bool,
): v128 {
  const a = v128.load(r0 + at);
  const b = v128.load(r1 + at);
  const c = v128.load(r2 + at);
  let v = start;
  if (largest) v = v128.pmax<T>(v128.pmax<T>(v, a), v128.pmax<T>(b, c));
  else v = v128.add<T>(v128.add<T>(v, a), v128.add<T>(b, c));
  for (let r = 3; r < count; r++) {
    const d = v128.load(<usize>load<u32>(rows + (<usize>r << 2)) + at);
    v = largest ? v128.pmax<T>(v, d) : v128.add<T>(v, d);
  }
  return v;
}

/** Pointer `r` of a list of `count`; beyond its end, of a row that changes no sum and no maximum. */
// @ts-ignore: decorator
@inline
export function listedRow(rows: usize, count: i32, r: i32): usize {
  return r < count ? <usize>load<u32>(rows + (<usize>r << 2)) : neutral;
}

/** The sum of `count` rows at bytes `[0, size)` behind `offset`, from `start`, to `to`. */
export function addRows<T>(rows: usize, count: i32, offset: usize, size: usize, start: f64, to: usize): void {
  const first = splat<T>(start);
  const r0 = listedRow(rows, count, 0);
  const r1 = listedRow(rows, count, 1);
  const r2 = listedRow(rows, count, 2);
  for (let i: usize = 0; i < size; i += 16) {
    v128.store(to + i, joined<T>(rows, count, r0, r1, r2, offset + i, first, false));
  }
}
