/**
 * What a report shows of a pooled picture: the part where methods differ most, as a small lossless picture
 * that is kept in a result file. The part depends on the picture and the kernel alone, so that methods that
 * are added later show the same one.
 */
import { crop, cropToMultiple, type Picture } from "@softpool/pictures";
import { dataUri, type Region, widestSpread } from "../compare/images.ts";
import type { Json } from "../study/cell.ts";
import { OperatorInput } from "./operator.ts";
import type { Variant } from "./variant.ts";

/** Side of a magnified part on the page, at most, in pixels of the page. */
export const SIDE = 168;

/** Sides of what is shown at true pixels, at most, in pixels of the original. */
const PART: readonly [width: number, height: number] = [360, 270];

/** By how much the pixels of a pooled picture are magnified: the original's stay whole too. */
export function magnification(kernel: number): number {
  return kernel * Math.max(1, Math.round(6 / kernel));
}

/** Where a picture is looked at, in pooled pixels. */
export interface Look {
  /** The part that is magnified. */
  readonly crop: Region;
  /** The part around it that is shown at true pixels. */
  readonly part: Region;
}

const fixed = (method: string): Variant => ({
  method,
  settings: {},
  state: "fixed",
  phase: "inference",
});

/** The region of a size around the middle of another, within a picture. */
function around(inner: Region, size: readonly [number, number], within: Picture): Region {
  const [width, height] = [
    Math.min(within.width, Math.max(inner.width, size[0])),
    Math.min(within.height, Math.max(inner.height, size[1])),
  ];
  const place = (start: number, length: number, side: number, whole: number) =>
    Math.min(whole - side, Math.max(0, Math.round(start + length / 2 - side / 2)));
  return {
    x: place(inner.x, inner.width, width, within.width),
    y: place(inner.y, inner.height, height, within.height),
    width,
    height,
  };
}

/** Where average, SoftPool and maximum differ most. */
export function lookAt(picture: Picture, kernel: number): Look {
  const input = new OperatorInput(cropToMultiple(picture, kernel));
  try {
    const pooled = ["average", "soft", "maximum"].map((name) => input.pool(fixed(name), kernel));
    const side = Math.max(1, Math.floor(SIDE / magnification(kernel)));
    const region = widestSpread(pooled, side);
    const size = [Math.floor(PART[0] / kernel), Math.floor(PART[1] / kernel)] as const;
    return { crop: region, part: around(region, size, pooled[0]) };
  } finally {
    input.dispose();
  }
}

/** A part of the original or of a pooled picture as it is kept: its place in the original, and its pixels. */
export async function viewOf(
  picture: Picture,
  region: Region,
  kernel: number,
  original: boolean,
): Promise<Json> {
  const scale = original ? kernel : 1;
  const [x, y, width, height] = [region.x, region.y, region.width, region.height].map(
    (value) => value * scale,
  );
  const source = await dataUri(crop(picture, x, y, width, height));
  const [left, top, w, h] = [region.x, region.y, region.width, region.height].map(
    (value) => value * kernel,
  );
  return { region: [left, top, w, h], width, height, source };
}
