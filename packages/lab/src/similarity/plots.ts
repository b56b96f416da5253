/** Plots of a similarity report: method by kernel, error against time, SoftPool against average, curves of beta. */
import { type DotPanel, dotPanels } from "../report/dots.ts";
import type { Content, Html } from "../report/html.ts";
import { lines } from "../report/lines.ts";
import { scatter } from "../report/scatter.ts";
import { type Column, formatNumber, table } from "../report/table.ts";
import { tradeoff } from "../report/tradeoff.ts";
import { interval } from "../study/bootstrap.ts";
import { comparisonTitle } from "./comparison.ts";
import { distance, type MeasureKey, measureOf, measures } from "./measures.ts";
import { type ComparedSet, isSwept, type Mean, withoutSweep } from "./summary.ts";
import { bestOf, type Point, temperatureOf } from "./sweep.ts";

const axisOf = (key: MeasureKey) => {
  const { title, unit } = measureOf(key);
  return { label: title, ...(unit === undefined ? {} : { unit }) };
};

const kernelsOf = (means: readonly Mean[]) => [...new Set(means.map(({ kernel }) => kernel))];

/** Bounds for a plot; none where there are none. */
function bounds(mean: Mean, key: MeasureKey): { low?: number; high?: number } {
  const { low, high } = mean.measures[key];
  return Number.isFinite(low) && Number.isFinite(high) ? { low, high } : {};
}

/** A measure of every method, a panel for every kernel. */
export function methodPlot(compared: ComparedSet, key: MeasureKey): Html {
  const means = withoutSweep(compared.means);
  const panels = kernelsOf(means).map(
    (kernel): DotPanel => ({
      title: `${measureOf(key).title}, kernel ${kernel} × ${kernel}`,
      values: means
        .filter((mean) => mean.kernel === kernel)
        .map((mean) => ({
          name: mean.name,
          value: mean.measures[key].value,
          ...bounds(mean, key),
        })),
    }),
  );
  return dotPanels({ axis: axisOf(key), panels, reference: "average" });
}

/** SoftPool against average, a point for every picture. */
export function againstAverage({ means, comparison }: ComparedSet, key: MeasureKey): Content {
  const groups = kernelsOf(means).flatMap((kernel) => {
    const find = (name: string) =>
      means.find((mean) => mean.kernel === kernel && mean.name === name)?.scores ?? [];
    const average = new Map(find("average").map(({ picture, values }) => [picture, values[key]]));
    const points = find("soft").flatMap(({ picture, values }) => {
      const x = average.get(picture);
      return x === undefined ? [] : [{ name: picture, x, y: values[key] }];
    });
    return points.length > 1 ? [{ name: `kernel ${kernel}`, points }] : [];
  });
  if (groups.length === 0) return undefined;
  const { title, unit } = measureOf(key);
  const axis = (method: string) => ({
    label: `${title} of ${method}`,
    ...(unit === undefined ? {} : { unit }),
  });
  return scatter({
    title: comparisonTitle(comparison),
    x: axis("average"),
    y: axis("soft"),
    groups,
  });
}

/** A measure against the time of pooling, for the kernel in the middle. */
export function timePlot(compared: ComparedSet): Content {
  const means = withoutSweep(compared.means).filter(({ nanoseconds }) => nanoseconds > 0);
  const kernels = kernelsOf(means);
  const kernel = kernels[Math.floor((kernels.length - 1) / 2)];
  const points = means
    .filter((mean) => mean.kernel === kernel && Number.isFinite(mean.measures.psnr.value))
    .map((mean) => {
      const { low, high } = bounds(mean, "psnr");
      return {
        name: mean.name,
        x: mean.nanoseconds,
        y: mean.measures.psnr.value,
        ...(low === undefined || high === undefined ? {} : { alongY: [low, high] as const }),
      };
    });
  if (points.length < 2) return undefined;
  return tradeoff({
    title: `${comparisonTitle(compared.comparison)}, kernel ${kernel} × ${kernel}`,
    note: "Median time of pooling a picture in one thread, while the study ran: an order of magnitude, no benchmark. Other engines and other processors have other times.",
    x: { label: "time for a pixel of the original", unit: "ns", log: true },
    y: axisOf("psnr"),
    better: "more",
    points,
  });
}

/** The points of a sweep of one kernel: means by temperature. */
export function curveOf(means: readonly Mean[], kernel: number, key: MeasureKey): Point[] {
  return sweptAt(means, kernel).map((mean) => ({
    x: temperatureOf(mean.variant),
    y: mean.measures[key].value,
  }));
}

/** SoftPool at all finite temperatures, in their order. */
function sweptAt(means: readonly Mean[], kernel: number): Mean[] {
  const temperature = (mean: Mean) => temperatureOf(mean.variant);
  return means
    .filter((mean) => mean.kernel === kernel && mean.variant.method === "soft")
    .filter((mean) => Number.isFinite(temperature(mean)))
    .sort((x, y) => temperature(x) - temperature(y));
}

/** Whether a comparison has a sweep of SoftPool's temperature. */
export function hasSweep({ means }: ComparedSet): boolean {
  return means.some((mean) => isSwept(mean, means));
}

/** By how much a measure is above average's over SoftPool's temperature, a line for every kernel. */
export function sweepPlot({ means, comparison }: ComparedSet, key: MeasureKey): Content {
  const marks: { name: string; x: number }[] = [];
  const series = kernelsOf(means).flatMap((kernel) => {
    const base = means.find((mean) => mean.kernel === kernel && mean.name === "average");
    const swept = sweptAt(means, kernel);
    const plain = swept.find((mean) => temperatureOf(mean.variant) === 0);
    // A temperature of 0 is average pooling.
    const zero = (base ?? plain)?.scores ?? [];
    const values = new Map(zero.map((score) => [score.picture, score.values[key]]));
    const points = swept.map((mean) => {
      const gaps = mean.scores.map(
        (score) => score.values[key] - (values.get(score.picture) ?? Number.NaN),
      );
      const { value, low, high } = interval(gaps);
      const band = Number.isFinite(low) ? { low, high } : {};
      return { x: temperatureOf(mean.variant), y: value, ...band };
    });
    const best = bestOf(points, (y) => -y);
    if (best !== undefined && !best.atEnd) {
      marks.push({ name: formatNumber(best.x, 2), x: best.x });
    }
    return points.length > 1 ? [{ name: `kernel ${kernel}`, points }] : [];
  });
  if (series.length === 0) return undefined;
  const { title, unit } = measureOf(key);
  // Marks that fall together are one.
  const apart = marks.filter(
    ({ x }, i) => marks.findIndex((other) => Math.abs(other.x - x) < 1.3) === i,
  );
  return lines({
    title: comparisonTitle(comparison),
    size: "half",
    x: { label: "beta" },
    y: { label: `${title} above average`, ...(unit === undefined ? {} : { unit }) },
    series,
    levels: [{ name: "average", y: 0 }],
    marks: apart,
  });
}

/** The best temperature of every measure. */
export function sweepTable({ means, comparison }: ComparedSet): Html {
  const kernels = kernelsOf(means);
  const columns: Column[] = [
    { title: "kernel", words: true },
    { title: "measure", words: true },
    { title: "best beta", words: true },
    { title: "there" },
    { title: "at beta 1" },
    { title: "average" },
  ];
  const rows = kernels.flatMap((kernel) =>
    measures.map((measure) => {
      const { key, title, digits } = measure;
      const points = curveOf(means, kernel, key);
      const best = bestOf(points, (y) => distance(measure, y));
      const at = (name: string) =>
        means.find((mean) => mean.kernel === kernel && mean.name === name)?.measures[key].value;
      const low = points.length > 0 && best?.x === points[0].x;
      const end = best?.atEnd ? (low ? " or less" : " or more") : "";
      const rounded = (value: number | undefined) =>
        value === undefined ? undefined : Number(value.toFixed(digits));
      return [
        `${kernel} × ${kernel}`,
        title,
        best === undefined ? "–" : `${formatNumber(Number(best.x.toPrecision(3)))}${end}`,
        rounded(best?.y),
        rounded(at("soft")),
        rounded(at("average")),
      ];
    }),
  );
  return table({
    caption: `${comparisonTitle(comparison)}: the temperature of SoftPool that is best for each measure, by a parabola through the best measured one and its neighbours. For local contrast and detail the best is 1, for the luminance error 0.`,
    columns,
    groups: kernels.map((kernel) => ({
      rows: rows.filter(([name]) => name === `${kernel} × ${kernel}`),
    })),
  });
}
