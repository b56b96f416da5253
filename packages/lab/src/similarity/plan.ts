/** From what is asked for to cells: every picture with every kernel, variant, seed and comparison. */
import { quote } from "../errors.ts";
import { type Cell, type Config, canonical, cellOf, digest, type Group } from "../study/cell.ts";
import { type Comparison, comparisonConfig } from "./comparison.ts";
import { FIT_REVISION, scheduleOf } from "./fit.ts";
import type { PictureSet, StudyPicture } from "./pictures.ts";
import { bytesPerPixel } from "./pooler.ts";
import { comparisonRevision, methodRevision } from "./revision.ts";
import { SWEEP } from "./summary.ts";
import { isSeeded, type Variant, variantConfig, variantName, whyNot } from "./variant.ts";

/** The name of the study. */
export const STUDY = "similarity";

/** What is asked for. */
export interface SimilarityRequest {
  /** The pictures. */
  readonly set: PictureSet;
  /** Kernels. */
  readonly kernels: readonly number[];
  /** Ways to pool. */
  readonly variants: readonly Variant[];
  /** Ways to compare. */
  readonly comparisons: readonly Comparison[];
  /** Seeds of what is drawn by chance. */
  readonly seeds: readonly number[];
  /** Pictures of which parts are kept for the report. */
  readonly views: number;
}

/** A group with what a thread needs to do it. */
export interface PictureGroup extends Group {
  /** A picture to measure, or pictures to fit to. */
  readonly work:
    | { readonly kind: "picture"; readonly picture: StudyPicture }
    | {
        readonly kind: "fit";
        readonly pictures: readonly { readonly path: string; readonly content: string }[];
      };
}

/** A study that is planned. */
export interface SimilarityPlan {
  /** The groups: fits first, then a group for every picture. */
  readonly groups: readonly PictureGroup[];
  /** What is left out and why, a sentence each. */
  readonly notes: readonly string[];
}

/** Bytes that comparing takes for a pixel of the original, about. */
const COMPARING = 200;

/** Half of the pictures, which parameters are fitted to. */
interface Fold {
  readonly name: "A" | "B";
  readonly pictures: readonly StudyPicture[];
}

/**
 * Two halves of the pictures, by the digests of their contents: a picture is scored by parameters that were
 * fitted to the other half.
 */
export function foldsOf(pictures: readonly StudyPicture[]): readonly [Fold, Fold] {
  const sorted = [...pictures].sort((a, b) => (a.content < b.content ? -1 : 1));
  const contents = [...new Set(sorted.map(({ content }) => content))];
  // Equal pictures are in one half.
  const first = new Set(contents.filter((_, i) => i % 2 === 0));
  return [
    { name: "A", pictures: sorted.filter(({ content }) => first.has(content)) },
    { name: "B", pictures: sorted.filter(({ content }) => !first.has(content)) },
  ];
}

/** The cell of a fit. */
function fitCell(
  set: string,
  fold: Fold,
  variant: Variant,
  kernel: number,
  comparison: Comparison,
): Cell {
  const { method, settings } = variant;
  const { values, protocol, light } = comparison;
  const config: Config = {
    kind: "fit",
    set,
    fold: fold.name,
    pictures: digest(fold.pictures.map(({ content }) => content).join()),
    kernel,
    method,
    settings,
    values,
    protocol,
    light,
    ...scheduleOf(method),
  };
  const initial: Variant = { method, settings, state: "initial", phase: "inference" };
  return cellOf(STUDY, {
    config,
    revision: `${methodRevision(initial, kernel)}.fit${FIT_REVISION}`,
    seed: 0,
    cost: method === "lip-bottleneck" ? 800 : 40,
    title: `fit of ${method}, kernel ${kernel}, part ${fold.name}`,
  });
}

/** The fits that a request needs: a group for every half and kernel. */
function fitGroups(
  { set, kernels, comparisons }: SimilarityRequest,
  fitted: (kernel: number) => readonly Variant[],
): PictureGroup[] {
  return foldsOf(set.pictures).flatMap((fold) =>
    kernels.flatMap((kernel): PictureGroup[] => {
      const cells = fitted(kernel).flatMap((variant) =>
        comparisons.map((comparison) => fitCell(set.name, fold, variant, kernel, comparison)),
      );
      if (cells.length === 0) return [];
      const pictures = fold.pictures.flatMap(({ path, content }) =>
        path === undefined ? [] : [{ path, content }],
      );
      return [
        {
          title: `fits, kernel ${kernel}, part ${fold.name}`,
          // Comparisons differ in their data range at most: the error is the same.
          cells: [...new Map(cells.map((cell) => [cell.name, cell])).values()],
          shared: true,
          work: { kind: "fit", pictures },
        },
      ];
    }),
  );
}

/** The cells of a picture. */
function pictureCells(
  request: SimilarityRequest,
  picture: StudyPicture,
  fold: Fold,
  variantsAt: (kernel: number) => readonly Variant[],
  shown: boolean,
  whole: boolean,
): Cell[] {
  const { set, kernels, comparisons, seeds } = request;
  const about = { set: set.name, picture: picture.name, content: picture.content };
  const ranges = [...new Set(comparisons.map(({ values }) => values))];
  const kinds = shown ? (whole ? ["crop", "part"] : ["crop"]) : [];
  const cells: Cell[] = [];
  const withBeta = ({ method, settings }: Variant) =>
    method === "soft" && settings.beta !== undefined;
  const swept = request.variants.filter(withBeta).length > SWEEP;
  /** Points of a sweep are curves in the report, not pictures. */
  const isPoint = (variant: Variant) => swept && withBeta(variant);
  const view = (kernel: number, variant: Config, revision: string, title: string, seed?: number) =>
    kinds.map((kind) =>
      cellOf(STUDY, {
        config: { kind: "view", ...about, kernel, ...variant, values: ranges[0], shown: kind },
        revision,
        ...(seed === undefined ? {} : { seed }),
        title,
      }),
    );
  for (const kernel of kernels) {
    const title = `${picture.name}, kernel ${kernel}`;
    cells.push(...view(kernel, { method: "original" }, "1", title));
    for (const values of ranges) {
      const here = comparisons.filter((comparison) => comparison.values === values);
      for (const variant of variantsAt(kernel)) {
        const revision = methodRevision(variant, kernel);
        const drawn = isSeeded(variant, kernel);
        for (const seed of drawn ? seeds : [undefined]) {
          const named = `${title}, ${variantName(variant)}`;
          const config: Config = {
            ...about,
            kernel,
            ...variantConfig(variant),
            ...(seed === undefined ? {} : { seed }),
          };
          const looked = values === ranges[0] && seed === (drawn ? seeds[0] : undefined);
          if (looked && variant.state !== "fitted" && !isPoint(variant)) {
            cells.push(...view(kernel, config, revision, named, seed));
          }
          for (const comparison of here) {
            const fit =
              variant.state === "fitted"
                ? fitCell(set.name, fold, variant, kernel, comparison).name
                : undefined;
            cells.push(
              cellOf(STUDY, {
                config: {
                  kind: "score",
                  ...config,
                  ...comparisonConfig(comparison),
                  ...(fit === undefined ? {} : { fit }),
                },
                revision: `${revision}.${comparisonRevision(comparison)}`,
                ...(seed === undefined ? {} : { seed }),
                ...(fit === undefined ? {} : { needs: [fit] }),
                title: named,
              }),
            );
          }
        }
      }
    }
  }
  return cells;
}

/** Plans a study. */
export function planSimilarity(request: SimilarityRequest): SimilarityPlan {
  const { set, kernels, variants, views } = request;
  const refused = new Map<string, number[]>();
  const at = new Map<number, Variant[]>();
  for (const kernel of kernels) {
    const possible = variants.filter((variant) => {
      const reason = whyNot(variant, kernel);
      if (reason === undefined) return true;
      const key = canonical([variant.method, reason]);
      const known = refused.get(key) ?? [];
      refused.set(key, known.includes(kernel) ? known : [...known, kernel]);
      return false;
    });
    at.set(kernel, possible);
  }
  const notes = [...refused].map(([key, at]) => {
    const [method, reason] = JSON.parse(key) as [string, string];
    return `${method} is left out with kernel ${at.join(", ")}: ${reason}`;
  });
  const variantsAt = (kernel: number) => at.get(kernel) ?? [];
  const fitted = (kernel: number) => variantsAt(kernel).filter(({ state }) => state === "fitted");
  const [a, b] = foldsOf(set.pictures);
  const inFirst = new Set(a.pictures);
  const bytes = COMPARING + variants.reduce((most, v) => Math.max(most, bytesPerPixel(v)), 0);
  const groups = set.pictures.map((picture, i): PictureGroup => {
    const fold = inFirst.has(picture) ? b : a;
    const cells = pictureCells(request, picture, fold, variantsAt, i < views, i === 0);
    return {
      title: picture.name,
      cells,
      memory: picture.pixels * bytes,
      work: { kind: "picture", picture },
    };
  });
  return { groups: [...fitGroups(request, fitted), ...groups], notes };
}

/** Why a study cannot fit parameters, or `undefined` when it can. */
export function whyNoFit({ set, variants }: SimilarityRequest): string | undefined {
  if (!variants.some(({ state }) => state === "fitted")) return undefined;
  const [, second] = foldsOf(set.pictures);
  if (second.pictures.length > 0) return undefined;
  return (
    `--fit: expected at least two different pictures, one half to fit to and one to score, ` +
    `received ${set.pictures.length} in ${quote(set.name)}`
  );
}
