/** Means over the pictures of a set, with intervals, and on how many pictures a method beats average. */

import type { Interval } from "../statistics/intervals.ts";
import { median } from "../statistics/quantile.ts";
import { interval } from "../study/bootstrap.ts";
import { canonical } from "../study/cell.ts";
import { type Comparison, comparisonConfig } from "./comparison.ts";
import { distance, type MeasureKey, measures } from "./measures.ts";
import { grouped, groupKey, meanOf, overSeeds, type Score } from "./scores.ts";
import { type KnownSet, knownSet } from "./sets.ts";
import { type Variant, variantName, variantOrder } from "./variant.ts";

/** A method with a kernel under a comparison. */
export interface Mean {
  /** Kernel. */
  readonly kernel: number;
  /** Way to pool. */
  readonly variant: Variant;
  /** Its name in tables. */
  readonly name: string;
  /** Pictures that were measured. */
  readonly pictures: number;
  /** Seeds that were averaged; 0 where nothing was drawn. */
  readonly seeds: number;
  /** Mean and 95 % interval of every measure; bounds are NaN for a single picture. */
  readonly measures: Readonly<Record<MeasureKey, Interval>>;
  /** Of the pictures that average was measured on too, on how many it is better by more than 1e-6, by measure. */
  readonly better: Readonly<Record<MeasureKey, number>>;
  /** How many pictures it shares with average. */
  readonly compared: number;
  /** What pooled. */
  readonly engines: readonly string[];
  /** Median time of pooling in nanoseconds for a pixel of the original. */
  readonly nanoseconds: number;
  /** Its scores, one for every picture, in the order of pictures. */
  readonly scores: readonly Score[];
}

/** A comparison with its means: for every kernel, every variant. */
export interface ComparedSet {
  /** The comparison. */
  readonly comparison: Comparison;
  /** The means, by kernel and in the order of tables. */
  readonly means: readonly Mean[];
}

/** A set with its comparisons. */
export interface SetSummary {
  /** Name of the directory. */
  readonly set: string;
  /** The known set that it is, or is a part of. */
  readonly known: KnownSet | undefined;
  /** Names of the pictures, sorted. */
  readonly pictures: readonly string[];
  /** The kernels. */
  readonly kernels: readonly number[];
  /** The comparisons. */
  readonly comparisons: readonly ComparedSet[];
}

/** What engines differ by: nearer values are not better ones. */
const TIE = 1e-6;

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function meanOfScores(
  scores: readonly Score[],
  average: ReadonlyMap<string, Score>,
  seeds: number,
): Mean {
  const { kernel, variant } = scores[0];
  const pairs = scores.flatMap((score) => {
    const other = average.get(score.picture);
    return other === undefined ? [] : [[score, other] as const];
  });
  const entries = measures.map((measure) => {
    const { key } = measure;
    const all = scores.map(({ values }) => values[key]);
    const found = interval(all);
    // Equal pictures have an infinite PSNR, which no mean takes.
    const value = meanOf(key, all);
    const better = pairs.filter(([a, b]) => {
      const [own, other] = [a, b].map(({ values }) => distance(measure, values[key]));
      return own < other - TIE * Math.max(1, Math.abs(other));
    }).length;
    return { key, mean: { ...found, value }, better };
  });
  return {
    kernel,
    variant,
    name: variantName(variant),
    pictures: scores.length,
    seeds,
    measures: Object.fromEntries(entries.map(({ key, mean }) => [key, mean])) as Mean["measures"],
    better: Object.fromEntries(entries.map(({ key, better }) => [key, better])) as Mean["better"],
    compared: pairs.length,
    engines: [...new Set(scores.map(({ engine }) => engine))].sort(),
    nanoseconds: median(scores.map(({ nanoseconds }) => nanoseconds).filter(Number.isFinite)),
    scores,
  };
}

/** The means of scores of one set and comparison. */
function meansOf(scores: readonly Score[]): Mean[] {
  return [...grouped(scores, ({ kernel }) => String(kernel)).values()]
    .flatMap((atKernel) => {
      const single = overSeeds(atKernel).sort((a, b) => byName(a.picture, b.picture));
      const average = new Map(
        single
          .filter(({ variant }) => variant.method === "average")
          .map((score) => [score.picture, score]),
      );
      const seeds = new Map(
        [...grouped(atKernel, groupKey.variant)].map(([key, group]) => {
          const drawn = group.flatMap(({ seed }) => (seed === undefined ? [] : [seed]));
          return [key, new Set(drawn).size];
        }),
      );
      return [...grouped(single, groupKey.variant)].map(([key, group]) =>
        meanOfScores(group, average, seeds.get(key) ?? 0),
      );
    })
    .sort((a, b) => a.kernel - b.kernel || variantOrder(a.variant, b.variant));
}

const order = { values: ["unit", "byte", "imagenet"], light: ["srgb", "linear"] };
const protocolOrder = ["nearest", "bilinear", "bicubic", "low-resolution"];

/** The place of a comparison among others. */
function comparisonOrder(a: Comparison, b: Comparison): number {
  const place = ({ values, protocol, light, dataRange }: Comparison) => [
    order.values.indexOf(values),
    protocolOrder.indexOf(protocol),
    order.light.indexOf(light),
    -dataRange,
  ];
  const [x, y] = [place(a), place(b)];
  const at = x.findIndex((value, i) => value !== y[i]);
  return at < 0 ? 0 : x[at] - y[at];
}

/** Summaries of all sets. */
export function summarise(scores: readonly Score[]): SetSummary[] {
  return [...grouped(scores, ({ set }) => set)]
    .sort(([a], [b]) => byName(a, b))
    .map(([set, own]) => {
      const pictures = [...new Set(own.map(({ picture }) => picture))].sort(byName);
      const comparisons = [
        ...grouped(own, ({ comparison }) => canonical(comparisonConfig(comparison))).values(),
      ]
        .map((group) => ({ comparison: group[0].comparison, means: meansOf(group) }))
        .sort((a, b) => comparisonOrder(a.comparison, b.comparison));
      const kernels = [...new Set(own.map(({ kernel }) => kernel))].sort((a, b) => a - b);
      return { set, known: knownSet(set, pictures), pictures, kernels, comparisons };
    });
}

/** Temperatures beyond which a set of them is a sweep, and not shown in tables. */
export const SWEEP = 3;

/** Whether a variant is a point of a sweep, in means that have one. */
export function isSwept(mean: Mean, among: readonly Mean[]): boolean {
  if (mean.variant.method !== "soft" || mean.variant.settings.beta === undefined) return false;
  const temperatures = new Set(
    among
      .filter(({ variant }) => variant.method === "soft" && variant.settings.beta !== undefined)
      .map(({ name }) => name),
  );
  return temperatures.size > SWEEP;
}

/** The means without those that are only points of a sweep. */
export function withoutSweep(means: readonly Mean[]): Mean[] {
  const swept = means.some((mean) => isSwept(mean, means));
  return swept ? means.filter((mean) => !isSwept(mean, means)) : [...means];
}
