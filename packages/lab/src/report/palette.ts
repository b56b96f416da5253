/**
 * How series are told apart: by colour, by marker and by dashes, so that no two of the first 40 look alike
 * and neighbours differ also in grey or to colour-blind eyes. Colours are CSS variables, which the page sets for light and dark:
 * vermilion, blue, green, purple, ochre, sky, grey and rose, after the palette of Okabe and Ito, Color
 * Universal Design, 2008, darkened on white until lines have a contrast of 3 : 1.
 */

/** How a series is drawn. */
export interface SeriesStyle {
  /** CSS colour. */
  readonly colour: string;
  /** Marker, by the names of Observable Plot. */
  readonly symbol: SymbolName;
  /** Dashes as in `stroke-dasharray`, or `undefined` for a solid line. */
  readonly dash: string | undefined;
}

/** The markers. */
export type SymbolName =
  | "circle"
  | "square"
  | "triangle"
  | "diamond"
  | "times"
  | "plus"
  | "asterisk";

const COLOURS = 8;

const SYMBOLS: readonly SymbolName[] = [
  "circle",
  "square",
  "triangle",
  "diamond",
  "times",
  "plus",
  "asterisk",
];

const DASHES = [undefined, "6 3", "2 3", "8 3 2 3", "12 4"] as const;

/** Methods that every report has keep their place. */
const PLACES: Readonly<Record<string, number>> = { soft: 0, average: 1, maximum: 2 };

/** The style of a place; places are whole numbers from 0. */
export function styleAt(place: number): SeriesStyle {
  return {
    colour: `var(--c${place % COLOURS})`,
    symbol: SYMBOLS[place % SYMBOLS.length],
    dash: DASHES[Math.floor(place / COLOURS) % DASHES.length],
  };
}

/**
 * Styles of named series: `soft`, `average` and `maximum` always look the same, the others take the places
 * that are left, in their order.
 */
export function stylesOf(names: readonly string[]): Map<string, SeriesStyle> {
  const fixed = new Set(
    names.filter((name) => Object.hasOwn(PLACES, name)).map((name) => PLACES[name]),
  );
  let next = 0;
  const styles = new Map<string, SeriesStyle>();
  for (const name of names) {
    if (styles.has(name)) continue;
    if (Object.hasOwn(PLACES, name)) {
      styles.set(name, styleAt(PLACES[name]));
      continue;
    }
    while (fixed.has(next)) next++;
    styles.set(name, styleAt(next++));
  }
  return styles;
}

/** The colours on light paper, as CSS declarations. */
export const LIGHT: string =
  "--c0: #c4471b; --c1: #0b69ad; --c2: #0a8560; --c3: #8b4ba6; --c4: #a57000; --c5: #2c8dc4; --c6: #55514b; --c7: #bb4d84;";

/** The colours on dark paper, as CSS declarations. */
export const DARK: string =
  "--c0: #f58b62; --c1: #63aee8; --c2: #3fc79a; --c3: #c795e2; --c4: #e2ad3f; --c5: #7fd0f2; --c6: #b8b2a8; --c7: #ee93bd;";
