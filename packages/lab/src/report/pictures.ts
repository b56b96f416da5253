/** Pictures in a report: at true pixels, and parts of them magnified by whole numbers. */
import { type Content, type Html, html } from "./html.ts";

/** A picture as it is shown: where it comes from and what stands below it. */
export interface Shown {
  /** Data URI. */
  readonly source: string;
  /** Width on the page: true pixels, or a multiple where it is magnified. */
  readonly width: number;
  /** Height on the page. */
  readonly height: number;
  /** Name of the method, or "original". */
  readonly method: string;
  /** What else is to be said. */
  readonly note: string;
}

/** A part of a picture that is outlined in it, in its pixels. */
export interface Outline {
  /** Left edge. */
  readonly x: number;
  /** Top edge. */
  readonly y: number;
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
  /** What the outline is called. */
  readonly label: string;
}

function pixels({ source, width, height, method, note }: Shown): Html {
  const alt = `${method} ${note}`.trim();
  return html`<img src="${source}" width="${width}" height="${height}" alt="${alt}">`;
}

/** A picture with its name and note below it. */
export function pictureFigure(shown: Shown): Html {
  const note = shown.note !== "" && html` <span>${shown.note}</span>`;
  const width = Math.max(shown.width, 110);
  return html`<figure style="width:${width}px"><div class="pixels">${pixels(shown)}</div><figcaption><b>${shown.method}</b>${note}</figcaption></figure>
`;
}

/**
 * A row of pictures below a caption; nothing where there are none.
 * @param kind `zoom` shows every pixel as a square, `true` smooths as the screen does
 */
export function pictureRow(kind: "zoom" | "true", caption: Content, all: readonly Shown[]): Html {
  if (all.length === 0) return html``;
  return html`<p class="caption">${caption}</p><div class="row ${kind}">${all.map(pictureFigure)}</div>`;
}

/** A picture at true pixels in a box that scrolls, with parts outlined and named. */
export function outlinedPicture(shown: Shown, outlines: readonly Outline[]): Html {
  const percent = (value: number, of: number) => `${((100 * value) / of).toFixed(3)}%`;
  const marks = outlines.map(({ x, y, width, height, label }) => {
    const [left, w] = [x, width].map((value) => percent(value, shown.width));
    const [top, h] = [y, height].map((value) => percent(value, shown.height));
    return html`<i style="left:${left};top:${top};width:${w};height:${h}"><b>${label}</b></i>`;
  });
  const more = outlines.length > 0 && "; outlined are the parts magnified below, by their kernel";
  return html`<div class="scroll" tabindex="0" role="region" aria-label="picture"><div class="original" style="width:${shown.width}px">${pixels(shown)}${marks}</div></div>
<p class="caption"><b>${shown.method}</b> ${shown.note}${more}</p>
`;
}
