/** One method against another, a point for every picture, with the diagonal where both are equal. */
import * as Plot from "@observablehq/plot";
import { type Axis, axisTitle, onAxis, padded, rangeOf, ticksOf } from "./axis.ts";
import { drawChart, emptyFigure, type PlotFrame, plotFigure, textWidth } from "./frame.ts";
import { type Html, shortened } from "./html.ts";
import { legend, markers } from "./legend.ts";
import { type SeriesStyle, stylesOf } from "./palette.ts";

/** A point. */
export interface ScatterPoint {
  /** What it is of, such as a picture. */
  readonly name: string;
  /** Value of the first method; what is not finite is left out. */
  readonly x: number;
  /** Value of the second method. */
  readonly y: number;
}

/** A scatter plot. */
export interface ScatterPlot extends PlotFrame {
  /** The first method, with the measure's unit. */
  readonly x: Axis;
  /** The second method, in the same unit. */
  readonly y: Axis;
  /** The points in groups, such as kernels. */
  readonly groups: readonly { readonly name: string; readonly points: readonly ScatterPoint[] }[];
}

/** Renders a scatter plot, a square; the default size is `third`. */
export function scatter(given: ScatterPlot): Html {
  const plot: ScatterPlot = { size: "third", ...given };
  const { x, y, groups } = plot;
  const shown = groups.map(({ name, points }) => ({
    name,
    points: points.filter(
      (point) => !Number.isNaN(onAxis(x, point.x)) && !Number.isNaN(onAxis(y, point.y)),
    ),
  }));
  const points = shown.flatMap((group) => group.points);
  const range = rangeOf({ ...x, include: [...(x.include ?? []), ...(y.include ?? [])] }, [
    ...points.map((point) => point.x),
    ...points.map((point) => point.y),
  ]);
  if (points.length === 0 || range === undefined) return emptyFigure(plot);
  const domain = padded(x, range, 0.05);
  const styles = stylesOf(groups.map(({ name }) => name));
  const entries = shown.map(({ name, points }) => {
    const above = points.filter((point) => point.y > point.x).length;
    const style = styles.get(name) as SeriesStyle;
    return { name, points, style, note: `${above} of ${points.length} above the diagonal` };
  });
  const end = [
    { x: domain[0], y: domain[0] },
    { x: domain[1], y: domain[1] },
  ];
  const label = `${plot.title ?? "Comparison"}: ${axisTitle(y)} against ${axisTitle(x)}`;
  return plotFigure(plot, legend(entries, "marker"), (canvas) => {
    const widest = Math.max(...ticksOf(y, domain, 6).map(({ text }) => textWidth(text)));
    const margins = { top: 30, right: 14, bottom: 48, left: Math.ceil(widest) + 14 };
    const side = Math.min(canvas.width, 420) - margins.left - margins.right;
    const marks = [
      Plot.line(end, { x: "x", y: "y", stroke: "var(--soft)", strokeDasharray: "3 4" }),
      ...entries.map(({ points, style }) =>
        markers(points, style, {
          r: points.length > 60 ? 3 : 4,
          fillOpacity: 0.8,
          title: (point: ScatterPoint) => shortened(point.name, 80),
        }),
      ),
    ];
    const square = { ...canvas, width: side + margins.left + margins.right };
    const height = side + margins.top + margins.bottom;
    const [shownX, shownY] = [
      { axis: x, domain },
      { axis: y, domain },
    ];
    return drawChart(square, height, margins, shownX, shownY, marks, label).svg;
  });
}
