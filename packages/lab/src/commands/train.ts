/** `softpool train`: trains a network of the catalogue, or a model from elsewhere, on labelled pictures. */
import { basename, join } from "node:path";
import { type ModelFile, readModelFile } from "@softpool/onnx/files";
import { providers } from "@softpool/onnx/session-node";
import { buildNetwork, type NetworkEntry } from "@softpool/zoo";
import { defineCommand } from "citty";
import { type Arguments, type Command, positiveInteger } from "../args.ts";
import { type Dataset, numberedAs } from "../data/dataset.ts";
import type { Broken } from "../data/loader.ts";
import { openDataset } from "../data/open.ts";
import type { Channels } from "../data/transforms.ts";
import { quote, UsageError } from "../errors.ts";
import { inspectModel } from "../evaluation/inspect.ts";
import { failing } from "../evaluation/model.ts";
import { entryOf, expectModel } from "../evaluation/open.ts";
import { statisticsOptions } from "../evaluation/statistics-option.ts";
import { weightPath } from "../evaluation/weights.ts";
import { makeDirectory } from "../paths.ts";
import { Interruption } from "../progress.ts";
import { provenance } from "../study/origin.ts";
import { expectSameRun } from "../training/begin.ts";
import { digestOf, hasCheckpoint } from "../training/checkpoint.ts";
import type { RunConfig } from "../training/config.ts";
import { configLines } from "../training/describe.ts";
import { fileDigest, modelDigest } from "../training/digest.ts";
import { LiveLine } from "../training/live.ts";
import { trainRun } from "../training/loop.ts";
import { epochLine } from "../training/metrics.ts";
import { type Settings, settingsOf, transformOf } from "../training/options.ts";
import { recipes } from "../training/recipe.ts";
import { schedules } from "../training/schedule.ts";
import { asked } from "../zoo/options.ts";

const definition = defineCommand({
  meta: { name: "train", description: "Train a network on labelled pictures" },
  args: {
    network: {
      type: "positional",
      description: "a network that softpool models lists, or an ONNX file",
    },
    data: {
      type: "string",
      description: "the pictures: textures, class folders, CIFAR files, or a tar of them",
      default: "textures",
      valueHint: "PATH",
    },
    pool: {
      type: "string",
      description: "what pools where, such as soft or maxpool1=soft,transition*=average",
      valueHint: "SPEC",
    },
    "softpool-gradient": {
      type: "string",
      description:
        "SoftPool's gradient: exact, or weights, which the published accuracies were trained with",
      default: "exact",
      valueHint: "exact|weights",
    },
    weights: {
      type: "string",
      description: "begin with the weights of a safetensors file, or of the directory of a run",
      valueHint: "FILE",
    },
    "backbone-rate": {
      type: "string",
      description: "factor on the learning rate of all but the classifier; 0 leaves it as it is",
      default: "1",
      valueHint: "FACTOR",
    },
    "batch-norm": {
      type: "string",
      description:
        "statistics of the batch (train) or the running ones (frozen); default train for networks, frozen for files and with --backbone-rate 0",
      valueHint: "train|frozen",
    },
    "no-auxiliary": {
      type: "boolean",
      description: "leave out the auxiliary heads of Inception networks",
    },
    remap: {
      type: "boolean",
      description:
        "map normalised pictures to [-1, 1] first, as Inception's published weights expect",
    },
    recipe: {
      type: "string",
      description: `settings by name, which options override: ${Object.keys(recipes).join(", ")}`,
      default: "usual",
      valueHint: "NAME",
    },
    epochs: { type: "string", description: "epochs", default: "10", valueHint: "N" },
    batch: {
      type: "string",
      description: "pictures that run at once",
      default: "128",
      valueHint: "N",
    },
    accumulate: {
      type: "string",
      description: "batches whose mean gradient makes one update",
      default: "1",
      valueHint: "N",
    },
    rate: { type: "string", description: "largest learning rate", default: "0.1", valueHint: "R" },
    schedule: {
      type: "string",
      description: `course of the rate: ${schedules.join(", ")}`,
      default: "one-cycle",
      valueHint: "NAME",
    },
    "step-every": {
      type: "string",
      description: "epochs between the steps of --schedule step",
      default: "30",
      valueHint: "N",
    },
    "step-gamma": {
      type: "string",
      description: "factor of each step of --schedule step",
      default: "0.1",
      valueHint: "G",
    },
    momentum: { type: "string", description: "momentum", default: "0.9", valueHint: "M" },
    nesterov: { type: "boolean", description: "Nesterov's momentum" },
    decay: { type: "string", description: "weight decay", default: "5e-4", valueHint: "D" },
    smoothing: { type: "string", description: "label smoothing", default: "0", valueHint: "S" },
    flip: {
      type: "string",
      description: "probability that a picture is mirrored",
      default: "0.5",
      valueHint: "P",
    },
    rotate: {
      type: "string",
      description:
        "rotate by up to so many degrees, with a probability behind a comma; default not",
      valueHint: "D[,P]",
    },
    jitter: {
      type: "string",
      description:
        "change brightness, contrast and saturation by up to this share, or each and hue; default not",
      valueHint: "X|B,C,S,H",
    },
    ...statisticsOptions,
    seed: { type: "string", description: "seed of everything", default: "0", valueHint: "N" },
    size: {
      type: "string",
      description: "height and width of the pictures; default the network's",
      valueHint: "N",
    },
    provider: {
      type: "string",
      description: `where it runs: ${providers.join(", ")}`,
      default: "cpu",
      valueHint: "NAME",
    },
    threads: {
      type: "string",
      description: "threads of ONNX Runtime; default one for every core",
      valueHint: "N",
    },
    "class-list": {
      type: "string",
      description: "file that fixes the numbers of the classes",
      valueHint: "FILE",
    },
    "save-every": {
      type: "string",
      description: "steps between checkpoints within an epoch; default only after epochs",
      valueHint: "N",
    },
    resume: {
      type: "boolean",
      description: "go on from the checkpoint in the directory of the run",
    },
    output: {
      type: "string",
      alias: "o",
      description: "directory of the run; default runs/NETWORK-POOL-SEED",
      valueHint: "DIR",
    },
    json: { type: "boolean", description: "print every epoch as a line of JSON" },
  },
});

/** Broken pictures that are named on standard error. */
const NAMED = 10;

/** What is trained, looked at before any data is opened, which may take long. */
interface Subject {
  readonly entry: NetworkEntry | undefined;
  readonly size: number;
  readonly channels: Channels;
  /** The file of a model from elsewhere. */
  readonly file: ModelFile | undefined;
  /** What only a file or a weight file has. */
  readonly digests: Pick<RunConfig, "file" | "weightsDigest">;
}

async function subjectOf(model: string, settings: Settings, given?: number): Promise<Subject> {
  const { pool, weights, remap, heads } = settings;
  const entry = entryOf(model);
  expectModel(model, { pool, weights, remap, size: given });
  if (entry === undefined) {
    const file = await failing(() => readModelFile(model));
    const { size, signature } = inspectModel(file.model, quote(model), given);
    return {
      entry,
      size,
      channels: signature.channels,
      file,
      digests: { file: await modelDigest(file) },
    };
  }
  const size = given ?? entry.size;
  if (heads) {
    const options = { pool, size, remap, auxiliary: true, training: true, values: false };
    try {
      asked(() => buildNetwork(entry, options));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${error.message}; --no-auxiliary leaves the auxiliary heads out`);
    }
  }
  const digests =
    weights === undefined ? {} : { weightsDigest: await fileDigest(weightPath(weights)) };
  return { entry, size, channels: 3, file: undefined, digests };
}

/** Where the run goes. */
function folderOf({ values }: Arguments, { network, pool = "original", seed }: Settings): string {
  const name = basename(network).replace(/\.onnx$/i, "");
  return values.output ?? join("runs", `${name}-${pool.replace(/[^\w.-]+/g, "_")}-${seed}`);
}

/** Until there is something to lose, Ctrl-C ends at once. */
function endAtOnce(): () => void {
  const quit = (): void => {
    process.stderr.write("\nsoftpool: interrupted before the first step\n");
    process.exit(130);
  };
  process.on("SIGINT", quit);
  process.on("SIGTERM", quit);
  return () => {
    process.off("SIGINT", quit);
    process.off("SIGTERM", quit);
  };
}

async function run(args: Arguments): Promise<number> {
  const { values, flags, rest } = args;
  if (rest.length !== 1) {
    throw new UsageError(
      `expected one network or ONNX file, received ${rest.length === 0 ? "none" : rest.length}`,
    );
  }
  const [model] = rest;
  const settings = settingsOf(args, model, entryOf(model));
  const given = values.size === undefined ? undefined : positiveInteger("--size", values.size);
  transformOf(args, given ?? 224);
  const saveEvery =
    values["save-every"] === undefined
      ? undefined
      : positiveInteger("--save-every", values["save-every"]);
  const folder = folderOf(args, settings);
  if (!flags.has("resume") && hasCheckpoint(folder)) {
    throw new UsageError(
      `-o: ${quote(folder)} holds a run; --resume goes on with it, another directory begins anew`,
    );
  }
  const leave = endAtOnce();
  const opened: Dataset[] = [];
  try {
    const { size, channels, file, digests } = await subjectOf(model, settings, given);
    const open = async (split: "train" | "test") => {
      const dataset = await openDataset(settings.data, { split, classList: values["class-list"] });
      opened.push(dataset);
      return dataset;
    };
    const train = await open("train");
    const held = await open("test");
    const pictures = settings.batch * (settings.accumulate ?? 1);
    if (train.length < pictures) {
      const option = (settings.accumulate ?? 1) > 1 ? "--batch times --accumulate" : "--batch";
      const given =
        values.batch === undefined ? `its default of ${pictures}` : `received ${pictures}`;
      throw new UsageError(
        `${option}: expected at most the ${train.length} pictures of ${train.title}, ${given}`,
      );
    }
    const classList = values["class-list"];
    const config: RunConfig = {
      ...settings,
      ...digests,
      ...(classList === undefined ? {} : { classList }),
      ...{ size, transform: transformOf(args, size, channels) },
      ...{ classes: train.classes.length, pictures: train.length },
      classDigest: digestOf(Buffer.from(train.classes.join("\n"))),
    };
    const test = held.split === "test" ? numberedAs(held, train.classes) : undefined;
    if (flags.has("resume")) expectSameRun(config, folder);
    makeDirectory(folder);
    leave();
    const how = { file, folder, saveEvery, resume: flags.has("resume"), json: flags.has("json") };
    return await training(config, train, test, how);
  } finally {
    leave();
    for (const dataset of opened) dataset.close();
  }
}

interface How {
  readonly file: ModelFile | undefined;
  readonly folder: string;
  readonly saveEvery: number | undefined;
  readonly resume: boolean;
  readonly json: boolean;
}

async function training(
  config: RunConfig,
  train: Dataset,
  test: Dataset | undefined,
  { file, folder, saveEvery, resume, json }: How,
): Promise<number> {
  if (!json) {
    for (const line of configLines(config, train, folder)) console.log(line);
    if (test === undefined) {
      console.log("no pictures are held out: accuracy is of the training alone");
    }
  }
  const pictures = config.batch * (config.accumulate ?? 1);
  const interruption = new Interruption();
  const live = new LiveLine();
  const note = (text: string): void => {
    live.end();
    console.error(`softpool: ${text}`);
  };
  let named = 0;
  const onBroken = (broken: readonly Broken[]): void => {
    for (const { name, reason } of broken.slice(0, Math.max(0, NAMED - named))) {
      note(`${quote(name)} is passed over: ${reason}`);
    }
    if (named < NAMED && named + broken.length > NAMED) note("more broken pictures are not named");
    named += broken.length;
  };
  try {
    if (resume && !hasCheckpoint(folder)) {
      note(`${quote(folder)} has no checkpoint to go on from: the run begins anew`);
    }
    const ended = await trainRun(config, train, test, {
      ...{ file, folder, resume, saveEvery, onBroken },
      origin: { ...provenance(true) },
      onStep: (step, steps, loss, accuracy) => live.step(step, steps, pictures, loss, accuracy),
      onEpoch: (metrics) => {
        live.end();
        console.log(json ? JSON.stringify(metrics) : epochLine(metrics));
      },
      onNote: (text) => {
        if (json) note(text);
        else console.log(text);
      },
      stop: () => interruption.interrupted,
    });
    live.end();
    if (named > 0) note(`${named} broken pictures were passed over`);
    if (!ended) {
      console.error("softpool: interrupted; the checkpoint is written, --resume goes on");
      return 130;
    }
    if (!json) {
      console.log(`${quote(join(folder, "model.onnx"))}, its weights and report.html are written`);
    }
    return 0;
  } finally {
    live.end();
    interruption.end();
  }
}

/** The command. */
export const train: Command = {
  definition: definition as Command["definition"],
  usage: "NETWORK|FILE.onnx [options]",
  notes: [
    "The whole step (forward, backward, SGD with momentum) is one ONNX graph on ONNX Runtime. A run's " +
      "directory holds checkpoint.json and the tensors it names, metrics.jsonl (a line per epoch), " +
      "report.html with the learning curves, and in the end model.onnx and weights.safetensors.",
    "What a run computes depends on its settings alone. Killed at any moment, it goes on with --resume from " +
      "its last checkpoint to the bits that it would have come to, on the same machine, provider and threads.",
    "FILE.onnx is fine-tuned: float32 weights and biases of its convolutions, linear layers and norms are " +
      "learned, model.onnx is the given graph with new values. It takes pictures [N, 3, H, W], or [N, 1, H, " +
      "W] in greyscale, normalised as softpool eval does; batch normalization keeps its statistics unless --batch-norm train asks for those " +
      "of the batch; dropout stays what it is in the file. A classifier for another number of classes is " +
      "replaced. --pool replaces its poolings first. A model of half precision becomes one of float32.",
    "With --weights what fits by name is loaded; the classifier may be missing or for other classes, and " +
      "begins with initial values then. --backbone-rate 0.1 lets everything but the classifier (and what " +
      "poolings learn) follow at a tenth of the rate.",
    "SoftPool's gradient is the exact derivative w (1 + x - y) of every tap; the published code computes w " +
      "alone, the weights, and the published accuracies were reached with it: --softpool-gradient weights. " +
      "The values that are pooled are the same.",
    "--recipe paper: 100 epochs of SGD from 0.1, x0.1 every 40, batch 256, decay 1e-4. --recipe authors, " +
      "the published script: 90 epochs, x0.1 every 30, batch 128, rotation by up to 10 degrees with " +
      "probability 0.6, mirrored with probability 0.3. Pictures are cropped by random area, up to 64 pixels " +
      "padded and cropped.",
    "--accumulate N takes the mean gradient of N batches for an update: as one batch N times as large, " +
      "except that batch normalization sees each by itself. Auxiliary heads of Inception networks add their " +
      "losses with weights 0.3 (InceptionV1) and 0.4 (InceptionV3); model.onnx has none.",
  ],
  examples: [
    "softpool train vgg-small --pool soft --epochs 2",
    "softpool train resnet20 --data cifar-10-batches-bin --pool soft --epochs 30 -o runs/resnet20-soft",
    "softpool train resnet20 --data cifar-10-batches-bin --pool soft --epochs 30 -o runs/resnet20-soft --resume",
    "softpool train resnet50 --data imagenet --pool soft --recipe paper --batch 64 --accumulate 4",
    "softpool train resnet18-soft.onnx --data pictures --rate 0.01 --backbone-rate 0.1",
  ],
  run,
};
