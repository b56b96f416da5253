/**
 * Every pooling for any input, one window at a time in f64: the kernels fall back to this where values
 * are not finite or too far apart for the fast ones. Mirrors src/reference.ts.
 */

import { endCovering, firstCovering } from "./backward";
import { resetScratch, storedShift, take } from "./block";
import { expOne } from "./exp";
import { pow } from "./imports";
import { Job, Method } from "./job";
import { loadOne, narrowRow, storeOne } from "./vector";

/** Taps of the window: values (f64), weights or derivatives (f64), positions in the plane (i32, -1: padding). */
let values: usize = 0;
let results: usize = 0;
let positions: usize = 0;
let count: i32 = 0;
/** Of SoftPool's weights: dominant tap, y - m, and the unit of both. */
let dominant: f64 = 0;
let delta: f64 = 0;
let scale: f64 = 1;

// @ts-ignore: decorator
@inline
function value(i: i32): f64 {
  return load<f64>(values + (<usize>i << 3));
}
// @ts-ignore: decorator
@inline
function result(i: i32): f64 {
  return load<f64>(results + (<usize>i << 3));
}
// @ts-ignore: decorator
@inline
function setResult(i: i32, v: f64): void {
  store<f64>(results + (<usize>i << 3), v);
}

/** One element of the tensor's type. */
export function loadAny(job: Job, at: usize): f64 {
  if (job.dtype == 0) return loadOne<f32>(at);
  if (job.dtype == 1) return loadOne<f64>(at);
  return loadOne<u16>(at);
}
function storeAny(job: Job, at: usize, v: f64): void {
  if (job.dtype == 0) storeOne<f32>(at, v);
  else if (job.dtype == 1) storeOne<f64>(at, v);
  else {
    // The taps are not needed any more.
    store<f32>(values, <f32>v);
    narrowRow(values, at, 1);
  }
}

function open(job: Job): void {
  const n = <usize>job.d.kernel * job.h.kernel * job.w.kernel;
  values = take(n << 3);
  results = take(n << 3);
  positions = take(n << 2);
}

/** Gathers the taps of outputs od, oh, ow of channel c in the plane at `x`. */
function gatherWindow(job: Job, x: usize, od: i32, oh: i32, ow: i32, c: i32): void {
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const bytes = storedShift(job);
  count = 0;
  for (let i = 0; i < D.kernel; i++) {
    const d = od * D.stride - D.pad + i * D.dilation;
    for (let j = 0; j < H.kernel; j++) {
      const h = oh * H.stride - H.pad + j * H.dilation;
      const inside = <u32>d < <u32>D.size && <u32>h < <u32>H.size;
      if (!inside && !job.zeroPadding) continue;
      for (let k = 0; k < W.kernel; k++) {
        const w = ow * W.stride - W.pad + k * W.dilation;
        let position = -1;
        let v: f64 = 0;
        if (inside && <u32>w < <u32>W.size) {
          position = ((d * H.size + h) * W.size + w) * job.inner + c;
          v = loadAny(job, x + (<usize>position << bytes));
        } else if (!job.zeroPadding) continue;
        store<f64>(values + (<usize>count << 3), v);
        store<i32>(positions + (<usize>count << 2), position);
        count++;
      }
    }
  }
}

/** Replaces the values by their weights (in `results`) and deviations from the dominant tap. */
function softWeights(beta: f64): void {
  let low = value(0);
  let high = low;
  let finite = true;
  for (let i = 0; i < count; i++) {
    const v = value(i);
    low = min<f64>(low, v);
    high = max<f64>(high, v);
    finite = finite && v - v == 0;
  }
  scale = 1;
  if (finite && high - low > f64.MAX_VALUE) {
    // softpool_beta(x) = 2 softpool_{2 beta}(x / 2)
    scale = 2;
    for (let i = 0; i < count; i++) store<f64>(values + (<usize>i << 3), value(i) / 2);
    low /= 2;
    high /= 2;
    beta *= 2;
  }
  const m = beta == 0 ? mean(<f64>count) : beta > 0 ? high : low;
  dominant = m;
  let S: f64 = 0;
  for (let i = 0; i < count; i++) {
    const d = value(i) == m ? 0 : value(i) - m;
    const e = beta == 0 || d == 0 ? 1 : d != d ? d : expOne(beta * d);
    S += e;
    setResult(i, e);
    store<f64>(values + (<usize>i << 3), e == 0 ? 0 : d);
  }
  delta = 0;
  for (let i = 0; i < count; i++) {
    setResult(i, result(i) / S);
    if (beta != 0) delta += result(i) * value(i);
  }
}

/** The mean without overflow. */
function mean(divisor: f64): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) sum += value(i);
  if (sum - sum == 0) return sum / divisor;
  sum = 0;
  let most: f64 = f64.MAX_VALUE;
  for (let i = 0; i < count; i++) {
    sum += value(i) / divisor;
    if (value(i) - value(i) != 0) most = Infinity;
  }
  // Rounding must not carry it beyond the largest number.
  return max<f64>(-most, min<f64>(most, sum));
}

/** Replaces the values by |x| / max |x| and returns the maximum. */
function ratios(): f64 {
  let most: f64 = 0;
  for (let i = 0; i < count; i++) most = max<f64>(most, abs(value(i)));
  for (let i = 0; i < count; i++) {
    const a = abs(value(i));
    store<f64>(values + (<usize>i << 3), a == most ? 1 : a / most);
  }
  return most;
}

/** (sum r^p / M)^(1/p) of the ratios. */
function powerMean(job: Job): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) sum += pow(value(i), job.p);
  return pow(job.normalized ? sum / <f64>count : sum, 1 / job.p);
}

function channelBeta(job: Job, index: i32, c: i32): f64 {
  if (job.oneBeta) return load<f64>(job.betas);
  return load<f64>(job.betas + (<usize>(job.inner > 1 ? c : index % job.channels) << 3));
}

function divisor(job: Job, od: i32, oh: i32, ow: i32): f64 {
  return (
    load<f64>(job.countD + (<usize>od << 3)) *
    load<f64>(job.countH + (<usize>oh << 3)) *
    load<f64>(job.countW + (<usize>ow << 3))
  );
}

function forwardWindow(job: Job, index: i32, od: i32, oh: i32, ow: i32, c: i32): f64 {
  const method = job.method;
  if (method == Method.SOFT) {
    const beta = channelBeta(job, index, c);
    softWeights(beta);
    if (!job.variance) return scale * (dominant + delta);
    if (beta - beta != 0) return delta * 0;
    let sum: f64 = 0;
    for (let i = 0; i < count; i++) {
      const d = scale * (value(i) - delta);
      if (result(i) != 0) sum += result(i) * d * d;
    }
    return sum;
  }
  if (method == Method.AVERAGE) return mean(divisor(job, od, oh, ow));
  if (method == Method.POWER) {
    const most = ratios();
    return most == 0 || most != most ? most : most * powerMean(job);
  }
  let v = value(0);
  for (let i = 1; i < count; i++) {
    if (method == Method.SUM) v += value(i);
    else v = job.negate ? min<f64>(v, value(i)) : max<f64>(v, value(i));
  }
  return v;
}

/** Replaces `results` by dy/dx of the taps. */
function backwardWindow(job: Job, index: i32, od: i32, oh: i32, ow: i32, c: i32): void {
  const method = job.method;
  if (method == Method.SOFT) {
    const beta = channelBeta(job, index, c);
    softWeights(beta);
    if (job.weightsOnly || beta == 0 || beta - beta != 0) return;
    for (let i = 0; i < count; i++) {
      const w = result(i);
      setResult(i, w == 0 ? 0 : w * (1 + beta * scale * (value(i) - delta)));
    }
  } else if (method == Method.POWER) {
    for (let i = 0; i < count; i++) setResult(i, value(i));
    const most = ratios();
    const y = most == 0 || most != most ? 1 : powerMean(job);
    const M = job.normalized ? <f64>count : 1;
    for (let i = 0; i < count; i++) {
      const r = value(i);
      let slope = most * 0;
      if (most > 0) slope = r == 0 ? 0 : copysign(pow(r / y, job.p - 1), result(i)) / M;
      setResult(i, slope);
    }
  } else if (method == Method.MAXIMUM) {
    let m = value(0);
    for (let i = 1; i < count; i++) m = max<f64>(m, value(i));
    let found = false;
    for (let i = 0; i < count; i++) {
      const first = !found && value(i) == m;
      found = found || first;
      setResult(i, m != m ? m : first ? 1 : 0);
    }
  } else {
    const slope = method == Method.AVERAGE ? 1 / divisor(job, od, oh, ow) : 1;
    for (let i = 0; i < count; i++) setResult(i, slope);
  }
}

/** Pools outputs `[begin, end)` of the outer axis of plane `index`. */
export function forwardCareful(job: Job, index: i32, begin: i32, end: i32): void {
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const C = job.inner;
  const bytes = storedShift(job);
  const x = job.x + ((<usize>index * D.size * H.size * W.size * C) << bytes);
  const y = job.y + ((<usize>index * D.out * H.out * W.out * C) << bytes);
  const scratch = take(0);
  open(job);
  const endD = job.outer == 0 ? end : D.out;
  const endH = job.outer == 1 ? end : H.out;
  const endW = job.outer == 2 ? end : W.out;
  for (let od = job.outer == 0 ? begin : 0; od < endD; od++)
    for (let oh = job.outer == 1 ? begin : 0; oh < endH; oh++)
      for (let ow = job.outer == 2 ? begin : 0; ow < endW; ow++)
        for (let c = 0; c < C; c++) {
          gatherWindow(job, x, od, oh, ow, c);
          const at = <usize>(((od * H.out + oh) * W.out + ow) * C + c) << bytes;
          storeAny(job, y + at, forwardWindow(job, index, od, oh, ow, c));
        }
  resetScratch(scratch);
}

/** The gradient of inputs `[begin, end)` of the outer axis of plane `index`. */
export function backwardCareful(job: Job, index: i32, begin: i32, end: i32): void {
  const D = job.d;
  const H = job.h;
  const W = job.w;
  const C = job.inner;
  const bytes = storedShift(job);
  const inside = (<usize>index * D.size * H.size * W.size * C) << bytes;
  const g = job.y + ((<usize>index * D.out * H.out * W.out * C) << bytes);
  const scratch = take(0);
  open(job);
  // The owned elements are one run of the plane; their gradients are summed in f64.
  const each = job.outer == 0 ? H.size * W.size * C : job.outer == 1 ? W.size * C : C;
  const from = begin * each;
  const owned = (end - begin) * each;
  const sums = take(<usize>owned << 3);
  memory.fill(sums, 0, <usize>owned << 3);
  const endD = job.outer == 0 ? endCovering(D, end - 1) : D.out;
  const endH = job.outer == 1 ? endCovering(H, end - 1) : H.out;
  const endW = job.outer == 2 ? endCovering(W, end - 1) : W.out;
  for (let od = job.outer == 0 ? firstCovering(D, begin) : 0; od < endD; od++)
    for (let oh = job.outer == 1 ? firstCovering(H, begin) : 0; oh < endH; oh++)
      for (let ow = job.outer == 2 ? firstCovering(W, begin) : 0; ow < endW; ow++)
        for (let c = 0; c < C; c++) {
          gatherWindow(job, job.x + inside, od, oh, ow, c);
          backwardWindow(job, index, od, oh, ow, c);
          const at = <usize>(((od * H.out + oh) * W.out + ow) * C + c) << bytes;
          const gradient = loadAny(job, g + at);
          for (let i = 0; i < count; i++) {
            const position = load<i32>(positions + (<usize>i << 2)) - from;
            if (<u32>position >= <u32>owned) continue;
            // A maximum has nothing to do with its other taps, be the gradient infinite.
            if (job.method == Method.MAXIMUM && result(i) == 0) continue;
            const sum = sums + (<usize>position << 3);
            store<f64>(sum, load<f64>(sum) + gradient * result(i));
          }
        }
  const target = job.gx + inside + (<usize>from << bytes);
  for (let i = 0; i < owned; i++) {
    storeAny(job, target + (<usize>i << bytes), load<f64>(sums + (<usize>i << 3)));
  }
  resetScratch(scratch);
}
