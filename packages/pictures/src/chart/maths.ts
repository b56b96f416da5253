/**
 * Arithmetic that gives the same bits on every machine, which `Math.cos` and `Math.pow` do not
 * promise: only + - * /, rounding and 32-bit integer operations, all of them exact or correctly rounded.
 */

/** cos(2 pi t), t in turns, by range reduction to an eighth of a turn and Taylor series; within 1e-13. */
export function cosTurns(t: number): number {
  let u = Math.abs(t - Math.round(t));
  let sign = 1;
  if (u > 0.25) {
    u = 0.5 - u;
    sign = -1;
  }
  if (u > 0.125) return sign * sineSeries((0.25 - u) * (2 * Math.PI));
  return sign * cosineSeries(u * (2 * Math.PI));
}

/** sin(2 pi t), t in turns; within 1e-13. */
export function sinTurns(t: number): number {
  return cosTurns(t - 0.25);
}

/** cos a for |a| <= pi / 4: sum (-1)^k a^(2k) / (2k)!. */
function cosineSeries(a: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; k <= 14; k += 2) {
    term *= (-a * a) / (k * (k + 1));
    sum += term;
  }
  return sum;
}

/** sin a for |a| <= pi / 4: sum (-1)^k a^(2k+1) / (2k+1)!. */
function sineSeries(a: number): number {
  let sum = a;
  let term = a;
  for (let k = 2; k <= 14; k += 2) {
    term *= (-a * a) / (k * (k + 1));
    sum += term;
  }
  return sum;
}

/** 2^t for |t| up to about 60: whole powers by doubling, the rest as sum (t ln 2)^k / k!; within 1e-13. */
export function exp2(t: number): number {
  const whole = Math.round(t);
  const a = (t - whole) * Math.LN2;
  let value = 1;
  let term = 1;
  for (let k = 1; k <= 14; k++) {
    term *= a / k;
    value += term;
  }
  for (let k = 0; k < Math.abs(whole); k++) value *= whole > 0 ? 2 : 0.5;
  return value;
}

/**
 * Uniform numbers in [0, 1), a function of (seed, stream, counter) alone: no state, so any pixel can be
 * drawn in any order. Each key is folded in by a 32-bit mix of two multiplications and three xor-shifts
 * (C. Wellons, "lowbias32").
 */
export function random(seed: number, stream: number, counter: number): number {
  return mix(mix(mix(seed) + stream) + counter) / 2 ** 32;
}

function mix(key: number): number {
  let x = (key + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
