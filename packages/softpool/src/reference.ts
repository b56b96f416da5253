/**
 * The definition of every pooling in plain TypeScript: float64, one window at a time, no tricks. Slow
 * on purpose: it is the oracle for all other engines.
 *
 * A window is a list of tap values x_1 .. x_N in row-major order. Sources: SoftPool, Stergiou et al.,
 * ICCV 2021, equations 1 and 2, with a temperature beta; power-average, Estrach, Szlam and LeCun 2014.
 */
import { numberToHalf, toNumbers } from "./half.ts";
import type { Problem } from "./options.ts";
import type { Elements, FloatArray } from "./types.ts";
import { paddedTaps, windowStart } from "./window.ts";

/** The taps of one window. */
interface Window {
  /** Values, in row-major order of the kernel. */
  values: number[];
  /** Index of each tap in the input, -1 for a padded zero. */
  indices: number[];
  /** What `avgPool` divides by. */
  divisor: number;
  /** Temperature of the window's channel. */
  beta: number;
}

/** The weights of SoftPool with the value they are relative to. */
interface Weights {
  /** w_i = e_i / S, which sum to 1. */
  weights: number[];
  /** d_i = x_i - m, with m the tap that maximises beta x. */
  deviations: number[];
  /** y - m = sum w_i d_i. */
  delta: number;
  /** m. */
  m: number;
  /** Unit of `deviations`, `delta` and `m`: 2 where the window's range exceeds the largest number. */
  scale: number;
}

/**
 * w_i = e^(beta (x_i - m)) / S with m the dominant tap, so that every exponent is at most 0 and the
 * sum S at least 1. Taps of weight 0 have deviation 0, so that no infinity meets a zero. NaN anywhere
 * makes everything NaN.
 */
function softWeights(x: number[], beta: number): Weights {
  if (beta === 0) {
    const mean = average(x, x.length);
    const deviations = x.map((value) => (value === mean ? 0 : value - mean));
    return { weights: x.map(() => 1 / x.length), deviations, delta: 0, m: mean, scale: 1 };
  }
  if (x.some(Number.isNaN)) {
    const nan = x.map(() => Number.NaN);
    return { weights: nan, deviations: nan, delta: Number.NaN, m: Number.NaN, scale: 1 };
  }
  const range = x.reduce((a, b) => Math.max(a, b)) - x.reduce((a, b) => Math.min(a, b));
  if (range === Number.POSITIVE_INFINITY && x.every(Number.isFinite)) {
    // softpool_beta(x) = 2 softpool_{2 beta}(x / 2)
    const half = x.map((value) => value / 2);
    return { ...softWeights(half, 2 * beta), scale: 2 };
  }
  const m = x.reduce((a, b) => (beta > 0 ? Math.max(a, b) : Math.min(a, b)));
  const e = x.map((value) => (value === m ? 1 : Math.exp(beta * (value - m))));
  const S = e.reduce((a, b) => a + b);
  const deviations = x.map((value, i) => (e[i] === 0 || value === m ? 0 : value - m));
  const weights = e.map((value) => value / S);
  const delta = weights.reduce((sum, w, i) => sum + w * deviations[i], 0);
  return { weights, deviations, delta, m, scale: 1 };
}

/** The mean without overflow: divided first where the sum is not finite. */
function average(x: number[], divisor: number): number {
  const sum = x.reduce((a, b) => a + b, 0);
  if (Number.isFinite(sum)) return sum / divisor;
  // Rounding must not carry it beyond the largest tap.
  const quotients = x.reduce((a, b) => a + b / divisor, 0);
  const most = largest(x);
  return Math.max(-most, Math.min(most, quotients));
}

/** max |x|. */
function largest(x: number[]): number {
  return x.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
}

/** |x_i| / max |x|, where an infinite maximum makes infinite taps 1 and finite ones 0. */
function ratios(x: number[], max: number): number[] {
  return x.map((value) => {
    const a = Math.abs(value);
    return a === max ? 1 : a / max;
  });
}

/** The result of one window. */
function forwardWindow(problem: Problem, window: Window): number {
  const x = window.values;
  switch (problem.method) {
    case "soft": {
      const { m, delta, scale } = softWeights(x, window.beta);
      return scale * (m + delta);
    }
    case "average":
      return average(x, window.divisor);
    case "sum":
      return x.reduce((a, b) => a + b, 0);
    case "maximum":
      return x.reduce((a, b) => Math.max(a, b));
    case "power-average": {
      // (sum |x|^p / M)^(1/p), M = N when normalized and 1 otherwise, relative to max |x|.
      const max = largest(x);
      if (max === 0 || Number.isNaN(max)) return max;
      const M = problem.normalized ? x.length : 1;
      const sum = ratios(x, max).reduce((s, r) => s + r ** problem.p, 0);
      return max * (sum / M) ** (1 / problem.p);
    }
  }
}

/** dy/dx_i for every tap of one window. */
function backwardWindow(problem: Problem, window: Window): number[] {
  const x = window.values;
  const nan = x.some(Number.isNaN);
  switch (problem.method) {
    case "soft": {
      const { weights, deviations, delta, scale } = softWeights(x, window.beta);
      const constant = window.beta === 0 || !Number.isFinite(window.beta);
      if (problem.weightsOnly || constant) return weights;
      const beta = window.beta * scale;
      return weights.map((w, i) => (w === 0 ? 0 : w * (1 + beta * (deviations[i] - delta))));
    }
    case "average":
      return x.map(() => 1 / window.divisor);
    case "sum":
      return x.map(() => 1);
    case "maximum": {
      if (nan) return x.map(() => Number.NaN);
      const first = x.indexOf(x.reduce((a, b) => Math.max(a, b)));
      return x.map((_, i) => (i === first ? 1 : 0));
    }
    case "power-average": {
      // sign(x) (|x| / y)^(p-1) / M
      const max = largest(x);
      if (max === 0 || nan) return x.map(() => max * 0);
      const M = problem.normalized ? x.length : 1;
      const r = ratios(x, max);
      const sum = r.reduce((s, value) => s + value ** problem.p, 0);
      const y = (sum / M) ** (1 / problem.p);
      return r.map((value, i) =>
        value === 0 ? 0 : (Math.sign(x[i]) * (value / y) ** (problem.p - 1)) / M,
      );
    }
  }
}

/** The weighted variance of a window, dy/dbeta = sum w_i (x_i - y)^2. */
function betaWindow(window: Window): number {
  const { weights, deviations, delta, scale } = softWeights(window.values, window.beta);
  if (!Number.isFinite(window.beta)) return delta * 0;
  const term = (w: number, i: number) => (w === 0 ? 0 : w * (scale * (deviations[i] - delta)) ** 2);
  return weights.reduce((sum, w, i) => sum + term(w, i), 0);
}

/** Calls `visit` for every window, with the index of its output. */
function forEachWindow(
  problem: Problem,
  x: Elements,
  visit: (output: number, channel: number, window: Window) => void,
): void {
  const { axes, batch, channels, channelsLast, beta } = problem;
  const [D, H, W] = axes;
  const index = (n: number, c: number, d: number, h: number, w: number, sizes: number[]) =>
    channelsLast
      ? (((n * sizes[0] + d) * sizes[1] + h) * sizes[2] + w) * channels + c
      : (((n * channels + c) * sizes[0] + d) * sizes[1] + h) * sizes[2] + w;
  const inSizes = axes.map((axis) => axis.size);
  const outSizes = axes.map((axis) => axis.out);

  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let od = 0; od < D.out; od++)
        for (let oh = 0; oh < H.out; oh++)
          for (let ow = 0; ow < W.out; ow++) {
            const values: number[] = [];
            const indices: number[] = [];
            for (let a = 0; a < D.kernel; a++)
              for (let b = 0; b < H.kernel; b++)
                for (let e = 0; e < W.kernel; e++) {
                  const d = windowStart(D, od) + a * D.dilation;
                  const h = windowStart(H, oh) + b * H.dilation;
                  const w = windowStart(W, ow) + e * W.dilation;
                  const inside =
                    d >= 0 && d < D.size && h >= 0 && h < H.size && w >= 0 && w < W.size;
                  if (inside) {
                    const position = index(n, c, d, h, w, inSizes);
                    values.push(x[position]);
                    indices.push(position);
                  } else if (problem.zeroPadding) {
                    values.push(0);
                    indices.push(-1);
                  }
                }
            const divisor = problem.zeroPadding
              ? paddedTaps(D, od) * paddedTaps(H, oh) * paddedTaps(W, ow)
              : values.length;
            const window = { values, indices, divisor, beta: beta[beta.length === 1 ? 0 : c] };
            visit(index(n, c, od, oh, ow, outSizes), c, window);
          }
}

/** Stores numbers into an array, rounded once to its element type. */
function store(target: FloatArray, values: Float64Array): void {
  if (target instanceof Uint16Array) {
    for (let i = 0; i < values.length; i++) target[i] = numberToHalf(values[i]);
  } else {
    target.set(values);
  }
}

/**
 * Computes a pooling by its definition.
 * @param problem the pooling
 * @param x input elements
 * @param out receives the output elements
 */
export function referenceForward(problem: Problem, x: FloatArray, out: FloatArray): void {
  const y = new Float64Array(out.length);
  forEachWindow(problem, toNumbers(x), (output, _, window) => {
    y[output] = forwardWindow(problem, window);
  });
  store(out, y);
}

/**
 * Computes the gradient of a pooling by its definition.
 * @param problem the pooling
 * @param gradOutput gradient with respect to the output
 * @param x input elements
 * @param gradInput receives the gradient with respect to the input
 * @param gradBeta where present, receives the gradient with respect to beta, one element per channel
 *   or a single one
 */
export function referenceBackward(
  problem: Problem,
  gradOutput: FloatArray,
  x: FloatArray,
  gradInput: FloatArray,
  gradBeta?: Float64Array,
): void {
  const g = toNumbers(gradOutput);
  const gradient = new Float64Array(gradInput.length);
  forEachWindow(problem, toNumbers(x), (output, channel, window) => {
    const derivative = backwardWindow(problem, window);
    window.indices.forEach((index, i) => {
      // A maximum has nothing to do with its other taps, be the gradient infinite.
      if (derivative[i] === 0 && problem.method === "maximum") return;
      if (index >= 0) gradient[index] += g[output] * derivative[i];
    });
    if (gradBeta !== undefined) {
      gradBeta[gradBeta.length === 1 ? 0 : channel] += g[output] * betaWindow(window);
    }
  });
  store(gradInput, gradient);
}
