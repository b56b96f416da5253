/** The means in the terminal: a table for each comparison, a line for each method, the kernels side by side. */
import { comparisonTitle } from "./comparison.ts";
import type { MeasureKey } from "./measures.ts";
import { type ComparedSet, type Mean, type SetSummary, withoutSweep } from "./summary.ts";

const KEYS: readonly { key: MeasureKey; title: string; digits: number }[] = [
  { key: "ssim", title: "SSIM", digits: 4 },
  { key: "psnr", title: "PSNR", digits: 2 },
];

function show(value: number, digits: number): string {
  if (Number.isNaN(value)) return "-";
  return Number.isFinite(value) ? value.toFixed(digits) : value > 0 ? "inf" : "-inf";
}

/** A table of a comparison; `colour` marks the best values bold, otherwise an asterisk does. */
function comparedTable({ means }: ComparedSet, kernels: readonly number[], colour: boolean) {
  const shown = withoutSweep(means);
  const names = [...new Set(shown.map(({ name }) => name))];
  const at = (name: string, kernel: number) =>
    shown.find((mean) => mean.name === name && mean.kernel === kernel);
  const columns = kernels.flatMap((kernel) => KEYS.map((measure) => ({ kernel, ...measure })));
  const value = (mean: Mean | undefined, key: MeasureKey) =>
    mean?.measures[key].value ?? Number.NaN;
  const cells = names.map((name) =>
    columns.map(({ kernel, key, digits }) => {
      const own = value(at(name, kernel), key);
      const all = names.map((other) => value(at(other, kernel), key));
      const text = show(own, digits);
      // What reads like the best is marked like it.
      const best = show(Math.max(...all.filter((entry) => !Number.isNaN(entry))), digits);
      return { text, best: text === best && names.length > 1 };
    }),
  );
  const heads = columns.map(({ kernel, title }) => `${title} ${kernel}x${kernel}`);
  const first = Math.max("method".length, ...names.map((name) => name.length));
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...cells.map((row) => row[i].text.length)),
  );
  const line = (name: string, row: readonly { text: string; best: boolean }[]) =>
    [
      `${name.padEnd(first)} `,
      ...row.map(({ text, best }, i) => {
        const padded = text.padStart(widths[i]);
        if (!best) return `${padded} `;
        return colour ? `\u001b[1m${padded}\u001b[0m ` : `${padded}*`;
      }),
    ]
      .join(" ")
      .trimEnd();
  const head = heads.map((text) => ({ text, best: false }));
  return [line("method", head), ...names.map((name, i) => line(name, cells[i]))];
}

/** The tables of a set, in lines. */
export function terminalTables(summary: SetSummary, colour: boolean): string[] {
  const { length } = summary.pictures;
  const count = `${length} ${length === 1 ? "picture" : "pictures"}`;
  return summary.comparisons.flatMap((compared) => {
    const engines = [...new Set(compared.means.flatMap(({ engines }) => engines))].join(", ");
    return [
      `${summary.set}, ${count}: ${comparisonTitle(compared.comparison)}`,
      `engines: ${engines}`,
      "",
      ...comparedTable(compared, summary.kernels, colour),
      "",
    ];
  });
}
