/**
 * The 13 contingency tables that were published for SoftPool (Stergiou, Poppe, Kalliatakis: Refining
 * activation downsampling with SoftPool, ICCV 2021, supplement): ImageNet's 50,000 validation pictures,
 * A the network with SoftPool, B the original network, both trained from scratch.
 *
 * Finding: the cells of every table add up to 50,000, but two tables print a total that their own cells
 * contradict. Wide-ResNet-50 prints 38,781 pictures that the original has right where the cells give
 * 39,274; 38,781 is the total of the ResNeXt-50 table. Inception V3 prints 14,874 that SoftPool has right
 * where the cells give 39,370. Five accuracies by the cells are more than 0.25 points from those that the
 * paper's other tables give, among them the two tables of the largest chi-squares (DenseNet-121 and
 * ResNeXt-101, by about 2 points), which are not to be relied on. All tests are computed from the cells.
 */
import type { Cells } from "./mcnemar.ts";

/** A published table. */
export interface PublishedTable {
  /** The network. */
  readonly network: string;
  /** Cells: A is the network with SoftPool, B the original. */
  readonly cells: Cells;
  /** Printed numbers of pictures that a model has right, where they are not the sum of their cells. */
  readonly printed?: { readonly rightA?: number; readonly rightB?: number };
  /** Top-1 accuracies of the paper's other tables in percent, where they are far from the cells. */
  readonly elsewhere?: { readonly a?: number; readonly b?: number };
}

/** Number of pictures of every table. */
export const PUBLISHED_PICTURES = 50_000;

function table(
  network: string,
  [both, onlyA, onlyB, neither]: readonly [number, number, number, number],
  more: Pick<PublishedTable, "printed" | "elsewhere"> = {},
): PublishedTable {
  return { network, cells: { both, onlyA, onlyB, neither }, ...more };
}

/** The tables in their published order. */
export const publishedTables: readonly PublishedTable[] = [
  table("ResNet-18", [31838, 3795, 3011, 11356]),
  table("ResNet-34", [34090, 3246, 2940, 9724], { elsewhere: { b: 73.3 } }),
  table("ResNet-50", [35472, 3203, 2603, 8722]),
  table("ResNet-101", [36553, 2609, 2272, 8566], { elsewhere: { b: 77.37 } }),
  table("ResNet-152", [37247, 2373, 1908, 8472]),
  table("DenseNet-121", [34097, 3836, 2253, 9814], { elsewhere: { b: 74.65 } }),
  table("DenseNet-161", [35160, 4237, 3631, 6972]),
  table("DenseNet-169", [35074, 3407, 2988, 8531]),
  table("ResNeXt-50 32x4d", [36628, 2618, 2153, 8601]),
  table("ResNeXt-101 32x8d", [38633, 2587, 1005, 7775], { elsewhere: { a: 80.12 } }),
  table("Wide-ResNet-50", [36638, 3113, 2636, 7613], { printed: { rightB: 38781 } }),
  table("Inception V1", [31826, 3897, 3037, 11240]),
  table("Inception V3", [36341, 3029, 2370, 8260], {
    printed: { rightA: 14874 },
    elsewhere: { a: 79.04 },
  }),
];

const grouped = (value: number): string => value.toLocaleString("en-US");

/**
 * The printed totals that the cells of their own table contradict, each as a sentence.
 * @param tables tables to look through; default all published ones
 */
export function impossibleTotals(
  tables: readonly PublishedTable[] = publishedTables,
): { readonly network: string; readonly finding: string }[] {
  return tables.flatMap(({ network, cells, printed = {} }) => {
    const { both, onlyA, onlyB } = cells;
    const sides = [
      { model: "SoftPool", alone: onlyA, given: printed.rightA },
      { model: "the original", alone: onlyB, given: printed.rightB },
    ];
    return sides.flatMap(({ model, alone, given }) => {
      const sum = both + alone;
      if (given === undefined || given === sum) return [];
      const sources = tables.filter(
        (other) => other.network !== network && given === other.cells.both + other.cells.onlyB,
      );
      const copied = sources.map((other) => `, the total of ${other.network}`).join("");
      const finding =
        `${network}: ${grouped(given)} pictures are printed as right for ${model}${copied}, ` +
        `but the cells give ${grouped(sum)} (${grouped(both)} + ${grouped(alone)})`;
      return [{ network, finding }];
    });
  });
}

/**
 * The accuracies by the cells that are far from those of the paper's other tables, each as a sentence.
 * @param tables tables to look through; default all published ones
 */
export function strayAccuracies(
  tables: readonly PublishedTable[] = publishedTables,
): { readonly network: string; readonly finding: string }[] {
  return tables.flatMap(({ network, cells, elsewhere = {} }) => {
    const { both, onlyA, onlyB } = cells;
    const sides = [
      { model: "SoftPool", right: both + onlyA, given: elsewhere.a },
      { model: "the original", right: both + onlyB, given: elsewhere.b },
    ];
    return sides.flatMap(({ model, right, given }) => {
      if (given === undefined) return [];
      const share = ((100 * right) / PUBLISHED_PICTURES).toFixed(2);
      const finding = `${network}: ${model} has ${share} % right by the cells, ${given.toFixed(2)} % elsewhere`;
      return [{ network, finding }];
    });
  });
}
