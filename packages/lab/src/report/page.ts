/**
 * The page of a report: one HTML file that needs nothing from elsewhere and no script. Title, what it says
 * in a paragraph, contents, sections, and at the foot where it comes from.
 */
import { type Content, type Html, html, joined, raw } from "./html.ts";
import { style } from "./style.ts";

/** A section of a page. */
export interface Section {
  /** Its heading. */
  readonly title: string;
  /** What stands in it. */
  readonly body: Content;
  /** Whether the contents leave it out; default false. */
  readonly unlisted?: boolean;
}

/** A page. */
export interface Page {
  /** The heading, also of the window. */
  readonly title: string;
  /** What the report says, in a paragraph. */
  readonly lead: Content;
  /** How to read it: paragraphs of `note`. */
  readonly notes?: Content;
  /** The sections; with more than one listed there are contents. */
  readonly sections: readonly Section[];
  /** Where it comes from, such as command, versions and machine: names and values. */
  readonly foot: readonly (readonly [name: string, value: string])[];
}

/** A paragraph of small print; nothing where there is nothing to say. */
export function note(...contents: readonly Content[]): Html {
  const text = joined(contents, " ");
  return text.markup === "" ? text : html`<p class="note">${text}</p>`;
}

/** A paragraph at the width of a comfortable line. */
export function paragraph(...contents: readonly Content[]): Html {
  return html`<p class="text">${joined(contents, " ")}</p>`;
}

/** A heading within a section. */
export function heading(title: string): Html {
  return html`<h3>${title}</h3>`;
}

/** A list of sentences. */
export function list(items: readonly Content[]): Html {
  return html`<ul class="text">${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

/** Names and values side by side; a value that is `undefined` is left out with its name. */
export function facts(entries: readonly (readonly [name: string, value: Content])[]): Html {
  const known = entries.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">${known.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** Renders a page as a whole HTML document. */
export function renderPage({ title, lead, notes, sections, foot }: Page): string {
  const links = sections.flatMap(({ title, unlisted }, i) =>
    unlisted ? [] : [html`<a href="#part-${i + 1}">${title}</a>`],
  );
  const contents =
    links.length > 1 && html`<nav aria-label="contents">${joined(links, raw(" · "))}</nav>`;
  const parts = sections.map(
    ({ title, body }, i) => html`<section>
<h2 id="part-${i + 1}">${title}</h2>
${body}
</section>
`,
  );
  const details = foot.map(
    ([name, value]) => html`<dt>${name}</dt><dd><code>${value}</code></dd>\n`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="lead">${lead}</p>
${notes}
${contents}
</header>
${parts}${foot.length > 0 && html`<footer><dl>${details}</dl></footer>`}
</main>
</body>
</html>
`.markup;
}
