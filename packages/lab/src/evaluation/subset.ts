/** A part of a set: so many of its pictures, drawn by chance, but the same ones every time. */
import type { Dataset } from "../data/dataset.ts";
import { order } from "../data/draw.ts";

/**
 * Draws pictures of a set without repetition. Which ones depends on the set's length and the count alone,
 * so that two models see the same; they keep the set's order and their names.
 * @param dataset the set; closing the part closes it
 * @param count how many, a whole number from 1; as many as there are or more gives the set itself
 */
export function subset(dataset: Dataset, count: number): Dataset {
  if (count >= dataset.length) return dataset;
  const taken = order(dataset.length, 0, 0).slice(0, count).sort();
  const at = (i: number): number => {
    if (Number.isInteger(i) && i >= 0 && i < count) return taken[i];
    throw new RangeError(`subset: i: expected 0 to ${count - 1}, received ${i}`);
  };
  return {
    title: dataset.title,
    split: dataset.split,
    classes: dataset.classes,
    length: count,
    label: (i) => dataset.label(at(i)),
    name: (i) => dataset.name(at(i)),
    source: (i) => dataset.source(at(i)),
    item: (i) => dataset.item(at(i)),
    close: () => dataset.close(),
  };
}
