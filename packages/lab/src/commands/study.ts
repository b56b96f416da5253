/** `softpool study`: measurements that are done cell by cell, kept, resumed and split over machines. */
import { nearestName } from "@softpool/pictures";
import { defineCommand } from "citty";
import type { Arguments, Command } from "../args.ts";
import { UsageError } from "../errors.ts";
import { latencyNotes, latencyOptions, latencyRepeatable, runLatency } from "../latency/command.ts";
import { runSimilarity, similarityNotes, similarityOptions } from "../similarity/command.ts";

/** A study by name. */
interface Study {
  readonly summary: string;
  run(args: Arguments): Promise<number>;
}

const studies: Readonly<Record<string, Study>> = {
  similarity: {
    summary: "what pooling leaves of pictures, by method, kernel and protocol",
    run: runSimilarity,
  },
  latency: {
    summary: "what poolings cost: time and memory by method, shape, kernel and engine",
    run: runLatency,
  },
};

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
    const near = nearestName(name, all);
    const hint = near === undefined ? "" : `, did you mean ${near}?`;
    throw new UsageError(
      `expected a study, one of ${all.join(", ")}, received ${JSON.stringify(name)}${hint}`,
    );
  }
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
