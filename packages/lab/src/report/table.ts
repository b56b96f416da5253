/** Tables: aligned numbers, intervals beside them, the best of a column marked, columns and rows in groups. */
import { type Content, Html, html } from "./html.ts";

/** A column. */
export interface Column {
  /** Its title. */
  readonly title: string;
  /** A second line of the title, such as a unit. */
  readonly under?: string;
  /** Title above this column and its neighbours of the same `group`. */
  readonly group?: string;
  /** Digits after the point; default those that the number has. */
  readonly digits?: number;
  /** What stands behind every number, such as "dB"; not after ∞ or –. */
  readonly unit?: string;
  /** Which value of a group of rows is marked as the best; default none. */
  readonly best?: "largest" | "smallest";
  /** Title of the column of bounds, which stands behind a column that has any; default "interval". */
  readonly bounds?: string;
  /** Whether it holds words, aligned to the left; default false. The last of these at the left names the row. */
  readonly words?: boolean;
}

/** A value with its bounds. */
export interface Bounded {
  /** The value. */
  readonly value: number;
  /** Lower bound. */
  readonly low: number;
  /** Upper bound. */
  readonly high: number;
}

/** What stands in a cell; `undefined` and NaN are shown as –. */
export type Cell = string | number | Bounded | Html | undefined;

/** Rows that belong together. */
export interface RowGroup {
  /** One cell for every column. */
  readonly rows: readonly (readonly Cell[])[];
  /** Rows that are shown for reference, set apart, and never the best; default none. */
  readonly aside?: readonly (readonly Cell[])[];
}

/** A table. */
export interface Table {
  /** What it shows, above it; default nothing. */
  readonly caption?: Content;
  /** The columns. */
  readonly columns: readonly Column[];
  /** The rows. A word that is the same as in the row above it is not repeated within a group. */
  readonly groups: readonly RowGroup[];
}

const isBounded = (cell: Cell): cell is Bounded =>
  typeof cell === "object" && "low" in cell && "high" in cell;

/** The number of a cell, NaN where there is none. */
function numberOf(cell: Cell): number {
  if (typeof cell === "number") return cell;
  return isBounded(cell) ? cell.value : Number.NaN;
}

/**
 * A number as it stands in tables: digits after the point, groups of thousands, a true minus sign, ∞, and –
 * for NaN.
 * @param digits digits after the point; default what the number has, at most 6
 */
export function formatNumber(value: number, digits?: number): string {
  if (Number.isNaN(value)) return "–";
  const sign = value < 0 ? "−" : "";
  if (!Number.isFinite(value)) return `${sign}∞`;
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-6 && digits === undefined)) {
    return `${sign}${size.toExponential(digits ?? 3)}`;
  }
  const text = size.toLocaleString("en-US", {
    minimumFractionDigits: digits ?? 0,
    maximumFractionDigits: digits ?? 6,
  });
  return `${sign}${text}`;
}

/** The best number of every column among the rows, `undefined` where none is marked. */
function bestOf({ rows }: RowGroup, columns: readonly Column[]): (number | undefined)[] {
  return columns.map(({ best, digits }, i) => {
    const numbers = rows.map((row) => numberOf(row[i])).filter((value) => !Number.isNaN(value));
    if (best === undefined || numbers.length < 2) return undefined;
    const [least, most] = [
      numbers.reduce((a, b) => Math.min(a, b)),
      numbers.reduce((a, b) => Math.max(a, b)),
    ];
    const text = (value: number) => formatNumber(value, digits);
    return text(least) === text(most) ? undefined : best === "largest" ? most : least;
  });
}

function cellContent(cell: Cell, { digits, unit }: Column): Content {
  if (cell === undefined) return "–";
  if (typeof cell === "string" || cell instanceof Html) return cell;
  const value = numberOf(cell);
  const behind = unit !== undefined && Number.isFinite(value) ? ` ${unit}` : "";
  return html`<span>${formatNumber(value, digits)}${behind}</span>`;
}

/** The bounds of a cell; nothing where it has none. */
function boundsContent(cell: Cell, { digits }: Column): Content {
  if (!isBounded(cell) || Number.isNaN(cell.value)) return undefined;
  const [low, high] = [cell.low, cell.high].map((bound) => formatNumber(bound, digits));
  return `${low} to ${high}`;
}

/** Which columns have bounds anywhere. */
function boundedColumns({ columns, groups }: Table): boolean[] {
  const rows = groups.flatMap((group) => [...group.rows, ...(group.aside ?? [])]);
  return columns.map((_, i) => rows.some((row) => isBounded(row[i])));
}

/** Renders a table, in a box of its own that scrolls when the page is narrower. */
export function table(given: Table): Html {
  const { caption, columns, groups } = given;
  const bounded = boundedColumns(given);
  const lead = columns.findIndex(({ words }) => !words);
  const naming = (lead < 0 ? columns.length : lead) - 1;
  const kind = (i: number) => (i === naming ? "name" : columns[i].words ? "words" : "");
  const classOf = (names: readonly string[]) => {
    const all = names.filter((name) => name !== "").join(" ");
    return all !== "" && html` class="${all}"`;
  };
  const line = (group: RowGroup, row: readonly Cell[], above: readonly Cell[] | undefined) => {
    const best = group.rows.includes(row) ? bests.get(group) : undefined;
    const cells = columns.map((column, i) => {
      const cell = row[i];
      // What reads like the best is marked like it.
      const isBest =
        best?.[i] !== undefined &&
        formatNumber(numberOf(cell), column.digits) === formatNumber(best[i], column.digits);
      const repeated =
        column.words && i < naming && typeof cell === "string" && above?.[i] === cell;
      const content = repeated ? "" : cellContent(cell, column);
      const names = classOf([kind(i), isBest ? "best" : ""]);
      const main =
        i === naming
          ? html`<th scope="row"${names}>${content}</th>`
          : html`<td${names}>${content}</td>`;
      return bounded[i]
        ? html`${main}<td class="bounds">${boundsContent(cell, column)}</td>`
        : main;
    });
    const aside = group.aside?.includes(row) && html` class="aside"`;
    return html`<tr${aside}>${cells}</tr>\n`;
  };
  const bests = new Map(groups.map((group) => [group, bestOf(group, columns)]));
  const bodies = groups.map((group) => {
    const rows = [...group.rows, ...(group.aside ?? [])];
    return html`<tbody>${rows.map((row, i) => line(group, row, rows[i - 1]))}</tbody>\n`;
  });
  const head = columns.map(({ title, under, bounds = "interval" }, i) => {
    const second = under !== undefined && html`<br>${under}`;
    const behind = bounded[i] && html`<th scope="col" class="bounds">${bounds}</th>`;
    return html`<th scope="col"${classOf([kind(i)])}>${title}${second}</th>${behind}`;
  });
  const label = caption === undefined ? html`` : html`<p class="caption">${caption}</p>`;
  return html`${label}<div class="scroll" tabindex="0" role="region" aria-label="table"><table><thead>${groupHead(columns, bounded)}<tr>${head}</tr></thead>
${bodies}</table></div>
`;
}

/** The line of titles above several columns. */
function groupHead(columns: readonly Column[], bounded: readonly boolean[]): Content {
  if (columns.every(({ group }) => group === undefined)) return undefined;
  const spans: { group: string | undefined; count: number }[] = [];
  for (const [i, { group }] of columns.entries()) {
    const count = bounded[i] ? 2 : 1;
    const last = spans.at(-1);
    if (last !== undefined && last.group === group) last.count += count;
    else spans.push({ group, count });
  }
  const cells = spans.map(({ group, count }) =>
    group === undefined
      ? html`<td colspan="${count}"></td>`
      : html`<th scope="colgroup" class="group" colspan="${count}"><span>${group}</span></th>`,
  );
  return html`<tr class="groups">${cells}</tr>`;
}
