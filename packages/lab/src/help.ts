/** The help of a command, written from its declaration: usage, options, what to know, examples. */
import type { ArgsDef } from "citty";
import type { Command } from "./args.ts";

const WIDTH = 96;

/** Breaks a text into lines of at most `width` characters. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Two columns, the second wrapped. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows.flatMap(([name, text]) =>
    wrap(text, WIDTH - left).map((line, i) => (i === 0 ? `  ${name}` : "").padEnd(left) + line),
  );
}

/** The options of a declaration as rows: `-k, --kernel N` and the description with its default. */
function optionRows(args: ArgsDef): [string, string][] {
  const rows = Object.entries(args).flatMap(([name, arg]): [string, string][] => {
    if (arg.type === "positional") return [];
    const short = [("alias" in arg ? arg.alias : undefined) ?? []].flat()[0];
    const value = arg.valueHint === undefined ? "" : ` ${arg.valueHint}`;
    const preset = arg.default === undefined ? "" : `; default ${arg.default}`;
    const flag = `${short === undefined ? "    " : `-${short}, `}--${name}${value}`;
    return [[flag, `${arg.description ?? ""}${preset}`]];
  });
  return [...rows, ["-h, --help", "show this help"]];
}

/** The help of one command. */
export function commandHelp({ definition, usage, notes, examples }: Command): string {
  const { name, description } = definition.meta as { name: string; description: string };
  return [
    ...wrap(description, WIDTH),
    "",
    `Usage: softpool ${name} ${usage}`,
    "",
    "Options:",
    ...columns(optionRows(definition.args as ArgsDef)),
    ...notes.flatMap((note) => ["", ...wrap(note, WIDTH)]),
    "",
    examples.length === 1 ? "Example:" : "Examples:",
    ...examples.map((example) => `  ${example}`),
  ].join("\n");
}

/** The help of the program: its commands, by name and summary. */
export function programHelp(version: string, summaries: Readonly<Record<string, string>>): string {
  return [
    `softpool ${version}: what SoftPool and other poolings do to pictures`,
    "",
    "Usage: softpool COMMAND [options]",
    "",
    "Commands:",
    ...columns(Object.entries(summaries)),
    "",
    "Options:",
    ...columns([
      ["-h, --help", "show this help; after a command, its own"],
      ["-v, --version", "show the version"],
    ]),
    "",
    "Exit code: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.",
    "",
    "Example:",
    "  softpool compare photo.jpg --kernels 2,3 -o report",
  ].join("\n");
}
