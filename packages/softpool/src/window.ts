/**
 * Pooling geometry: the only place where output sizes and tap ranges are computed.
 *
 * Per axis of size L with kernel k, stride s, padding p (begin) and q (end), dilation d:
 *
 *     taps of output o:  t = o s - p + a d,  a = 0 .. k-1;  a tap exists when 0 <= t < L
 *     floor mode:        O = floor((L + p + q - d (k - 1) - 1) / s) + 1
 *     ceil mode:         the same with ceil; the last window must start inside the input or the
 *                        padding before it, else O is one less (PyTorch's rule)
 *
 * With padding mode `ignore` a tap outside the input does not exist. With `zero` it is an activation
 * of value 0. What ceil mode adds beyond the padding follows the same mode, with one exception taken
 * from PyTorch: the divisor of `avgPool` does not count it.
 */

/** One spatial axis of a pooling. */
export interface Axis {
  /** Input size L. */
  readonly size: number;
  /** Output size O. */
  readonly out: number;
  /** Kernel size k, in taps. */
  readonly kernel: number;
  /** Stride s. */
  readonly stride: number;
  /** Padding before the first element, p. */
  readonly padBegin: number;
  /** Padding after the last element, q. */
  readonly padEnd: number;
  /** Dilation d: the distance of neighbouring taps. */
  readonly dilation: number;
}

/** The part of an axis that the caller chooses. */
export type AxisOptions = Omit<Axis, "size" | "out">;

/**
 * The output size of one axis; less than 1 when the window does not fit.
 * @param size input size L
 * @param axis kernel, stride, padding and dilation
 * @param ceilMode keep a partial window at the end
 */
export function outputSize(size: number, axis: AxisOptions, ceilMode: boolean): number {
  const { kernel, stride, padBegin, padEnd, dilation } = axis;
  const free = size + padBegin + padEnd - dilation * (kernel - 1) - 1;
  if (!ceilMode) return Math.floor(free / stride) + 1;
  const out = Math.ceil(free / stride) + 1;
  return (out - 1) * stride >= size + padBegin ? out - 1 : out;
}

/** The position of tap 0 of output `o`; negative inside the padding. */
export function windowStart(axis: Axis, o: number): number {
  return o * axis.stride - axis.padBegin;
}

/**
 * The taps of output `o` that exist, as a half-open range `[first, end)` of tap numbers a.
 * Empty (`first >= end`) when the window lies outside the input.
 */
export function tapRange(axis: Axis, o: number): [first: number, end: number] {
  const start = windowStart(axis, o);
  const { size, kernel, dilation } = axis;
  const first = start >= 0 ? 0 : Math.ceil(-start / dilation);
  const end = Math.min(kernel, Math.ceil((size - start) / dilation));
  return [first, end];
}

/**
 * How many taps of output `o` lie in the input or its declared padding, that is in `[-p, L + q)`:
 * the count that PyTorch's average pooling divides by when it counts the padding.
 */
export function paddedTaps(axis: Axis, o: number): number {
  const end = Math.ceil((axis.size + axis.padEnd - windowStart(axis, o)) / axis.dilation);
  return Math.min(axis.kernel, end);
}

/**
 * The outputs whose windows may cover input `t`, as a half-open range, clipped to the outputs that
 * exist. With dilation or gaps between windows some of them may not touch `t`.
 */
export function coveringOutputs(axis: Axis, t: number): [first: number, end: number] {
  const { kernel, stride, padBegin, dilation, out } = axis;
  const first = Math.max(0, Math.ceil((t + padBegin - (kernel - 1) * dilation) / stride));
  const end = Math.min(out, Math.floor((t + padBegin) / stride) + 1);
  return [first, end];
}

/** The input positions that outputs `[first, end)` read, as a half-open range inside the input. */
export function inputRange(axis: Axis, first: number, end: number): [first: number, end: number] {
  const begin = Math.max(0, windowStart(axis, first));
  const last = windowStart(axis, end - 1) + (axis.kernel - 1) * axis.dilation;
  return [Math.min(begin, axis.size), Math.min(axis.size, Math.max(begin, last + 1))];
}

/**
 * The first output that has no tap inside the input, or -1 when every window has one. Windows
 * without a tap have no defined result (runtimes disagree: 0, -Infinity or NaN), so that such a
 * pooling is refused.
 */
export function emptyWindow(axis: Axis): number {
  for (let o = 0; o < axis.out; o++) {
    const [first, end] = tapRange(axis, o);
    if (first >= end) return o;
    // Windows that start at or after 0 and before the end have tap 0: skip ahead to the last ones.
    const start = windowStart(axis, o);
    if (start >= 0) {
      const inside = Math.floor((axis.size - 1 - start) / axis.stride);
      o = Math.max(o, Math.min(o + inside, axis.out) - 1);
    }
  }
  return -1;
}
