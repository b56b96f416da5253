/** The legend of a plot: a list of names with their lines and markers, which wraps on narrow pages. */
import * as Plot from "@observablehq/plot";
import { type Content, type Html, html, raw, shortened } from "./html.ts";
import type { SeriesStyle, SymbolName } from "./palette.ts";

/** An entry of a legend. */
export interface Entry {
  /** Its name. */
  readonly name: string;
  /** How it is drawn. */
  readonly style: SeriesStyle;
  /** What stands behind the name; default nothing. */
  readonly note?: Content;
}

/** Names are cut to so many characters in plots and legends. */
export const LONGEST = 40;

/** Outlines of the markers around (0, 0), about 9 pixels wide. */
const OUTLINES: Readonly<Record<SymbolName, string>> = {
  circle: "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0Z",
  square: "M-3.6,-3.6H3.6V3.6H-3.6Z",
  triangle: "M0,-4.6L4.4,3.4H-4.4Z",
  diamond: "M0,-5L3.8,0L0,5L-3.8,0Z",
  times: "M-3.4,-3.4L3.4,3.4M-3.4,3.4L3.4,-3.4",
  plus: "M-4.4,0H4.4M0,-4.4V4.4",
  asterisk: "M0,-4.4V4.4M-3.8,-2.2L3.8,2.2M-3.8,2.2L3.8,-2.2",
};

const OPEN: ReadonlySet<SymbolName> = new Set(["times", "plus", "asterisk"]);

/** Markers of a series at points. */
export function markers<T extends { readonly x: number; readonly y: number }>(
  points: readonly T[],
  { colour, symbol }: SeriesStyle,
  options: Plot.DotOptions = {},
): Plot.Markish {
  const ink = OPEN.has(symbol)
    ? { stroke: colour, strokeWidth: 1.75 }
    : { fill: colour, stroke: "var(--paper)", strokeWidth: 0.75 };
  return Plot.dot(points as T[], { x: "x", y: "y", symbol, r: 4, ...ink, ...options });
}

/** The sample of a style: its line, if it has one, and its marker. */
function sample({ colour, symbol, dash }: SeriesStyle, kind: "line" | "marker" | "both"): Html {
  const dashes = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
  const width = kind === "marker" ? 12 : 30;
  const line =
    kind === "marker"
      ? ""
      : `<path d="M0,7H30" stroke="${colour}" stroke-width="2" fill="none"${dashes}/>`;
  const ink = OPEN.has(symbol) ? `stroke="${colour}" stroke-width="1.75"` : `fill="${colour}"`;
  const mark =
    kind === "line"
      ? ""
      : `<path d="${OUTLINES[symbol]}" transform="translate(${width / 2},7)" ${ink}/>`;
  return raw(`<svg width="${width}" height="14" aria-hidden="true">${line}${mark}</svg>`);
}

/**
 * A legend; nothing for a single entry without a note, which the title names.
 * @param kind what of the style the plot shows
 */
export function legend(entries: readonly Entry[], kind: "line" | "marker" | "both"): Html {
  if (entries.length < 2 && entries.every((entry) => entry.note === undefined)) return html``;
  const items = entries.map(({ name, style, note }) => {
    const behind = note !== undefined && html` <small>${note}</small>`;
    return html`<li>${sample(style, kind)}<span>${shortened(name, LONGEST)}${behind}</span></li>`;
  });
  return html`<ul class="legend">${items}</ul>`;
}
