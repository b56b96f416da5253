/**
 * A block of output columns and the rows that belong to it. All poolings here are separable sums
 * (or maxima) of transformed elements:
 *
 *     y = finish( sum over rows ( sum over columns f(x) ) )
 *
 * SoftPool has f = (e^(beta x), x e^(beta x)) and divides one sum by the other, so that it costs one
 * exponential per input element and two sum poolings, whatever the kernel. Sums along W are kept per
 * input row and reused by all windows that share the row.
 *
 * A row of W columns with C interleaved elements (channels last; C = 1 otherwise) is split into
 * `phases` by column modulo stride, so that every tap of neighbouring windows is one contiguous run.
 * Where C fills whole vectors no split is needed: `phases` is 1 and windows are walked one by one.
 *
 * The state is per thread: every thread has an instance of its own.
 */
import { constant, expOne, expScaled, K_F32, rateOf } from "./exp";
import { pow } from "./imports";
import { Job, Method } from "./job";
import {
  lanes,
  loadLanes,
  narrowRow,
  splat,
  storeLanes,
  storePart,
  widenRow,
} from "./vector";

/** log2 of the bytes of the type computed in: 2 f32, 3 f64. */
export let typeShift: i32 = 2;
/** Columns of the block: first output, outputs, local columns, and where local column 0 lies. */
export let firstOut: i32 = 0;
export let outs: i32 = 0;
export let width: i32 = 0;
export let start: i32 = 0;
/** Phases and bytes from one to the next; bytes of one transformed channel of a row. */
export let phases: i32 = 1;
export let phaseBytes: usize = 0;
export let channelBytes: usize = 0;
/** Bytes of a row of sums. */
export let sumBytes: usize = 0;
/** Table of tap offsets in bytes. */
export let taps: usize = 0;
/** Windows are walked one by one (channels last with a stride, whole vectors): runs of C elements. */
export let direct: bool = false;
/** Elements of one run and how many runs a row of sums has. */
export let runElements: i32 = 0;
export let runs: i32 = 1;
/** Temperature: rates per element, or 0 where `rate` holds for all. */
export let rates: usize = 0;
export let betaRow: usize = 0;
export let beta: f64 = 1;
/** Subtracted from every element before e^x (f64 only). */
export let shift: f64 = 0;
/** Transformed channels per row: 1, or SoftPool's 2, or 3 for its variance. */
export let channels: i32 = 1;
/** Values of a padded tap, per channel. */
export let pad0: f64 = 0;
export let pad1: f64 = 0;
let pad2: f64 = 0;
/** A row in the type computed in, before it is split into phases or after it is put together. */
let linear: usize = 0;
/** A row of f32 on the way to or from float16. */
export let single: usize = 0;
/** Next free byte of the thread's scratch memory. */
let free: usize = 0;

/** Starts a task's scratch memory. */
export function resetScratch(at: usize): void {
  free = at;
}

/** Makes room for `elements` of f32 on the way to or from float16. */
function openSingle(job: Job, elements: i32): void {
  single = job.dtype == 2 ? take((<usize>elements << 2) + 64) : 0;
}

/** Takes bytes from the scratch memory. */
export function take(bytes: usize): usize {
  const at = free;
  free = (free + bytes + 15) & ~15;
  return at;
}

/** Chooses the type to compute in and what is subtracted from every element (f64 only). */
export function setType(double: bool, value: f64): void {
  typeShift = double ? 3 : 2;
  shift = value;
}

/** Stores a number in the type computed in. */
export function put(at: usize, value: f64): void {
  if (typeShift == 2) store<f32>(at, <f32>value);
  else store<f64>(at, value);
}

/** Elements of the type computed in, rounded up to whole vectors with room for one more, in bytes. */
export function roomFor(elements: i32): usize {
  return (((<usize>elements << typeShift) + 15) & ~15) + 32;
}

/** Whether flat.ts computes a forward in f32. */
export function isFlat(job: Job): bool {
  const uniform = job.oneBeta || job.inner == 1;
  return typeShift == 2 && uniform && job.method == Method.SOFT && !job.variance;
}

/**
 * Describes the block of outputs `[o, o + n)` along W whose local columns reach at least to `end`
 * (a position in the input), for a plane whose channel is `channel` (channels first).
 */
export function setBlock(job: Job, o: i32, n: i32, end: i32, channel: i32): void {
  const method = job.method;
  const w = job.w;
  const C = job.inner;
  firstOut = o;
  outs = n;
  start = o * w.stride - w.pad;
  width = max((n - 1) * w.stride + (w.kernel - 1) * w.dilation + 1, end - start);
  const whole = w.stride == 1 || (end == 0 && isFlat(job)) || (C & ((16 >> typeShift) - 1)) == 0;
  phases = whole ? 1 : w.stride;
  const phaseColumns = (width + phases - 1) / phases;
  phaseBytes = roomFor(phaseColumns * C);
  channelBytes = phaseBytes * phases;
  sumBytes = roomFor(n * C);
  openSingle(job, max(width, n) * C);
  linear = phases > 1 ? take(roomFor(width * C) + 64) : 0;
  direct = whole && w.stride > 1;
  runs = direct ? n : 1;
  runElements = direct ? C : n * C;
  taps = take(<usize>w.kernel << 2);
  for (let e = 0; e < w.kernel; e++) {
    const column = e * w.dilation;
    const phase = column % phases;
    const index = column / phases;
    store<u32>(
      taps + (<usize>e << 2),
      <u32>(<usize>phase * phaseBytes + (<usize>(index * C) << typeShift)),
    );
  }

  channels = method == Method.SOFT ? (job.variance ? 3 : 2) : 1;
  pad0 = pad1 = pad2 = 0;
  rates = 0;
  if (method == Method.MAXIMUM) pad0 = job.zeroPadding ? 0 : -Infinity;
  if (method != Method.SOFT) return;
  const perElement = !job.oneBeta && C > 1;
  beta = load<f64>(job.betas + (job.oneBeta ? 0 : (<usize>channel << 3)));
  if (job.zeroPadding) {
    // A padded zero has weight e^(beta (0 - shift)). Per-element betas have shift 0.
    pad0 = typeShift == 2 ? <f64>K_F32 : expOne(-shift * beta);
    pad1 = -shift * pad0;
    pad2 = -shift * pad1;
  }
  if (perElement) {
    rates = take(channelBytes);
    betaRow = take(channelBytes);
    for (let phase = 0; phase < phases; phase++) {
      for (let i = 0; i < phaseColumns * C; i++) {
        const b = load<f64>(job.betas + (<usize>(i % C) << 3));
        const at = <usize>phase * phaseBytes + (<usize>i << typeShift);
        put(rates + at, typeShift == 2 ? rateOf<f32>(b) : b);
        put(betaRow + at, b);
      }
    }
  }
}


/** Splits local columns `[from, end)`, contiguous at `linear`, into the phases at `to`. */
function split<T>(job: Job, linear: usize, to: usize, from: i32, end: i32): void {
  const C = job.inner;
  const n = lanes<T>();
  let at = linear;
  let j = from;
  let phase = from % phases;
  let index = from / phases;
  for (; j < end; j++) {
    if (phases == 2 && C == 1 && phase == 0) break;
    // What a vector writes beyond its column, the next column of its phase replaces.
    const target = to + <usize>phase * phaseBytes + (<usize>(index * C) << alignof<T>());
    for (let c = 0; c < C; c += n) {
      const offset = <usize>c << alignof<T>();
      v128.store(target + offset, v128.load(at + offset));
    }
    at += <usize>C << alignof<T>();
    if (++phase == phases) {
      phase = 0;
      index++;
    }
  }
  for (; j < end; j += 2 * n) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const target = to + (<usize>(j >> 1) << alignof<T>());
    if (sizeof<T>() == 4) {
      v128.store(target, v128.shuffle<f32>(a, b, 0, 2, 4, 6));
      v128.store(target + phaseBytes, v128.shuffle<f32>(a, b, 1, 3, 5, 7));
    } else {
      v128.store(target, v128.shuffle<f64>(a, b, 0, 2));
      v128.store(target + phaseBytes, v128.shuffle<f64>(a, b, 1, 3));
    }
    at += 32;
  }
}

/** Puts local columns `[from, end)` of the phases at `source` together, contiguous at `linear`. */
export function unsplit<T>(job: Job, source: usize, linear: usize, from: i32, end: i32): void {
  const C = job.inner;
  const n = lanes<T>();
  let at = linear;
  let j = from;
  let phase = from % phases;
  let index = from / phases;
  for (; j < end; j++) {
    if (phases == 2 && C == 1 && phase == 0) break;
    const first = source + <usize>phase * phaseBytes + (<usize>(index * C) << alignof<T>());
    for (let c = 0; c < C; c += n) {
      const offset = <usize>c << alignof<T>();
      v128.store(at + offset, v128.load(first + offset));
    }
    at += <usize>C << alignof<T>();
    if (++phase == phases) {
      phase = 0;
      index++;
    }
  }
  for (; j < end; j += 2 * n) {
    const first = source + (<usize>(j >> 1) << alignof<T>());
    const a = v128.load(first);
    const b = v128.load(first + phaseBytes);
    if (sizeof<T>() == 4) {
      v128.store(at, v128.shuffle<f32>(a, b, 0, 4, 1, 5));
      v128.store(at, v128.shuffle<f32>(a, b, 2, 6, 3, 7), 16);
    } else {
      v128.store(at, v128.shuffle<f64>(a, b, 0, 2));
      v128.store(at, v128.shuffle<f64>(a, b, 1, 3), 16);
    }
    at += 32;
  }
}

/** Writes `value` into the columns of one transformed channel that lie outside the input. */
function fillPadding(job: Job, to: usize, value: f64): void {
  const from = max(0, -start);
  const end = min(width, job.w.size - start);
  for (let j = 0; j < width; j++) {
    if (j == from) j = max(j, end);
    if (j >= width) break;
    const at = to + <usize>(j % phases) * phaseBytes + (<usize>((j / phases) * job.inner) << typeShift);
    for (let c = 0; c < job.inner; c++) put(at + (<usize>c << typeShift), value);
  }
}

/** e^(beta (x - shift)) at `at`, and x - shift times that (and times x - shift again) behind it. */
function softTransform<T>(at: usize, size: usize, variance: bool): void {
  const one = splat<T>(rateOf<T>(beta));
  const c = splat<T>(shift);
  const perElement = rates;
  const k0 = constant(0);
  const k1 = constant(1);
  const k2 = constant(2);
  const k3 = constant(3);
  const k4 = constant(4);
  const k5 = constant(5);
  for (let i: usize = 0; i < size; i += 16) {
    let x = v128.load(at + size + i);
    if (sizeof<T>() == 8) x = v128.sub<T>(x, c);
    const rate = perElement != 0 ? v128.load(perElement + i) : one;
    const e = expScaled<T>(x, rate, k0, k1, k2, k3, k4, k5);
    v128.store(at + i, e);
    const xe = v128.mul<T>(x, e);
    v128.store(at + size + i, xe);
    if (sizeof<T>() == 8 && variance) v128.store(at + size + size + i, v128.mul<T>(x, xe));
  }
}

/** |x|^p: a square where p is 2. Powers are always computed in f64. */
function powerTransform(at: usize, p: f64): void {
  for (let i: usize = 0; i < channelBytes; i += 8) {
    const x = load<f64>(at + i);
    store<f64>(at + i, p == 2 ? x * x : pow(abs(x), p));
  }
}

/** Loads the local columns of the row at `source` into the phases at `to`, converted to T. */
export function loadColumns<T>(job: Job, source: usize, to: usize): void {
  const C = job.inner;
  const from = max(0, -start);
  const end = min(width, job.w.size - start);
  if (from >= end) return;
  const first = source + (<usize>((start + from) * C) << storedShift(job));
  const whole = phases == 1;
  const target = whole ? to + (<usize>(from * C) << alignof<T>()) : linear;
  loadRun<T>(job, first, target, (end - from) * C);
  if (!whole) split<T>(job, linear, to, from, end);
}

/** Writes local columns `[from, end)` of the phases at `source` to `to`, in the tensor's type. */
export function storeColumns<T>(job: Job, source: usize, to: usize, from: i32, end: i32): void {
  const C = job.inner;
  let first = source + (<usize>(from * C) << alignof<T>());
  if (phases > 1) {
    first = linear;
    unsplit<T>(job, source, linear, from, end);
  }
  storeRun<T>(job, first, to, (end - from) * C);
}

// @ts-ignore: decorator
@inline
function copyIn<S, T>(source: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += lanes<T>()) {
    const v = loadLanes<S, T>(source + (<usize>i << alignof<S>()));
    v128.store(to + (<usize>i << alignof<T>()), v);
  }
}

/** Converts `count` contiguous elements to T, and up to a vector more. */
export function loadRun<T>(job: Job, source: usize, to: usize, count: i32): void {
  if (job.dtype == 2) {
    widenRow(source, single, count);
    source = single;
  }
  if (job.dtype != 1) copyIn<f32, T>(source, to, count);
  else if (sizeof<T>() == 8) copyIn<f64, T>(source, to, count);
}

// @ts-ignore: decorator
@inline
function copyOut<S, T>(source: usize, to: usize, count: i32): void {
  const n = lanes<T>();
  let i = 0;
  for (; i + n <= count; i += n) {
    const v = v128.load(source + (<usize>i << alignof<T>()));
    storeLanes<S, T>(to + (<usize>i << alignof<S>()), v);
  }
  if (i < count) {
    const v = v128.load(source + (<usize>i << alignof<T>()));
    storePart<S, T>(to + (<usize>i << alignof<S>()), v, count - i);
  }
}

/** Stores exactly `count` contiguous elements of T in the tensor's type. */
export function storeRun<T>(job: Job, source: usize, to: usize, count: i32): void {
  if (job.dtype == 2) {
    copyOut<f32, T>(source, single, count);
    narrowRow(single, to, count);
  } else if (job.dtype == 0) copyOut<f32, T>(source, to, count);
  else if (sizeof<T>() == 8) copyOut<f64, T>(source, to, count);
}

/** log2 of the bytes of a stored element. */
// @ts-ignore: decorator
@inline
export function storedShift(job: Job): i32 {
  return job.dtype == 0 ? 2 : job.dtype == 1 ? 3 : 1;
}

/** Loads the row at `source` and transforms it: `channels` arrays of `channelBytes` at `at`. */
export function transformRow<T>(job: Job, source: usize, at: usize): void {
  const size = channelBytes;
  const method = job.method;
  loadColumns<T>(job, source, method == Method.SOFT ? at + size : at);
  if (method == Method.SOFT) {
    softTransform<T>(at, size, channels == 3);
  } else if (sizeof<T>() == 8 && method == Method.POWER) powerTransform(at, job.p);
  else if (method == Method.MAXIMUM && job.negate) {
    for (let i: usize = 0; i < size; i += 16) v128.store(at + i, v128.neg<T>(v128.load(at + i)));
  }
  if (start < 0 || start + width > job.w.size) {
    fillPadding(job, at, pad0);
    if (channels > 1) fillPadding(job, at + size, pad1);
    if (channels > 2) fillPadding(job, at + size + size, pad2);
  }
}

// @ts-ignore: decorator
@inline
function join<T>(a: v128, b: v128, method: i32): v128 {
  return method == Method.MAXIMUM ? v128.pmax<T>(a, b) : v128.add<T>(a, b);
}

/** Sums (or maxima) over the taps along W of one transformed channel. */
// @ts-ignore: decorator
@inline
function joinTaps<T>(job: Job, from: usize, to: usize, method: i32): void {
  const kernel = job.w.kernel;
  const table = taps;
  const step = <usize>(job.w.stride * job.inner) << alignof<T>();
  const run = <usize>runElements << alignof<T>();
  const t1 = kernel > 1 ? <usize>load<u32>(table, 4) : 0;
  const t2 = kernel > 2 ? <usize>load<u32>(table, 8) : 0;
  for (let r = 0, n = runs; r < n; r++) {
    if (kernel == 2) {
      for (let i: usize = 0; i < run; i += 16) {
        v128.store(to + i, join<T>(v128.load(from + i), v128.load(from + t1 + i), method));
      }
    } else if (kernel == 3) {
      for (let i: usize = 0; i < run; i += 16) {
        const v = join<T>(v128.load(from + i), v128.load(from + t1 + i), method);
        v128.store(to + i, join<T>(v, v128.load(from + t2 + i), method));
      }
    } else {
      for (let i: usize = 0; i < run; i += 16) {
        let v = v128.load(from + i);
        for (let e = 1; e < kernel; e++) {
          v = join<T>(v, v128.load(from + load<u32>(table + (<usize>e << 2)) + i), method);
        }
        v128.store(to + i, v);
      }
    }
    from += step;
    to += run;
  }
}

/** Sums over the taps along W of all transformed channels at `from`; rows of `sumBytes` at `to`. */
export function joinRow<T>(job: Job, from: usize, to: usize): void {
  for (let c = 0; c < channels; c++) {
    joinTaps<T>(job, from + <usize>c * channelBytes, to + <usize>c * sumBytes, job.method);
  }
}

/** What one padded row adds to the sums of channel `c`: all its taps are padding. */
export function paddedRow(job: Job, c: i32): f64 {
  return (c == 0 ? pad0 : c == 1 ? pad1 : pad2) * job.w.kernel;
}
