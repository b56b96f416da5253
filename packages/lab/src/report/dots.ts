/**
 * Methods by kernel: a panel for every kernel with a scale of its own, a row for every method, a dot with its
 * interval, and a line at the method that the others are compared with. A value far from all others would
 * press these together; it stands at the edge, with an arrow and its number.
 */
import * as Plot from "@observablehq/plot";
import { type Axis, axisTitle, onAxis, padded, rangeOf, scaleOf, ticksOf } from "./axis.ts";
import { emptyFigure, figures, type PlotFrame, plotFigure, textWidth } from "./frame.ts";
import { type Html, shortened } from "./html.ts";
import { draw } from "./svg.ts";
import { formatNumber } from "./table.ts";

/** A value of a method. */
export interface DotValue {
  /** Name of the method. */
  readonly name: string;
  /** The value; what is not finite leaves its row empty. */
  readonly value: number | undefined;
  /** Lower bound; default no interval. */
  readonly low?: number;
  /** Upper bound. */
  readonly high?: number;
}

/** A panel. */
export interface DotPanel extends PlotFrame {
  /** The values, in the order of rows; rows without value keep their place. */
  readonly values: readonly DotValue[];
}

/** Panels of dots. */
export interface DotPlot {
  /** What is measured; each panel has its own range. */
  readonly axis: Axis;
  /** The panels, such as one for every kernel. */
  readonly panels: readonly DotPanel[];
  /** Name of the method that the others are compared with, at a line; default none. */
  readonly reference?: string;
  /** Name of the method that is drawn in the first colour; default `soft`. */
  readonly highlight?: string;
}

const ROW = 21;

/** Bounds beyond which a value is drawn as an arrow: three quartile distances outside of the quartiles. */
function fences(values: readonly number[]): [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const quartile = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  const spread = 3 * (quartile(0.75) - quartile(0.25));
  const beyond = ([low, high]: readonly number[]) => values.filter((v) => v < low || v > high);
  const fence: [number, number] = [quartile(0.25) - spread, quartile(0.75) + spread];
  const few = beyond(fence).length * 4 <= values.length;
  return spread > 0 && values.length >= 5 && few ? fence : [-Infinity, Infinity];
}

function panel({ axis, reference, highlight = "soft" }: DotPlot, given: DotPanel): Html {
  const frame: DotPanel = { size: "third", ...given };
  const rows = given.values.map((entry, row) => ({
    row,
    name: entry.name,
    value: onAxis(axis, entry.value),
    low: onAxis(axis, entry.low),
    high: onAxis(axis, entry.high),
    colour:
      entry.name === highlight ? "var(--c0)" : entry.name === reference ? "var(--c1)" : "var(--c6)",
  }));
  const valued = rows.filter(({ value }) => !Number.isNaN(value));
  const [least, most] = fences(valued.map(({ value }) => (axis.log ? Math.log(value) : value)));
  const within = valued.filter(({ value }) => {
    const at = axis.log ? Math.log(value) : value;
    return at >= least && at <= most;
  });
  const range = rangeOf(
    axis,
    within.flatMap(({ value, low, high }) => [value, low, high]),
  );
  if (valued.length === 0 || range === undefined) return emptyFigure(frame);
  const domain = padded(axis, range, 0.06);
  const outside = valued.filter((entry) => !within.includes(entry));
  const base = valued.find(({ name }) => name === reference);
  return plotFigure(frame, undefined, (canvas) => {
    const names = rows.map(({ name }) => shortened(name, canvas.narrow ? 22 : 30));
    const left = Math.ceil(Math.min(canvas.width * 0.45, Math.max(...names.map(textWidth)))) + 12;
    const [top, right, bottom] = [6, 12, 48];
    const height = top + bottom + ROW * rows.length;
    const ticks = ticksOf(axis, domain, (canvas.width - left - right) / 62);
    const soft = { fontSize: 12, fill: "var(--soft)" };
    const marks: Plot.Markish[] = [
      Plot.ruleY(rows, { y: "row", stroke: "var(--line)", strokeDasharray: "1 3" }),
      Plot.ruleX(ticks, { x: "value", stroke: "var(--line)" }),
      Plot.text(ticks, { x: "value", text: "text", frameAnchor: "bottom", dy: 17, ...soft }),
      Plot.text([axisTitle(axis)], {
        frameAnchor: "bottom-right",
        textAnchor: "end",
        dy: bottom - 8,
        ...soft,
      }),
      ...rows.map((row) =>
        Plot.text([row], {
          y: "row",
          text: () => names[row.row],
          frameAnchor: "left",
          textAnchor: "end",
          dx: -10,
          fontSize: 12,
          fill: "var(--ink)",
          fontWeight: row.name === highlight ? 650 : 400,
          title: () => shortened(row.name, 80),
        }),
      ),
      Plot.ruleX(
        within.filter((entry) => entry === base),
        { x: "value", stroke: "var(--c1)", strokeDasharray: "3 4" },
      ),
      Plot.ruleY(
        within.filter(({ low, high }) => !Number.isNaN(low + high)),
        { y: "row", x1: "low", x2: "high", stroke: "colour", strokeWidth: 2, strokeOpacity: 0.6 },
      ),
      Plot.dot(within, {
        x: "value",
        y: "row",
        r: 4.5,
        fill: "colour",
        stroke: "var(--paper)",
        strokeWidth: 1,
        title: (row: { name: string; value: number }) =>
          `${shortened(row.name, 80)}: ${formatNumber(row.value)}`,
      }),
      ...outside.map((entry) => {
        const below = entry.value < range[0];
        const number = formatNumber(Number(entry.value.toPrecision(4)));
        return Plot.text([entry], {
          y: "row",
          text: () => (below ? `◂ ${number}` : `${number} ▸`),
          frameAnchor: below ? "left" : "right",
          textAnchor: below ? "start" : "end",
          fontSize: 12,
          fill: "colour",
          stroke: "var(--paper)",
          strokeWidth: 4,
        });
      }),
    ];
    const label = `${given.title ?? "Methods"}: ${axisTitle(axis)} of ${rows.length} methods`;
    return draw(
      {
        width: canvas.width,
        height,
        marginTop: top,
        marginRight: right,
        marginBottom: bottom,
        marginLeft: left,
        x: scaleOf(axis, domain),
        y: { type: "point", domain: rows.map(({ row }) => row), padding: 0.5, axis: null },
        color: { type: "identity" },
        marks,
      },
      label,
      canvas.pages,
    ).svg;
  });
}

/** Renders panels of dots side by side; the default size of a panel is `third`. */
export function dotPanels(plot: DotPlot): Html {
  const size = plot.panels[0]?.size ?? "third";
  return figures(
    size,
    plot.panels.map((one) => panel(plot, one)),
  );
}
