/**
 * Arguments of commands. Commands are declared with citty, which also writes their help; parsing is
 * strict (Node's `parseArgs`), so that a misspelt option is an error and not a file name.
 */
import { parseArgs } from "node:util";
import type { ArgsDef, CommandDef } from "citty";
import { UsageError } from "./errors.ts";
import { suggestion } from "./suggestion.ts";

/** Parsed arguments: options by name, and the rest. */
export interface Arguments {
  /** Values of options that take one. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** All values of options that may be given several times, and were. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>;
  /** Options without a value that were given. */
  readonly flags: ReadonlySet<string>;
  /** Everything that is not an option. */
  readonly rest: readonly string[];
}

/** A command of ours: citty's declaration and what it runs on the parsed arguments. */
export interface Command {
  /** Name, description and options. */
  readonly definition: CommandDef<ArgsDef>;
  /** Options that take a value and may be given several times. */
  readonly repeatable?: readonly string[];
  /** What follows the command's name, for the help. */
  readonly usage: string;
  /** Paragraphs of the help: what to know before using it. */
  readonly notes: readonly string[];
  /** Examples of the help. */
  readonly examples: readonly string[];
  /** The part of it whose help is wanted, by what stands beside `--help`; default none: its own. */
  part?(args: Arguments): Command | undefined;
  /** Runs it; resolves to the exit code. */
  run(args: Arguments): Promise<number>;
}

type Option = { type: "string" | "boolean"; short?: string; multiple?: boolean };

/** Parses the words after a command's name by its declaration. */
export function parse(command: Command, words: readonly string[]): Arguments {
  const declared = (command.definition.args ?? {}) as ArgsDef;
  const options: Record<string, Option> = { help: { type: "boolean", short: "h" } };
  for (const [name, arg] of Object.entries(declared)) {
    if (arg.type === "positional") continue;
    const aliases = "alias" in arg ? [arg.alias ?? []].flat() : [];
    const short = aliases.find((alias) => alias.length === 1);
    const type = arg.type === "boolean" ? "boolean" : "string";
    const multiple = command.repeatable?.includes(name) === true;
    options[name] = { type, ...(short === undefined ? {} : { short }), multiple };
  }
  const names = Object.keys(options).map((name) => `--${name}`);
  try {
    const { values, positionals } = parseArgs({
      args: joinNumbers(words, options),
      options: options as never,
      allowPositionals: true,
      strict: true,
    });
    const all = Object.entries(values as Record<string, string | boolean | string[]>);
    const lists = all.filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
    return {
      values: Object.fromEntries(all.filter((entry) => typeof entry[1] === "string")) as Record<
        string,
        string
      >,
      lists: Object.fromEntries(lists),
      flags: new Set(all.filter((entry) => entry[1] === true).map((entry) => entry[0])),
      rest: positionals,
    };
  } catch (error) {
    const { message } = error as Error;
    const unknown = /Unknown option '(-+[^']*)'/.exec(message)?.[1];
    if (unknown !== undefined) {
      throw new UsageError(`unknown option ${unknown}${suggestion(unknown, names)}`);
    }
    const lone = /'([^']*)' argument missing|Option '([^']*)' argument/.exec(message);
    if (lone !== null) {
      const option = (lone[1] ?? lone[2] ?? "").replace(/ <value>$/, "");
      throw new UsageError(`option ${option}: expected a value, received none`);
    }
    throw new UsageError(message.split("\n")[0].replace(/\.$/, ""));
  }
}

/** `--beta -1` means what it says: a value that looks like a negative number is joined to its option. */
function joinNumbers(words: readonly string[], options: Record<string, Option>): string[] {
  const takesValue = new Set<string>();
  for (const [name, { type, short }] of Object.entries(options)) {
    if (type !== "string") continue;
    takesValue.add(`--${name}`);
    if (short !== undefined) takesValue.add(`-${short}`);
  }
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const next = words[i + 1];
    if (words[i] === "--") return [...result, ...words.slice(i)];
    if (takesValue.has(words[i]) && next !== undefined && /^-(\d|\.\d|inf)/i.test(next)) {
      const long = words[i].startsWith("--");
      result.push(long ? `${words[i]}=${next}` : `${words[i]}${next}`);
      i++;
    } else result.push(words[i]);
  }
  return result;
}

/** A positive integer, or a usage error that names the option. */
export function positiveInteger(option: string, text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 2 ** 31 - 1) {
    throw new UsageError(
      `${option}: expected a whole number from 1, received ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

/** A seed: a whole number from 0, or a usage error that names the option. */
export function seedNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 2 ** 31 - 1) {
    throw new UsageError(
      `${option}: expected a whole number from 0, received ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

/** `N` or `HxW` as height and width. */
export function pairOf(option: string, text: string): [height: number, width: number] {
  const parts = text.split(/[x×]/i).map(Number);
  const valid = /^\d+([x×]\d+)?$/i.test(text) && parts.every((part) => part >= 1 && part < 2 ** 31);
  if (!valid) {
    throw new UsageError(
      `${option}: expected a whole number from 1 or two as HEIGHTxWIDTH, received ${JSON.stringify(text)}`,
    );
  }
  return [parts[0], parts[parts.length - 1]];
}

/** A temperature: a number, `inf` or `-inf`. */
export function temperature(option: string, text: string): number {
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  const value = infinite ? Number(`${infinite[1]}Infinity`) : Number(text);
  if (text.trim() === "" || Number.isNaN(value)) {
    throw new UsageError(
      `${option}: expected a number, inf or -inf, received ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** Words between commas, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split(",").map((word) => word.trim()))];
}

/** One of several words, or a usage error that suggests the nearest. */
export function oneOf<T extends string>(option: string, text: string, words: readonly T[]): T {
  if (words.includes(text as T)) return text as T;
  throw new UsageError(
    `${option}: expected one of ${words.join(", ")}, received ${JSON.stringify(text)}${suggestion(text, words)}`,
  );
}
