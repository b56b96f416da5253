/**
 * Table 3 of the paper: times of poolings, forward / backward, in milliseconds, on an AMD Threadripper 2950X
 * and an Nvidia 2080 Ti (Stergiou, Poppe, Kalliatakis: Refining activation downsampling with SoftPool,
 * ICCV 2021). Shape and kernel are not stated. Every CUDA time is above the CPU time beside it, so that the
 * headings or the units are doubtful: only ratios to average pooling are compared, and only those of a column.
 */
import type { Direction } from "./place.ts";

/** A row of the table. */
export interface PublishedTimes {
  /** Name of the method in the catalogue. */
  readonly method: string;
  /** CPU, forward and backward, in milliseconds. */
  readonly cpu: readonly [forward: number, backward: number];
  /** CUDA, forward and backward, in milliseconds. */
  readonly cuda: readonly [forward: number, backward: number];
}

/** The rows in their order. */
export const publishedTimes: readonly PublishedTimes[] = [
  { method: "average", cpu: [9, 49], cuda: [14, 76] },
  { method: "maximum", cpu: [91, 152], cuda: [195, 267] },
  { method: "power-average", cpu: [74, 329], cuda: [120, 433] },
  { method: "sum", cpu: [26, 163], cuda: [79, 323] },
  { method: "lp", cpu: [116, 338], cuda: [214, 422] },
  { method: "gate", cpu: [245, 339], cuda: [327, 540] },
  { method: "dpp", cpu: [427, 860], cuda: [634, 1228] },
  { method: "lip", cpu: [134, 257], cuda: [258, 362] },
  { method: "stochastic", cpu: [162, 341], cuda: [219, 485] },
  { method: "s3", cpu: [233, 410], cuda: [345, 486] },
  { method: "soft", cpu: [31, 156], cuda: [56, 234] },
];

/** The paper's ratio to average pooling, or `undefined` where it has no row. */
export function publishedRatio(
  method: string,
  direction: Direction,
  column: "cpu" | "cuda",
): number | undefined {
  const at = direction === "forward" ? 0 : 1;
  const row = publishedTimes.find((entry) => entry.method === method);
  return row === undefined ? undefined : row[column][at] / publishedTimes[0][column][at];
}
