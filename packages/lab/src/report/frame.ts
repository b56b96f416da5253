/**
 * The frame of every plot: a figure with title, legend, the drawing for wide and for narrow pages, and a note;
 * grid and axes that look alike everywhere. Which drawing is shown is decided by the style sheet.
 */
import * as Plot from "@observablehq/plot";
import { type Axis, axisTitle, scaleOf, ticksOf } from "./axis.ts";
import { type Content, type Html, html } from "./html.ts";
import { type Drawn, draw } from "./svg.ts";

/** How much room a plot takes: a row, half of one, or a third. */
export type Size = "full" | "half" | "third";

/** What all plots have. */
export interface PlotFrame {
  /** What it shows, above it; default nothing. */
  readonly title?: string;
  /** What else is to be said, below it; default nothing. */
  readonly note?: Content;
  /** Its size; the default is each plot's own. */
  readonly size?: Size;
}

const WIDTHS: Readonly<Record<Size, number>> = { full: 860, half: 560, third: 380 };
const NARROW = 350;

/** The drawing area of a plot. */
export interface Canvas {
  /** Width in pixels, margins included. */
  readonly width: number;
  /** Whether it has to do with little room. */
  readonly narrow: boolean;
  /** On which pages it is shown. */
  readonly pages: "wide" | "narrow" | "both";
}

/**
 * The figure of a plot.
 * @param legend what stands between title and drawing
 * @param render draws for a width
 */
export function plotFigure(
  { title, note, size = "full" }: PlotFrame,
  legend: Content,
  render: (canvas: Canvas) => Html,
): Html {
  const width = WIDTHS[size];
  const drawings =
    size === "third"
      ? render({ width, narrow: true, pages: "both" })
      : [
          render({ width, narrow: false, pages: "wide" }),
          render({ width: NARROW, narrow: true, pages: "narrow" }),
        ];
  const above = title !== undefined && html`<h4>${title}</h4>`;
  const below = note !== undefined && html`<figcaption>${note}</figcaption>`;
  return html`<figure class="plot ${size}">${above}${legend}${drawings}${below}</figure>
`;
}

/** A plot without values. */
export function emptyFigure({ title, size = "full" }: PlotFrame): Html {
  const above = title !== undefined && html`<h4>${title}</h4>`;
  return html`<figure class="plot ${size}">${above}<p class="note">There are no values to plot.</p></figure>
`;
}

/** Plots side by side, as many as fit; the size of the first is that of the columns. */
export function figures(size: Size, ...plots: readonly Content[]): Html {
  return html`<div class="plots ${size}">${plots}</div>
`;
}

/** Room around a drawing, in pixels. */
export interface Margins {
  /** Above, with the title of the y axis. */
  readonly top: number;
  /** To the right. */
  readonly right: number;
  /** Below, with the x axis. */
  readonly bottom: number;
  /** To the left, with the ticks of the y axis. */
  readonly left: number;
}

/** An axis with the part of it that a drawing shows. */
export interface Shown {
  /** The axis. */
  readonly axis: Axis;
  /** From where to where. */
  readonly domain: readonly [number, number];
}

/** Draws marks over a grid with two axes. */
export function drawChart(
  { width, pages }: Canvas,
  height: number,
  margins: Margins,
  x: Shown,
  y: Shown,
  marks: readonly Plot.Markish[],
  label: string,
): Drawn {
  const ticksX = ticksOf(x.axis, x.domain, (width - margins.left - margins.right) / 70);
  const ticksY = ticksOf(y.axis, y.domain, (height - margins.top - margins.bottom) / 42);
  const text = { fontSize: 12, fill: "var(--soft)" };
  const frame: Plot.Markish[] = [
    Plot.ruleY(ticksY, { y: "value", stroke: "var(--line)" }),
    Plot.text(ticksY, {
      y: "value",
      text: "text",
      frameAnchor: "left",
      textAnchor: "end",
      dx: -8,
      ...text,
      fontVariant: "tabular-nums",
    }),
    Plot.text(ticksX, {
      x: "value",
      text: "text",
      frameAnchor: "bottom",
      dy: 17,
      ...text,
      fontVariant: "tabular-nums",
    }),
    Plot.ruleX(ticksX, { x: "value", stroke: "var(--line)", strokeOpacity: 0.6 }),
    Plot.text([axisTitle(y.axis)], {
      frameAnchor: "top-left",
      textAnchor: "start",
      dx: -margins.left,
      dy: -margins.top + 6,
      ...text,
    }),
    Plot.text([axisTitle(x.axis)], {
      frameAnchor: "bottom-right",
      textAnchor: "end",
      dy: margins.bottom - 8,
      ...text,
    }),
  ];
  return draw(
    {
      width,
      height,
      marginTop: margins.top,
      marginRight: margins.right,
      marginBottom: margins.bottom,
      marginLeft: margins.left,
      x: scaleOf(x.axis, x.domain),
      y: scaleOf(y.axis, y.domain),
      marks: [...frame, ...marks],
    },
    label,
    pages,
  );
}

/** About how wide a text of 12 pixels is. */
export function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) width += (letter.codePointAt(0) ?? 0) >= 0x2e80 ? 12.5 : 7;
  return width;
}
