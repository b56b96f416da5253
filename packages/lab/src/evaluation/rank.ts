/**
 * One row of scores against its true class: the likeliest classes, the rank of the true one and the loss.
 *
 *     loss = ln(sum_j e^(s_j - m)) - (s_target - m),   m = max_j s_j
 *
 * in float64. Classes with equal scores rank by their numbers, so that a model that gives every class the
 * same score is right only where the true class is 0.
 */

/** What a model's scores are: any numbers, for a softmax, or what a softmax gave. */
export type ScoreKind = "logits" | "probabilities";

/** What a row of scores says. */
export interface Ranking {
  /** The likeliest classes, the likeliest first. */
  readonly predicted: readonly number[];
  /** How many classes rank before the true one: 0 is right. */
  readonly rank: number;
  /** Negative natural logarithm of the true class's probability. */
  readonly loss: number;
  /** Probability of the likeliest class, in [0, 1]. */
  readonly score: number;
}

/** The smallest float32 above 0: a probability that came out as 0 was smaller than that. */
const LEAST = 2 ** -149;

/**
 * Ranks the classes of one row.
 * @param scores the scores of the classes, by number
 * @param target the true class, from 0 to `scores.length - 1`
 * @param kind what the scores are
 * @param most how many classes are named, at most all
 * @returns undefined for scores that are no answer: NaN, +infinity, all -infinity, a negative probability
 */
export function rank(
  scores: Float64Array,
  target: number,
  kind: ScoreKind,
  most: number,
): Ranking | undefined {
  let [max, least] = [-Infinity, Infinity];
  for (const value of scores) {
    if (Number.isNaN(value)) return undefined;
    max = Math.max(max, value);
    least = Math.min(least, value);
  }
  if (!Number.isFinite(max) || (kind === "probabilities" && least < 0)) return undefined;
  const own = scores[target];
  const predicted: number[] = [];
  let before = 0;
  for (const [i, value] of scores.entries()) {
    if (value > own || (value === own && i < target)) before++;
    let at = predicted.length;
    while (at > 0 && scores[predicted[at - 1]] < value) at--;
    if (at >= most) continue;
    predicted.splice(at, 0, i);
    if (predicted.length > most) predicted.pop();
  }
  if (kind === "probabilities") {
    return { predicted, rank: before, loss: -Math.log(Math.max(own, LEAST)), score: max };
  }
  let sum = 0;
  for (const value of scores) sum += Math.exp(value - max);
  return { predicted, rank: before, loss: Math.log(sum) - (own - max), score: 1 / sum };
}
