/**
 * What is gained against what it costs, such as error against latency: a named point for every method, and
 * the front of those that no other method beats in both.
 */
import * as Plot from "@observablehq/plot";
import { type Axis, axisTitle, onAxis, padded, rangeOf, ticksOf } from "./axis.ts";
import { drawChart, emptyFigure, type PlotFrame, plotFigure, textWidth } from "./frame.ts";
import { type Html, shortened } from "./html.ts";
import { placeLabels } from "./labels.ts";
import { formatNumber } from "./table.ts";

/** A method. */
export interface TradeoffPoint {
  /** Its name. */
  readonly name: string;
  /** What it costs; what is not finite (or not positive on a logarithmic axis) is left out. */
  readonly x: number;
  /** What it gives. */
  readonly y: number;
  /** Bounds of the cost; default none. */
  readonly acrossX?: readonly [low: number, high: number];
  /** Bounds of what it gives; default none. */
  readonly alongY?: readonly [low: number, high: number];
}

/** A plot of costs and gains. */
export interface TradeoffPlot extends PlotFrame {
  /** What it costs: less is better. */
  readonly x: Axis;
  /** What it gives. */
  readonly y: Axis;
  /** Whether more of y is better, as of a similarity, or less, as of an error. */
  readonly better: "more" | "less";
  /** The methods. */
  readonly points: readonly TradeoffPoint[];
  /** Name of the method that is drawn in the first colour; default `soft`. */
  readonly highlight?: string;
}

/** The points that no other beats, from the cheapest on, as a staircase within a domain. */
function front(
  points: readonly TradeoffPoint[],
  better: TradeoffPlot["better"],
  until: number,
): { x: number; y: number }[] {
  const sign = better === "more" ? 1 : -1;
  const sorted = [...points].sort((a, b) => a.x - b.x || sign * (b.y - a.y));
  const stairs: { x: number; y: number }[] = [];
  for (const { x, y } of sorted) {
    const last = stairs.at(-1);
    if (last !== undefined && sign * (y - last.y) <= 0) continue;
    if (last !== undefined) stairs.push({ x, y: last.y });
    stairs.push({ x, y });
  }
  const last = stairs.at(-1);
  return last === undefined ? stairs : [...stairs, { x: until, y: last.y }];
}

/** Renders the plot; the default size is `full`. */
export function tradeoff(plot: TradeoffPlot): Html {
  const { x, y, better, highlight = "soft" } = plot;
  const points = plot.points.filter(
    (point) => !Number.isNaN(onAxis(x, point.x)) && !Number.isNaN(onAxis(y, point.y)),
  );
  const across = rangeOf(
    x,
    points.flatMap((point) => [point.x, ...(point.acrossX ?? [])]),
  );
  const along = rangeOf(
    y,
    points.flatMap((point) => [point.y, ...(point.alongY ?? [])]),
  );
  if (points.length === 0 || across === undefined || along === undefined) return emptyFigure(plot);
  const domainX = padded(x, across, 0.07);
  const domainY = padded(y, along, 0.09);
  const colour = ({ name }: TradeoffPoint) => (name === highlight ? "var(--c0)" : "var(--c6)");
  const label = `${plot.title ?? "Trade-off"}: ${axisTitle(y)} against ${axisTitle(x)}`;
  return plotFigure(plot, undefined, (canvas) => {
    const height = canvas.narrow ? 340 : Math.round(canvas.width * 0.52);
    const widest = Math.max(...ticksOf(y, domainY, 6).map(({ text }) => textWidth(text)));
    const margins = { top: 30, right: 18, bottom: 48, left: Math.ceil(widest) + 14 };
    const names = points.map(({ name }) => shortened(name, canvas.narrow ? 16 : 28));
    const [shownX, shownY] = [
      { axis: x, domain: domainX },
      { axis: y, domain: domainY },
    ];
    const bare = drawChart(canvas, height, margins, shownX, shownY, [], label);
    const area = {
      left: margins.left,
      top: margins.top,
      right: canvas.width - margins.right,
      bottom: height - margins.bottom,
    };
    const at = points.map((point, i) => ({
      x: bare.at("x", point.x),
      y: bare.at("y", point.y),
      width: textWidth(names[i]),
      bars: {
        across: point.acrossX?.map((value) => bare.at("x", value)) as [number, number] | undefined,
        along: point.alongY?.map((value) => bare.at("y", value)).reverse() as
          | [number, number]
          | undefined,
      },
    }));
    const places = placeLabels(at, area);
    const bounded = (key: "acrossX" | "alongY") =>
      points.filter((point) => point[key] !== undefined);
    const bars = { stroke: colour, strokeWidth: 1.5, strokeOpacity: 0.5 };
    const marks: Plot.Markish[] = [
      Plot.line(front(points, better, domainX[1]), {
        x: "x",
        y: "y",
        stroke: "var(--soft)",
        strokeDasharray: "2 4",
      }),
      Plot.ruleY(bounded("acrossX"), {
        y: "y",
        x1: (point: TradeoffPoint) => Math.max(domainX[0], point.acrossX?.[0] ?? 0),
        x2: (point: TradeoffPoint) => point.acrossX?.[1],
        ...bars,
      }),
      Plot.ruleX(bounded("alongY"), {
        x: "x",
        y1: (point: TradeoffPoint) => point.alongY?.[0],
        y2: (point: TradeoffPoint) => point.alongY?.[1],
        ...bars,
      }),
      ...points.flatMap((point, i): Plot.Markish[] => {
        const [dx, dy] = [places[i].x - at[i].x, places[i].y - at[i].y];
        const strong = point.name === highlight;
        const text = Plot.text([point], {
          x: "x",
          y: "y",
          text: () => names[i],
          dx,
          dy,
          fontSize: 12,
          fill: strong ? "var(--c0)" : "var(--ink)",
          fontWeight: strong ? 650 : 400,
          stroke: "var(--paper)",
          strokeWidth: 4,
        });
        return places[i].led ? [leader(point, dx, dy, at[i].width), text] : [text];
      }),
      Plot.dot(points as TradeoffPoint[], {
        x: "x",
        y: "y",
        r: 4.5,
        fill: colour,
        stroke: "var(--paper)",
        strokeWidth: 1,
        title: ({ name, x, y }: TradeoffPoint) =>
          `${shortened(name, 80)}: ${formatNumber(Number(x.toPrecision(4)))}, ${formatNumber(Number(y.toPrecision(5)))}`,
      }),
    ];
    return drawChart(canvas, height, margins, shownX, shownY, marks, label).svg;
  });
}

/** A thin line from a point to the nearest edge of its name. */
function leader(point: TradeoffPoint, dx: number, dy: number, width: number): Plot.Markish {
  const toX = Math.abs(dx) < width / 2 ? dx : dx - (Math.sign(dx) * width) / 2;
  const toY = Math.abs(dx) < width / 2 ? dy - Math.sign(dy) * 7 : dy;
  const length = Math.hypot(toX, toY);
  return Plot.vector([point], {
    x: "x",
    y: "y",
    length,
    rotate: (Math.atan2(toX, -toY) * 180) / Math.PI,
    anchor: "start",
    shape: {
      draw: (
        path: { moveTo(x: number, y: number): void; lineTo(x: number, y: number): void },
        l: number,
      ) => {
        path.moveTo(0, 0);
        path.lineTo(0, -l);
      },
    },
    stroke: "var(--soft)",
    strokeWidth: 1,
  });
}
