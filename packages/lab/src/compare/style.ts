/** The report's style: one column of text, wide rows of pictures, light and dark, paper and phone. */
export const style: string = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --ink: #1d1c1a; --soft: #6b6862; --line: #e3dfd8; --card: #ffffff;
  --accent: #b4441f; --mark: #f7e6dd; --mark-line: #d2521f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161514; --ink: #ece9e4; --soft: #a09b93; --line: #35322e; --card: #1f1d1b;
    --accent: #f0906a; --mark: #3a2419;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1260px; margin: 0 auto; padding: 56px 28px 40px; }
header, .text { max-width: 720px; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 14px; font-weight: 650; }
h2 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 72px 0 6px; font-weight: 620; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 52px 0 0; padding-top: 14px; border-top: 1px solid var(--line); font-weight: 600; }
p { margin: 0 0 14px; }
.lead { font-size: 1.1rem; }
.note, figcaption, .meta { color: var(--soft); font-size: 0.875rem; }
.meta { margin: 0 0 10px; }
.meta b { color: var(--ink); font-weight: 600; }
nav { margin: 28px 0 0; font-size: 0.9rem; color: var(--soft); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.scroll { overflow-x: auto; margin: 0 -28px; padding: 0 28px; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; width: 100%; min-width: 600px; }
th, td { text-align: right; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 500; color: var(--soft); vertical-align: bottom; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
tbody + tbody tr:first-child td { padding-top: 20px; }
tbody td:first-child { color: var(--soft); }
td.best { font-weight: 650; color: var(--accent); }
td.best span { background: var(--mark); border-radius: 5px; padding: 2px 7px; margin-right: -7px; }
figure { margin: 0; }
figcaption { margin-top: 8px; line-height: 1.4; overflow-wrap: anywhere; }
figcaption b, .caption b { color: var(--ink); font-weight: 600; }
.caption { color: var(--soft); font-size: 0.875rem; margin: 22px 0 10px; }
.scroll + .caption { margin: 10px 0 34px; }
img { display: block; max-width: none; background: var(--line); box-shadow: 0 0 0 1px var(--line); }
.original { position: relative; }
.original i { position: absolute; outline: 2px solid var(--mark-line); box-shadow: 0 0 0 3px #0008; }
.original i b {
  position: absolute; left: -2px; bottom: 100%; padding: 0 6px; background: var(--mark-line); color: #fff;
  font: 600 12px/18px ui-sans-serif, system-ui, sans-serif;
}
.row { display: flex; flex-wrap: wrap; gap: 22px 18px; }
.row figure { flex: none; box-sizing: content-box; max-width: calc(100% - 2px); overflow-x: auto; padding: 1px; }
.true figcaption span { display: block; }
.zoom img { image-rendering: pixelated; }
footer { margin-top: 88px; padding-top: 22px; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem; }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; }
footer dd { margin: 0; overflow-wrap: anywhere; }
code { font: 0.9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 640px) {
  main { padding: 32px 18px; }
  .scroll { margin: 0 -18px; padding: 0 18px; }
  h1 { font-size: 1.65rem; }
  h2 { margin-top: 52px; }
  .row { gap: 18px 12px; }
  footer dl { grid-template-columns: 1fr; gap: 0; }
  footer dd { margin-bottom: 8px; }
}
@media print {
  :root { --paper: #fff; --card: #fff; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  figure, table, h2, h3 { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll, .row figure { overflow: visible; }
  .original { max-width: 100%; }
  .original img, .row img { max-width: 100%; height: auto; }
  td.best span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
