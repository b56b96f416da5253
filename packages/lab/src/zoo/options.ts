/** Options that commands about networks of the zoo share, and how these are shown. */
import { OnnxError } from "@softpool/onnx";
import { describeWindow } from "@softpool/poolings";
import { findNetwork, type NetworkEntry, networks, type Place } from "@softpool/zoo";
import { quote, UsageError } from "../errors.ts";
import { suggestion } from "../suggestion.ts";

/** The network of a name or an alias; an unknown one is a usage error that suggests the nearest. */
export function networkOption(text: string): NetworkEntry {
  const entry = findNetwork(text);
  if (entry !== undefined) return entry;
  const names = networks.flatMap(({ name, aliases }) => [name, ...aliases]);
  const hint = suggestion(text, names);
  const all = networks.map(({ name }) => name).join(", ");
  throw new UsageError(`expected one of the networks ${all}, received ${quote(text)}${hint}`);
}

/** Runs what fails only when something impossible was asked for. */
export function asked<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    const option = /^(?:buildNetwork: (\w+)|(pool|method)): /.exec(error.message);
    if (option === null) throw new UsageError(error.message);
    const name = option[1] ?? "pool";
    throw new UsageError(`--${name}: ${error.message.slice(option[0].length)}`);
  }
}

/** A number with commas between the thousands. */
export function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A place as a row: name, kind, window, what is pooled, the result. */
export function placeRow({ name, kind, window, counted, input, output }: Place): string[] {
  const shape = (sizes: Place["input"]) => sizes.slice(1).join("x");
  return [name, kind, describeWindow(window, counted), shape(input), shape(output)];
}

/** Rows as text, columns aligned; those of `right` to the right. */
export function renderRows(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row
        .map((text, i) => (right.includes(i) ? text.padStart(widths[i]) : text.padEnd(widths[i])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
