/** Axes of plots: titles with units, and domains that hold all values with a margin, also when they are equal. */
import type { ScaleOptions } from "@observablehq/plot";
import { shortened } from "./html.ts";

/** An axis. */
export interface Axis {
  /** What it measures. */
  readonly label: string;
  /** Its unit, such as "ms" or "%"; default none. */
  readonly unit?: string;
  /** Whether equal distances are equal ratios; values that are not positive are left out. Default false. */
  readonly log?: boolean;
  /** Where ticks stand; default where numbers are round. */
  readonly ticks?: readonly number[];
  /** Values that the axis must show besides the data's, such as 0; default none. */
  readonly include?: readonly number[];
}

/** The title of an axis with its unit, of at most 50 characters. */
export function axisTitle({ label, unit }: Axis): string {
  return shortened(unit === undefined ? label : `${label}, ${unit}`, 50);
}

/** Beyond this size, or below its inverse on a logarithmic axis, numbers are not shown: so nothing overflows. */
const LARGEST = 1e100;

/** The value as an axis can show it; NaN where it cannot. */
export function onAxis({ log }: Axis, value: number | undefined): number {
  if (value === undefined || !(Math.abs(value) <= LARGEST)) return Number.NaN;
  return log && value < 1 / LARGEST ? Number.NaN : value;
}

/** The smallest and the largest of the values that an axis shows; `undefined` when there are none. */
export function rangeOf(
  axis: Axis,
  values: readonly (number | undefined)[],
): [low: number, high: number] | undefined {
  const shown = [...values, ...(axis.include ?? [])]
    .map((value) => onAxis(axis, value))
    .filter((value) => !Number.isNaN(value));
  if (shown.length === 0) return undefined;
  return [shown.reduce((a, b) => Math.min(a, b)), shown.reduce((a, b) => Math.max(a, b))];
}

/** A range with a margin of this share of its length at both ends; a single value gets some room. */
export function padded(
  { log }: Axis,
  [low, high]: readonly [number, number],
  share: number,
): [number, number] {
  if (log) {
    const ratio = high / low > 1.0001 ? (high / low) ** share : 1.5;
    return [low / ratio, high * ratio];
  }
  const room = high > low ? (high - low) * share : Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** The scale of an axis for Observable Plot. */
export function scaleOf(axis: Axis, domain: readonly [number, number]): ScaleOptions {
  return { type: axis.log ? "log" : "linear", domain: [...domain], label: null, axis: null };
}

/** Round numbers within a range, about so many. */
function roundNumbers(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const first = Math.ceil(low / step - 1e-9);
  const length = Math.max(0, Math.floor(high / step + 1e-9) - first + 1);
  return Array.from({ length }, (_, i) =>
    Number(((first + i) * step).toFixed(Math.min(20, digits))),
  );
}

/** Numbers whose first digit is one of these, over all powers of ten in a range. */
function digitsInRange(low: number, high: number, first: readonly number[]): number[] {
  const powers = Math.floor(Math.log10(high)) - Math.floor(Math.log10(low)) + 1;
  const from = Math.floor(Math.log10(low));
  const all = Array.from({ length: powers }, (_, i) =>
    first.map((digit) => Number(`${digit}e${from + i}`)),
  );
  return all.flat().filter((value) => value >= low && value <= high);
}

/** A number with a true minus sign and so many digits; by powers of ten when it is very large or small. */
function tickText(value: number, digits: number | undefined): string {
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size !== 0 && (size >= 1e7 || size < 1e-5)) {
    const [mantissa, exponent] = Number(size.toPrecision(8)).toExponential().split("e");
    return `${sign}${mantissa}e${Number(exponent)}`;
  }
  const options = { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 6 };
  return `${sign}${size.toLocaleString("en-US", options)}`;
}

/** A tick and its text. */
export interface Tick {
  /** Where. */
  readonly value: number;
  /** What stands there. */
  readonly text: string;
}

/**
 * The ticks of an axis.
 * @param domain what the axis shows
 * @param count about how many there is room for
 */
export function ticksOf(axis: Axis, domain: readonly [number, number], count: number): Tick[] {
  const [low, high] = domain;
  if (axis.ticks !== undefined) {
    const within = axis.ticks.filter((value) => value >= low && value <= high);
    return within.map((value) => ({ value, text: tickText(value, undefined) }));
  }
  if (axis.log && high / low > 4) {
    const decades = Math.log10(high / low);
    const first = decades * 3 <= count ? [1, 2, 5] : decades * 2 <= count ? [1, 3] : [1];
    const values = digitsInRange(low, high, first);
    const every = Math.ceil(values.length / Math.max(2, count));
    return values
      .filter((_, i) => i % every === 0)
      .map((value) => ({ value, text: tickText(value, undefined) }));
  }
  const values = roundNumbers(low, high, count);
  const decimals = values.map((value) => String(value).split(".")[1]?.length ?? 0);
  const digits = Math.min(6, Math.max(0, ...decimals));
  return values.map((value) => ({ value, text: tickText(value, digits) }));
}
