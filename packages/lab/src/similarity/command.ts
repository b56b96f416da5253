/** `softpool study similarity`: options, what they ask for, the run, and the report. */
import { basename, join } from "node:path";
import {
  findProtocol,
  type Light,
  type Protocol,
  protocols,
  type ValueRange,
  valueRanges,
} from "@softpool/pictures";
import { type ArgsDef, defineCommand } from "citty";
import {
  type Arguments,
  type Command,
  oneOf,
  positiveInteger,
  temperature,
  wordsOf,
} from "../args.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { expectWritable } from "../paths.ts";
import { canonical } from "../study/cell.ts";
import { integersOption, methodsOption } from "../study/options.ts";
import { provenance } from "../study/origin.ts";
import { writeReport } from "../study/render.ts";
import { conclude, expectSome, runStudy } from "../study/run.ts";
import { parseShard } from "../study/shard.ts";
import { openFolder } from "../study/store.ts";
import { type Comparison, rangeNames } from "./comparison.ts";
import { defaultThreads, SimilarityExecutor } from "./executor.ts";
import { findPictures } from "./pictures.ts";
import { planSimilarity, type SimilarityRequest, STUDY, whyNoFit } from "./plan.ts";
import { memoryLimit } from "./pooler.ts";
import { softAt, sweepVariants } from "./sweep.ts";
import { isOperator, type Variant, variantConfig, variantsOf } from "./variant.ts";

const lights: readonly Light[] = ["srgb", "linear"];

/** Options of the study. */
const similarityOptions: ArgsDef = {
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
    description: "methods, separated by commas; default all",
    valueHint: "NAME,NAME...",
  },
  protocols: {
    type: "string",
    alias: "p",
    description: `what is compared with what: ${protocols.map(({ name }) => name).join(", ")}`,
    default: "bilinear,low-resolution",
    valueHint: "NAME,NAME...",
  },
  light: {
    type: "string",
    description: "what is compared: srgb values, linear light",
    default: "srgb,linear",
    valueHint: "NAME,NAME",
  },
  range: {
    type: "string",
    description: "values that are pooled: 0-1, 0-255, imagenet",
    default: "0-1",
    valueHint: "NAME,NAME...",
  },
  "data-range": {
    type: "string",
    description: "data range of SSIM as a share of the true one; 1/255 shows a common mistake",
    default: "1",
    valueHint: "SHARE",
  },
  beta: {
    type: "string",
    description: "temperature of soft: a number, inf or -inf",
    default: "1",
    valueHint: "B",
  },
  "sweep-beta": { type: "boolean", description: "find the best temperature of soft" },
  fit: {
    type: "boolean",
    description: "fit what is learned too, to each protocol's squared error",
  },
  phase: {
    type: "string",
    description: "how random methods pool: training, inference",
    default: "inference,training",
    valueHint: "NAME,NAME",
  },
  seeds: {
    type: "string",
    description: "how many seeds random methods are averaged over",
    default: "3",
    valueHint: "N",
  },
  output: {
    type: "string",
    alias: "o",
    description: "directory of results and report",
    default: "softpool-similarity",
    valueHint: "DIR",
  },
  shard: { type: "string", description: "do only part I of N", default: "1/1", valueHint: "I/N" },
  threads: {
    type: "string",
    description: `pictures that are measured at a time; default ${defaultThreads()} here`,
    valueHint: "N",
  },
  views: {
    type: "string",
    description: "pictures that the report shows",
    default: "3",
    valueHint: "N",
  },
  json: { type: "boolean", description: "print the means as JSON" },
};

/** What to know before using it. */
const notes: readonly string[] = [
  "Every picture of the directory is pooled by every method and kernel (stride = kernel, cropped " +
    "to a multiple of it) and compared with the original by every protocol, in every light, pooled in every " +
    "range of values: SSIM, MS-SSIM, PSNR, local contrast, bright and dark detail kept, brightness. With no " +
    "directory, the built-in resolution chart is used.",
  "Random methods are compared in inference and in training, learned ones with their initial parameters; with " +
    "--fit also fitted by gradient descent, in two halves: no picture is scored by parameters that saw it.",
  "Each cell is a file in cells/ of -o; the same command goes on where it was left, and computes only what is " +
    "new. --shard 1/3, 2/3 and 3/3 on three machines do a third each: copy their directories together and " +
    "call softpool report.",
  "Writes index.html, cells.csv, means.csv and results.json into the directory of -o.",
];

/** `0-1`, `0-255` and `imagenet`, and the names that pictures has for them. */
function rangeOf(text: string): ValueRange["name"] {
  const name = text.toLowerCase();
  const found = valueRanges.find(
    (range) => range.name === name || rangeNames[range.name].toLowerCase() === name,
  );
  if (found !== undefined) return found.name;
  return oneOf("--range", text, ["0-1", "0-255", "imagenet"]) as ValueRange["name"];
}

/** A share: a number or a fraction, above 0 and at most 1. */
function share(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?))?$/.exec(text.trim());
  const value = match === null ? Number.NaN : Number(match[1]) / Number(match[2] ?? 1);
  if (!(value > 0 && value <= 1)) {
    throw new UsageError(
      `${option}: expected a number or a fraction above 0 and up to 1, such as 1/255, received ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** What is asked for but for the pictures. */
function requestOf({ values, flags }: Arguments): Omit<SimilarityRequest, "set"> {
  const kernels = integersOption("--kernels", values.kernels ?? "2,3,5");
  const names = protocols.map(({ name }) => name);
  const chosen = wordsOf(values.protocols ?? "bilinear,low-resolution").map(
    (word) => findProtocol(oneOf<Protocol["name"]>("--protocols", word, names)).name,
  );
  const inLight = wordsOf(values.light ?? "srgb,linear").map((word) =>
    oneOf("--light", word, lights),
  );
  const ranges = [...new Set(wordsOf(values.range ?? "0-1").map(rangeOf))];
  const dataRange = share("--data-range", values["data-range"] ?? "1");
  const comparisons = ranges.flatMap((range) =>
    chosen.flatMap((protocol) =>
      inLight.map((light): Comparison => ({ values: range, protocol, light, dataRange })),
    ),
  );
  const beta = temperature("--beta", values.beta ?? "1");
  const fit = flags.has("fit");
  const phases = wordsOf(values.phase ?? "inference,training").map((word) =>
    oneOf("--phase", word, ["inference", "training"] as const),
  );
  const swept = flags.has("sweep-beta") ? ranges.flatMap(sweepVariants) : [];
  const variants = methodsOption(values.methods).flatMap((method) =>
    method.name === "soft"
      ? [softAt(beta)]
      : variantsOf(method, { fit }).filter(({ phase }) => !method.random || phases.includes(phase)),
  );
  const distinct = new Map<string, Variant>();
  for (const variant of [...variants, ...swept]) {
    distinct.set(canonical(variantConfig(variant)), variant);
  }
  const seeds = positiveInteger("--seeds", values.seeds ?? "3");
  const views = values.views === "0" ? 0 : positiveInteger("--views", values.views ?? "3");
  return {
    kernels: [...new Set(kernels)],
    variants: [...distinct.values()],
    comparisons,
    seeds: Array.from({ length: seeds }, (_, i) => i),
    views,
  };
}

/** The study as a part of the command. */
export const similarity: Command = {
  definition: defineCommand({
    meta: {
      name: "study similarity",
      description: "What pooling leaves of pictures, by method, kernel and protocol",
    },
    args: similarityOptions,
  }) as Command["definition"],
  usage: "[DIRECTORY] [options]",
  notes,
  examples: [
    "softpool study similarity photos/ -o out",
    "softpool study similarity photos/ --fit --shard 1/3 -o out-1",
    "softpool study similarity photos/ --methods soft,average,maximum --sweep-beta",
  ],
  run: runSimilarity,
};

/** Runs the study. */
export async function runSimilarity(args: Arguments): Promise<number> {
  const { values, flags, rest } = args;
  const asked = requestOf(args);
  const shard = parseShard(values.shard ?? "1/1");
  const threads =
    values.threads === undefined ? defaultThreads() : positiveInteger("--threads", values.threads);
  const folder = values.output ?? "softpool-similarity";
  if (folder === "") throw new UsageError("-o: expected a directory, received an empty name");
  if (rest.length > 1) {
    throw new UsageError(
      `expected one directory of pictures, received ${rest.length}: ${rest.map(quote).join(", ")}`,
    );
  }
  const set = await findPictures(rest[0]);
  const request: SimilarityRequest = { set, ...asked };
  const impossible = whyNoFit(request);
  if (impossible !== undefined) throw new UsageError(impossible);
  openFolder(folder);
  expectWritable(join(folder, "index.html"));
  const { groups, notes: remarks } = planSimilarity(request);
  for (const note of remarks) console.error(`softpool: ${note}`);
  if (groups.every(({ cells }) => cells.length === 0)) {
    throw new Failure(`nothing is left to be measured of ${quote(basename(folder))}`);
  }
  const runtime = request.variants.some((variant) => !isOperator(variant));
  const summary = await runStudy({
    folder,
    study: STUDY,
    groups,
    shard,
    provenance: provenance(runtime),
    memory: memoryLimit(),
    executor: () => new SimilarityExecutor(folder, threads),
  });
  if (!summary.interrupted) expectSome(summary);
  await writeReport([folder], folder, { json: flags.has("json"), quiet: summary.interrupted });
  return conclude(summary);
}
