/** The measures of a similarity study, as columns of every table. */

/** A measure. */
export interface Measure {
  /** Its name in result files and CSV. */
  readonly key: MeasureKey;
  /** Its title. */
  readonly title: string;
  /** Its unit, or nothing. */
  readonly unit?: string;
  /** Digits in tables. */
  readonly digits: number;
  /** The value of a pooled picture that lost nothing; infinite where more is always better. */
  readonly ideal: number;
  /** Whether it depends on how pictures are compared; otherwise it is a matter of the pooled picture alone. */
  readonly compared: boolean;
}

/** The name of a measure. */
export type MeasureKey = "ssim" | "msSsim" | "psnr" | "contrast" | "bright" | "dark" | "luminance";

/** All measures, in the order of tables. */
export const measures: readonly Measure[] = [
  { key: "ssim", title: "SSIM", digits: 4, ideal: Infinity, compared: true },
  { key: "msSsim", title: "MS-SSIM", digits: 4, ideal: Infinity, compared: true },
  { key: "psnr", title: "PSNR", unit: "dB", digits: 2, ideal: Infinity, compared: true },
  { key: "contrast", title: "local contrast", digits: 3, ideal: 1, compared: false },
  { key: "bright", title: "bright detail", digits: 3, ideal: 1, compared: false },
  { key: "dark", title: "dark detail", digits: 3, ideal: 1, compared: false },
  { key: "luminance", title: "luminance error", unit: "%", digits: 2, ideal: 0, compared: false },
];

/** The measure of a name. */
export function measureOf(key: MeasureKey): Measure {
  return measures.find((measure) => measure.key === key) as Measure;
}

/** How far a value is from the best there is: less is better. */
export function distance({ ideal }: Measure, value: number): number {
  return Number.isFinite(ideal) ? Math.abs(value - ideal) : -value;
}

/** Values of all measures. */
export type Values = Readonly<Record<MeasureKey, number>>;
