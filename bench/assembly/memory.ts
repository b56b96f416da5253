/**
 * Reading and copying, the limits that memory sets, compiled with AssemblyScript when the benchmark
 * starts. Two streams half the range apart, four vectors of each in a step. By their fastest calls on the
 * one machine tried (Zen, two processors, others at work) reading in two streams was level with or ahead
 * of one and of four, and ahead of eight and of a burst of one load per cache line before the vectors;
 * copying was level with Buffer.copy and TypedArray.set, which have one thread, and ahead of memory.copy.
 */

/** Sums all 32-bit integers from address `from` to `to`; their distance is a multiple of 128. */
export function read(from: usize, to: usize): i32 {
  const half = (to - from) >> 1;
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  for (let p = from, end = from + half; p < end; p += 64) {
    const q = p + half;
    a = i32x4.add(a, v128.load(p));
    b = i32x4.add(b, v128.load(p, 16));
    c = i32x4.add(c, v128.load(p, 32));
    d = i32x4.add(d, v128.load(p, 48));
    a = i32x4.add(a, v128.load(q));
    b = i32x4.add(b, v128.load(q, 16));
    c = i32x4.add(c, v128.load(q, 32));
    d = i32x4.add(d, v128.load(q, 48));
  }
  a = i32x4.add(i32x4.add(a, b), i32x4.add(c, d));
  const left = i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1);
  return left + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3);
}

/** Copies `bytes`, a multiple of 128, from address `from` to `to`; the ranges do not overlap. */
export function copy(from: usize, to: usize, bytes: usize): void {
  const half = bytes >> 1;
  for (let p = from, q = to, end = from + half; p < end; p += 64, q += 64) {
    copyLine(p, q);
    copyLine(p + half, q + half);
  }
}

function copyLine(p: usize, q: usize): void {
  const a = v128.load(p);
  const b = v128.load(p, 16);
  const c = v128.load(p, 32);
  const d = v128.load(p, 48);
  v128.store(q, a);
  v128.store(q, b, 16);
  v128.store(q, c, 32);
  v128.store(q, d, 48);
}
