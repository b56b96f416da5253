/** From result files to scores: one for every picture, kernel, variant and comparison, seeds averaged. */
import { meanPsnr } from "@softpool/pictures";
import { type Config, canonical } from "../study/cell.ts";
import { type Outcome, toNumber } from "../study/outcome.ts";
import { type Comparison, comparisonConfig, comparisonIn } from "./comparison.ts";
import { type MeasureKey, measures, type Values } from "./measures.ts";
import { STUDY } from "./plan.ts";
import { type Variant, variantConfig, variantOf } from "./variant.ts";

/** What a cell measured. */
export interface Score {
  /** Name of the set. */
  readonly set: string;
  /** Name of the picture. */
  readonly picture: string;
  /** Kernel. */
  readonly kernel: number;
  /** Way to pool. */
  readonly variant: Variant;
  /** Way to compare. */
  readonly comparison: Comparison;
  /** Seed; undefined where nothing was drawn. */
  readonly seed: number | undefined;
  /** The numbers. */
  readonly values: Values;
  /** Sides of the original that was compared. */
  readonly size: readonly [width: number, height: number];
  /** Time of pooling in nanoseconds for a pixel of the original. */
  readonly nanoseconds: number;
  /** What pooled. */
  readonly engine: string;
  /** The machine. */
  readonly machine: string;
  /** Revision of method and comparison. */
  readonly revision: string;
}

/** Outcomes of one revision only: of an equal configuration the newest; those before are counted. */
export function newest(outcomes: readonly Outcome[]): { outcomes: Outcome[]; older: number } {
  const found = new Map<string, Outcome>();
  let older = 0;
  for (const outcome of outcomes) {
    const key = canonical(outcome.config);
    const other = found.get(key);
    if (other !== undefined) older++;
    if (other === undefined || outcome.made > other.made) found.set(key, outcome);
  }
  return { outcomes: [...found.values()], older };
}

/** Whether an outcome is one of this study, done, and of a kind. */
export function isKind(outcome: Outcome, kind: string): boolean {
  return outcome.study === STUDY && outcome.status === "done" && outcome.config.kind === kind;
}

/** The score of an outcome. */
export function scoreOf({ config, result, seed, engine, machine, revision }: Outcome): Score {
  const numbers = result as Config;
  const [width, height] = [toNumber(numbers.width), toNumber(numbers.height)];
  return {
    set: String(config.set),
    picture: String(config.picture),
    kernel: toNumber(config.kernel),
    variant: variantOf(config),
    comparison: comparisonIn(config),
    seed: seed ?? undefined,
    values: Object.fromEntries(
      measures.map(({ key }) => [key, toNumber(numbers[key])]),
    ) as unknown as Values,
    size: [width, height],
    nanoseconds: (toNumber(numbers.pooling) * 1e9) / (width * height),
    engine,
    machine,
    revision,
  };
}

/** The mean of values of a measure: infinite ones are left out, unless all are; NaN where there is none. */
export function meanOf(key: MeasureKey, values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  if (key !== "psnr") return defined.reduce((a, b) => a + b, 0) / defined.length;
  const { mean, infinite } = meanPsnr(defined);
  return infinite > 0 && infinite === defined.length ? Number.POSITIVE_INFINITY : mean;
}

/** What scores are grouped by: the key of a group of values. */
export const groupKey = {
  /** Comparison. */
  comparison: ({ comparison }: Pick<Score, "comparison">): string =>
    canonical(comparisonConfig(comparison)),
  /** Variant. */
  variant: ({ variant }: Pick<Score, "variant">): string => canonical(variantConfig(variant)),
};

/** Entries by key, in the order in which keys appear. */
export function grouped<T>(entries: readonly T[], key: (entry: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const name = key(entry);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry]);
    else group.push(entry);
  }
  return groups;
}

/** Scores of one picture averaged over their seeds. */
export function overSeeds(scores: readonly Score[]): Score[] {
  const key = (score: Score) =>
    canonical([
      score.set,
      score.picture,
      score.kernel,
      groupKey.variant(score),
      groupKey.comparison(score),
    ]);
  return [...grouped(scores, key).values()].map((group) => {
    if (group.length === 1) return group[0];
    const values = Object.fromEntries(
      measures.map((measure) => [
        measure.key,
        meanOf(
          measure.key,
          group.map((score) => score.values[measure.key]),
        ),
      ]),
    ) as unknown as Values;
    const nanoseconds = Math.min(...group.map((score) => score.nanoseconds));
    return { ...group[0], values, nanoseconds };
  });
}
