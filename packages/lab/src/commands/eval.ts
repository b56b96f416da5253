/** `softpool eval`: how often a classifier is right on labelled pictures. */
import { type Provider, providers } from "@softpool/onnx/session-node";
import { defineCommand } from "citty";
import { type Arguments, type Command, oneOf, positiveInteger } from "../args.ts";
import type { Dataset, Split } from "../data/dataset.ts";
import { type Broken, Loader } from "../data/loader.ts";
import { openDataset } from "../data/open.ts";
import { evaluationTransform, type Statistics } from "../data/transforms.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { type Evaluation, evaluateModel } from "../evaluation/evaluate.ts";
import type { OpenedModel } from "../evaluation/model.ts";
import { expectModel, openModel } from "../evaluation/open.ts";
import { dataTitle, type Report, reportJson, reportLines } from "../evaluation/report.ts";
import { statisticsOption, statisticsOptions } from "../evaluation/statistics-option.ts";
import { subset } from "../evaluation/subset.ts";
import { expectWritable, identityOf, isDirectory } from "../paths.ts";
import type { Prediction } from "../predictions/format.ts";
import { writePredictions } from "../predictions/write.ts";
import { Interruption, Progress } from "../progress.ts";

const definition = defineCommand({
  meta: { name: "eval", description: "Measure the accuracy of a network on labelled pictures" },
  args: {
    model: { type: "positional", description: "an ONNX file, or a network of softpool models" },
    data: {
      type: "string",
      description: "textures[:SIZE[,COUNT]], a directory, a tar or tar.gz",
      default: "textures",
      valueHint: "DATA",
    },
    split: {
      type: "string",
      description: "which pictures, where the data is split",
      default: "test",
      valueHint: "test|train",
    },
    pool: {
      type: "string",
      description:
        "what pools where instead: METHOD, PLACE=METHOD or a variant, several apart by commas",
      valueHint: "SPEC",
    },
    weights: {
      type: "string",
      description:
        "weights of a network, a safetensors file with torchvision's names, or the directory of a run",
      valueHint: "FILE",
    },
    "class-list": {
      type: "string",
      description: "names of the classes by number, one a line; default: their order in the data",
      valueHint: "FILE",
    },
    labels: {
      type: "string",
      description: "classes of the pictures of a flat directory, a line each",
      valueHint: "FILE",
    },
    limit: {
      type: "string",
      description: "only so many pictures, drawn by chance, always the same ones",
      valueHint: "N",
    },
    predictions: {
      type: "string",
      description: "keep what is predicted for every picture, as CSV for softpool mcnemar",
      valueHint: "FILE",
    },
    size: {
      type: "string",
      description: "height and width of the pictures; default the model's",
      valueHint: "N",
    },
    remap: {
      type: "boolean",
      description:
        "map normalised pictures to [-1, 1] first, as Inception's published weights expect",
    },
    ...statisticsOptions,
    batch: {
      type: "string",
      description: "pictures that run at once, where the model leaves that open",
      default: "32",
      valueHint: "N",
    },
    provider: {
      type: "string",
      description: `where the model runs: ${providers.join(", ")}`,
      default: "cpu",
      valueHint: "NAME",
    },
    threads: {
      type: "string",
      description: "threads of the cpu; default as many as it has cores",
      valueHint: "N",
    },
    json: { type: "boolean", description: "print the results as JSON" },
  },
});

/** Broken pictures that are named on standard error. */
const NAMED = 10;

interface Options {
  readonly model: string;
  readonly data: string;
  readonly split: Split;
  readonly batch: number;
  readonly limit: number | undefined;
  readonly size: number | undefined;
  readonly provider: Provider;
  readonly threads: number | undefined;
  readonly predictions: string | undefined;
  readonly statistics: Statistics | undefined;
}

function optionsOf({ values, rest }: Arguments): Options {
  if (rest.length !== 1) {
    throw new UsageError(
      `expected one model, received ${rest.length === 0 ? "none" : rest.length}`,
    );
  }
  const number = (name: string) =>
    values[name] === undefined ? undefined : positiveInteger(`--${name}`, values[name]);
  const { predictions } = values;
  if (predictions !== undefined) {
    if (predictions === "" || isDirectory(predictions)) {
      throw new UsageError(`--predictions: expected a file, received ${quote(predictions)}`);
    }
    const own = identityOf(predictions);
    const others = [rest[0], values.data, values.weights, values["class-list"], values.labels];
    if (own !== undefined && others.some((path) => path && identityOf(path) === own)) {
      throw new UsageError(
        `--predictions: expected another file than what is read, received ${quote(predictions)}`,
      );
    }
  }
  return {
    model: rest[0],
    data: values.data ?? "textures",
    split: oneOf<Split>("--split", values.split ?? "test", ["test", "train"]),
    batch: number("batch") ?? 32,
    limit: number("limit"),
    size: number("size"),
    provider: oneOf("--provider", values.provider ?? "cpu", providers),
    threads: number("threads"),
    predictions,
    statistics: statisticsOption(values),
  };
}

function sayBroken(broken: readonly Broken[]): void {
  for (const { name, reason } of broken.slice(0, NAMED)) {
    console.error(`softpool: ${quote(name)} is left out: ${reason}`);
  }
  const rest = broken.length - NAMED;
  if (rest > 0)
    console.error(`softpool: ${rest} more broken pictures are left out; --json names them`);
}

/** What a run found; rows are empty unless they are wanted. */
interface Found {
  readonly evaluation: Evaluation;
  readonly broken: readonly Broken[];
  readonly rows: readonly Prediction[];
}

async function evaluate(
  { title, session, scores, size, channels }: OpenedModel,
  dataset: Dataset,
  { batch, predictions, statistics }: Options,
  interruption: Interruption,
): Promise<Found> {
  const rows: Prediction[] = [];
  const loader = new Loader(dataset, {
    ...{
      batch,
      transform: evaluationTransform(size, statistics, channels),
      shuffle: false,
      keep: 0,
    },
    broken: "leave-out",
  });
  const progress = new Progress("pictures", dataset.length);
  try {
    const evaluation = await evaluateModel(session, loader.batches(), {
      ...{ classes: dataset.classes.length, title, scores },
      stop: () => interruption.interrupted,
      onBatch: ({ pictures, first }) => {
        progress.skipTo(pictures - 1);
        progress.step(`top-1 ${((100 * first) / pictures).toFixed(2)} %`);
      },
      onPicture: ({ index, target, predicted, score }) => {
        if (predictions === undefined) return;
        rows.push({ picture: dataset.name(index), target, predicted, score });
      },
    });
    return { evaluation, broken: loader.broken, rows };
  } finally {
    progress.end();
    await loader.close();
  }
}

async function run(args: Arguments): Promise<number> {
  const options = optionsOf(args);
  const { model, provider, threads, size, predictions } = options;
  const { pool, weights, labels, "class-list": classList } = args.values;
  if (predictions !== undefined) expectWritable(predictions);
  const wanted = { pool, weights, size, remap: args.flags.has("remap") };
  expectModel(model, wanted);
  const { split } = options;
  const all = await openDataset(options.data, { split, classList, labels });
  let opened: OpenedModel | undefined;
  const interruption = new Interruption();
  try {
    opened = await openModel(model, {
      ...{ ...wanted, classes: all.classes.length },
      session: { provider, threads, log: (line) => console.error(line) },
    });
    for (const note of opened.notes) console.error(`softpool: ${note}`);
    const dataset = options.limit === undefined ? all : subset(all, options.limit);
    const { evaluation, broken, rows } = await evaluate(opened, dataset, options, interruption);
    const { pictures } = evaluation;
    const interrupted = pictures + broken.length < dataset.length;
    sayBroken(broken);
    const report: Report = {
      ...{ model, pool, weights, opened, dataset, available: all.length, evaluation },
      ...{ broken, interrupted, predictions },
    };
    if (pictures > 0) {
      if (args.flags.has("json")) console.log(JSON.stringify(reportJson(report), null, 2));
      else console.log(reportLines(report).join("\n"));
    }
    await savePredictions(report, rows);
    if (interrupted || interruption.interrupted) return 130;
    return evaluation.notFinite > 0 ? 1 : 0;
  } finally {
    interruption.end();
    await opened?.session.dispose();
    all.close();
  }
}

async function savePredictions(report: Report, rows: readonly Prediction[]): Promise<void> {
  const { predictions, dataset, available, evaluation, interrupted } = report;
  if (predictions === undefined) return;
  if (rows.length === 0) {
    console.error(`softpool: ${quote(predictions)} is not written, there are no predictions`);
    return;
  }
  if (evaluation.notFinite > 0) {
    console.error(
      `softpool: ${quote(predictions)} lacks the ${evaluation.notFinite} pictures whose scores are no numbers`,
    );
  }
  const { pool, weights, opened } = report;
  const before = opened.substituted === undefined ? undefined : opened.pool;
  const now = pool ?? opened.pool;
  const metadata: Record<string, string> = {
    model: report.model,
    ...(opened.network === undefined ? {} : { network: opened.network }),
    ...(weights === undefined ? {} : { weights }),
    ...(now === undefined ? {} : { pool: now }),
    ...(pool === undefined || before === undefined ? {} : { "pool before": before }),
    data: dataTitle(dataset),
    classes: String(dataset.classes.length),
    ...(dataset.length < available ? { drawn: `${dataset.length} of ${available}` } : {}),
    ...(interrupted ? { stopped: `after ${evaluation.pictures} of ${dataset.length}` } : {}),
  };
  try {
    await writePredictions(predictions, { metadata, rows });
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(error.message);
    throw error;
  }
}

/** The command. */
export const evalCommand: Command = {
  definition: definition as Command["definition"],
  usage: "MODEL [options]",
  notes: [
    "MODEL is an ONNX file with pictures [N, 3, H, W] or, in greyscale, [N, 1, H, W] as its input, float32 or " +
      "float16, and the scores of classes [N, classes] as its first output, or a network of softpool models " +
      "with --weights. N may be fixed or open. " +
      "Pictures are resized, cropped in the centre and normalised as the networks' authors did: by CIFAR's " +
      "mean and deviation up to 64 pixels, by ImageNet's above, or by --mean and --std. " +
      "Greyscale is the luma 0.299 R + 0.587 G + 0.114 B, normalised by that of mean and deviation.",
    "With --pool the poolings are replaced and everything learned stays: the pre-trained substitution of the " +
      "paper. In a file, places are its pooling layers (softpool swap FILE --list shows them) and a method " +
      "without a place is meant for all that have a window.",
    "DATA is a directory with a directory per class, with train and val (or test) above them or without; a " +
      "flat one with --labels or a file labels.txt; CIFAR's binary files; a tar or tar.gz of any of them; or " +
      "textures, which need no files. A class list keeps the numbers of a model that knows more classes than " +
      "the data has. Broken pictures are named and left out.",
    "Top-1 and top-5 accuracy have Wilson's 95 % intervals; the loss is the mean cross entropy in nats. " +
      "Ctrl-C stops, shows what is known so far and ends with 130.",
  ],
  examples: [
    "softpool eval resnet18 --weights resnet18.safetensors --data imagenet",
    "softpool eval net.onnx --data pictures --predictions original.csv",
    "softpool eval net.onnx --data pictures --pool soft --predictions soft.csv",
  ],
  run,
};
