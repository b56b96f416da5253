/**
 * HTML from values: a template tag that escapes what is put into it. Text from files and users goes through
 * `html` as it is, and cannot become markup; only `raw` makes markup of text, and takes ours alone.
 */

/** Markup that is whole: every text in it is escaped. */
export class Html {
  /** The markup. */
  readonly markup: string;

  /** Takes markup as it is; use the function `html`. */
  constructor(markup: string) {
    this.markup = markup;
  }

  /** The markup. */
  toString(): string {
    return this.markup;
  }
}

/** What can stand in HTML: text and numbers are escaped, `undefined` and `false` are nothing, lists are joined. */
export type Content = Html | string | number | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Controls, formats, halves of pairs and separators; the joiner is allowed within an emoji. */
const HIDDEN =
  /(?<!\p{Extended_Pictographic}[\uFE0F\u{1F3FB}-\u{1F3FF}]?)\u200D|\u200D(?!\p{Extended_Pictographic})|(?!\u200D)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Text with control and direction characters, which could hide or turn around what is near, as their code. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (c) => {
    const code = (c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `\\u${code}`;
  });
}

/** Text in HTML and SVG, within elements and quoted attributes: markup escaped, hidden characters shown. */
export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** Markup of a content. */
function markupOf(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Html) return content.markup;
  if (Array.isArray(content)) return content.map(markupOf).join("");
  return escapeHtml(String(content));
}

/** The template tag: the template is markup, what is put into it is escaped unless it is `Html`. */
export function html(template: TemplateStringsArray, ...contents: readonly Content[]): Html {
  const pieces = contents.map((content, i) => markupOf(content) + template[i + 1]);
  return new Html(template[0] + pieces.join(""));
}

/** Markup of our own, such as a style sheet; never text from elsewhere. */
export function raw(markup: string): Html {
  return new Html(markup);
}

/** Contents with something between them; what is nothing is left out. */
export function joined(contents: readonly Content[], between: Content): Html {
  const pieces = contents.map(markupOf).filter((markup) => markup !== "");
  return new Html(pieces.join(markupOf(between)));
}

const SEGMENTER = new Intl.Segmenter();

/** The letters of a text as people see them. Finding them is slow, and not needed where each is one unit. */
function lettersOf(text: string): string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return [...text];
  return [...SEGMENTER.segment(text)].map(({ segment }) => segment);
}

/**
 * A text of at most so many characters, cut in the middle: names of files differ at both ends.
 * Characters are counted as people see them, hidden ones by their code.
 */
export function shortened(text: string, most: number): string {
  const shown = visible(text);
  // Of a very long text only the ends are looked at.
  const end = 16 * most;
  const long = shown.length > 2 * end;
  const [front, back] = long ? [shown.slice(0, end), shown.slice(-end)] : [shown, ""];
  const letters = lettersOf(front);
  if (!long && letters.length <= most) return shown;
  const head = Math.ceil((most - 1) / 2);
  const tail = most - 1 - head;
  const last = long ? lettersOf(back) : letters;
  return `${letters.slice(0, head).join("")}…${last.slice(last.length - tail).join("")}`;
}
