/** The report's style: one column of text, wide rows of pictures, light and dark, paper and phone. */
export const style: string = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --ink: #1d1c1a; --soft: #6b6862; --line: #e3dfd8; --card: #ffffff;
  --accent: #b4441f; --mark: #f7e6dd;
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
main { max-width: 1180px; margin: 0 auto; padding: 56px 28px 40px; }
header, .text { max-width: 720px; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 14px; font-weight: 650; }
h2 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 72px 0 6px; font-weight: 620; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 40px 0 10px; font-weight: 600; }
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
tbody tr.first td { border-top: 2px solid var(--line); }
td.best { font-weight: 650; color: var(--accent); }
td.best span { background: var(--mark); border-radius: 5px; padding: 2px 7px; margin-right: -7px; }
figure { margin: 0; }
figcaption { margin-top: 7px; line-height: 1.35; overflow-wrap: anywhere; }
figcaption b { color: var(--ink); font-weight: 600; }
img { display: block; border-radius: 3px; background: var(--line); }
.true { overflow-x: auto; }
.true img { max-width: none; }
.row { display: flex; flex-wrap: wrap; gap: 18px; }
.row figure { flex: none; max-width: 100%; overflow-x: auto; }
.row img { max-width: none; }
.zoom { display: grid; gap: 18px; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.zoom img { width: 100%; height: auto; image-rendering: pixelated; }
footer { margin-top: 88px; padding-top: 22px; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem; }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; }
footer dd { margin: 0; overflow-wrap: anywhere; }
code { font: 0.9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 640px) {
  main { padding: 32px 18px; }
  .scroll { margin: 0 -18px; padding: 0 18px; }
  h1 { font-size: 1.65rem; }
  h2 { margin-top: 52px; }
  .zoom { grid-template-columns: repeat(2, 1fr); gap: 12px; }
  footer dl { grid-template-columns: 1fr; gap: 0; }
  footer dd { margin-bottom: 8px; }
}
@media print {
  :root { --paper: #fff; --card: #fff; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  figure, table, h2, h3 { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .true, .scroll { overflow: visible; }
  .true img { max-width: 100%; height: auto; }
}
`;
