/**
 * The way of the temperature's slider, from average over SoftPool to maximum: beta = (t / (1 - t))^2, so
 * that 0 is at the left end and 1 in the middle. Beyond 119 a window's result is within ln(taps) / beta of
 * its maximum, which the eye hardly tells from it: the rest of the way is infinity.
 */

/** From here to its end the slider means infinity. */
const END = 0.916;

/** The temperature at a place of the slider. */
export function betaAt(t: number): number {
  if (t <= 0) return 0;
  if (t >= END) return Number.POSITIVE_INFINITY;
  return (t / (1 - t)) ** 2;
}

/** The place of a temperature; negative ones stand at the left end. */
export function placeOf(beta: number): number {
  if (beta === Number.POSITIVE_INFINITY) return 1;
  if (!(beta > 0)) return 0;
  const root = Math.sqrt(beta);
  return root / (1 + root);
}

/** The temperature that a text means, or `undefined`: a number, `inf`, `-inf` or `∞`. */
export function parseBeta(text: string): number | undefined {
  const bare = text.trim().toLowerCase().replace("−", "-").replace(",", ".");
  const end = /^([+-]?)(∞|inf|infinity)$/.exec(bare);
  if (end !== null) return end[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = Number(bare);
  return bare === "" || Number.isNaN(value) ? undefined : value;
}
