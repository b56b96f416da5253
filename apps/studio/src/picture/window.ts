/**
 * Where the pooled pixels lie. Windows begin at the top left corner and partial ones at the other edges
 * are kept (ceil mode), as `softpool downsample` does: output i of an axis sees the inputs from i s to
 * i s + k, so that its middle lies at i s + k / 2.
 */

/** Kernel and stride of both axes. */
export interface Window {
  /** Taps along an axis, at least 1. */
  readonly kernel: number;
  /** Distance of windows, at least 1. */
  readonly stride: number;
}

/** Outputs along an axis of `size` inputs; 0 when the kernel is larger than the axis. */
export function outputs(size: number, { kernel, stride }: Window): number {
  if (kernel > size) return 0;
  const all = Math.ceil((size - kernel) / stride) + 1;
  // A window that begins behind the end has no tap.
  return (all - 1) * stride >= size ? all - 1 : all;
}

/** Outputs along an axis whose windows lie inside whole. */
export function wholeOutputs(size: number, { kernel, stride }: Window): number {
  return kernel > size ? 0 : Math.floor((size - kernel) / stride) + 1;
}

/** How far the square of side s that an output is shown as begins beside i s, in inputs. */
export function shift({ kernel, stride }: Window): number {
  return (kernel - stride) / 2;
}

/** The part of an axis that pooled pixels are compared with: outputs from `first`, inputs from `start`. */
export interface Compared {
  /** First output that is compared. */
  readonly first: number;
  /** How many. */
  readonly count: number;
  /** First input that is compared. */
  readonly start: number;
}

/**
 * What is compared along an axis: whole windows whose squares lie inside the picture. Where kernel minus
 * stride is odd the squares lie between pixels, and the half pixel is cut off.
 */
export function compared(size: number, window: Window): Compared {
  const offset = Math.floor(shift(window));
  const first = offset < 0 ? Math.ceil(-offset / window.stride) : 0;
  const start = first * window.stride + offset;
  const most = Math.floor((size - start) / window.stride);
  return { first, count: Math.max(0, Math.min(wholeOutputs(size, window) - first, most)), start };
}
