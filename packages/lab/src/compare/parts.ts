/** What one picture contributes to a comparison: its numbers, and its pictures for the report. */
import { setImmediate } from "node:timers/promises";
import type { Picture, Protocol } from "@softpool/pictures";
import { Failure, quote } from "../errors.ts";
import type { Method } from "../methods.ts";
import type { Shown } from "../report/pictures.ts";
import { formatNumber } from "../report/table.ts";
import { bounded, cropOf, dataUri, fromBlockMean, mostDifferent } from "./images.ts";
import type { Source } from "./load.ts";
import { measure, type Pooled, type Row } from "./measure.ts";
import type { KernelPart, PicturePart } from "./report.ts";
import { columns, measured } from "./summary.ts";

/** What is compared, and how. */
export interface Plan {
  /** Windows, ascending. */
  readonly kernels: readonly number[];
  /** Methods, in the order of tables. */
  readonly methods: readonly Method[];
  /** The protocol. */
  readonly protocol: Protocol;
  /** SoftPool's temperature. */
  readonly beta: number;
}

/** How much of a picture the report shows: all, the magnified parts, or numbers only. */
export type Detail = "all" | "parts" | "none";

/** How much brighter differences are shown. */
export const GAIN = 4;

/** Originals are shown up to this many pixels, results of a kernel up to its share. */
const MOST_PIXELS = 1_200_000;
/** Side of a magnified part on the page, at most. */
const SIDE = 168;

async function shown(picture: Picture, method: string, note: string, scale = 1): Promise<Shown> {
  const { width, height } = picture;
  const source = await dataUri(picture);
  return { source, width: width * scale, height: height * scale, method, note };
}

/** The similarity of a row for the caption of its picture, in sRGB values and in linear light. */
function similarity(row: Row): string {
  const [srgbSsim, srgbPsnr, linearSsim, linearPsnr] = columns.map(({ key, digits }) =>
    formatNumber(measured(row, key), digits),
  );
  return `sRGB ${srgbSsim}, ${srgbPsnr} dB · linear ${linearSsim}, ${linearPsnr} dB`;
}

/** The pictures of one kernel for the report. */
async function kernelPart(
  kernel: number,
  original: Picture,
  results: readonly Pooled[],
  detail: Detail,
): Promise<KernelPart> {
  // Pooled pixels are magnified by a multiple of the kernel, so that the original's are whole too.
  const scale = kernel * Math.max(1, Math.round(6 / kernel));
  const side = Math.max(1, Math.floor(SIDE / scale));
  const region = mostDifferent(results, side);
  const [x, y, width, height] = [region.x, region.y, region.width, region.height].map(
    (value) => value * kernel,
  );
  const square = cropOf(original, { x, y, width, height });
  const crops = [await shown(square, "original", `${width} × ${height}`, scale / kernel)];
  const parts: Shown[] = [];
  const differences: Shown[] = [];
  for (const { row, picture } of results) {
    const { method } = row;
    crops.push(await shown(cropOf(picture, region), method, "", scale));
    if (detail !== "all") continue;
    const { shown: part, cut } = bounded(picture, MOST_PIXELS / kernel ** 2);
    const size = `middle of ${picture.width} × ${picture.height}; `;
    parts.push(await shown(part, method, `${cut ? size : ""}${similarity(row)}`));
    if (method !== "average") {
      const far = bounded(fromBlockMean(original, picture, GAIN), MOST_PIXELS / kernel ** 2);
      differences.push(await shown(far.shown, method, ""));
    }
  }
  return { kernel, region: { x, y, width, height }, results: parts, crops, differences };
}

/** The sentence about kernels that do not fit a picture. */
function tooLarge(name: string, kernels: readonly number[], { width, height }: Picture): string {
  const which =
    kernels.length === 1
      ? `kernel ${kernels[0]}: it is`
      : `the kernels ${kernels.join(", ")}: they are`;
  return `cannot compare ${quote(name)} with ${which} larger than the picture of ${width} x ${height} pixels`;
}

/**
 * Measures one picture, and makes its part of the report.
 * @param failures receives a sentence about kernels that are larger than the picture
 * @param step called after every kernel
 * @returns undefined when no kernel fits, or when `stop` said so between kernels
 */
export async function comparePicture(
  source: Source,
  plan: Plan,
  detail: Detail,
  failures: string[],
  step: (label: string) => void,
  stop: () => boolean,
): Promise<PicturePart | undefined> {
  const picture = await source.load();
  const rows: Row[] = [];
  const kernels: KernelPart[] = [];
  const fits = (kernel: number) => kernel <= picture.width && kernel <= picture.height;
  for (const kernel of plan.kernels) {
    if (fits(kernel)) {
      const { original, results } = measure(
        source.name,
        picture,
        kernel,
        plan.methods,
        plan.protocol.name,
        plan.beta,
      );
      rows.push(...results.map(({ row }) => row));
      if (detail !== "none") kernels.push(await kernelPart(kernel, original, results, detail));
    }
    step(`${source.title}, kernel ${kernel}`);
    await setImmediate();
    if (stop()) return undefined;
  }
  const large = plan.kernels.filter((kernel) => !fits(kernel));
  if (large.length > 0) failures.push(tooLarge(source.name, large, picture));
  if (rows.length === 0) return undefined;
  const part = { name: source.name, title: source.title, rows, kernels };
  if (detail !== "all") return part;
  const { shown: middle, cut } = bounded(picture, MOST_PIXELS);
  const size = `${picture.width} × ${picture.height} pixels`;
  const original = await shown(middle, "original", cut ? `middle of ${size}` : size);
  return { ...part, original, marked: !cut };
}

/** Refuses a comparison without results, with the one reason or after the list of reasons. */
export function nothingCompared(failures: readonly string[], count: number): Failure {
  if (failures.length === 1) return new Failure(failures[0]);
  for (const message of failures) console.error(`softpool: ${message}`);
  return new Failure(`none of ${count} pictures could be compared`);
}
