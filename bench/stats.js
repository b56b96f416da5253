/** Medians and quartiles. */

/**
 * The quantile of a list, linear between its neighbours.
 * @param {readonly number[]} values at least one
 * @param {number} q 0 to 1
 * @returns {number}
 */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/**
 * @param {readonly number[]} values at least one
 * @returns {number}
 */
export const median = (values) => quantile(values, 0.5);

/** A number as results hold it. */
export const thousandths = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;

/**
 * A number of each round, and their middle.
 * @typedef {object} Spread
 * @property {number} median median of the rounds
 * @property {number} q1 first quartile of the rounds
 * @property {number} q3 third quartile of the rounds
 * @property {number[]} rounds one number per round
 */

/**
 * @param {number[]} rounds at least one
 * @returns {Spread}
 */
export function spreadOf(rounds) {
  return {
    median: thousandths(median(rounds)),
    q1: thousandths(quantile(rounds, 0.25)),
    q3: thousandths(quantile(rounds, 0.75)),
    rounds: rounds.map(thousandths),
  };
}

/**
 * Largest difference of two lists, relative to the larger of 1 and the expected value; NaN where one of
 * them is NaN and the other is not.
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected of the same length
 * @returns {number}
 */
export function maxDifference(actual, expected) {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const difference = Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(difference <= most)) most = difference;
  }
  return most;
}

/**
 * A number in three digits.
 * @param {number} value
 * @returns {string}
 */
export function digits(value) {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}
