/** The style of reports: one column of text, wide rows of pictures and plots, light and dark, paper and phone. */
import { DARK, LIGHT } from "./palette.ts";

const PAPER = `
  --paper: #fbfaf8; --ink: #1d1c1a; --soft: #6b6862; --line: #e3dfd8;
  --accent: #b4441f; --mark: #f7e6dd; --mark-line: #d2521f; ${LIGHT}`;

/** The style sheet. */
export const style: string = `
:root { color-scheme: light dark; ${PAPER} }
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161514; --ink: #ece9e4; --soft: #a09b93; --line: #35322e;
    --accent: #f0906a; --mark: #3a2419; ${DARK}
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%;
}
main { max-width: 1260px; margin: 0 auto; padding: 56px 28px 40px; }
header, .text, .note, .facts { max-width: 720px; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 14px; font-weight: 650; }
h2 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 72px 0 10px; font-weight: 620; }
h3 { font-size: 1.05rem; margin: 52px 0 0; padding-top: 14px; border-top: 1px solid var(--line); font-weight: 600; }
h1, h2, h3, p, li, dd { overflow-wrap: anywhere; }
p { margin: 0 0 14px; }
ul { margin: 0 0 14px; padding-left: 1.2em; }
a, b, code, th, td { unicode-bidi: isolate; }
.lead { font-size: 1.1rem; }
.note, figcaption, .meta { color: var(--soft); font-size: 0.875rem; }
.state { padding: 10px 14px; border-left: 3px solid var(--mark-line); background: var(--mark); border-radius: 0 6px 6px 0; }
.meta { margin: 0 0 10px; }
.meta b { color: var(--ink); font-weight: 600; }
nav { margin: 28px 0 0; font-size: 0.9rem; color: var(--soft); overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.scroll { overflow-x: auto; margin: 0 -28px 34px; padding: 0 28px; }
table { border-collapse: separate; border-spacing: 0; font-size: 0.92rem; font-variant-numeric: tabular-nums; min-width: min(100%, 640px); }
th, td { text-align: right; padding: 7px 14px 7px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 500; }
thead th, thead td { color: var(--soft); vertical-align: bottom; line-height: 1.35; }
th.words, td.words, th.name { text-align: left; }
th:first-child, td:first-child { padding-left: 0; }
tr.groups td, tr.groups th { border-bottom: none; padding-bottom: 2px; }
th.group { text-align: center; }
th.group span { display: block; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
tbody + tbody tr:first-child > * { padding-top: 20px; }
td.words { color: var(--soft); }
th.name, td.words { max-width: 26em; overflow: hidden; text-overflow: ellipsis; }
td.best { font-weight: 650; color: var(--accent); }
td.best > span { background: var(--mark); border-radius: 5px; padding: 2px 7px; margin: 0 -7px; }
td.bounds { color: var(--soft); font-size: 0.86em; padding-left: 0; text-align: left; }
th.bounds { text-align: left; padding-left: 0; }
tr.aside > * { color: var(--soft); font-style: italic; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 5px 24px; margin: 0 0 20px; font-variant-numeric: tabular-nums; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
figure { margin: 0; }
figcaption { margin-top: 8px; line-height: 1.4; overflow-wrap: anywhere; }
figcaption b, .caption b { color: var(--ink); font-weight: 600; }
.caption { color: var(--soft); font-size: 0.875rem; margin: 22px 0 10px; max-width: 720px; }
.scroll + .caption { margin: -24px 0 34px; }
img { display: block; max-width: none; background: var(--line); box-shadow: 0 0 0 1px var(--line); }
.original { position: relative; }
.original i { position: absolute; outline: 2px solid var(--mark-line); box-shadow: 0 0 0 3px #0008; }
.original i b {
  position: absolute; left: -2px; bottom: 100%; padding: 0 6px; background: var(--mark-line); color: #fff;
  font: 600 12px/18px ui-sans-serif, system-ui, sans-serif;
}
.row { display: flex; flex-wrap: wrap; gap: 22px 18px; }
.row figure { flex: none; box-sizing: content-box; max-width: calc(100% - 2px); padding: 1px; }
.pixels { overflow-x: auto; padding: 1px; margin: -1px; }
.true figcaption span { display: block; }
.zoom img { image-rendering: pixelated; }
.plots { display: grid; gap: 40px 36px; margin: 26px 0 40px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.plots.half { grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); }
.plots.full { grid-template-columns: 1fr; }
figure.plot { min-width: 0; }
figure.plot > svg { display: block; width: 100%; height: auto; overflow: visible; font-family: inherit; color: var(--ink); }
figure.third > svg { max-width: 420px; }
figure.half > svg { max-width: 600px; }
figure.full > svg { max-width: 900px; }
figure > svg.narrow { display: none; max-width: 480px; }
.plot h4 { font-size: 0.95rem; font-weight: 600; margin: 0 0 6px; line-height: 1.35; overflow-wrap: anywhere; }
.plot figcaption { max-width: 720px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0 0 8px; padding: 0; list-style: none; font-size: 0.8125rem; line-height: 1.5; }
.legend li { display: flex; align-items: center; gap: 7px; min-width: 0; unicode-bidi: isolate; }
.legend svg { flex: none; }
.legend small { font-size: inherit; color: var(--soft); }
footer { margin-top: 88px; padding-top: 22px; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem; }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; }
footer dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
code { font: 0.9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 720px) {
  figure > svg.wide { display: none; }
  figure > svg.narrow { display: block; }
}
@media (max-width: 640px) {
  main { padding: 32px 18px; }
  .scroll { margin: 0 -18px 30px; padding: 0 18px; }
  h1 { font-size: 1.65rem; }
  h2 { margin-top: 52px; }
  .row { gap: 18px 12px; }
  .plots { gap: 34px; }
  th.name { position: sticky; left: -18px; background: var(--paper); max-width: 42vw; padding-left: 18px; }
  th.name:first-child { left: 0; padding-left: 0; box-shadow: -18px 0 0 var(--paper); }
  .facts, footer dl { grid-template-columns: 1fr; gap: 0; }
  .facts dd, footer dd { margin-bottom: 8px; }
}
@media print {
  :root { color-scheme: light; ${PAPER} --paper: #fff; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  figure, tr, h2, h3 { break-inside: avoid; }
  h2, h3, h4, .caption { break-after: avoid; }
  h2 { margin-top: 40px; }
  thead { display: table-header-group; }
  table { font-size: 8.5pt; }
  th, td { padding: 4px 7px 4px 4px; }
  thead th, th.name, td.words { white-space: normal; }
  td.best > span { padding: 1px 5px; margin: 0 -5px; }
  .scroll { margin: 0 0 24px; padding: 0; }
  .scroll, .pixels { overflow: visible; }
  .plots, .plots.half { grid-template-columns: 1fr 1fr; gap: 24px; margin: 16px 0 24px; }
  .original { max-width: 100%; }
  .original img, .row img { max-width: 100%; height: auto; }
  figure.full > svg.wide, figure.half > svg.narrow { display: block; }
  figure.full > svg.narrow, figure.half > svg.wide { display: none; }
  svg, td.best > span, .original i b { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  footer { margin-top: 40px; }
}
`;
