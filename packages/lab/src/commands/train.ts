/** `softpool train`: trains a network of the zoo on labelled pictures. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { OnnxError } from "@softpool/onnx";
import { type Provider, providers } from "@softpool/onnx/session-node";
import { networkOf } from "@softpool/zoo";
import { defineCommand } from "citty";
import { type Arguments, type Command, oneOf, positiveInteger, seedNumber } from "../args.ts";
import { openDataset } from "../data/open.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { asked } from "../library.ts";
import { makeDirectory } from "../paths.ts";
import { Interruption } from "../progress.ts";
import { hasCheckpoint } from "../training/checkpoint.ts";
import { LiveLine } from "../training/live.ts";
import { type EpochMetrics, type RunConfig, trainRun } from "../training/loop.ts";
import { schedules } from "../training/schedule.ts";

const definition = defineCommand({
  meta: { name: "train", description: "Train a network on labelled pictures" },
  args: {
    network: { type: "positional", description: "a network that softpool models lists" },
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
    epochs: { type: "string", description: "epochs", default: "10", valueHint: "N" },
    batch: { type: "string", description: "pictures of a step", default: "128", valueHint: "N" },
    rate: { type: "string", description: "largest learning rate", default: "0.1", valueHint: "R" },
    schedule: {
      type: "string",
      description: `course of the rate: ${schedules.join(", ")}`,
      default: "one-cycle",
      valueHint: "NAME",
    },
    momentum: { type: "string", description: "momentum", default: "0.9", valueHint: "M" },
    nesterov: { type: "boolean", description: "Nesterov's momentum" },
    decay: { type: "string", description: "weight decay", default: "5e-4", valueHint: "D" },
    smoothing: { type: "string", description: "label smoothing", default: "0", valueHint: "S" },
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

function numberOption(option: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= low && value <= high)) {
    throw new UsageError(
      `${option}: expected a number from ${low} to ${high}, received ${quote(text)}`,
    );
  }
  return value;
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

function lineOf({ epoch, loss, accuracy, test, rate, imagesPerSecond }: EpochMetrics): string {
  const held =
    test === undefined
      ? ""
      : `  test loss ${test.loss.toFixed(4)} accuracy ${percent(test.accuracy)}`;
  return `epoch ${epoch}  loss ${loss.toFixed(4)} accuracy ${percent(accuracy)}${held}  rate ${rate.toPrecision(3)}  ${imagesPerSecond.toFixed(0)} images/s`;
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  if (rest.length !== 1) {
    throw new UsageError(
      `expected one network, received ${rest.length === 0 ? "none" : rest.length}`,
    );
  }
  const entry = asked(() => networkOf(rest[0]));
  const seed = seedNumber("--seed", values.seed ?? "0");
  const batch = positiveInteger("--batch", values.batch ?? "128");
  const epochs = positiveInteger("--epochs", values.epochs ?? "10");
  const size = values.size === undefined ? entry.size : positiveInteger("--size", values.size);
  const threads =
    values.threads === undefined
      ? availableParallelism()
      : positiveInteger("--threads", values.threads);
  const saveEvery =
    values["save-every"] === undefined
      ? undefined
      : positiveInteger("--save-every", values["save-every"]);
  const data = values.data ?? "textures";
  const settings = {
    schedule: {
      kind: oneOf("--schedule", values.schedule ?? "one-cycle", schedules),
      rate: numberOption("--rate", values.rate ?? "0.1", 0, 1000),
    },
    momentum: numberOption("--momentum", values.momentum ?? "0.9", 0, 1),
    nesterov: flags.has("nesterov"),
    decay: numberOption("--decay", values.decay ?? "5e-4", 0, 1),
    smoothing: numberOption("--smoothing", values.smoothing ?? "0", 0, 1),
    provider: oneOf<Provider>("--provider", values.provider ?? "cpu", providers),
  };
  const folder =
    values.output ??
    join("runs", `${entry.name}-${(values.pool ?? "original").replace(/[^\w.-]+/g, "_")}-${seed}`);
  if (!flags.has("resume") && hasCheckpoint(folder)) {
    throw new UsageError(
      `-o: ${quote(folder)} holds a run; --resume goes on with it, another directory begins anew`,
    );
  }
  const open = (split: "train" | "test") =>
    openDataset(data, { split, classList: values["class-list"] });
  const train = await open("train");
  const held = await open("test");
  try {
    const test = held.split === "test" ? held : undefined;
    if (train.length < batch) {
      throw new UsageError(
        `--batch: expected at most the ${train.length} pictures of ${train.title}, received ${batch}`,
      );
    }
    const config: RunConfig = {
      ...settings,
      network: entry.name,
      ...(values.pool === undefined ? {} : { pool: values.pool }),
      ...{ size, classes: train.classes.length, seed, batch, epochs, threads, data },
    };
    makeDirectory(folder);
    const json = flags.has("json");
    if (!json) {
      console.log(
        `${entry.name}, pooling ${values.pool ?? "as it is"}, ${train.length} pictures of ${config.classes} classes, ${epochs} epochs of ${Math.floor(train.length / batch)} steps, in ${quote(folder)}`,
      );
      if (test === undefined)
        console.log("no pictures are held out: accuracy is of the training alone");
    }
    const interruption = new Interruption();
    const live = new LiveLine();
    try {
      const ended = await trainRun(config, train, test, {
        folder,
        resume: flags.has("resume"),
        saveEvery,
        onStep: (step, steps, loss, accuracy) => live.step(step, steps, batch, loss, accuracy),
        onEpoch: (metrics) => {
          live.end();
          console.log(json ? JSON.stringify(metrics) : lineOf(metrics));
        },
        stop: () => interruption.interrupted,
      });
      live.end();
      if (!ended) {
        console.error("softpool: interrupted; the checkpoint is written, --resume goes on");
        return 130;
      }
      if (!json) console.log(`${quote(join(folder, "model.onnx"))} and its weights are written`);
      return 0;
    } catch (error) {
      live.end();
      if (error instanceof OnnxError) throw new Failure(error.message);
      throw error;
    } finally {
      interruption.end();
    }
  } finally {
    train.close();
    held.close();
  }
}

/** The command. */
export const train: Command = {
  definition: definition as Command["definition"],
  usage: "NETWORK [options]",
  notes: [
    "The whole step (forward, backward, SGD with momentum) is one ONNX graph on ONNX Runtime. A run's " +
      "directory holds checkpoint.json and the tensors it names, metrics.jsonl (a line per epoch), and in " +
      "the end model.onnx and weights.safetensors with torchvision's names.",
    "What a run computes depends on its settings alone. Killed at any moment, it goes on with --resume from " +
      "its last checkpoint to the bits that it would have come to, on the same machine, provider and threads.",
    "--pool soft takes SoftPool's exact gradient.",
  ],
  examples: [
    "softpool train vgg-small --pool soft --epochs 2",
    "softpool train resnet20 --data cifar-10-batches-bin --pool soft --epochs 30 -o runs/resnet20-soft",
    "softpool train resnet20 --data cifar-10-batches-bin --pool soft --epochs 30 -o runs/resnet20-soft --resume",
  ],
  run,
};
