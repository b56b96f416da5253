/**
 * The entry of the kernels: threads take tasks of a job one after the other; a task is a block of one
 * plane. Which kernel computes it depends on the values in it: sums of exponentials in f32 where they
 * can neither overflow nor vanish, in f64 relative to the middle of the range where that helps, and
 * one window at a time for everything else.
 */
import { backward, endCovering, firstCovering } from "./backward";
import { isFlat, resetScratch, setType, storedShift } from "./block";
import { backwardCareful, forwardCareful, loadAny } from "./careful";
import { forward } from "./forward";
import { canFuse, recordedMagnitude, resetMagnitude } from "./fused";
import { pow } from "./imports";
import { Axis, Job, Method } from "./job";
import { backwardMaximum } from "./maximum";
import { backwardPair, forwardPair } from "./pair";
import { loadLanes, loadOne, splat, widenRow } from "./vector";

/** Kernels, in the order of src/wasm/job.ts. */
namespace Kernel {
  export const FORWARD = 0;
  export const BACKWARD = 1;
  export const PAIR_FORWARD = 2;
  export const PAIR_BACKWARD = 3;
}

/** The largest of `most` and the magnitudes of `count` f32, as bits shifted left by one. */
function largestBits(at: usize, count: i32, most: u32): u32 {
  let a = i32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    a = i32x4.max_u(a, i32x4.shl(v128.load(at + (<usize>i << 2)), 1));
  }
  a = i32x4.max_u(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  a = i32x4.max_u(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2));
  most = max<u32>(most, <u32>i32x4.extract_lane(a, 0));
  for (; i < count; i++) most = max<u32>(most, load<u32>(at + (<usize>i << 2)) << 1);
  return most;
}

/** Largest magnitude of a range; infinite where a value is NaN or infinite. */
function magnitude(job: Job, at: usize, count: i32): f64 {
  if (job.dtype == 1) {
    extremes(job, at, count);
    return low - low == 0 && high - high == 0 ? max<f64>(abs(low), abs(high)) : Infinity;
  }
  // Bits without the sign order like magnitudes; NaN is above infinity.
  let most: u32 = 0;
  if (job.dtype == 0) most = largestBits(at, count, 0);
  else {
    for (let i = 0; i < count; i += 256) {
      const n = min(256, count - i);
      widenRow(at + (<usize>i << 1), buffer, n);
      most = largestBits(buffer, n, most);
    }
  }
  return most >= 0xff000000 ? Infinity : <f64>reinterpret<f32>(most >> 1);
}

/** Smallest and largest value of a range without infinities; NaN where one is NaN. */
let low: f64 = 0;
let high: f64 = 0;

function extremesAs<S>(at: usize, count: i32): void {
  let least = splat<f64>(loadOne<S>(at));
  let most = least;
  let i = 0;
  for (; i + 2 <= count; i += 2) {
    const v = loadLanes<S, f64>(at + (<usize>i << alignof<S>()));
    least = f64x2.min(least, v);
    most = f64x2.max(most, v);
  }
  low = min<f64>(f64x2.extract_lane(least, 0), f64x2.extract_lane(least, 1));
  high = max<f64>(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1));
  if (i < count) {
    const v = loadOne<S>(at + (<usize>i << alignof<S>()));
    low = min<f64>(low, v);
    high = max<f64>(high, v);
  }
}

function extremes(job: Job, at: usize, count: i32): void {
  if (job.dtype == 1) return extremesAs<f64>(at, count);
  if (job.dtype == 0) return extremesAs<f32>(at, count);
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < count; i += 256) {
    const n = min(256, count - i);
    widenRow(at + (<usize>i << 1), buffer, n);
    extremesAs<f32>(buffer, n);
    least = min<f64>(least, low);
    most = max<f64>(most, high);
  }
  low = least;
  high = most;
}

/** Scratch of 256 f32. */
let buffer: usize = 0;

/** The smallest magnitude above 0. */
function smallest(job: Job, at: usize, count: i32): f64 {
  let least = Infinity;
  for (let i = 0; i < count; i++) {
    const a = abs(loadAny(job, at + (<usize>i << storedShift(job))));
    if (a > 0) least = min<f64>(least, a);
  }
  return least;
}

/** The largest |beta| of all channels. */
function largestBeta(job: Job): f64 {
  let most: f64 = 0;
  for (let c = 0; c < (job.oneBeta ? 1 : job.channels > 1 ? job.channels : job.inner); c++) {
    most = max<f64>(most, abs(load<f64>(job.betas + (<usize>c << 3))));
  }
  return most;
}

/** How many windows cover an input, at most. */
function covering(job: Job): f64 {
  return <f64>reach(job.d) * reach(job.h) * reach(job.w);
}
function reach(axis: Axis): i32 {
  return (axis.kernel + axis.stride - 1) / axis.stride;
}

/** How a task is computed: 1 in f32, 2 in f64, 3 window by window. */
let middle: f64 = 0;
function choose(job: Job, at: usize, count: i32, isBackward: bool, most: f64): i32 {
  const method = job.method;
  const double = job.dtype == 1;
  middle = 0;
  if (most == Infinity) return method == Method.AVERAGE && !double ? 2 : 3;
  const taps = <f64>job.d.kernel * job.h.kernel * job.w.kernel;
  if (method == Method.MAXIMUM) {
    if (isBackward) return double || job.zeroPadding ? 3 : 1;
    return double ? 2 : 1;
  }
  if (method == Method.AVERAGE) {
    if (double) return most < 1e300 ? 2 : 3;
    return most < 1e30 && taps <= 64 ? 1 : 2;
  }
  if (method == Method.POWER) {
    const bound = pow(10, 280 / max<f64>(job.p, 1));
    return most > bound || smallest(job, at, count) < 1 / bound ? 3 : 2;
  }
  const beta = largestBeta(job);
  if (!(beta < Infinity)) return 3;
  const few = taps <= 512 && job.w.kernel <= 64;
  // A gradient is a difference of sums over the covering windows, each beta |x| times as large.
  const cover = covering(job);
  const bound: f64 = !isBackward ? 60 : cover == 1 ? 6 : cover <= 4 ? 3.5 : 3;
  // Nearly equal weights of large values cancel.
  const cancels = most > 12 && beta * most < 3;
  if (!double && !job.variance && few && most <= 1000 && beta * most <= bound && !cancels) return 1;
  if (count > 0) extremes(job, at, count);
  if (job.zeroPadding) {
    low = min<f64>(low, 0);
    high = max<f64>(high, 0);
  }
  if (job.oneBeta || job.inner == 1) middle = 0.5 * (low + high);
  const range = max<f64>(abs(low - middle), abs(high - middle));
  return range < 1e30 && beta * range <= 300 ? 2 : 3;
}

/** First input position that outputs `[begin, end)` read, and the end. */
// @ts-ignore: decorator
@inline
function firstInput(axis: Axis, begin: i32): i32 {
  return min(axis.size - 1, max(0, begin * axis.stride - axis.pad));
}
// @ts-ignore: decorator
@inline
function endInput(axis: Axis, end: i32): i32 {
  const last = (end - 1) * axis.stride - axis.pad + (axis.kernel - 1) * axis.dilation + 1;
  return max(1, min(axis.size, last));
}

/** Whether the forward in f32 records the magnitudes it reads; see fused.ts. */
function records(job: Job): bool {
  setType(job.dtype == 1, 0);
  return (isFlat(job) || (job.dtype != 1 && job.inner == 1 && canFuse(job))) && worthTrying(job);
}

/** Where the kernel or the temperature rules f32 out, it is not tried. */
function worthTrying(job: Job): bool {
  return choose(job, job.x, 0, false, 0) == 1;
}

function runTask(job: Job, task: i32): void {
  const index = task / job.blocks;
  const begin = job.ownBegin + (task % job.blocks) * job.blockLength;
  const end = min(job.ownEnd, begin + job.blockLength);
  const kernel = job.kernel;
  if (kernel == Kernel.PAIR_FORWARD) return forwardPair(job, index, begin, end);
  if (kernel == Kernel.PAIR_BACKWARD) return backwardPair(job, index, begin, end);

  const isBackward = kernel == Kernel.BACKWARD;
  const axis = job.outer == 0 ? job.d : job.outer == 1 ? job.h : job.w;
  let first = 0;
  let last = 0;
  if (isBackward) {
    const o = min(firstCovering(axis, begin), axis.out - 1);
    first = min(begin, firstInput(axis, o));
    last = max(end, endInput(axis, max(o + 1, endCovering(axis, end - 1))));
  } else {
    first = firstInput(axis, begin);
    last = max(first + 1, endInput(axis, end));
  }
  let each = job.inner;
  if (job.outer < 2) each *= job.w.size;
  if (job.outer < 1) each *= job.h.size;
  const plane = <usize>index * job.d.size * job.h.size * job.w.size * job.inner;
  const at = job.x + ((plane + <usize>(first * each)) << storedShift(job));

  const count = (last - first) * each;
  if (!isBackward && records(job)) {
    // The magnitudes are seen on the way: compute first, and again where they were too large.
    resetMagnitude();
    forward(job, index, begin, end, false, 0);
    const most = recordedMagnitude();
    if (choose(job, at, count, false, most) == 1) return;
  }
  let how = 2;
  if (job.method != Method.SUM) {
    how = choose(job, at, count, isBackward, magnitude(job, at, count));
  }
  if (how == 3) {
    if (isBackward) backwardCareful(job, index, begin, end);
    else forwardCareful(job, index, begin, end);
  } else if (isBackward) {
    if (job.method == Method.MAXIMUM) {
      if (how == 1) backwardMaximum(job, index, begin, end);
      else backwardCareful(job, index, begin, end);
    } else if (how == 1) backward(job, index, begin, end, false, 0);
    else backward(job, index, begin, end, true, middle);
  } else if (how == 1) forward(job, index, begin, end, false, 0);
  else forward(job, index, begin, end, true, middle);
}

/**
 * Takes tasks of the job at `at` until none is left.
 * @param thread number of the thread, which tells its scratch memory
 */
export function work(at: usize, thread: i32): void {
  const job = changetype<Job>(at);
  const scratch = job.scratch + job.scratchBytes * thread;
  buffer = scratch;
  const next = at + offsetof<Job>("next");
  const tasks = job.tasks;
  const grain = job.grain;
  for (;;) {
    const first = atomic.add<i32>(next, grain);
    if (first >= tasks) return;
    const end = min(tasks, first + grain);
    for (let task = first; task < end; task++) {
      resetScratch(scratch + 1088);
      runTask(job, task);
    }
  }
}

/**
 * The life of a worker: waits until the generation changes, joins the job that is open, and waits
 * again. Words at `control`: generation, open job (0: none), highest thread wanted, threads at work,
 * workers that have started. A worker counts itself in before it looks for the job, so that whoever
 * closes the job and then sees nobody at work knows that nobody will touch it any more.
 */
export function serve(control: usize, thread: i32): void {
  let seen = 0;
  atomic.add<i32>(control + 16, 1);
  for (;;) {
    atomic.wait<i32>(control, seen, -1);
    seen = atomic.load<i32>(control);
    const active = control + 12;
    atomic.add<i32>(active, 1);
    const job = <usize>atomic.load<u32>(control + 4);
    if (job != 0 && thread <= atomic.load<i32>(control + 8)) work(job, thread);
    atomic.sub<i32>(active, 1);
    atomic.notify(active, -1);
  }
}

/** Closes the open job and waits until nobody works on it: for threads that may wait. */
export function finish(control: usize): void {
  atomic.store<u32>(control + 4, 0);
  const active = control + 12;
  for (let spin = 0; ; spin++) {
    const count = atomic.load<i32>(active);
    if (count == 0) return;
    if (spin > 20000) atomic.wait<i32>(active, count, -1);
  }
}
