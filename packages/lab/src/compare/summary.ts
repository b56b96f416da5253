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
        if (title === "SSIM") {
          // Not defined for pictures below 11 pixels: the mean is over the others.
          const defined = all.filter((value) => !Number.isNaN(value));
          return [key, defined.reduce((a, b) => a + b, 0) / defined.length];
        }
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

/** The smallest and the largest of some numbers, with signs, as "+0.10 to +0.19" or one of them. */
function span(values: readonly number[], digits: number): string {
  const text = (v: number) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(digits)}`;
  const [low, high] = [text(Math.min(...values)), text(Math.max(...values))];
  return low === high ? low : `${low} to ${high}`;
}

/** Which methods have the best value of a measure, and at which kernels. */
function leaders(
  all: readonly Mean[],
  kernels: readonly number[],
  key: Key,
): Map<string, number[]> {
  const ahead = new Map<string, number[]>();
  for (const kernel of kernels) {
    const best = bestOf(all, kernel, key);
    for (const mean of all) {
      if (mean.kernel !== kernel || mean.values[key] !== best) continue;
      ahead.set(mean.method, [...(ahead.get(mean.method) ?? []), kernel]);
    }
  }
  return ahead;
}

/** By how much the first is ahead of the second at every kernel, when both are the same throughout. */
function lead(all: readonly Mean[], kernels: readonly number[], key: Key): string {
  const pairs = kernels.map((kernel) =>
    all
      .filter((mean) => mean.kernel === kernel)
      .sort((a, b) => b.values[key] - a.values[key])
      .slice(0, 2),
  );
  const second = pairs[0][1]?.method;
  const gaps = pairs.map(([a, b]) => a.values[key] - (b?.values[key] ?? Number.NaN));
  if (second === undefined || !gaps.every(Number.isFinite)) return "";
  const same = pairs.every(([, b]) => b.method === second);
  return ` (PSNR ${span(gaps, 2)} dB over ${same ? second : "the next"})`;
}

/** The clause about one light: who is ahead by which measure at which kernel. */
function clause(all: readonly Mean[], kernels: readonly number[], light: string): string {
  const where = light === "sRGB" ? "in sRGB values" : "in linear light";
  const every = kernels.length > 1 ? " at every kernel" : "";
  const measures = columns.filter((column) => column.light === light);
  const found = measures.map(({ key, title }) => ({
    key,
    title,
    ahead: leaders(all, kernels, key),
  }));
  const defined = found.filter(({ ahead }) => ahead.size > 0);
  if (defined.length === 0) return `${where} nothing can be said`;
  const names = new Set(defined.flatMap(({ ahead }) => [...ahead.keys()]));
  if (names.size === 1) {
    const by = listed(defined.map(({ title }) => title));
    return `${where} ${[...names][0]} is ahead by ${by}${every}${lead(all, kernels, measures[1].key)}`;
  }
  const parts = defined.map(({ title, ahead }) => {
    const who = [...ahead].map(([method, at]) =>
      at.length === kernels.length ? method : `${method} (kernel ${listed(at.map(String))})`,
    );
    return `by ${title} ${listed(who)}`;
  });
  return `${where} the best are ${listed(parts)}`;
}

/**
 * What the numbers say: who is ahead in which light, by which measure, by how much; and how often soft
 * is ahead of average.
 * @param all the means
 * @param rows the numbers of every picture
 */
export function inWords(all: readonly Mean[], rows: readonly Row[]): string {
  const kernels = [...new Set(all.map((mean) => mean.kernel))];
  if (new Set(all.map((mean) => mean.method)).size < 2) {
    return "Only one method was measured, so there is nothing to compare it with.";
  }
  const both = `${clause(all, kernels, "sRGB")}; ${clause(all, kernels, "linear")}.`;
  const sentences = [both[0].toUpperCase() + both.slice(1)];
  if (all.every((mean) => Number.isNaN(mean.values["srgb.ssim"]))) {
    sentences.push("SSIM is not defined for pictures below 11 pixels.");
  }
  const soft = rows.filter((row) => row.method === "soft");
  const average = new Map(
    rows
      .filter((row) => row.method === "average")
      .map((row) => [`${row.kernel} ${row.picture}`, row]),
  );
  const pairs = soft.flatMap((row) => {
    const other = average.get(`${row.kernel} ${row.picture}`);
    return other === undefined ? [] : [[row, other] as const];
  });
  if (pairs.length > kernels.length) {
    const wins = (key: Key) => pairs.filter(([a, b]) => measured(a, key) > measured(b, key)).length;
    sentences.push(
      `Picture by picture and kernel by kernel, soft has a higher PSNR than average in ${wins("srgb.psnr")} ` +
        `of ${pairs.length} cases in sRGB values and in ${wins("linear.psnr")} in linear light.`,
    );
  }
  return sentences.join(" ");
}
