/**
 * Lines: curves over epochs or temperatures, medians with a band of quartiles over kernel sizes; with levels
 * to compare with, and marked places.
 */
import * as Plot from "@observablehq/plot";
import { type Axis, axisTitle, onAxis, padded, rangeOf, ticksOf } from "./axis.ts";
import {
  type Canvas,
  drawChart,
  emptyFigure,
  type PlotFrame,
  plotFigure,
  textWidth,
} from "./frame.ts";
import { type Html, shortened } from "./html.ts";
import { LONGEST, legend, markers } from "./legend.ts";
import { type SeriesStyle, stylesOf } from "./palette.ts";

/** A point of a line. */
export interface LinePoint {
  /** Where; must be finite. */
  readonly x: number;
  /** How much; what is not finite is a gap. */
  readonly y: number | undefined;
  /** Lower edge of the band; default no band here. */
  readonly low?: number;
  /** Upper edge of the band. */
  readonly high?: number;
}

/** A line. */
export interface Series {
  /** Its name; lines of the same name share an entry of the legend. */
  readonly name: string;
  /** Its points, in the order of x. */
  readonly points: readonly LinePoint[];
  /** How it is drawn; default by its name and place. */
  readonly style?: Partial<SeriesStyle>;
}

/** A plot of lines. */
export interface LinePlot extends PlotFrame {
  /** The horizontal axis. */
  readonly x: Axis;
  /** The vertical axis. */
  readonly y: Axis;
  /** The lines. */
  readonly series: readonly Series[];
  /** Levels to compare with, as dashed lines with a name; default none. */
  readonly levels?: readonly { readonly name: string; readonly y: number }[];
  /** Places on the horizontal axis that are marked and named; default none. */
  readonly marks?: readonly { readonly name: string; readonly x: number }[];
}

/** With more points than these a line has no markers. */
const MARKERS = 40;

const LABEL = {
  fontSize: 12,
  fill: "var(--soft)",
  stroke: "var(--paper)",
  strokeWidth: 4,
} as const;

/** A line with its band and its markers. */
function lineMarks(
  points: readonly LinePoint[],
  style: SeriesStyle,
  x: Axis,
  y: Axis,
): Plot.Markish[] {
  const shown = points
    .map((point) => ({
      x: onAxis(x, point.x),
      y: onAxis(y, point.y),
      low: onAxis(y, point.low),
      high: onAxis(y, point.high),
    }))
    .filter((point) => !Number.isNaN(point.x));
  const visible = shown.filter((point) => !Number.isNaN(point.y));
  const marks: Plot.Markish[] = [];
  if (shown.some(({ low, high }) => !Number.isNaN(low + high))) {
    marks.push(
      Plot.areaY(shown, { x: "x", y1: "low", y2: "high", fill: style.colour, fillOpacity: 0.16 }),
    );
  }
  marks.push(
    Plot.lineY(shown, {
      x: "x",
      y: "y",
      stroke: style.colour,
      strokeWidth: 2,
      strokeLinejoin: "round",
      ...(style.dash === undefined ? {} : { strokeDasharray: style.dash }),
    }),
  );
  if (visible.length <= MARKERS) marks.push(markers(visible, style));
  return marks;
}

/** Where a name above a place is held, so that it stays within the plot. */
function anchorAt(x: Axis, [low, high]: readonly [number, number], value: number) {
  const share = x.log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return share < 0.15 ? "start" : share > 0.85 ? "end" : "middle";
}

/** Renders a plot of lines; the default size is `full`. */
export function lines(plot: LinePlot): Html {
  const { x, y, series, levels = [], marks = [] } = plot;
  const points = series.flatMap((line) => line.points);
  const across = rangeOf(
    x,
    [...points, ...marks].map((point) => point.x),
  );
  const along = rangeOf(y, [
    ...points.flatMap((point) => [point.y, point.low, point.high]),
    ...levels.map((level) => level.y),
  ]);
  if (across === undefined || along === undefined) return emptyFigure(plot);
  const styles = stylesOf(series.map(({ name }) => name));
  const styled = series.map(({ name, points, style }) => ({
    name,
    points,
    style: { ...(styles.get(name) as SeriesStyle), ...style },
  }));
  const domainX = padded(x, across, 0.025);
  const domainY = padded(y, along, 0.06);
  const shownLevels = levels.filter((level) => !Number.isNaN(onAxis(y, level.y)));
  const render = (canvas: Canvas): Html => {
    const height = Math.round(Math.min(360, canvas.width * (canvas.narrow ? 0.8 : 0.62)));
    const widest = Math.max(...ticksOf(y, domainY, 6).map(({ text }) => textWidth(text)));
    const margins = {
      top: marks.length > 0 ? 48 : 30,
      right: 14,
      bottom: 48,
      left: Math.ceil(widest) + 14,
    };
    const named = (name: string) => shortened(name, canvas.narrow ? 18 : LONGEST);
    const all: Plot.Markish[] = [
      Plot.ruleY(shownLevels, { y: "y", stroke: "var(--soft)", strokeDasharray: "3 4" }),
      Plot.ruleX(marks, { x: "x", stroke: "var(--soft)", strokeDasharray: "3 4" }),
      ...styled.flatMap(({ points, style }) => lineMarks(points, style, x, y)),
      Plot.text(shownLevels, {
        y: "y",
        text: (level: { name: string }) => named(level.name),
        frameAnchor: "right",
        textAnchor: "end",
        dx: -4,
        dy: -9,
        ...LABEL,
      }),
      ...marks.map((mark) =>
        Plot.text([mark], {
          x: "x",
          text: () => named(mark.name),
          frameAnchor: "top",
          textAnchor: anchorAt(x, domainX, mark.x),
          dy: -10,
          ...LABEL,
        }),
      ),
    ];
    const label = `${plot.title ?? axisTitle(y)}: ${axisTitle(y)} over ${axisTitle(x)}`;
    const [shownX, shownY] = [
      { axis: x, domain: domainX },
      { axis: y, domain: domainY },
    ];
    return drawChart(canvas, height, margins, shownX, shownY, all, label).svg;
  };
  const few = points.length <= MARKERS * series.length;
  const entries = [...new Map([...styled].reverse().map((line) => [line.name, line])).values()];
  return plotFigure(plot, legend(entries.reverse(), few ? "both" : "line"), render);
}
