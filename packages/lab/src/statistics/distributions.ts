/**
 * Tails of two distributions, to full double precision however small they are: chi-square with one
 * degree of freedom, and the binomial with probability 1/2.
 *
 *     chi-square  P(X > x) = erfc(sqrt(x / 2)) = e^(-x/2) erfcx(sqrt(x / 2)),  erfcx(z) = e^(z^2) erfc(z)
 *     binomial    P(X <= k) = pmf(k) (1 + k/(n-k+1) (1 + (k-1)/(n-k+2) (1 + ...)))   for k <= n/2
 *
 * erfcx is the trapezoidal rule with step h on erfcx(z) = (z / pi) int e^(-t^2) / (z^2 + t^2) dt, with the
 * residue of its pole at t = iz; the error is e^(-(pi/h)^2), 7e-18 for h = 1/2. The binomial's pmf is
 * taken through deviances, whose rounding grows with ln p and not with n ln n.
 * Sources: Chiarella, Reichel: On the evaluation of integrals related to the error function, Math. Comp.
 * 22, 1968; Loader: Fast and accurate computation of binomial probabilities, 2000.
 */

const STEP = 0.5;

/** e^(-(n h)^2) for n = 1, 2, ...; what follows is below 1e-18. */
const WEIGHTS = Array.from({ length: 13 }, (_, i) => Math.exp(-(((i + 1) * STEP) ** 2)));

/**
 * The scaled complementary error function e^(z^2) erfc(z).
 * @param z from 0, without unit; Infinity gives 0
 * @returns a number in [0, 1], 1 for 0; NaN for a negative z and for NaN
 */
export function erfcx(z: number): number {
  if (!(z >= 0)) return Number.NaN;
  const square = z * z;
  if (z < 0.5) {
    // erf(z) = 2/sqrt(pi) e^(-z^2) sum 2^n z^(2n+1) / (1 3 5 ... (2n+1)): no cancellation here.
    let term = (2 / Math.sqrt(Math.PI)) * z;
    let sum = 0;
    for (let n = 1; term > 1e-18; n++) {
      sum += term;
      term *= (2 * square) / (2 * n + 1);
    }
    return Math.exp(square) - sum;
  }
  if (z > 1e8) return 1 / (Math.sqrt(Math.PI) * z);
  const sum = WEIGHTS.reduceRight(
    (total, weight, i) => total + (2 * weight) / (square + ((i + 1) * STEP) ** 2),
    0,
  );
  const pole = (2 * Math.PI * z) / STEP;
  const residue = z < Math.PI / STEP ? (2 * Math.exp(square - pole)) / -Math.expm1(-pole) : 0;
  return ((STEP * z) / Math.PI) * (sum + 1 / square) - residue;
}

/**
 * The probability that a chi-square variable with one degree of freedom is larger than `x`.
 * @param x from 0; Infinity gives 0
 * @returns a number in [0, 1]: 0 above about 1480, where it is below the smallest double; see
 *   {@link logChiSquareSurvival}; NaN for a negative x and for NaN
 */
export function chiSquareSurvival(x: number): number {
  return Math.exp(-x / 2) * erfcx(Math.sqrt(x / 2));
}

/**
 * The natural logarithm of {@link chiSquareSurvival}, which has no smallest value.
 * @param x from 0
 * @returns a number up to 0; NaN for a negative x and for NaN
 */
export function logChiSquareSurvival(x: number): number {
  return -x / 2 + Math.log(erfcx(Math.sqrt(x / 2)));
}

/** What Stirling's formula lacks: ln n! - (n + 1/2) ln n + n - ln(2 pi) / 2, for n from 1. */
function stirlingError(n: number): number {
  let at = n;
  let sum = 0;
  // delta(n) = delta(n + 1) + (n + 1/2) ln(1 + 1/n) - 1, up to where the series holds.
  for (; at < 16; at++) sum += (at + 0.5) * Math.log1p(1 / at) - 1;
  const s = 1 / (at * at);
  return sum + (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / at;
}

/** The deviance x ln(x / mean) + mean - x, without cancellation where x is close to the mean. */
function deviance(x: number, mean: number): number {
  const v = (x - mean) / (x + mean);
  if (Math.abs(v) > 0.5) return x * Math.log(x / mean) + mean - x;
  let power = v;
  let sum = 0;
  for (let j = 3; ; j += 2) {
    power *= v * v;
    const next = sum + power / j;
    if (next === sum) return (x - mean) * v + 2 * x * sum;
    sum = next;
  }
}

/** ln of the probability of exactly k of n, for 0 <= k <= n. */
function logHalfMass(k: number, n: number): number {
  if (k === 0 || k === n) return -n * Math.LN2;
  const r = n - k;
  const errors = stirlingError(n) - stirlingError(k) - stirlingError(r);
  const deviances = deviance(k, n / 2) + deviance(r, n / 2);
  return errors - deviances + Math.log(n / (2 * Math.PI * k * r)) / 2;
}

/** ln of the lower tail and of its last term. */
export interface HalfTail {
  /** ln P(X <= k). */
  readonly logTail: number;
  /** ln P(X = k). */
  readonly logMass: number;
  /** ln (P(X <= k) - P(X = k) / 2), the tail with half of its last term: what mid-p is made of. */
  readonly logMiddle: number;
}

/**
 * The lower tail of the binomial distribution with probability 1/2, summed term by term.
 * @param k the count, a whole number from 0 to n/2 (the upper tail follows by symmetry)
 * @param n the number of trials, a whole number from 0; the work grows with its square root: a few
 *   thousand terms for 1e6
 * @returns natural logarithms; the relative error of the probability is about 1e-16 |ln p|
 * @throws RangeError for k or n out of range
 */
export function halfBinomialTail(k: number, n: number): HalfTail {
  if (!Number.isSafeInteger(n) || n < 0) {
    throw new RangeError(
      `halfBinomialTail: n: expected a whole number from 0, received ${n}; round counts first`,
    );
  }
  if (!Number.isInteger(k) || k < 0 || k > n / 2) {
    throw new RangeError(
      `halfBinomialTail: k: expected a whole number from 0 to n/2 = ${n / 2}, received ${k}; take n - k for the upper tail`,
    );
  }
  const logMass = logHalfMass(k, n);
  let term = 1;
  let below = 0;
  for (let i = k; i > 0 && term > 1e-18 * (1 + below); i--) {
    term *= i / (n - i + 1);
    below += term;
  }
  return {
    logTail: logMass + Math.log1p(below),
    logMass,
    logMiddle: logMass + Math.log(0.5 + below),
  };
}
