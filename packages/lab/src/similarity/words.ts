/**
 * One paragraph of what a study found: whether SoftPool is ahead of average and of all others, in which light
 * and under which protocol, and how the numbers stand to the paper's where there are any.
 */
import { findProtocol } from "@softpool/pictures";
import { formatNumber } from "../report/table.ts";
import { type Comparison, lightNames, rangeNames } from "./comparison.ts";
import type { MeasureKey } from "./measures.ts";
import { curveOf, hasSweep } from "./plots.ts";
import { isPublished, published } from "./published.ts";
import { type ComparedSet, type Mean, type SetSummary, withoutSweep } from "./summary.ts";
import { bestOf } from "./sweep.ts";

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** A range of numbers with signs: `+0.10 to +0.19`. */
function span(values: readonly number[], digits: number): string {
  const text = (v: number) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(digits)}`;
  const [low, high] = [Math.min(...values), Math.max(...values)].map(text);
  return low === high ? low : `${low} to ${high}`;
}

/** A comparison in a clause: `bilinear reconstruction, linear light`. */
function named({ protocol, light, values }: Comparison, severalRanges: boolean): string {
  const title =
    protocol === "low-resolution" ? "comparison at low resolution" : findProtocol(protocol).title;
  const range = severalRanges ? `, pooled as ${rangeNames[values]}` : "";
  return `${title[0].toLowerCase()}${title.slice(1)} in ${lightNames[light]}${range}`;
}

/** Whether a method preserves the values of a constant picture: sums do not, and are no rivals. */
const isRival = ({ variant }: Mean) => !["sum", "power-average", "lp"].includes(variant.method);

/** SoftPool as the paper has it, and average, at every kernel where there are both. */
function pairs({ means }: ComparedSet): [soft: Mean, average: Mean][] {
  return means.flatMap((mean): [Mean, Mean][] => {
    if (mean.name !== "soft") return [];
    const average = means.find((other) => other.kernel === mean.kernel && other.name === "average");
    return average === undefined ? [] : [[mean, average]];
  });
}

const KEYS = ["ssim", "psnr"] as const satisfies readonly MeasureKey[];

/** Means that differ by no more are equal. */
const SAME: Readonly<Record<(typeof KEYS)[number], number>> = { ssim: 1e-6, psnr: 1e-4 };

/** Whether SoftPool's mean is above average's at every kernel, at none, or at some, by a measure. */
function standing(
  compared: ComparedSet,
  key: (typeof KEYS)[number],
): "ahead" | "behind" | "divided" | "open" {
  const gaps = pairs(compared)
    .map(([soft, average]) => soft.measures[key].value - average.measures[key].value)
    .filter((gap) => !Number.isNaN(gap));
  // Nothing to be told apart, as with a kernel of 1.
  if (gaps.every((gap) => Math.abs(gap) <= SAME[key])) return "open";
  if (gaps.every((gap) => gap > 0)) return "ahead";
  return gaps.every((gap) => gap < 0) ? "behind" : "divided";
}

/** Where SoftPool stands to average under comparisons, by SSIM and PSNR: sentences. */
function againstAverage(all: readonly ComparedSet[], severalRanges: boolean): string[] {
  const names = (which: readonly ComparedSet[]) =>
    which.map(({ comparison }) => named(comparison, severalRanges)).join("; ");
  const usable = all.filter((compared) => pairs(compared).length > 0);
  const both = (wanted: string) =>
    usable.filter((compared) => KEYS.every((key) => standing(compared, key) === wanted));
  const ahead = both("ahead");
  const behind = both("behind");
  const mixed = usable.filter((entry) => !ahead.includes(entry) && !behind.includes(entry));
  const gap = (which: readonly ComparedSet[]) =>
    which.flatMap((compared) =>
      pairs(compared)
        .map(([soft, average]) => soft.measures.psnr.value - average.measures.psnr.value)
        .filter(Number.isFinite),
    );
  const wins = (which: readonly ComparedSet[]) => {
    const [sum, of] = which
      .flatMap(pairs)
      .reduce(([a, b], [soft]) => [a + soft.better.psnr, b + soft.compared], [0, 0]);
    return `in ${sum} of ${of} cases of a picture, a kernel and a comparison`;
  };
  const sentences: string[] = [];
  if (ahead.length > 0) {
    sentences.push(
      `SoftPool is ahead of average by mean SSIM and PSNR at every kernel with ${names(ahead)} (PSNR ${span(gap(ahead), 2)} dB, ahead ${wins(ahead)})`,
    );
  }
  if (behind.length > 0) {
    sentences.push(
      `SoftPool is behind average by both at every kernel with ${names(behind)} (PSNR ${span(gap(behind), 2)} dB, ahead ${wins(behind)})`,
    );
  }
  for (const compared of mixed) {
    const parts = KEYS.flatMap((key) => {
      const state = standing(compared, key);
      const title = key === "ssim" ? "SSIM" : "PSNR";
      if (state === "open") return [];
      return [`${state === "divided" ? "ahead at some kernels" : state} by ${title}`];
    });
    if (parts.length === 0) continue;
    sentences.push(
      `with ${named(compared.comparison, severalRanges)} SoftPool is ${listed(parts)} of average (PSNR ${span(gap([compared]), 2)} dB)`,
    );
  }
  return sentences.map(sentence);
}

/** Who is best by mean PSNR at how many kernels: a sentence on the claim that SoftPool is best of all. */
function againstAll(all: readonly ComparedSet[]): string[] {
  let cases = 0;
  let best = 0;
  const leaders = new Map<string, number>();
  for (const compared of all) {
    const means = withoutSweep(compared.means).filter(isRival);
    for (const kernel of new Set(means.map((mean) => mean.kernel))) {
      for (const key of KEYS) {
        const here = means.filter(
          (mean) => mean.kernel === kernel && !Number.isNaN(mean.measures[key].value),
        );
        if (here.length < 3 || !here.some(({ name }) => name === "soft")) continue;
        const values = here.map((mean) => mean.measures[key].value);
        const [least, most] = [Math.min(...values), Math.max(...values)];
        if (!(most - least > SAME[key])) continue;
        cases++;
        // Methods that are the same in other words differ in their rounding.
        const first = here.filter(({ measures }) => {
          const { value } = measures[key];
          return value === most || most - value <= SAME[key];
        });
        if (first.some(({ name }) => name === "soft")) {
          best++;
          continue;
        }
        leaders.set(first[0].name, (leaders.get(first[0].name) ?? 0) + 1);
      }
    }
  }
  if (cases === 0) return [];
  const others = [...leaders]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([name, count]) => `${name} (${count})`);
  const rest = others.length > 0 ? `; otherwise most often ${listed(others)}` : "";
  const verdict =
    best === cases
      ? "That SoftPool is the best of all methods holds"
      : "That SoftPool is the best of all methods does not hold in general";
  return [
    `${verdict}: it has the best mean in ${best} of ${cases} cases (comparison, kernel, SSIM or PSNR)${rest}.`,
  ];
}

/** The best temperatures of SoftPool by mean PSNR, where they were swept. */
function bestTemperatures(all: readonly ComparedSet[], severalRanges: boolean): string[] {
  const found = all.filter(hasSweep).flatMap((compared) => {
    const kernels = [...new Set(compared.means.map(({ kernel }) => kernel))];
    const best = kernels.flatMap((kernel) => {
      const top = bestOf(curveOf(compared.means, kernel, "psnr"));
      return top === undefined || top.atEnd ? [] : [top.x];
    });
    if (best.length < kernels.length) return [];
    const [low, high] = [Math.min(...best), Math.max(...best)].map((x) =>
      formatNumber(Number(x.toPrecision(2))),
    );
    const text = low === high ? low : `${low} to ${high}`;
    return [`${text} with ${named(compared.comparison, severalRanges)}`];
  });
  return found.length > 0 ? [`By mean PSNR the best temperature is ${listed(found)}.`] : [];
}

/** How far means are from the paper's, root mean square over the methods and kernels in common. */
function paperDistance(summary: SetSummary, { means }: ComparedSet, key: "ssim" | "psnr") {
  const { known } = summary;
  if (known === undefined) return undefined;
  const fitted = means.some(({ variant }) => variant.state === "fitted");
  const differences = means.flatMap(({ variant, kernel, measures }) => {
    const theirs = published(known.name, variant, kernel, fitted);
    // Sums and powers leave [0, 1]: what the paper did with them is unknown.
    if (theirs === undefined || ["sum", "power-average", "lp"].includes(variant.method)) return [];
    const difference = measures[key].value - theirs[key];
    return Number.isFinite(difference) ? [difference] : [];
  });
  if (differences.length === 0) return undefined;
  return Math.sqrt(differences.reduce((sum, d) => sum + d * d, 0) / differences.length);
}

/** How the numbers stand to the paper's. */
function againstPaper(summary: SetSummary, severalRanges: boolean): string[] {
  const { known, comparisons } = summary;
  if (known === undefined || !isPublished(known.name)) return [];
  const found = comparisons.flatMap((compared) => {
    const ssim = paperDistance(summary, compared, "ssim");
    const psnr = paperDistance(summary, compared, "psnr");
    return ssim === undefined || psnr === undefined ? [] : [{ compared, ssim, psnr }];
  });
  if (found.length === 0) return [];
  const nearest = (key: "ssim" | "psnr") => found.reduce((a, b) => (b[key] < a[key] ? b : a));
  const [bySsim, byPsnr] = [nearest("ssim"), nearest("psnr")];
  const part =
    summary.pictures.length < known.total
      ? ` (of which ${summary.pictures.length} of ${known.total} pictures were measured)`
      : "";
  const where = (entry: (typeof found)[number]) => named(entry.compared.comparison, severalRanges);
  const reached = bySsim.ssim < 0.01 && bySsim.psnr < 0.5;
  return [
    `The paper's numbers for ${known.name}${part} are ${reached ? "reproduced" : "not reproduced by any of these comparisons"}: ` +
      `the nearest SSIM is that of ${where(bySsim)} (rms ${bySsim.ssim.toFixed(3)}), the nearest PSNR that of ${where(byPsnr)} (rms ${byPsnr.psnr.toFixed(1)} dB)` +
      `${reached ? "." : "; the paper does not say how it compared."}`,
  ];
}

/** What a study of a set found. */
export function inWords(summary: SetSummary): string {
  const { comparisons } = summary;
  const severalRanges = new Set(comparisons.map(({ comparison }) => comparison.values)).size > 1;
  const sentences = [
    ...againstAverage(comparisons, severalRanges),
    ...againstAll(comparisons),
    ...bestTemperatures(comparisons, severalRanges),
    ...againstPaper(summary, severalRanges),
  ];
  if (sentences.length > 0) return sentences.join(" ");
  return "Without SoftPool and average side by side there is nothing to be said in words; the tables have the numbers.";
}

/** What tables show of a mean only in part: pictures that are missing. */
export function incomplete({ pictures, comparisons }: SetSummary): string[] {
  const missing = new Map<string, string[]>();
  for (const { means } of comparisons) {
    for (const { name, kernel, pictures: count } of means) {
      if (count === pictures.length) continue;
      const key = `${count} of ${pictures.length} pictures with kernel ${kernel}`;
      const names = missing.get(key) ?? [];
      if (!names.includes(name)) missing.set(key, [...names, name]);
    }
  }
  return [...missing].map(([what, names]) => {
    const many = names.length > 6 ? `${names.length} methods` : listed(names);
    return `${sentence(many).slice(0, -1)}: measured on ${what} only.`;
  });
}
