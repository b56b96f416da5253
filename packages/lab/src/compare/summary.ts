/** Means over pictures, the best of each column, and what the numbers say in words. */
import { meanPsnr } from "@softpool/pictures";
import type { Row } from "./measure.ts";

/** The measures, as columns of every table. */
export const columns = [
  { key: "srgb.ssim", title: "SSIM", light: "sRGB", digits: 4 },
  { key: "srgb.psnr", title: "PSNR", light: "sRGB", digits: 2 },
  { key: "linear.ssim", title: "SSIM", light: "linear", digits: 4 },
  { key: "linear.psnr", title: "PSNR", light: "linear", digits: 2 },
] as const;

/** The key of a measure. */
export type Key = (typeof columns)[number]["key"];

/** Means of one method and kernel over all pictures. */
export interface Mean {
  /** Window and stride. */
  readonly kernel: number;
  /** Name of the method. */
  readonly method: string;
  /** Number of pictures. */
  readonly pictures: number;
  /** Mean of every measure; infinite PSNRs are counted apart. */
  readonly values: Readonly<Record<Key, number>>;
  /** Infinite PSNRs in sRGB and linear light: pictures that the method reproduces exactly. */
  readonly infinite: number;
  /** Mean time of the operator in milliseconds. */
  readonly milliseconds: number;
}

/** A measure of a row. */
export function measured({ score }: Row, key: Key): number {
  const [light, measure] = key.split(".") as ["srgb" | "linear", "ssim" | "psnr"];
  return score[light][measure];
}

/** Means per kernel and method, in the order of the rows. */
export function means(rows: readonly Row[]): Mean[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.kernel} ${row.method}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const result = [...groups.values()].map((group): Mean => {
    let infinite = 0;
    const values = Object.fromEntries(
      columns.map(({ key, title }) => {
        const all = group.map((row) => measured(row, key));
        if (title === "SSIM") return [key, all.reduce((a, b) => a + b, 0) / all.length];
        const mean = meanPsnr(all);
        infinite += mean.infinite;
        return [key, mean.infinite === all.length ? Number.POSITIVE_INFINITY : mean.mean];
      }),
    ) as Record<Key, number>;
    const time = group.reduce((sum, row) => sum + row.milliseconds, 0) / group.length;
    const { kernel, method } = group[0];
    return { kernel, method, pictures: group.length, values, infinite, milliseconds: time };
  });
  return result.sort((a, b) => a.kernel - b.kernel);
}

/** The largest value of a measure among the means of a kernel. */
export function bestOf(all: readonly Mean[], kernel: number, key: Key): number {
  return all
    .filter((mean) => mean.kernel === kernel)
    .reduce((best, mean) => Math.max(best, mean.values[key]), Number.NEGATIVE_INFINITY);
}

/** A value as it stands in a table. */
export function show(value: number, digits: number): string {
  if (Number.isNaN(value)) return "-";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return value.toFixed(digits);
}

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/** What the numbers say: per measure, which method is ahead at which kernel, and where soft stands. */
export function inWords(all: readonly Mean[]): string {
  const kernels = [...new Set(all.map((mean) => mean.kernel))];
  const sentences: string[] = [];
  // Measures on which the same methods are ahead share a sentence.
  const statements = new Map<string, string[]>();
  for (const { key, title, light } of columns) {
    const ahead = new Map<string, number[]>();
    for (const kernel of kernels) {
      const best = bestOf(all, kernel, key);
      for (const mean of all) {
        if (mean.kernel !== kernel || mean.values[key] !== best) continue;
        ahead.set(mean.method, [...(ahead.get(mean.method) ?? []), kernel]);
      }
    }
    const measure = `${title} in ${light === "sRGB" ? "sRGB values" : "linear light"}`;
    if (ahead.size === 0) {
      sentences.push(`${measure} is not defined for pictures this small.`);
      continue;
    }
    const parts = [...ahead].map(([method, at]) =>
      at.length === kernels.length ? method : `${method} (kernel ${listed(at.map(String))})`,
    );
    const statement = `${listed(parts)} ${parts.length > 1 ? "are" : "is"} ahead`;
    statements.set(statement, [...(statements.get(statement) ?? []), measure]);
  }
  for (const [statement, measures] of statements) {
    sentences.push(`By ${listed(measures)}, ${statement}.`);
  }
  const pair = (method: string, kernel: number) =>
    all.find((mean) => mean.method === method && mean.kernel === kernel);
  const gaps = (key: Key): number[] =>
    kernels.flatMap((kernel) => {
      const soft = pair("soft", kernel)?.values[key];
      const average = pair("average", kernel)?.values[key];
      return soft === undefined || average === undefined ? [] : [soft - average];
    });
  const range = (values: number[], unit: string, digits: number) => {
    const signed = (v: number) => `${v >= 0 ? "+" : "−"}${Math.abs(v).toFixed(digits)}`;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const span = signed(low) === signed(high) ? signed(low) : `${signed(low)} to ${signed(high)}`;
    return `${span}${unit}`;
  };
  const [srgb, linear] = [gaps("srgb.psnr"), gaps("linear.psnr")];
  if (srgb.length > 0 && [...srgb, ...linear].every(Number.isFinite)) {
    sentences.push(
      `Against average pooling, SoftPool's PSNR differs by ${range(srgb, " dB", 2)} in sRGB values and ` +
        `${range(linear, " dB", 2)} in linear light.`,
    );
  }
  return sentences.join(" ");
}
