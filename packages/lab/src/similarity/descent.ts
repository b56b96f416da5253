/**
 * The minimiser of fits, L-BFGS: the direction is that of Newton's method with the curvature that the last
 * steps have shown; a step is cut to a third until the error falls enough (Armijo). Deterministic, and never
 * above where it began. Source: Nocedal: Updating quasi-Newton matrices with limited storage, Mathematics of
 * Computation 35, 1980.
 */

/** What is minimised: the error and its gradient. */
export type Objective = (
  values: Float64Array,
) => Promise<{ readonly error: number; readonly gradient: Float64Array }>;

/** Where a descent ended. */
export interface Descended {
  /** The values. */
  readonly values: Float64Array;
  /** The error before. */
  readonly before: number;
  /** The error there, at most that before. */
  readonly after: number;
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** `a + t b`. */
const along = (a: Float64Array, t: number, b: Float64Array): Float64Array =>
  a.map((value, i) => value + t * b[i]);

/** A step and the change of the gradient along it. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
}

/** The direction of descent at a gradient, by the last steps. */
function directionOf(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  let q: Float64Array = gradient;
  const alphas = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y } = pairs[k];
    alphas[k] = dot(s, q) / dot(s, y);
    q = along(q, -alphas[k], y);
  }
  const last = pairs.at(-1);
  const scale = last === undefined ? 1 : dot(last.s, last.y) / dot(last.y, last.y);
  let r: Float64Array = q.map((value) => value * scale);
  for (const [k, { s, y }] of pairs.entries()) {
    r = along(r, alphas[k] - dot(y, r) / dot(s, y), s);
  }
  return r.map((value) => -value);
}

/** Steps whose curvature is kept. */
const MEMORY = 8;

/** The length of the first step. */
const FIRST = 0.3;

/** Relative gain below which, three times in a row, there is nothing left to gain. */
const ENOUGH = 1e-5;

/**
 * Minimises by L-BFGS.
 * @param stop asked between evaluations
 * @returns undefined when it was stopped
 */
export async function lbfgs(
  objective: Objective,
  start: Float64Array,
  steps: number,
  stop: () => boolean,
): Promise<Descended | undefined> {
  let values: Float64Array = start.slice();
  let { error, gradient } = await objective(values);
  const before = error;
  const pairs: Pair[] = [];
  let idle = 0;
  for (let step = 0; step < steps && idle < 3; step++) {
    let direction: Float64Array = directionOf(gradient, pairs);
    if (!(dot(direction, gradient) < 0)) {
      pairs.length = 0;
      direction = gradient.map((value) => -value);
    }
    const slope = dot(direction, gradient);
    let t = pairs.length === 0 ? FIRST / Math.sqrt(-slope) : 1;
    if (!(slope < 0) || !Number.isFinite(t)) break;
    let next: { error: number; gradient: Float64Array } | undefined;
    let there = values;
    for (let halving = 0; halving < 12; halving++, t /= 3) {
      if (stop()) return undefined;
      there = along(values, t, direction);
      const tried = await objective(there);
      if (tried.error <= error + 1e-4 * t * slope && tried.gradient.every(Number.isFinite)) {
        next = tried;
        break;
      }
    }
    if (next === undefined) {
      // No lower point along a direction by memory: once more along the gradient.
      if (pairs.length === 0) break;
      pairs.length = 0;
      idle++;
      continue;
    }
    const s = along(there, -1, values);
    const y = along(next.gradient, -1, gradient);
    if (dot(s, y) > 1e-12 * dot(y, y)) pairs.push({ s, y });
    if (pairs.length > MEMORY) pairs.shift();
    idle = error - next.error < ENOUGH * error ? idle + 1 : 0;
    values = there;
    ({ error, gradient } = next);
  }
  return { values, before, after: error };
}
