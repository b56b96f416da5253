/**
 * A stroke font for any size: glyphs are paths, drawn as round strokes of even width.
 *
 * A glyph is its width and its paths, in a grid with capitals from y = 0 down to the baseline y = 8, small
 * letters from y = 3 and descenders to y = 11. A path is pairs of base-36 digits x, y: plain for straight
 * lines; after `~` an open, after `o` a closed quadratic B-spline whose control points they are (it touches
 * the middles of the lines between them; a doubled point is a corner).
 */
import type { Canvas, Colour, Rect } from "./canvas.ts";

type Point = readonly [number, number];

const glyphs: Readonly<Record<string, string>> = {
  ...{ A: "6 083068 1555", B: "6 0800 ~003050543404 ~043464683808", C: "6 ~626000086866" },
  ...{ D: "6 0800 ~003060683808", E: "5 50000858 0444", F: "5 500008 0444" },
  ...{
    G: "6 ~626000086865 6535",
    H: "6 0008 6068 0464",
    I: "2 1018 0020 0828",
    J: "4 ~4045480806",
  },
  ...{ K: "6 0008 6005 2368", L: "5 000858", M: "8 0800468088", N: "6 08006860" },
  ...{ O: "7 o00707808", P: "6 0800 ~003060653505", Q: "7 o00707808 4679" },
  ...{ R: "6 0800 ~003060643404 3468", S: "6 ~6260000464680806", T: "6 0060 3038" },
  ...{ U: "6 ~000508686560", V: "6 003860", W: "8 0028426880", X: "6 0068 6008" },
  ...{ Y: "6 003460 3438", Z: "6 00600868" },
  ...{ a: "4 o03434808 4348", b: "4 0008 o03434808", c: "4 ~444303084847" },
  ...{ d: "4 4048 o03434808", e: "4 0545 ~454303084847", f: "3 ~30101418 0333" },
  ...{ g: "4 o03434808 ~43474b0b0a", h: "4 0008 ~0503434548", i: "0 0308 0101" },
  ...{
    j: "2 ~23272b0b 2121",
    k: "4 0008 4306 1548",
    l: "1 ~00060818",
    m: "6 0308 ~0503333538 ~3533636568",
  },
  ...{ n: "4 0308 ~0503434548", o: "4 o03434808", p: "4 030b o03434808", q: "4 434b o03434808" },
  ...{ r: "3 0308 ~050333", s: "4 ~4443030546480807", t: "3 ~11151838 0333" },
  ...{ u: "4 ~0306084846 4348", v: "4 032843", w: "6 0328344863", x: "4 0348 4308" },
  ...{ y: "4 0328 431b", z: "4 03430848" },
  ...{
    "0": "5 o00505808",
    "1": "2 022028",
    "2": "5 ~02005054080858",
    "3": "5 ~0100505424 ~2454580807",
  },
  ...{
    "4": "5 48400656",
    "5": "5 500003 ~032353580807",
    "6": "5 ~400005 o03535808",
    "7": "5 005028",
  },
  ...{ "8": "5 o00505404 o04545808", "9": "5 o00505505 ~535818" },
  ...{ ".": "0 0808", ",": "1 180a", ":": "0 0404 0808", "-": "3 0535", "+": "4 0545 2327" },
  ...{ "=": "4 0444 0646", "/": "4 0840", "(": "2 ~20020729", ")": "2 ~00222709", "^": "4 032043" },
};

/** Grid units between glyphs, and the width of a space. */
const spacing = 2;
const space = "3";

/** The width of a text's centre lines in pixels, at the given height of capitals. */
export function strokeTextWidth(text: string, capHeight: number): number {
  let width = -spacing;
  for (const character of text) width += Number.parseInt(glyphs[character] ?? space, 36) + spacing;
  return (Math.max(0, width) * capHeight) / 8;
}

/**
 * Writes a text; characters the font lacks are left blank.
 *
 * @param canvas the canvas
 * @param x left end of the first glyph's centre lines, in pixels
 * @param y the capitals' top centre line
 * @param text the text
 * @param capHeight height of capitals in pixels, between centre lines
 * @param weight width of the strokes in pixels
 * @param colour the ink
 * @param clip nothing is drawn outside
 */
export function strokeText(
  canvas: Canvas,
  x: number,
  y: number,
  text: string,
  capHeight: number,
  weight: number,
  colour: Colour,
  clip: Rect,
): void {
  const unit = capHeight / 8;
  let left = x;
  for (const character of text) {
    const [width, ...paths] = (glyphs[character] ?? space).split(" ");
    const placed = paths.map((path) =>
      flatten(path).map(([u, v]): Point => [left + u * unit, y + v * unit]),
    );
    if (placed.length > 0) canvas.strokes(placed, weight, colour, clip);
    left += (Number.parseInt(width, 36) + spacing) * unit;
  }
}

/** The straight pieces of a path. */
function flatten(path: string): Point[] {
  const kind = path[0];
  const digits = kind === "~" || kind === "o" ? path.slice(1) : path;
  const points: Point[] = [];
  for (let i = 0; i < digits.length; i += 2) {
    points.push([Number.parseInt(digits[i], 36), Number.parseInt(digits[i + 1], 36)]);
  }
  if (digits === path) return points;
  const closed = kind === "o";
  const last = points.length - 1;
  const controls = closed ? points : points.slice(1, last);
  const curve: Point[] = [];
  controls.forEach((control, i) => {
    const before = closed ? points[(i + last) % points.length] : points[i];
    const after = closed ? points[(i + 1) % points.length] : points[i + 2];
    const from = !closed && i === 0 ? before : middle(before, control);
    const to = !closed && i === controls.length - 1 ? after : middle(control, after);
    for (let step = 0; step <= 6; step++) curve.push(bezier(from, control, to, step / 6));
  });
  return curve;
}

function middle(a: Point, b: Point): Point {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function bezier(a: Point, b: Point, c: Point, t: number): Point {
  const s = 1 - t;
  const at = (i: 0 | 1) => s * s * a[i] + 2 * s * t * b[i] + t * t * c[i];
  return [at(0), at(1)];
}
