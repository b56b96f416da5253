/**
 * Plots as SVG text, made by Observable Plot (https://observablehq.com/plot) in a document of linkedom's,
 * without a browser. What is written is ours: text and attributes escaped, numbers with two decimals, no
 * style sheet; colours are CSS variables, so that a plot takes the theme of its page.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml, type Html, raw, shortened } from "./html.ts";

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** What linkedom's nodes have that is read here. */
interface Tree {
  readonly nodeType: number;
  readonly tagName: string;
  readonly textContent: string;
  readonly childNodes: Iterable<Tree>;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
}

/** Numbers that need no more than two decimals. */
const LONG = /-?\d+\.\d{3,}(e-?\d+)?/g;

function written(node: Tree, depth: number): string {
  if (node.nodeType === 3) return escapeHtml(node.textContent);
  const tag = node.tagName.toLowerCase();
  if (node.nodeType !== 1 || tag === "style") return "";
  const attributes = [...node.attributes]
    .filter(({ name }) => depth === 0 || !name.startsWith("aria-"))
    .map(({ name, value }) => {
      const short = name.startsWith("aria-")
        ? value
        : value.replace(LONG, (number) => String(Number(Number(number).toFixed(2))));
      return ` ${name}="${escapeHtml(short)}"`;
    });
  const children = [...node.childNodes].map((child) => written(child, depth + 1)).join("");
  return `<${tag}${attributes.join("")}>${children}</${tag}>`;
}

/** A plot that is laid out, but not yet written. */
export interface Drawn {
  /** The SVG text. */
  readonly svg: Html;
  /** The position of a value on an axis, in pixels. */
  at(axis: "x" | "y", value: number): number;
}

/**
 * Draws a plot.
 * @param options what Observable Plot takes; sizes in pixels
 * @param label what it shows, for those who do not see it; cut to 200 characters
 * @param kind class of the element: plots for wide pages, for narrow ones, or for both
 */
export function draw(options: Plot.PlotOptions, label: string, kind: string): Drawn {
  const element = Plot.plot({
    document: document as unknown as Document,
    ...options,
    className: "softpool",
    ariaLabel: shortened(label, 200),
  });
  element.setAttribute("role", "img");
  element.setAttribute("class", kind);
  return {
    svg: raw(written(element as unknown as Tree, 0)),
    at: (axis, value) => Number(element.scale(axis)?.apply(value)),
  };
}
