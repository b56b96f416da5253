/**
 * The backward of maximum pooling: the gradient of an output goes to its first maximum in row-major
 * order. Per row of outputs the number of that tap is found once; an input then sums the gradients of
 * the covering outputs whose tap it is. For finite float32 and float16 inputs without padded zeros.
 */

import { endCovering, firstCovering, firstOutput, tapAt } from "./backward";
import {
  channelBytes,
  firstOut,
  loadRun,
  outs,
  phaseBytes,
  phases,
  resetScratch,
  roomFor,
  runElements,
  runs,
  setBlock,
  setType,
  start,
  storeColumns,
  storedShift,
  take,
  taps,
  width,
} from "./block";
import { Axis, Job } from "./job";
import { openRows, row } from "./rows";
import { splat } from "./vector";

/** Ring of rows (tap numbers, gradients), as in backward.ts. */
let ring: usize = 0;
let partBytes: usize = 0;
let ringH: i32 = 0;
let ringD: i32 = 0;
let tags: usize = 0;
let margin: usize = 0;
let largest: usize = 0;

// @ts-ignore: decorator
@inline
function reach(axis: Axis): i32 {
  return ((axis.kernel - 1) * axis.dilation) / axis.stride;
}

function open(job: Job): void {
  const before = reach(job.w) * job.inner;
  const after = max(before, ((width + job.w.stride - 1) / job.w.stride + 1 - outs) * job.inner);
  margin = <usize>before << 2;
  partBytes = roomFor(before + outs * job.inner + after) + 16;
  ringD = min(job.d.out, reach(job.d) + 1);
  ringH = job.allRows ? job.h.out : min(job.h.out, reach(job.h) + 1);
  const count = ringD * ringH;
  ring = take(2 * partBytes * count);
  memory.fill(ring, 0, 2 * partBytes * count);
  tags = take(<usize>count << 2);
  memory.fill(tags, 0xff, <usize>count << 2);
  largest = take(partBytes);
}

/** The row of tap numbers and gradients of outputs od, oh. */
function outputRow(job: Job, g: usize, od: i32, oh: i32): usize {
  const slot = (od % ringD) * ringH + (oh % ringH);
  const at = ring + 2 * partBytes * slot;
  const tag = od * job.h.out + oh;
  const tagAt = tags + (<usize>slot << 2);
  if (load<i32>(tagAt) == tag) return at;
  store<i32>(tagAt, tag);
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const C = job.inner;
  const count = outs * C;
  const size = <usize>count << 2;
  const index = at + margin;
  const G = index + partBytes;
  loadRun<f32>(job, g + (<usize>((tag * W.out + firstOut) * C) << storedShift(job)), G, count);
  v128.store(G + size, i32x4.splat(0));
  for (let i: usize = 0; i < size; i += 16) v128.store(largest + i, splat<f32>(-Infinity));
  const step = <usize>(W.stride * C) << 2;
  const run = <usize>runElements << 2;
  for (let a = 0; a < D.kernel; a++) {
    const d = od * D.stride - D.pad + a * D.dilation;
    if (<u32>d >= <u32>D.size) continue;
    for (let b = 0; b < H.kernel; b++) {
      const h = oh * H.stride - H.pad + b * H.dilation;
      if (<u32>h >= <u32>H.size) continue;
      const x = row(job, d, h, 1, false);
      for (let e = 0; e < W.kernel; e++) {
        const tap = splat<f32>((a * H.kernel + b) * W.kernel + e);
        let from = x + <usize>load<u32>(taps + (<usize>e << 2));
        let done: usize = 0;
        for (let r = 0; r < runs; r++) {
          for (let i: usize = 0; i < run; i += 16) {
            const v = v128.load(from + i);
            const m = v128.load(largest + done + i);
            const larger = f32x4.gt(v, m);
            v128.store(largest + done + i, f32x4.pmax(m, v));
            const old = v128.load(index + done + i);
            v128.store(index + done + i, v128.bitselect(tap, old, larger));
          }
          from += step;
          done += run;
        }
      }
    }
  }
  return at;
}

/** Adds to `to` the gradients at `from` whose tap number is `tap`. */
function addWhere(from: usize, to: usize, count: i32, tap: i32): void {
  const wanted = splat<f32>(tap);
  const size = <usize>count << 2;
  for (let i: usize = 0; i < size; i += 16) {
    const mine = f32x4.eq(v128.load(from + i), wanted);
    const g = v128.and(v128.load(from + partBytes + i), mine);
    v128.store(to + i, f32x4.add(v128.load(to + i), g));
  }
}

/** The gradient of inputs `[begin, end)` of the outer axis of plane `index`. */
export function backwardMaximum(job: Job, index: i32, begin: i32, end: i32): void {
  setType(false, 0);
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const C = job.inner;
  const bytes = storedShift(job);
  const inside = (<usize>index * D.size * H.size * W.size * C) << bytes;
  const g = job.y + ((<usize>index * D.out * H.out * W.out * C) << bytes);
  const line = <usize>(W.size * C) << bytes;
  const firstD = job.outer == 0 ? begin : 0;
  const endD = job.outer == 0 ? end : D.size;
  const firstH = job.outer == 1 ? begin : 0;
  const endH = job.outer == 1 ? end : H.size;
  const endW = job.outer == 2 ? end : W.size;
  for (let w0 = job.outer == 2 ? begin : 0; w0 < endW; w0 += job.columns) {
    const w1 = min(endW, w0 + job.columns);
    const scratch = take(0);
    const o = firstOutput(W, w0);
    setBlock(job, o, max(1, endCovering(W, w1 - 1) - o), w1, 0);
    openRows(job, job.x + inside, true, 0);
    open(job);
    const gradient = take(channelBytes);
    for (let d = firstD; d < endD; d++) {
      for (let h = firstH; h < endH; h++) {
        memory.fill(gradient, 0, channelBytes);
        for (let od = firstCovering(D, d), lastD = endCovering(D, d); od < lastD; od++) {
          const a = tapAt(D, od, d);
          if (a < 0) continue;
          for (let oh = firstCovering(H, h), lastH = endCovering(H, h); oh < lastH; oh++) {
            const b = tapAt(H, oh, h);
            if (b < 0) continue;
            const at = outputRow(job, g, od, oh) + margin;
            for (let e = 0; e < W.kernel; e++) {
              const tap = (a * H.kernel + b) * W.kernel + e;
              let to = gradient + <usize>load<u32>(taps + (<usize>e << 2));
              let from = at;
              for (let r = 0; r < runs; r++) {
                addWhere(from, to, runElements, tap);
                from += <usize>runElements << 2;
                to += <usize>(W.stride * C) << 2;
              }
            }
          }
        }
        const target = job.gx + inside + line * (d * H.size + h) + (<usize>(w0 * C) << bytes);
        storeColumns<f32>(job, gradient, target, w0 - start, w1 - start);
      }
    }
    resetScratch(scratch);
  }
}
