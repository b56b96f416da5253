/**
 * SoftPool over whole contiguous planes (global pooling, channels first), relative to the plane's
 * dominant value m, with sums in f64:
 *
 *     y = m + sum d e / sum e,  d = x - m,  e = e^(beta d);   dx = g e / S (1 + beta (d - (y - m)))
 *
 * Deviations are bounded so that beta d >= -80 (f32) or -700 (f64): what lies below has no weight.
 */
import { loadRun, openSingle, resetScratch, storedShift, storeRun, take } from "./block";
import { constant, expScaled, K_F32, rateOf } from "./exp";
import { Job } from "./job";
import { lanes, loadOne, splat, storeOne } from "./vector";

/** Elements handled at once; sums within a chunk are in T. */
const CHUNK: i32 = 256;
let S: f64 = 0;
let N: f64 = 0;

// @ts-ignore: decorator
@inline
function total<T>(v: v128): f64 {
  if (sizeof<T>() == 8) return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
  const a = <f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1);
  return a + <f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3);
}

/** The deviation from the dominant value, negated for negative beta: at most 0, at least `limit`. */
// @ts-ignore: decorator
@inline
function bounded<T>(x: v128, m: v128, limit: v128, sign: v128): v128 {
  return v128.pmax<T>(v128.mul<T>(v128.sub<T>(x, m), sign), limit);
}

// @ts-ignore: decorator
@inline
function limitOf<T>(beta: f64): f64 {
  const bound = beta == 0 ? -Infinity : -(sizeof<T>() == 4 ? 80.0 : 700.0) / abs(beta);
  const most = sizeof<T>() == 4 ? <f64>f32.MAX_VALUE : f64.MAX_VALUE;
  return max(-most, bound);
}

function chunkSums<T>(at: usize, count: i32, m: f64, beta: f64): void {
  const n = lanes<T>();
  const mv = splat<T>(m);
  const limit = splat<T>(limitOf<T>(beta));
  const rate = splat<T>(rateOf<T>(abs(beta)));
  const sign = splat<T>(beta < 0 ? -1 : 1);
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  let s = splat<T>(0);
  let t = splat<T>(0);
  // The end is filled with the dominant value, whose known share is taken off again.
  const rest = (n - (count & (n - 1))) & (n - 1);
  for (let i = count; i < count + rest; i++) store<T>(at + (<usize>i << alignof<T>()), <T>m);
  for (let i = 0; i < count; i += n) {
    const d = bounded<T>(v128.load(at + (<usize>i << alignof<T>())), mv, limit, sign);
    const e = expScaled<T>(d, rate, k0, k1, k2, k3, k4, k5);
    s = v128.add<T>(s, e);
    t = v128.add<T>(t, v128.mul<T>(d, e));
  }
  S += total<T>(s) - (sizeof<T>() == 4 ? <f64>K_F32 : 1) * <f64>rest;
  N += total<T>(t);
}

function planeSums<T>(job: Job, x: usize, count: i32, m: f64, beta: f64, buffer: usize): void {
  S = 0;
  N = 0;
  for (let i = 0; i < count; i += CHUNK) {
    const n = min(CHUNK, count - i);
    loadRun<T>(job, x + (<usize>i << storedShift(job)), buffer, n);
    chunkSums<T>(buffer, n, m, beta);
  }
}

/** Pools plane `index` whose values lie in [low, high]; beta finite and not 0. */
export function forwardWhole<T>(job: Job, index: i32, low: f64, high: f64): void {
  const count = job.w.size;
  const bytes = storedShift(job);
  const scratch = take(0);
  openSingle(job, CHUNK + 16);
  const buffer = take(<usize>(CHUNK + 16) << alignof<T>());
  const beta = load<f64>(job.betas + (job.oneBeta ? 0 : <usize>(index % job.channels) << 3));
  const m = beta >= 0 ? high : low;
  planeSums<T>(job, job.x + ((<usize>index * count) << bytes), count, m, beta, buffer);
  const to = job.y + (<usize>index << bytes);
  const y = m + (beta < 0 ? -N : N) / S;
  if (job.dtype == 0) storeOne<f32>(to, y);
  else if (job.dtype == 1) storeOne<f64>(to, y);
  else storeOne<u16>(to, y);
  resetScratch(scratch);
}

function chunkGradient<T>(
  at: usize,
  count: i32,
  m: f64,
  beta: f64,
  factor: f64,
  delta: f64,
  weightsOnly: i32,
): void {
  const mv = splat<T>(m);
  const limit = splat<T>(limitOf<T>(beta));
  const rate = splat<T>(rateOf<T>(abs(beta)));
  const sign = splat<T>(beta < 0 ? -1 : 1);
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  const f = splat<T>(factor);
  const b = splat<T>(weightsOnly ? 0 : abs(beta));
  const D = splat<T>(delta);
  const one = splat<T>(1);
  for (let i: usize = 0; i < <usize>count << alignof<T>(); i += 16) {
    const d = bounded<T>(v128.load(at + i), mv, limit, sign);
    const w = v128.mul<T>(expScaled<T>(d, rate, k0, k1, k2, k3, k4, k5), f);
    v128.store(at + i, v128.mul<T>(w, v128.add<T>(one, v128.mul<T>(b, v128.sub<T>(d, D)))));
  }
}

/** The gradient of plane `index`; see {@link forwardWhole}. */
export function backwardWhole<T>(job: Job, index: i32, low: f64, high: f64): void {
  const count = job.w.size;
  const bytes = storedShift(job);
  const scratch = take(0);
  openSingle(job, CHUNK + 16);
  const buffer = take(<usize>(CHUNK + 16) << alignof<T>());
  const beta = load<f64>(job.betas + (job.oneBeta ? 0 : <usize>(index % job.channels) << 3));
  const m = beta >= 0 ? high : low;
  const inside = (<usize>index * count) << bytes;
  planeSums<T>(job, job.x + inside, count, m, beta, buffer);
  const from = job.y + (<usize>index << bytes);
  const g = job.dtype == 0 ? loadOne<f32>(from) : job.dtype == 1 ? loadOne<f64>(from) : loadOne<u16>(from);
  const factor = g / S;
  const delta = N / S;
  for (let i = 0; i < count; i += CHUNK) {
    const n = min(CHUNK, count - i);
    const at = inside + (<usize>i << bytes);
    loadRun<T>(job, job.x + at, buffer, n);
    chunkGradient<T>(buffer, n, m, beta, factor, delta, job.weightsOnly);
    storeRun<T>(job, buffer, job.gx + at, n);
  }
  resetScratch(scratch);
}
