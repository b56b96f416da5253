/** `softpool study latency`: options, what they ask for, the run, and the report. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { elements } from "@softpool/onnx";
import { type ArgsDef, defineCommand } from "citty";
import { type Arguments, type Command, oneOf, positiveInteger, wordsOf } from "../args.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { expectWritable } from "../paths.ts";
import { integersOption, methodsOption } from "../study/options.ts";
import { provenance } from "../study/origin.ts";
import { writeReport } from "../study/render.ts";
import { conclude, expectSome, runStudy } from "../study/run.ts";
import { parseShard } from "../study/shard.ts";
import { openFolder } from "../study/store.ts";
import { LatencyExecutor } from "./executor.ts";
import { thisMachine } from "./machine.ts";
import { directions, engineTitle, type LatencyEngine, latencyEngines } from "./place.ts";
import { LATENCY, type LatencyRequest, planLatency } from "./plan.ts";
import { runTask } from "./process.ts";
import type { EngineState } from "./result.ts";

/** The folder of results where none is named. */
const FOLDER = "softpool-latency";

/** The stem of ResNet-50 at batch 1, 8 and 64. */
const STEM = "1x64x112x112,8x64x112x112,64x64x112x112";

/** Options of the study. */
const latencyOptions: ArgsDef = {
  shape: {
    type: "string",
    description: `shapes of inputs, NxCxHxW; default ${STEM.replaceAll(",", ", ")}`,
    valueHint: "NxCxHxW",
  },
  engines: {
    type: "string",
    description: `what computes: ${latencyEngines.join(", ")}; default all that are there, but for reference`,
    valueHint: "NAME,NAME...",
  },
  directions: {
    type: "string",
    description: "what is timed: forward, backward",
    default: "forward,backward",
    valueHint: "NAME,NAME",
  },
  rounds: {
    type: "string",
    description: "rounds of a cell; default 15, with --quick 5",
    valueHint: "N",
  },
  quick: { type: "boolean", description: "short timings: a look, no measurement" },
  kernels: {
    type: "string",
    alias: "k",
    description: "window sizes, separated by commas",
    default: "2,3,4,5,6,7,8",
    valueHint: "N,N...",
  },
  methods: {
    type: "string",
    alias: "m",
    description: "methods, separated by commas; default all",
    valueHint: "NAME,NAME...",
  },
  threads: {
    type: "string",
    description: "most threads of a call, separated by commas; default 1 and all processors",
    valueHint: "N,N...",
  },
  output: {
    type: "string",
    alias: "o",
    description: "directory of results and report",
    default: FOLDER,
    valueHint: "DIR",
  },
  shard: { type: "string", description: "do only part I of N", default: "1/1", valueHint: "I/N" },
  json: { type: "boolean", description: "print the results as JSON" },
};

/** What to know before using it. */
const notes: readonly string[] = [
  "Every method at every shape and kernel (stride = kernel) is timed, forward and backward, by every engine " +
    "that is there. wasm, reference and softpool-webgpu are this software's own (the last one needs the package " +
    "webgpu), the others providers of ONNX Runtime. Each cell is timed in a fresh process in turns with average " +
    "pooling, whose ratio is told; extra memory is that of the first calls. Backward is from input and gradient " +
    "of the output to gradient of the input, with whatever it needs of the forward.",
  "Other work on the machine disturbs it: the report says how busy the machine was, and what drifted.",
];

/** A shape: `1x64x112x112`. */
function parseShape(text: string): number[] {
  const sizes = text.trim().split(/[x×]/i).map(Number);
  const valid =
    /^\d+([x×]\d+){2,4}$/i.test(text.trim()) && sizes.every((size) => size >= 1 && size < 2 ** 31);
  if (!valid || elements(sizes) >= 2 ** 31) {
    throw new UsageError(
      `--shape: expected batch, channels and one to three sizes, such as 1x64x112x112, received ${JSON.stringify(text)}`,
    );
  }
  return sizes;
}

/** What is asked for, but for the machine and whether the engines are there. */
export interface LatencyWish extends Omit<LatencyRequest, "machine" | "engines"> {
  /** Engines; `undefined` for all that are there. */
  readonly engines: readonly LatencyEngine[] | undefined;
}

/**
 * What the arguments ask for.
 * @throws UsageError
 */
export function latencyWish({ values, lists, flags }: Arguments): LatencyWish {
  const shapes = new Map<string, number[]>();
  for (const text of (lists.shape ?? [values.shape ?? STEM]).flatMap((part) => part.split(","))) {
    const shape = parseShape(text);
    shapes.set(shape.join("x"), shape);
  }
  const quick = flags.has("quick");
  const all = Math.min(16, availableParallelism());
  return {
    engines:
      values.engines === undefined
        ? undefined
        : wordsOf(values.engines).map((word) => oneOf("--engines", word, latencyEngines)),
    threads: integersOption("--threads", values.threads ?? [...new Set([1, all])].join(",")),
    shapes: [...shapes.values()],
    kernels: integersOption("--kernels", values.kernels ?? "2,3,4,5,6,7,8"),
    methods: methodsOption(values.methods).map(({ name }) => name),
    directions: wordsOf(values.directions ?? directions.join(",")).map((word) =>
      oneOf("--directions", word, directions),
    ),
    effort: {
      rounds: positiveInteger("--rounds", values.rounds ?? (quick ? "5" : "15")),
      warmup: quick ? 10 : 50,
      least: quick ? 2 : 5,
      most: quick ? 1000 : 5000,
    },
  };
}

/** Which engines are there, each asked in a process of its own. */
async function probe(
  engines: readonly LatencyEngine[],
): Promise<(readonly [LatencyEngine, EngineState])[]> {
  const states: (readonly [LatencyEngine, EngineState])[] = [];
  for (const engine of engines) {
    const answer = await runTask({ kind: "probe", engine }, 0);
    const note = answer.kind === "failed" ? answer.error : "";
    const state: EngineState =
      answer.kind === "engine" ? answer : { kind: "engine", present: false, note };
    states.push([engine, state]);
  }
  return states;
}

/** The study as a part of the command. */
export const latency: Command = {
  definition: defineCommand({
    meta: {
      name: "study latency",
      description: "What poolings cost: time and memory by method, shape, kernel and engine",
    },
    args: latencyOptions,
  }) as Command["definition"],
  repeatable: ["shape"],
  usage: "[options]",
  notes,
  examples: [
    "softpool study latency --shape 1x64x112x112 --kernels 2,3,5,8 -o out",
    "softpool study latency --engines wasm,cpu --methods soft,average,maximum --quick",
  ],
  run: runLatency,
};

/** Runs the study. */
export async function runLatency(args: Arguments): Promise<number> {
  const { values, flags, rest } = args;
  const wish = latencyWish(args);
  const shard = parseShard(values.shard ?? "1/1");
  const folder = values.output ?? FOLDER;
  if (folder === "") throw new UsageError("-o: expected a directory, received an empty name");
  if (rest.length > 0) {
    throw new UsageError(`study latency takes no files, received ${rest.map(quote).join(", ")}`);
  }
  openFolder(folder);
  expectWritable(join(folder, "index.html"));
  const asked = wish.engines ?? latencyEngines.filter((engine) => engine !== "reference");
  const engines = await probe(asked);
  for (const [engine, { present, note }] of engines) {
    const sentence = present ? note : `it is not there: ${note}`;
    if (sentence !== "" && (present || wish.engines !== undefined)) {
      console.error(`softpool: ${engineTitle(engine)}: ${sentence}`);
    }
  }
  if (!engines.some(([, { present }]) => present)) {
    throw new Failure(`none of these engines is there: ${asked.join(", ")}`);
  }
  const summary = await runStudy({
    folder,
    study: LATENCY,
    groups: planLatency({ ...wish, engines, machine: thisMachine() }),
    shard,
    provenance: provenance(true),
    executor: () => new LatencyExecutor(wish.effort),
  });
  if (!summary.interrupted) expectSome(summary);
  await writeReport([folder], folder, { json: flags.has("json"), quiet: summary.interrupted });
  const missing = engines.some(([, { present }]) => !present) && wish.engines !== undefined;
  return conclude(summary) || (missing ? 1 : 0);
}
