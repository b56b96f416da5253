/**
 * Temperatures of SoftPool that a sweep measures, and the best of them. The best one between the measured
 * ones is the top of the parabola through the best measured one and its neighbours.
 */
import type { ValueRange } from "@softpool/pictures";
import type { Settings, Variant } from "./variant.ts";

/** The temperatures for values in [0, 1]: dense where the best ones lie, up to what is almost a maximum. */
const TEMPERATURES: readonly number[] = [
  -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 8, 12, 16,
];

/** By how much a range of values is wider than [0, 1]. */
const WIDTH: Readonly<Record<ValueRange["name"], number>> = {
  unit: 1,
  byte: 255,
  imagenet: 1 / 0.226,
};

/** SoftPool at every temperature of a sweep, on values of a range. */
export function sweepVariants(values: ValueRange["name"]): Variant[] {
  return TEMPERATURES.map((beta) => softAt(Number((beta / WIDTH[values]).toPrecision(6))));
}

/** SoftPool at a temperature. */
export function softAt(beta: number): Variant {
  const written = Number.isFinite(beta) ? beta : beta > 0 ? "inf" : "-inf";
  const settings: Settings = beta === 1 ? {} : { beta: written };
  return { method: "soft", settings, state: "fixed", phase: "inference" };
}

/** The temperature of a variant of SoftPool. */
export function temperatureOf({ settings }: Pick<Variant, "settings">): number {
  const { beta = 1 } = settings;
  if (beta === "inf") return Number.POSITIVE_INFINITY;
  return beta === "-inf" ? Number.NEGATIVE_INFINITY : Number(beta);
}

/** A measured point. */
export interface Point {
  /** The temperature. */
  readonly x: number;
  /** The measure. */
  readonly y: number;
}

/** The best temperature. */
export interface Best {
  /** The temperature. */
  readonly x: number;
  /** The measure there, by the parabola. */
  readonly y: number;
  /** Whether it is the first or last one that was measured, so that there may be better ones beyond. */
  readonly atEnd: boolean;
}

/**
 * The best temperature of a curve.
 * @param points the curve, in any order
 * @param distance how far a measure is from the best there is: the least is best
 * @returns undefined without a finite point
 */
export function bestOf(
  points: readonly Point[],
  distance: (y: number) => number = (y) => -y,
): Best | undefined {
  const curve = points
    .map(({ x, y }) => ({ x, y, d: distance(y) }))
    .filter(({ x, d }) => Number.isFinite(x) && Number.isFinite(d))
    .sort((a, b) => a.x - b.x);
  if (curve.length === 0) return undefined;
  const at = curve.reduce((best, { d }, i) => (d < curve[best].d ? i : best), 0);
  const [left, middle, right] = [curve[at - 1], curve[at], curve[at + 1]];
  if (left === undefined || right === undefined) {
    return { x: middle.x, y: middle.y, atEnd: true };
  }
  // Newton's divided differences: d = d_l + s (x - x_l) + c (x - x_l) (x - x_m).
  const s = (middle.d - left.d) / (middle.x - left.x);
  const c = ((right.d - middle.d) / (right.x - middle.x) - s) / (right.x - left.x);
  if (!(c > 0)) return { x: middle.x, y: middle.y, atEnd: false };
  const x = Math.min(right.x, Math.max(left.x, (left.x + middle.x) / 2 - s / (2 * c)));
  const sy = (middle.y - left.y) / (middle.x - left.x);
  const cy = ((right.y - middle.y) / (right.x - middle.x) - sy) / (right.x - left.x);
  const y = left.y + sy * (x - left.x) + cy * (x - left.x) * (x - middle.x);
  return { x, y, atEnd: false };
}
