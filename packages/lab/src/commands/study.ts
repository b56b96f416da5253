/** `softpool study`: measurements that are done cell by cell, kept, resumed and split over machines. */
import type { ArgsDef } from "citty";
import { defineCommand } from "citty";
import type { Arguments, Command } from "../args.ts";
import { UsageError } from "../errors.ts";
import { latencyNotes, latencyOptions, latencyRepeatable, runLatency } from "../latency/command.ts";
import { runSimilarity, similarityNotes, similarityOptions } from "../similarity/command.ts";
import { suggestion } from "../suggestion.ts";

/** A study by name. */
interface Study {
  readonly summary: string;
  readonly options: ArgsDef;
  run(args: Arguments): Promise<number>;
}

const studies: Readonly<Record<string, Study>> = {
  similarity: {
    summary: "what pooling leaves of pictures, by method, kernel and protocol",
    options: similarityOptions,
    run: runSimilarity,
  },
  latency: {
    summary: "what poolings cost: time and memory by method, shape, kernel and engine",
    options: latencyOptions,
    run: runLatency,
  },
};

/** Options that both have. */
const shared = ["kernels", "methods", "output", "shard", "threads", "json"];

/** Refuses options of other studies. */
function expectOwn(name: string, { values, lists, flags }: Arguments): void {
  const own = new Set([...Object.keys(studies[name].options), ...shared]);
  const given = [...Object.keys(values), ...Object.keys(lists), ...flags];
  const foreign = given.find((option) => !own.has(option));
  if (foreign === undefined) return;
  const others = Object.keys(studies).filter((other) => foreign in studies[other].options);
  throw new UsageError(
    `--${foreign} is an option of the study ${others.join(", ")}, not of ${name}`,
  );
}

const definition = defineCommand({
  meta: {
    name: "study",
    description: "Measure what pooling methods do, cell by cell, with a report",
  },
  args: {
    study: { type: "positional", description: "which study", required: false },
    ...similarityOptions,
    ...latencyOptions,
  },
});

async function run(args: Arguments): Promise<number> {
  const [name, ...rest] = args.rest;
  const all = Object.keys(studies);
  if (name === undefined) {
    throw new UsageError(`expected a study: ${all.join(", ")}`);
  }
  if (!Object.hasOwn(studies, name)) {
    const hint = suggestion(name, all);
    throw new UsageError(
      `expected a study, one of ${all.join(", ")}, received ${JSON.stringify(name)}${hint}`,
    );
  }
  expectOwn(name, args);
  return studies[name].run({ ...args, rest });
}

/** The command. */
export const study: Command = {
  definition: definition as Command["definition"],
  repeatable: latencyRepeatable,
  usage: "similarity [DIRECTORY] [options] | latency [options]",
  notes: [...similarityNotes, ...latencyNotes],
  examples: [
    "softpool study similarity photos/ -o out",
    "softpool study similarity photos/ --fit --shard 1/3 -o out-1",
    "softpool study similarity photos/ --methods soft,average,maximum --sweep-beta",
    "softpool study latency --shape 1x64x112x112 --kernels 2,3,5,8 -o out",
  ],
  run,
};
