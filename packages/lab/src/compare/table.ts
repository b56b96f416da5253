/** The table of a comparison in the terminal: aligned, the best of each column marked, at most 100 wide. */
import { bestOf, columns, type Mean, show } from "./summary.ts";

/** The means as a table. `colour` marks the best values bold, otherwise an asterisk does. */
export function renderTable(all: readonly Mean[], colour: boolean): string {
  const head = ["kernel", "method", ...columns.map((c) => `${c.title} ${c.light}`), "time"];
  const rows = all.map((mean) => {
    const cells = columns.map(({ key, digits }) => {
      const text = show(mean.values[key], digits);
      // What reads like the best is marked like it.
      return { text, best: text === show(bestOf(all, mean.kernel, key), digits) };
    });
    const time = { text: `${mean.milliseconds.toFixed(2)} ms`, best: false };
    const names = [`${mean.kernel}x${mean.kernel}`, mean.method].map((text) => ({
      text,
      best: false,
    }));
    return [...names, ...cells, time];
  });
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((r) => r[i].text.length)),
  );
  const line = (cells: { text: string; best: boolean }[]) =>
    cells
      .map(({ text, best }, i) => {
        const padded = i < 2 ? text.padEnd(widths[i]) : text.padStart(widths[i]);
        if (!best) return `${padded} `;
        return colour ? `\u001b[1m${padded}\u001b[0m ` : `${padded}*`;
      })
      .join(" ")
      .trimEnd();
  const lines = [line(head.map((text) => ({ text, best: false })))];
  rows.forEach((row, i) => {
    if (i > 0 && all[i].kernel !== all[i - 1].kernel) lines.push("");
    lines.push(line(row));
  });
  return lines.join("\n");
}
