/**
 * The entry of the kernels: threads take tasks of a job one after the other; a task is a block of one
 * plane. Which kernel computes it depends on the values in it: sums of exponentials in f32 where they
 * can neither overflow nor vanish, in f64 relative to the middle of the range where that helps, and
 * one window at a time for everything else.
 */
import { backward, endCovering, firstCovering } from "./backward";
import { resetScratch, storedShift } from "./block";
import { backwardCareful, forwardCareful } from "./careful";
import { forward } from "./forward";
import { pow } from "./imports";
import { Axis, Job, Method } from "./job";
import { backwardMaximum } from "./maximum";
import { backwardPair, forwardPair } from "./pair";
import { lanes, loadLanes, loadOne, splat } from "./vector";
import { backwardWhole, forwardWhole } from "./whole";

/** Kernels, in the order of src/wasm/job.ts. */
namespace Kernel {
  export const FORWARD = 0;
  export const BACKWARD = 1;
  export const PAIR_FORWARD = 2;
  export const PAIR_BACKWARD = 3;
  export const WHOLE_FORWARD = 4;
  export const WHOLE_BACKWARD = 5;
  export const CAREFUL_FORWARD = 6;
  export const CAREFUL_BACKWARD = 7;
}

/** Smallest and largest value of a range, and whether one is NaN or infinite. */
let low: f64 = 0;
let high: f64 = 0;
let special: bool = false;

// @ts-ignore: decorator
@inline
function scanAs<S, T>(at: usize, count: i32): void {
  const n = lanes<T>();
  const first = loadOne<S>(at);
  let least = splat<T>(first);
  let most = least;
  let zero = v128.sub<T>(least, least);
  let i = 0;
  for (; i + n <= count; i += n) {
    const v = loadLanes<S, T>(at + (<usize>i << alignof<S>()));
    least = v128.pmin<T>(least, v);
    most = v128.pmax<T>(most, v);
    zero = v128.add<T>(zero, v128.sub<T>(v, v));
  }
  special = v128.any_true(v128.ne<T>(zero, zero));
  low = high = first;
  for (let l: usize = 0; l < 16; l += sizeof<T>()) {
    v128.store(changetype<usize>(buffer), least);
    low = min<f64>(low, <f64>load<T>(changetype<usize>(buffer) + l));
    v128.store(changetype<usize>(buffer), most);
    high = max<f64>(high, <f64>load<T>(changetype<usize>(buffer) + l));
  }
  for (; i < count; i++) {
    const v = loadOne<S>(at + (<usize>i << alignof<S>()));
    special = special || v - v != 0;
    low = min<f64>(low, v);
    high = max<f64>(high, v);
  }
}
let buffer: usize = 0;

function scan(job: Job, at: usize, count: i32): void {
  if (job.dtype == 0) scanAs<f32, f32>(at, count);
  else if (job.dtype == 1) scanAs<f64, f64>(at, count);
  else scanAs<u16, f32>(at, count);
}

/** The smallest magnitude above 0. */
function smallest(job: Job, at: usize, count: i32): f64 {
  let least = Infinity;
  for (let i = 0; i < count; i++) {
    const v =
      job.dtype == 0
        ? loadOne<f32>(at + (<usize>i << 2))
        : job.dtype == 1
          ? loadOne<f64>(at + (<usize>i << 3))
          : loadOne<u16>(at + (<usize>i << 1));
    const a = abs(v);
    if (a > 0) least = min<f64>(least, a);
  }
  return least;
}

/** The largest and smallest |beta| of all channels. */
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
function choose(job: Job, at: usize, count: i32, isBackward: bool): i32 {
  const method = job.method;
  middle = 0;
  if (method == Method.SUM) return 2;
  scan(job, at, count);
  const double = job.dtype == 1;
  if (special) return method == Method.AVERAGE && !double ? 2 : 3;
  const most = max<f64>(abs(low), abs(high));
  const taps = <f64>job.d.kernel * job.h.kernel * job.w.kernel;
  if (method == Method.MAXIMUM) return double ? 2 : 1;
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
  const bound: f64 = !isBackward ? 60 : covering(job) <= 4 ? 6 : 3;
  if (!double && !job.variance && few && most <= 1000 && beta * most <= bound) return 1;
  if (job.zeroPadding) {
    low = min<f64>(low, 0);
    high = max<f64>(high, 0);
  }
  if (job.oneBeta || job.inner == 1) middle = 0.5 * (low + high);
  const reach = max<f64>(abs(low - middle), abs(high - middle));
  return reach < 1e30 && beta * reach <= 300 ? 2 : 3;
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

function runTask(job: Job, task: i32): void {
  const index = task / job.blocks;
  const begin = job.ownBegin + (task % job.blocks) * job.blockLength;
  const end = min(job.ownEnd, begin + job.blockLength);
  const kernel = job.kernel;
  if (kernel == Kernel.PAIR_FORWARD) return forwardPair(job, index, begin, end);
  if (kernel == Kernel.PAIR_BACKWARD) return backwardPair(job, index, begin, end);
  if (kernel == Kernel.CAREFUL_FORWARD) return forwardCareful(job, index, begin, end);
  if (kernel == Kernel.CAREFUL_BACKWARD) return backwardCareful(job, index, begin, end);

  const isBackward = kernel == Kernel.BACKWARD || kernel == Kernel.WHOLE_BACKWARD;
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

  const how = choose(job, at, (last - first) * each, isBackward);
  if (kernel == Kernel.WHOLE_FORWARD || kernel == Kernel.WHOLE_BACKWARD) {
    // Relative to the plane's dominant value, so that any finite range is computed at once.
    const range = high - low;
    if (special || !(range < Infinity) || !(largestBeta(job) < Infinity)) {
      if (isBackward) backwardCareful(job, index, begin, end);
      else forwardCareful(job, index, begin, end);
    } else if (job.dtype == 1) {
      if (isBackward) backwardWhole<f64>(job, index, low, high);
      else forwardWhole<f64>(job, index, low, high);
    } else if (isBackward) backwardWhole<f32>(job, index, low, high);
    else forwardWhole<f32>(job, index, low, high);
  } else if (how == 3) {
    if (isBackward) backwardCareful(job, index, begin, end);
    else forwardCareful(job, index, begin, end);
  } else if (isBackward) {
    if (job.method == Method.MAXIMUM) {
      if (job.zeroPadding) backwardCareful(job, index, begin, end);
      else if (how == 1) backwardMaximum<f32>(job, index, begin, end);
      else backwardMaximum<f64>(job, index, begin, end);
    } else if (how == 1) backward<f32>(job, index, begin, end, 0);
    else backward<f64>(job, index, begin, end, middle);
  } else if (how == 1) forward<f32>(job, index, begin, end, 0);
  else forward<f64>(job, index, begin, end, middle);
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
      resetScratch(scratch + 64);
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
