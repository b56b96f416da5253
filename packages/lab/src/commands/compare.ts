/** `softpool compare`: pooling methods on pictures, as a table, a report and JSON. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { findProtocol, protocols } from "@softpool/pictures";
import { defineCommand } from "citty";
import {
  type Arguments,
  type Command,
  oneOf,
  positiveInteger,
  temperature,
  wordsOf,
} from "../args.ts";
import { findSources } from "../compare/load.ts";
import { warmUp } from "../compare/measure.ts";
import { comparePicture, GAIN, nothingCompared, type Plan } from "../compare/parts.ts";
import { type PicturePart, type Report, renderReport } from "../compare/report.ts";
import { engineName, origin, type Results, toJson } from "../compare/results.ts";
import { inWords, means } from "../compare/summary.ts";
import { renderTable } from "../compare/table.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { findMethod, methods } from "../methods.ts";
import { expectWritable, makeDirectory, saveText } from "../paths.ts";
import { Interruption, Progress } from "../progress.ts";

const definition = defineCommand({
  meta: {
    name: "compare",
    description: "Compare pooling methods on pictures: similarity to the original, time, a report",
  },
  args: {
    picture: { type: "positional", description: "pictures or directories", required: false },
    kernels: {
      type: "string",
      alias: "k",
      description: "window sizes, separated by commas",
      default: "2,3,5",
      valueHint: "N,N...",
    },
    methods: {
      type: "string",
      alias: "m",
      description: "methods, separated by commas",
      default: methods.map((method) => method.name).join(","),
      valueHint: "NAME,NAME...",
    },
    protocol: {
      type: "string",
      alias: "p",
      description: `what is compared with what: ${protocols.map((protocol) => protocol.name).join(", ")}`,
      default: "bilinear",
      valueHint: "NAME",
    },
    beta: {
      type: "string",
      description: "temperature of soft: a number, inf or -inf",
      default: "1",
      valueHint: "B",
    },
    output: {
      type: "string",
      alias: "o",
      description: "directory of the report",
      default: "softpool-report",
      valueHint: "DIR",
    },
    json: { type: "boolean", description: "print the results as JSON" },
  },
});

/** The report shows everything of so many pictures, and the magnified parts of so many; numbers are of all. */
const WHOLE = 2;
const PARTLY = 12;
/** The terminal shows a table for each of so many pictures; beyond, the means alone. */
const TABLES = 20;

function planOf(values: Arguments["values"]): Plan {
  const kernels = wordsOf(values.kernels ?? "2,3,5").map((word) =>
    positiveInteger("--kernels", word),
  );
  const chosen =
    values.methods === undefined ? [...methods] : wordsOf(values.methods).map(findMethod);
  const names = protocols.map((protocol) => protocol.name);
  const protocol = findProtocol(oneOf("--protocol", values.protocol ?? "bilinear", names));
  return {
    kernels: [...new Set(kernels)].sort((a, b) => a - b),
    methods: [...new Set(chosen)],
    protocol,
    beta: temperature("--beta", values.beta ?? "1"),
  };
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  const plan = planOf(values);
  const directory = values.output ?? "softpool-report";
  if (directory === "") throw new UsageError("-o: expected a directory, received an empty name");
  const sources = findSources(rest);
  makeDirectory(directory);
  const page = join(directory, "index.html");
  const numbers = join(directory, "results.json");
  expectWritable(page);
  expectWritable(numbers);
  const parts: PicturePart[] = [];
  const failures: string[] = [];
  const interruption = new Interruption();
  await warmUp(plan.methods);
  const progress = new Progress("steps", sources.length * plan.kernels.length);
  for (const [i, source] of sources.entries()) {
    await setImmediate();
    if (interruption.interrupted) break;
    try {
      const detail = parts.length < WHOLE ? "all" : parts.length < PARTLY ? "parts" : "none";
      const step = (label: string) => progress.step(label);
      const stop = () => interruption.interrupted;
      const part = await comparePicture(source, plan, detail, failures, step, stop);
      if (part !== undefined) parts.push(part);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error.message);
      progress.skipTo((i + 1) * plan.kernels.length);
    }
  }
  progress.end();
  interruption.end();
  const { interrupted } = interruption;
  const rows = parts.flatMap((part) => part.rows);
  if (rows.length === 0 && !interrupted) throw nothingCompared(failures, sources.length);

  const { protocol } = plan;
  const beta = String(plan.beta).replace("Infinity", "inf");
  const results: Results = {
    protocol: protocol.name,
    description: protocol.description,
    engine: engineName(),
    beta: Number.isFinite(plan.beta) ? plan.beta : beta,
    ...origin(),
    rows,
    means: means(rows),
    failures,
    interrupted,
  };
  const report: Report = { protocol, beta, results, pictures: parts, gain: GAIN };
  await saveText(numbers, `${toJson(results)}\n`);
  await saveText(page, renderReport(report));

  if (flags.has("json")) console.log(toJson(results));
  else if (rows.length > 0) print(results, parts, page);
  for (const message of failures) console.error(`softpool: ${message}`);
  if (interrupted) {
    console.error(
      `softpool: interrupted after ${parts.length} of ${sources.length} pictures, ${quote(page)} has these`,
    );
    return 130;
  }
  return failures.length > 0 ? 1 : 0;
}

/** The tables in the terminal. */
function print(results: Results, parts: readonly PicturePart[], page: string): void {
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const several = parts.length > 1;
  const conditions = `protocol ${results.protocol}, engine ${results.engine}`;
  if (parts.length <= TABLES) {
    for (const { name, rows } of parts) {
      console.log(`${quote(name)}: ${conditions}\n`);
      console.log(`${renderTable(means(rows), colour)}\n`);
    }
  } else console.log(`The numbers of every picture are in results.json beside the report.\n`);
  if (several) {
    console.log(`Means over ${parts.length} pictures: ${conditions}\n`);
    console.log(`${renderTable(results.means, colour)}\n`);
  }
  console.log(`${colour ? "Bold" : "*"} marks the best of a kernel.\n`);
  console.log(`${inWords(results.means, results.rows)}\n\nReport: ${page}`);
}

/** The command. */
export const compare: Command = {
  definition: definition as Command["definition"],
  usage: "[IMAGE|DIRECTORY...] [options]",
  notes: [
    "Every picture is cropped to a multiple of the kernel and pooled with stride = kernel. SSIM and PSNR " +
      "are taken in sRGB values and in linear light; sum and power-average go beyond 1, are scored so and " +
      "shown clipped. Alpha is put over white. Of a directory, all pictures in it are taken, sorted by " +
      "name. With no picture, the built-in resolution chart is used.",
    "Protocols: nearest, bilinear and bicubic enlarge the pooled picture and compare it with the " +
      "original; low-resolution compares it with the area average of the original's light.",
    "Writes index.html, which needs no other file, and results.json into the directory of -o. In JSON an " +
      'infinite PSNR (equal pictures) is "Infinity", an SSIM of pictures below 11 pixels null.',
  ],
  examples: [
    "softpool compare",
    "softpool compare photos/ --kernels 2,3 --protocol low-resolution -o report",
    "softpool compare photo.jpg --methods soft,average --beta 1.4 --json",
  ],
  run,
};
