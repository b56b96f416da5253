/** What both gradients of a convolution need of its axes. */
import type { Axis } from "softpool/window";

/** The product of sizes. */
export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** The elements from a window's first tap to its last. */
export const reach = ({ kernel, dilation }: Axis): number => (kernel - 1) * dilation + 1;

/** The padding that the last window needs at the end; negative when it ends inside. */
export const missing = (axis: Axis): number =>
  (axis.out - 1) * axis.stride + reach(axis) - axis.size - axis.padBegin;

/** The permutation that swaps the first two of some axes. */
export const swapped = (rank: number): number[] => [
  1,
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
];
