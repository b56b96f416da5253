/**
 * A sorting network: values in descending order by maxima and minima of pairs alone, so that it runs
 * elementwise on every provider, and NaN spoils all ranks of its window.
 *
 * Batcher's merge exchange for n values. With t the smallest number with 2^t >= n and p = 2^(t-1), ..,
 * 2, 1, each p compares i with i + d where i & p = r, for (d, r) = (p, 0), then (q - p, p) with
 * q = 2^(t-1), .., 2p.
 *
 * Source: Knuth: The art of computer programming 3, algorithm 5.2.2M.
 */
import { type Graph, max, min, type Value } from "@softpool/onnx";

/** The pairs of a network in order: the larger value goes to the first place. */
export function comparators(count: number): [first: number, second: number][] {
  const pairs: [number, number][] = [];
  if (count < 2) return pairs;
  const top = 2 ** (Math.ceil(Math.log2(count)) - 1);
  for (let p = top; p >= 1; p /= 2) {
    let [q, r, d] = [top, 0, p];
    for (;;) {
      for (let i = 0; i + d < count; i++) if ((i & p) === r) pairs.push([i, i + d]);
      if (q === p) break;
      [d, q, r] = [q - p, q / 2, p];
    }
  }
  return pairs;
}

/** Values in descending order, element by element. */
export function sortDescending(g: Graph, values: readonly Value[]): Value[] {
  const sorted = [...values];
  for (const [i, k] of comparators(values.length)) {
    const [a, b] = [sorted[i], sorted[k]];
    sorted[i] = max(g, a, b);
    sorted[k] = min(g, a, b);
  }
  return sorted;
}
