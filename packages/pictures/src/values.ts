/**
 * The ranges of values in which pictures are handed to a pooling. Sums, means and maxima do not care,
 * but SoftPool's weights e^(beta v) do: on 0 to 255 they leave the maximum alone, and values of another
 * spread act like another temperature.
 *
 *   unit       v
 *   byte       255 v
 *   imagenet   (v - m) / s, the normalisation of networks trained on ImageNet:
 *              m = 0.485, 0.456, 0.406 and s = 0.229, 0.224, 0.225 for red, green and blue;
 *              their means 0.449 and 0.226 for grey
 *
 * What is pooled in a range is brought back before it is compared with anything.
 */
import { nearestName } from "./names.ts";
import { expectPicture, type Picture } from "./picture.ts";

/** A range of values to pool in. */
export interface ValueRange {
  /** The name used in options and tables. */
  readonly name: "unit" | "byte" | "imagenet";
  /** A few words, for a table's heading. */
  readonly title: string;
  /** What the values are, in full sentences, for the text above a table. */
  readonly description: string;
}

/** All ranges, in the order of tables. */
export const valueRanges: readonly ValueRange[] = [
  {
    name: "unit",
    title: "Values 0 to 1",
    description: "Values are pooled as they are, in [0, 1].",
  },
  {
    name: "byte",
    title: "Values 0 to 255",
    description:
      "Values are multiplied by 255 before the pooling and divided by 255 after it, before they are compared.",
  },
  {
    name: "imagenet",
    title: "ImageNet-normalised values",
    description:
      "Values are normalised by ImageNet's means and deviations (0.485, 0.456, 0.406 and 0.229, 0.224, 0.225; 0.449 and 0.226 for grey) before the pooling and brought back after it, before they are compared.",
  },
];

/**
 * The range of that name.
 *
 * @throws RangeError listing the names, and asking for the nearest when one is near
 */
export function findValueRange(name: string): ValueRange {
  const found = valueRanges.find((range) => range.name === name);
  if (found) return found;
  const names = valueRanges.map((range) => range.name);
  const nearest = nearestName(name, names);
  throw new RangeError(
    `findValueRange: name must be one of ${names.join(", ")}, got ${JSON.stringify(name)}${nearest ? `; did you mean ${nearest}?` : ""}`,
  );
}

/**
 * A picture of values in [0, 1] in another range, as a new picture; `unit` gives the picture itself.
 *
 * @throws RangeError for an unknown range
 */
export function toValueRange(p: Picture, range: ValueRange["name"]): Picture {
  expectPicture("toValueRange", "p", p);
  return convert(p, range, (v, mean, deviation) => (v - mean) / deviation);
}

/**
 * A picture in a range back in [0, 1], as a new picture; `unit` gives the picture itself. Not clipped:
 * a sum or a power average may lie above 1.
 *
 * @throws RangeError for an unknown range
 */
export function fromValueRange(p: Picture, range: ValueRange["name"]): Picture {
  expectPicture("fromValueRange", "p", p);
  return convert(p, range, (v, mean, deviation) => v * deviation + mean);
}

type Conversion = (v: number, mean: number, deviation: number) => number;

function convert(p: Picture, range: ValueRange["name"], conversion: Conversion): Picture {
  const { name } = findValueRange(range);
  if (name === "unit") return p;
  const data = new Float32Array(p.data.length);
  const area = p.width * p.height;
  for (let c = 0; c < p.channels; c++) {
    const [mean, deviation] = constants(name, p.channels, c);
    for (let i = c * area; i < (c + 1) * area; i++)
      data[i] = conversion(p.data[i], mean, deviation);
  }
  return { ...p, data };
}

/** Mean and deviation of a channel. */
function constants(name: "byte" | "imagenet", channels: number, channel: number): [number, number] {
  if (name === "byte") return [0, 1 / 255];
  if (channels === 1) return [0.449, 0.226];
  return [[0.485, 0.456, 0.406][channel], [0.229, 0.224, 0.225][channel]];
}
