/** `softpool report`: the report of studies, or of a training, from what their folders hold. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import type { Arguments, Command } from "../args.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { expectWritable, isDirectory, makeDirectory, saveText } from "../paths.ts";
import { writeReport } from "../study/render.ts";
import { cellsIn } from "../study/store.ts";
import { renderRun } from "../training/report.ts";

const definition = defineCommand({
  meta: {
    name: "report",
    description: "Write the report of studies or of a training, from their folders alone",
  },
  args: {
    directory: { type: "positional", description: "folders of a study, or of a training" },
    output: {
      type: "string",
      alias: "o",
      description: "directory of the report; default the first folder",
      valueHint: "DIR",
    },
    json: { type: "boolean", description: "print the means as JSON" },
  },
});

/** Whether a folder is one of a training. */
function isTraining(folder: string): boolean {
  const has = (name: string) => existsSync(join(folder, name));
  return cellsIn(folder).length === 0 && (has("checkpoint.json") || has("metrics.jsonl"));
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  if (rest.length === 0) throw new UsageError("expected the folder of a study or of a training");
  for (const folder of rest) {
    if (!isDirectory(folder)) throw new Failure(`there is no directory ${quote(folder)}`);
  }
  const output = values.output ?? rest[0];
  if (output === "") throw new UsageError("-o: expected a directory, received an empty name");
  makeDirectory(output);
  const page = join(output, "index.html");
  expectWritable(page);
  const trainings = rest.filter(isTraining);
  if (trainings.length === 0) {
    await writeReport(rest, output, { json: flags.has("json"), quiet: false });
    return 0;
  }
  if (rest.length > 1) {
    throw new UsageError(
      `expected one folder of a training, received ${rest.length} folders: ${rest.map(quote).join(", ")}`,
    );
  }
  await saveText(page, renderRun(rest[0]));
  console.log(`Report: ${page}`);
  return 0;
}

/** The command. */
export const report: Command = {
  definition: definition as Command["definition"],
  usage: "DIRECTORY... [options]",
  notes: [
    "Takes folders of softpool study, or folders that hold such folders, so that shards need only lie side by " +
      "side; or one folder of softpool train. The pictures, weights and data that were studied are not needed.",
    "Of equal cells the newest that is done counts; broken files are named and left out.",
  ],
  examples: [
    "softpool report softpool-similarity",
    "softpool report shard-1 shard-2 shard-3 -o report",
  ],
  run,
};
