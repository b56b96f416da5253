/**
 * An oracle for the engine suite that shares no code with the package: naive loops in float64 over
 * `[N, C, D, H, W]`, and what the suite needs around it.
 */

/** One spatial axis. */
export interface OracleAxis {
  size: number;
  kernel: number;
  stride: number;
  begin: number;
  end: number;
  dilation: number;
}

/** A pooling for the oracle; axes absent in 1D and 2D have size 1 and kernel 1. */
export interface OracleProblem {
  method: string;
  batch: number;
  channels: number;
  axes: OracleAxis[];
  ceil: boolean;
  zero: boolean;
  beta?: number[];
  weights?: boolean;
  p?: number;
  normalized?: boolean;
}

/** The output size: counts window starts, one by one. */
export function oracleSize(axis: OracleAxis, ceil: boolean): number {
  const window = axis.dilation * (axis.kernel - 1) + 1;
  let count = 0;
  for (let start = -axis.begin; ; start += axis.stride) {
    const complete = start + window <= axis.size + axis.end;
    const partial =
      ceil && start < axis.size && start + window - axis.stride < axis.size + axis.end;
    if (!complete && !(partial && count > 0) && !(partial && count === 0)) break;
    if (!complete && !partial) break;
    // A window that starts behind the input and its padding before it is not counted in ceil mode.
    if (!complete && start >= axis.size) break;
    count++;
    if (count > 10000) throw new Error("endless");
  }
  return count;
}

/** Result and gradients of one window of taps. */
function windowOf(problem: OracleProblem, x: number[], divisor: number, beta: number) {
  const n = x.length;
  if (problem.method === "average") {
    return {
      y: x.reduce((s, v) => s + v / divisor, 0),
      slopes: x.map(() => 1 / divisor),
      dbeta: 0,
    };
  }
  if (problem.method === "sum") {
    return { y: x.reduce((s, v) => s + v, 0), slopes: x.map(() => 1), dbeta: 0 };
  }
  if (problem.method === "maximum") {
    const y = Math.max(...x);
    const first = x.indexOf(y);
    return { y, slopes: x.map((_, i) => Number(i === first)), dbeta: 0 };
  }
  if (problem.method === "power-average") {
    const p = problem.p ?? 2;
    const M = problem.normalized ? n : 1;
    const y = (x.reduce((s, v) => s + Math.abs(v) ** p, 0) / M) ** (1 / p);
    const slopes = x.map((v) =>
      v === 0 || y === 0 ? 0 : (Math.sign(v) * (Math.abs(v) / y) ** (p - 1)) / M,
    );
    return { y, slopes, dbeta: 0 };
  }
  let w: number[];
  if (Number.isFinite(beta)) {
    const top = Math.max(...x.map((v) => beta * v));
    w = x.map((v) => Math.exp(beta * v - top));
  } else {
    const extreme = beta > 0 ? Math.max(...x) : Math.min(...x);
    w = x.map((v) => Number(v === extreme));
  }
  const total = w.reduce((s, v) => s + v, 0);
  w = w.map((v) => v / total);
  const y = w.reduce((s, v, i) => s + v * x[i], 0);
  const plain = problem.weights || !Number.isFinite(beta);
  const slopes = w.map((v, i) => (plain ? v : v * (1 + beta * (x[i] - y))));
  const dbeta = Number.isFinite(beta) ? w.reduce((s, v, i) => s + v * (x[i] - y) ** 2, 0) : 0;
  return { y, slopes, dbeta };
}

/** Forward and backward of a pooling over `[N, C, D, H, W]`. */
export function oracle(problem: OracleProblem, x: Float64Array, g?: Float64Array) {
  const { axes, batch, channels, ceil, zero } = problem;
  const out = axes.map((axis) => oracleSize(axis, ceil));
  const [I, O] = [axes.map((axis) => axis.size), out];
  const inside = I[0] * I[1] * I[2];
  const outside = O[0] * O[1] * O[2];
  const y = new Float64Array(batch * channels * outside);
  const gx = new Float64Array(batch * channels * inside);
  const gbeta = new Float64Array(channels);
  for (let plane = 0; plane < batch * channels; plane++) {
    const channel = plane % channels;
    const beta = problem.beta === undefined ? 1 : problem.beta[channel % problem.beta.length];
    for (let o = 0; o < outside; o++) {
      const at = [Math.floor(o / (O[1] * O[2])), Math.floor(o / O[2]) % O[1], o % O[2]];
      const taps: number[] = [];
      const places: number[] = [];
      let divisor = 0;
      const [K0, K1, K2] = axes.map((axis) => axis.kernel);
      for (let k = 0; k < K0 * K1 * K2; k++) {
        const tap = [Math.floor(k / (K1 * K2)), Math.floor(k / K2) % K1, k % K2];
        const t = axes.map((a, i) => at[i] * a.stride - a.begin + tap[i] * a.dilation);
        const exists = t.every((v, i) => v >= 0 && v < I[i]);
        const padded = t.every((v, i) => v < I[i] + axes[i].end);
        if (exists || (zero && padded)) divisor++;
        if (!exists && !zero) continue;
        const place = exists ? plane * inside + (t[0] * I[1] + t[1]) * I[2] + t[2] : -1;
        taps.push(exists ? x[place] : 0);
        places.push(place);
      }
      const result = windowOf(problem, taps, divisor, beta);
      y[plane * outside + o] = result.y;
      if (g === undefined) continue;
      const upstream = g[plane * outside + o];
      places.forEach((place, i) => {
        if (place >= 0) gx[place] += upstream * result.slopes[i];
      });
      gbeta[problem.beta?.length === 1 ? 0 : channel] += upstream * result.dbeta;
    }
  }
  return { out, y, gx, gbeta };
}

/** Moves the channel axis of `[N, C, ...]` behind the others. */
export function channelsLast(data: Float64Array, batch: number, channels: number): Float64Array {
  const each = data.length / (batch * channels);
  const result = new Float64Array(data.length);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < each; i++)
        result[(n * each + i) * channels + c] = data[(n * channels + c) * each + i];
  return result;
}

/** float16 bits of a number, by search among the bits. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  let low = 0;
  let high = 0x7c00;
  const magnitude = Math.abs(value);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fromHalf(middle) < magnitude) low = middle + 1;
    else high = middle;
  }
  if (low > 0) {
    const up = fromHalf(low) === Number.POSITIVE_INFINITY ? 65536 : fromHalf(low);
    const down = fromHalf(low - 1);
    const nearer = up - magnitude - (magnitude - down);
    if (nearer > 0 || (nearer === 0 && low % 2 === 1)) low--;
  }
  return (value < 0 || Object.is(value, -0) ? 0x8000 : 0) | low;
}

/** The value of float16 bits. */
export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Half a unit in the last place of float16 at a number: 2^-25 below the normal numbers. */
export function halfUnit(y: number): number {
  return 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(y)))) - 11);
}

/** Element types. */
export type DType = "float32" | "float64" | "float16";

/** Largest allowed difference from the float64 result `y`, by element type. */
export type Tolerances = Readonly<Record<DType, (y: number) => number>>;

const within = (float32: number): Tolerances => ({
  float32: (y) => float32 * Math.max(1, Math.abs(y)),
  float64: (y) => 1e-12 * Math.max(1, Math.abs(y)),
  // Half a unit in the last place, and what float32 arithmetic may have added before.
  float16: (y) => halfUnit(y) + float32 * Math.max(1, Math.abs(y)),
});

/**
 * The tolerances of all engines, for inputs up to 20. WGSL has no float64 for the windows that need it,
 * and allows its `exp` an error of 3 + 2 |x| units in the last place.
 */
export const tolerances = {
  wasm: within(2e-6),
  reference: within(2e-6),
  webgpu: within(4e-6),
} as const;

/** A small seeded generator of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` multiples of 1/32 in [-limit, limit]: exact in float16, so that all types see the same. */
export function exactValues(count: number, limit: number, next: () => number): Float64Array {
  return Float64Array.from({ length: count }, () => Math.round((next() * 2 - 1) * limit * 32) / 32);
}
