/**
 * McNemar's test of two classifiers on the same pictures. Only pictures that one of them alone has right
 * tell them apart: b (only A) and c (only B), each as likely as the other when both are equally accurate.
 *
 *     chi-square            (b - c)^2 / (b + c)              one degree of freedom
 *     with correction       (|b - c| - 1)^2 / (b + c)        Edwards; 0 where b = c
 *     exact, two-sided      min(1, 2 P(X <= min(b, c)))      X binomial of b + c with probability 1/2
 *     mid-p                 2 (P(X <= m) - P(X = m) / 2),    m = min(b, c)
 *
 * Sources: McNemar, Psychometrika 12, 1947; Edwards, Psychometrika 13, 1948; Fagerland, Lydersen, Laake:
 * The McNemar test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional,
 * BMC Medical Research Methodology 13, 2013.
 */
import { chiSquareSurvival, halfBinomialTail, logChiSquareSurvival } from "./distributions.ts";
import { type Interval, pairedDifference, wilson } from "./intervals.ts";

/** The contingency table of two models: numbers of pictures, whole and from 0. */
export interface Cells {
  /** Both models are right. */
  readonly both: number;
  /** A alone is right. */
  readonly onlyA: number;
  /** B alone is right. */
  readonly onlyB: number;
  /** Both are wrong. */
  readonly neither: number;
}

/** A probability under the hypothesis of equal accuracy. */
export interface PValue {
  /** The probability; 0 where it is below the smallest double. */
  readonly p: number;
  /** Its decimal logarithm, also where `p` is 0. */
  readonly log10P: number;
}

/** A chi-square test. */
export interface ChiSquare extends PValue {
  /** The statistic, from 0, with one degree of freedom. */
  readonly statistic: number;
}

/** What the test says. */
export interface McNemar {
  /** The table. */
  readonly cells: Cells;
  /** Number of pictures. */
  readonly pictures: number;
  /** Share of pictures that A has right, with Wilson's interval. */
  readonly accuracyA: Interval;
  /** Share of pictures that B has right, with Wilson's interval. */
  readonly accuracyB: Interval;
  /** The effect: accuracy of A minus accuracy of B, with Tango's score interval for paired shares. */
  readonly difference: Interval;
  /** Chi-square without correction; undefined when no picture tells the models apart (0/0). */
  readonly chiSquare: ChiSquare | undefined;
  /** Chi-square with Edwards' continuity correction; undefined as above. */
  readonly corrected: ChiSquare | undefined;
  /** Exact binomial, two-sided. */
  readonly exact: PValue;
  /** The same with half the weight of the observed split. */
  readonly midP: PValue;
}

/** The most pictures that a table may have. */
export const MOST_PICTURES = 1e9;

function chiSquare(statistic: number): ChiSquare {
  const log10P = logChiSquareSurvival(statistic) / Math.LN10;
  return { statistic, p: chiSquareSurvival(statistic), log10P };
}

function fromLog(log: number): PValue {
  return { p: Math.exp(log), log10P: log / Math.LN10 };
}

/**
 * McNemar's test from a table.
 * @param cells whole numbers from 0, together from 1 to {@link MOST_PICTURES}
 * @throws RangeError for other cells
 */
export function mcnemar(cells: Cells): McNemar {
  const { both, onlyA, onlyB, neither } = cells;
  for (const [name, value] of Object.entries({ both, onlyA, onlyB, neither })) {
    if (!Number.isInteger(value) || value < 0) {
      throw new RangeError(
        `mcnemar: ${name}: expected a whole number from 0, received ${value}; cells are counts, not shares`,
      );
    }
  }
  const pictures = both + onlyA + onlyB + neither;
  if (pictures < 1 || pictures > MOST_PICTURES) {
    throw new RangeError(
      `mcnemar: cells: expected 1 to ${MOST_PICTURES} pictures together, received ${pictures}`,
    );
  }
  const apart = onlyA + onlyB;
  const gap = Math.abs(onlyA - onlyB);
  const { logTail, logMiddle } = halfBinomialTail(Math.min(onlyA, onlyB), apart);
  const even = gap === 0;
  return {
    cells: { both, onlyA, onlyB, neither },
    pictures,
    accuracyA: wilson(both + onlyA, pictures),
    accuracyB: wilson(both + onlyB, pictures),
    difference: pairedDifference(onlyA, onlyB, pictures),
    chiSquare: apart === 0 ? undefined : chiSquare(gap ** 2 / apart),
    corrected: apart === 0 ? undefined : chiSquare(Math.max(0, gap - 1) ** 2 / apart),
    exact: fromLog(even ? 0 : Math.min(0, Math.LN2 + logTail)),
    midP: fromLog(even ? 0 : Math.LN2 + logMiddle),
  };
}
