/**
 * SoftPool over whole contiguous planes (global pooling, channels first) of float32 or float16,
 * relative to the plane's dominant value m; within a chunk in f32, over chunks in f64:
 *
 *     y = m + sum d e / sum e,  d = x - m,  e = e^(beta d);   dx = g e / S (1 + beta (d - (y - m)))
 *
 * Deviations are bounded so that beta d >= -80: what lies below has no weight. With a negative beta
 * they are negated.
 */
import { loadRun, openSingle, resetScratch, storeRun, storedShift, take } from "./block";
import { constant, exp4, K_F32, rateOf } from "./exp";
import { Job } from "./job";
import { loadOne, storeOne } from "./vector";

const CHUNK: i32 = 256;

/** Parameters of the plane: dominant value, |beta|, sign of beta. */
let m: f32 = 0;
let beta: f32 = 1;
let sign: f32 = 1;
/** Sums over the plane. */
let S: f64 = 0;
let N: f64 = 0;
let buffer: usize = 0;

// @ts-ignore: decorator
@inline
function total(v: v128): f64 {
  const a = <f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1);
  return a + <f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3);
}

// @ts-ignore: decorator
@inline
function limit(): f32 {
  return max<f32>(-f32.MAX_VALUE, -80 / beta);
}

/** Replaces `count` values by their gradients: g / S times w (1 + beta (d - delta)), or w alone. */
// @ts-ignore: decorator
@inline
function chunk(count: i32, factor: f32, slope: f32, delta: f32, differentiate: bool): void {
  const mv = f32x4.splat(m);
  const sv = f32x4.splat(sign);
  const least = f32x4.splat(limit());
  const rate = f32x4.splat(<f32>rateOf<f32>(beta));
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  // The end is filled with the dominant value, whose known share is taken off again.
  const rest = -count & 3;
  for (let i = count; i < count + rest; i++) store<f32>(buffer + (<usize>i << 2), m);
  let s = f32x4.splat(0);
  let t = f32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const at = buffer + (<usize>i << 2);
    const d = f32x4.pmax(f32x4.mul(f32x4.sub(v128.load(at), mv), sv), least);
    const e = exp4(d, rate, k0, k1, k2, k3, k4, k5);
    if (differentiate) {
      const term = f32x4.mul(f32x4.splat(slope), f32x4.sub(d, f32x4.splat(delta)));
      const w = f32x4.mul(e, f32x4.splat(factor));
      v128.store(at, f32x4.mul(w, f32x4.add(f32x4.splat(1), term)));
    } else {
      s = f32x4.add(s, e);
      t = f32x4.add(t, f32x4.mul(d, e));
    }
  }
  if (differentiate) return;
  S += total(s) - <f64>K_F32 * <f64>rest;
  N += total(t);
}

function addChunk(count: i32): void {
  chunk(count, 0, 0, 0, false);
}
function chunkSlopes(count: i32, factor: f32, slope: f32, delta: f32): void {
  chunk(count, factor, slope, delta, true);
}

/** The sums of plane `index`, whose values lie in [low, high]. */
function addPlane(job: Job, index: i32, low: f64, high: f64): void {
  openSingle(job, CHUNK + 16);
  buffer = take((CHUNK + 16) << 2);
  const b = load<f64>(job.betas + (job.oneBeta ? 0 : <usize>(index % job.channels) << 3));
  m = <f32>(b >= 0 ? high : low);
  sign = b < 0 ? -1 : 1;
  beta = <f32>abs(b);
  S = 0;
  N = 0;
  const x = job.x + ((<usize>index * job.w.size) << storedShift(job));
  for (let i = 0; i < job.w.size; i += CHUNK) {
    const n = min(CHUNK, job.w.size - i);
    loadRun<f32>(job, x + (<usize>i << storedShift(job)), buffer, n);
    addChunk(n);
  }
}

/** Pools plane `index`; beta finite and below 1e30. */
export function forwardWhole(job: Job, index: i32, low: f64, high: f64): void {
  const scratch = take(0);
  addPlane(job, index, low, high);
  const to = job.y + (<usize>index << storedShift(job));
  const y = m + <f32>(sign * (N / S));
  if (job.dtype == 0) storeOne<f32>(to, y);
  else storeOne<u16>(to, y);
  resetScratch(scratch);
}

/** The gradient of plane `index`. */
export function backwardWhole(job: Job, index: i32, low: f64, high: f64): void {
  const bytes = storedShift(job);
  const scratch = take(0);
  addPlane(job, index, low, high);
  const from = job.y + (<usize>index << bytes);
  const g = job.dtype == 0 ? loadOne<f32>(from) : loadOne<u16>(from);
  for (let i = 0; i < job.w.size; i += CHUNK) {
    const n = min(CHUNK, job.w.size - i);
    const at = (<usize>index * job.w.size + i) << bytes;
    loadRun<f32>(job, job.x + at, buffer, n);
    chunkSlopes(n, <f32>(g / S), job.weightsOnly ? 0 : beta, <f32>(N / S));
    storeRun<f32>(job, buffer, job.gx + at, n);
  }
  resetScratch(scratch);
}
