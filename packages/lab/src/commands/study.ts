/** `softpool study`: measurements that are done cell by cell, kept, resumed and split over machines. */
import { type ArgsDef, defineCommand } from "citty";
import type { Arguments, Command } from "../args.ts";
import { UsageError } from "../errors.ts";
import { latency } from "../latency/command.ts";
import { similarity } from "../similarity/command.ts";
import { suggestion } from "../suggestion.ts";

const studies: Readonly<Record<string, Command>> = { similarity, latency };

const optionsOf = (name: string): ArgsDef => (studies[name].definition.args ?? {}) as ArgsDef;

/** Refuses options of other studies. */
function expectOwn(name: string, { values, lists, flags }: Arguments): void {
  const given = [...Object.keys(values), ...Object.keys(lists), ...flags];
  const foreign = given.find((option) => option !== "help" && !(option in optionsOf(name)));
  if (foreign === undefined) return;
  const others = Object.keys(studies).filter((other) => foreign in optionsOf(other));
  throw new UsageError(
    `--${foreign} is an option of the study ${others.join(", ")}, not of ${name}`,
  );
}

const meta = {
  name: "study",
  description: "Measure what pooling methods do, cell by cell, with a report",
};

/** What all studies have in common, for the help that names none. */
const overview: Command = {
  definition: defineCommand({ meta, args: {} }) as Command["definition"],
  usage: `${Object.keys(studies).join("|")} [options]`,
  notes: [
    ...Object.values(studies).map(({ definition, usage }) => {
      const { name, description } = definition.meta as { name: string; description: string };
      return `softpool ${name} ${usage}: ${description[0].toLowerCase()}${description.slice(1)}.`;
    }),
    "Each has its own options: softpool study NAME --help.",
    "Each cell is a file in cells/ of -o: the same command goes on where it was left, --shard 1/3, 2/3 and 3/3 " +
      "on three machines do a third each, and softpool report renders what there is.",
  ],
  examples: Object.values(studies).map(({ examples }) => examples[0]),
  run,
};

/** The study of a name. */
function studyOf(name: string | undefined): string {
  const all = Object.keys(studies);
  if (name === undefined) throw new UsageError(`expected a study: ${all.join(", ")}`);
  if (Object.hasOwn(studies, name)) return name;
  const hint = suggestion(name, all);
  throw new UsageError(
    `expected a study, one of ${all.join(", ")}, received ${JSON.stringify(name)}${hint}`,
  );
}

async function run(args: Arguments): Promise<number> {
  const [first, ...rest] = args.rest;
  const name = studyOf(first);
  expectOwn(name, args);
  return studies[name].run({ ...args, rest });
}

/** The command. */
export const study: Command = {
  ...overview,
  definition: defineCommand({
    meta,
    args: Object.assign({}, ...Object.keys(studies).map(optionsOf)),
  }) as Command["definition"],
  repeatable: Object.values(studies).flatMap(({ repeatable }) => repeatable ?? []),
  part: ({ rest: [name] }) => (name === undefined ? overview : studies[studyOf(name)]),
};
