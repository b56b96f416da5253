/** The command `softpool`: finds the sub-command, shows help, turns errors into one sentence. */
import { readFileSync } from "node:fs";
import { nearestName } from "@softpool/pictures";
import { defineCommand, renderUsage } from "citty";
import { type Command, parse } from "./args.ts";
import { Failure, plain, UsageError } from "./errors.ts";

/** Sub-commands, loaded when they are needed. */
const commands: Record<string, () => Promise<Command>> = {
  downsample: async () => (await import("./commands/downsample.ts")).downsample,
  compare: async () => (await import("./commands/compare.ts")).compare,
  checks: async () => (await import("./commands/checks.ts")).checks,
};

const summaries: Record<string, string> = {
  downsample: "Shrink pictures by pooling",
  compare: "Compare pooling methods on pictures, with a report",
  checks: "Show versions, processors, engines and what is missing",
};

/** The version of this package. */
export function version(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

const main0 = defineCommand({
  meta: { name: "softpool", version: version(), description: "SoftPool and other poolings" },
  subCommands: Object.fromEntries(
    Object.entries(summaries).map(([name, description]) => [
      name,
      defineCommand({ meta: { name, description } }),
    ]),
  ),
});

/** Text without colours where the output is not a terminal. */
function uncoloured(text: string): string {
  const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that begins a colour
  return colour ? text : text.replace(/\u001b\[[0-9;]*m/g, "");
}

async function showHelp(command?: Command): Promise<void> {
  const usage = await renderUsage(command?.definition ?? main0, command ? main0 : undefined);
  const example = command?.example ?? "softpool compare --kernels 2,3,5";
  console.log(`${uncoloured(usage).trimEnd()}\n\nEXAMPLE\n\n  ${example}\n`);
}

async function run(words: string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    await showHelp(
      rest[0] !== undefined && commands[rest[0]] ? await commands[rest[0]]() : undefined,
    );
    return 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(version());
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    const near = nearestName(name, Object.keys(commands));
    const hint = near === undefined ? "" : `, did you mean ${near}?`;
    const all = Object.keys(commands).join(", ");
    throw new UsageError(`unknown command ${JSON.stringify(name)}${hint} (there are ${all})`);
  }
  const command = await commands[name]();
  const args = parse(command, rest);
  if (args.flags.has("help")) {
    await showHelp(command);
    return 0;
  }
  return command.run(args);
}

/**
 * Runs the command and sets the exit code: 0 when it did what was asked, 2 for wrong usage, 1 for a
 * failure, 130 when it was interrupted.
 * @param words the words after the program's name
 */
export async function main(words: string[]): Promise<void> {
  // A reader that went away (`| head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
  try {
    process.exitCode = await run(words);
  } catch (error) {
    const usage = error instanceof UsageError;
    const known = usage || error instanceof Failure;
    const message = known ? error.message : plain(String((error as Error)?.message ?? error));
    console.error(`softpool: ${message}`);
    if (usage)
      console.error(`softpool: see softpool ${commands[words[0]] ? `${words[0]} ` : ""}--help`);
    if (!known && process.env.SOFTPOOL_DEBUG) console.error(error);
    process.exitCode = usage ? 2 : 1;
  }
}
