/** The pictures of a similarity report: what was kept of them in result files. */
import type { Content } from "../report/html.ts";
import { heading, type Section } from "../report/page.ts";
import { pictureRow, type Shown } from "../report/pictures.ts";
import { canonical } from "../study/cell.ts";
import type { Outcome } from "../study/outcome.ts";
import { grouped, isKind } from "./scores.ts";
import { type Variant, variantName, variantOf, variantOrder } from "./variant.ts";
import { magnification } from "./view.ts";

/** A part of a picture as it was kept. */
interface View {
  readonly picture: string;
  readonly kernel: number;
  readonly kind: "crop" | "part";
  /** The way to pool; `undefined` for the original. */
  readonly variant: Variant | undefined;
  readonly region: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly source: string;
}

/** Only what was made by us: a lossless picture of known size. */
const SOURCE = /^data:image\/webp;base64,[A-Za-z0-9+/]+=*$/;

function viewOf({ config, result }: Outcome): View | undefined {
  const kept = result as Partial<Record<"source" | "width" | "height" | "region", unknown>>;
  const { source, width, height, region } = kept;
  const sizes = [width, height].every((size) => Number.isSafeInteger(size) && Number(size) > 0);
  if (typeof source !== "string" || !SOURCE.test(source) || !sizes || !Array.isArray(region)) {
    return undefined;
  }
  return {
    picture: String(config.picture),
    kernel: Number(config.kernel),
    kind: config.shown === "part" ? "part" : "crop",
    variant: config.method === "original" ? undefined : variantOf(config),
    region: region.map(Number),
    width: Number(width),
    height: Number(height),
    source,
  };
}

const order = (a: View, b: View): number => {
  if (a.variant === undefined) return -1;
  return b.variant === undefined ? 1 : variantOrder(a.variant, b.variant);
};

function shown(view: View): Shown {
  const { kernel, kind, variant, width, height, source, region } = view;
  const original = variant === undefined;
  const times = kind === "crop" ? magnification(kernel) / (original ? kernel : 1) : 1;
  const note = original ? `${region[2]} × ${region[3]}` : "";
  return {
    source,
    width: width * times,
    height: height * times,
    method: original ? "original" : variantName(variant),
    note,
  };
}

/** The pictures of a set, a section for each. */
export function pictureSections(set: string, outcomes: readonly Outcome[]): Section[] {
  const views = outcomes
    .filter((outcome) => isKind(outcome, "view") && outcome.config.set === set)
    .flatMap((outcome) => viewOf(outcome) ?? []);
  const distinct = [
    ...new Map(
      views.map((view) => {
        const { picture, kernel, kind, variant } = view;
        return [canonical([picture, kernel, kind, variant ? variantName(variant) : null]), view];
      }),
    ).values(),
  ];
  return [...grouped(distinct, ({ picture }) => picture)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([picture, own]) => {
      const kernels = [...new Set(own.map(({ kernel }) => kernel))].sort((a, b) => a - b);
      const body = kernels.map((kernel): Content => {
        const of = (kind: View["kind"]) =>
          own
            .filter((view) => view.kernel === kernel && view.kind === kind)
            .sort(order)
            .map(shown);
        return [
          heading(`Kernel ${kernel} × ${kernel}`),
          pictureRow(
            "zoom",
            `Where average, soft and maximum differ most, pooled pixels magnified ${magnification(kernel)} times`,
            of("crop"),
          ),
          pictureRow(
            "true",
            "The part around it at true pixels, values above 1 clipped",
            of("part"),
          ),
        ];
      });
      return { title: picture, body, unlisted: true };
    });
}
