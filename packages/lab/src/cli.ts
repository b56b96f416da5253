/** The command `softpool`: finds the sub-command, shows help, turns errors into one sentence. */
import { type Command, parse } from "./args.ts";
import { explain, Failure, plain, quote, UsageError } from "./errors.ts";
import { commandHelp, programHelp } from "./help.ts";
import { suggestion } from "./suggestion.ts";
import { version } from "./version.ts";

/** Sub-commands, loaded when they are needed. */
const commands: Record<string, () => Promise<Command>> = {
  downsample: async () => (await import("./commands/downsample.ts")).downsample,
  compare: async () => (await import("./commands/compare.ts")).compare,
  models: async () => (await import("./commands/models.ts")).models,
  build: async () => (await import("./commands/build.ts")).build,
  swap: async () => (await import("./commands/swap.ts")).swap,
  train: async () => (await import("./commands/train.ts")).train,
  eval: async () => (await import("./commands/eval.ts")).evalCommand,
  study: async () => (await import("./commands/study.ts")).study,
  report: async () => (await import("./commands/report.ts")).report,
  mcnemar: async () => (await import("./commands/mcnemar.ts")).mcnemar,
  checks: async () => (await import("./commands/checks.ts")).checks,
};

const summaries: Record<string, string> = {
  downsample: "Shrink pictures by pooling",
  compare: "Compare pooling methods on pictures, with a report",
  models: "List the networks that can be built",
  build: "Write a network as an ONNX file",
  swap: "Replace the pooling of an ONNX network",
  train: "Train a network on labelled pictures",
  eval: "Measure the accuracy of a network on labelled pictures",
  study: "Measure what pooling methods do to pictures, with a report",
  report: "Write the report of a study or of a training again",
  mcnemar: "Test whether two trained models differ in accuracy",
  checks: "Show versions, processors, engines and what is missing",
};

async function run(words: string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === "help" && rest.length > 0) return run([...rest, "--help"]);
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(programHelp(version(), summaries));
    return 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(version());
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    const option = name.startsWith("-");
    const hint = suggestion(name, option ? ["--help", "--version"] : Object.keys(commands));
    const all = Object.keys(commands).join(", ");
    throw new UsageError(
      option
        ? `unknown option ${quote(name)}${hint}`
        : `unknown command ${quote(name)}${hint}; there are ${all}`,
    );
  }
  const command = await commands[name]();
  const args = parse(command, rest);
  if (args.flags.has("help")) {
    console.log(commandHelp(command.part?.(args) ?? command));
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
  let unwritten = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that went away (`| head`) does not stop the work.
    if (error.code === "EPIPE" || unwritten) return;
    unwritten = true;
    console.error(`softpool: ${explain("write to", "standard output", error).message}`);
    process.exitCode = 1;
  });
  process.stderr.on("error", () => {});
  let code: number;
  try {
    code = await run(words);
  } catch (error) {
    const usage = error instanceof UsageError;
    const known = usage || error instanceof Failure;
    const message = known ? error.message : plain(String((error as Error)?.message ?? error));
    const name = Object.hasOwn(commands, words[0] ?? "") ? ` ${words[0]}` : "";
    console.error(`softpool: ${message}${usage ? ` (see softpool${name} --help)` : ""}`);
    if (!known && process.env.SOFTPOOL_DEBUG) console.error(error);
    code = usage ? 2 : 1;
  }
  process.exitCode = unwritten && code === 0 ? 1 : code;
}
