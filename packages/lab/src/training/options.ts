/** Options of `softpool train`, from words to the settings of a run. */
import { availableParallelism } from "node:os";
import { type Provider, providers } from "@softpool/onnx/session-node";
import type { NetworkEntry } from "@softpool/zoo";
import { type Arguments, oneOf, positiveInteger, seedNumber } from "../args.ts";
import { type Channels, type Transform, trainingTransform } from "../data/transforms.ts";
import { quote, UsageError } from "../errors.ts";
import { statisticsOption } from "../evaluation/statistics-option.ts";
import type { BatchNorm, RunConfig } from "./config.ts";
import { type Recipe, type RecipeName, recipes } from "./recipe.ts";
import { type Schedule, schedules } from "./schedule.ts";

/** Settings of a run that do not depend on the data. */
export type Settings = Omit<
  RunConfig,
  "classes" | "classList" | "transform" | "size" | "pictures" | "file"
>;

function numberOption(option: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= low && value <= high)) {
    throw new UsageError(
      `${option}: expected a number from ${low} to ${high}, received ${quote(text)}`,
    );
  }
  return value;
}

function scheduleOf({ values }: Arguments, { schedule }: Recipe): Schedule {
  const kind = oneOf("--schedule", values.schedule ?? schedule.kind, schedules);
  const rate =
    values.rate === undefined ? schedule.rate : numberOption("--rate", values.rate, 0, 1000);
  for (const name of ["step-every", "step-gamma"]) {
    if (kind === "step" || values[name] === undefined) continue;
    throw new UsageError(`--${name}: expected with --schedule step, which is ${kind} here`);
  }
  if (kind !== "step") return { kind, rate };
  const { "step-every": every, "step-gamma": gamma } = values;
  return {
    ...{ kind, rate },
    every: every === undefined ? (schedule.every ?? 30) : positiveInteger("--step-every", every),
    gamma:
      gamma === undefined ? (schedule.gamma ?? 0.1) : numberOption("--step-gamma", gamma, 0, 1),
  };
}

function recipeOf({ values }: Arguments): Recipe {
  const names = Object.keys(recipes) as RecipeName[];
  return recipes[oneOf("--recipe", values.recipe ?? "usual", names)];
}

/** Refuses options that mean nothing for what is trained. */
function expectFor({ values, flags }: Arguments, network: string, entry?: NetworkEntry): void {
  if (entry === undefined) {
    for (const [name, given] of [
      ["weights", values.weights !== undefined],
      ["remap", flags.has("remap")],
      ["no-auxiliary", flags.has("no-auxiliary")],
    ] as const) {
      if (!given) continue;
      throw new UsageError(
        `--${name}: expected with a network, ${quote(network)} is a whole model already`,
      );
    }
  } else if (flags.has("no-auxiliary") && !entry.auxiliary) {
    throw new UsageError(`--no-auxiliary: ${entry.name} has no auxiliary heads`);
  }
}

/** The weight of each auxiliary head's loss: 0.3 where there are two, as in InceptionV1, otherwise 0.4. */
function headsOf({ flags }: Arguments, entry: NetworkEntry | undefined): Partial<Settings> {
  if (entry?.auxiliary !== true || flags.has("no-auxiliary")) return {};
  return { heads: true, auxiliary: entry.head.length > 2 ? 0.3 : 0.4 };
}

/**
 * The settings that options ask for.
 * @param args the options
 * @param network what is trained, as it was called
 * @param entry the network of the catalogue that it is; `undefined` for a file
 * @throws UsageError for a value out of range, or an option that means nothing here
 */
export function settingsOf(
  args: Arguments,
  network: string,
  entry: NetworkEntry | undefined,
): Settings {
  const { values, flags } = args;
  expectFor(args, network, entry);
  const recipe = recipeOf(args);
  const number = (name: string) =>
    values[name] === undefined ? undefined : positiveInteger(`--${name}`, values[name]);
  const share = (name: string) =>
    values[name] === undefined ? undefined : numberOption(`--${name}`, values[name], 0, 1);
  const given = <T>(name: keyof Settings, value: T | undefined) =>
    value === undefined ? {} : { [name]: value };
  const backboneRate =
    values["backbone-rate"] === undefined
      ? undefined
      : numberOption("--backbone-rate", values["backbone-rate"], 0, 1000);
  const accumulate = number("accumulate");
  const batchNorm =
    values["batch-norm"] === undefined
      ? undefined
      : oneOf<BatchNorm>("--batch-norm", values["batch-norm"], ["train", "frozen"]);
  // What does not learn has no reason to follow other pictures.
  const usual = entry === undefined || backboneRate === 0 ? "frozen" : "train";
  const gradient = values["softpool-gradient"];
  return {
    network: entry?.name ?? network,
    ...given("pool", values.pool),
    ...given(
      "softpoolGradient",
      gradient === undefined
        ? undefined
        : oneOf<"exact" | "weights">("--softpool-gradient", gradient, ["exact", "weights"]),
    ),
    ...given("weights", values.weights),
    ...given("backboneRate", backboneRate),
    batchNorm: batchNorm ?? usual,
    ...headsOf(args, entry),
    ...(flags.has("remap") ? { remap: true } : {}),
    schedule: scheduleOf(args, recipe),
    momentum: share("momentum") ?? recipe.momentum,
    nesterov: flags.has("nesterov"),
    decay: share("decay") ?? recipe.decay,
    smoothing: share("smoothing") ?? 0,
    epochs: number("epochs") ?? recipe.epochs,
    batch: number("batch") ?? recipe.batch,
    ...(accumulate === undefined || accumulate === 1 ? {} : { accumulate }),
    seed: seedNumber("--seed", values.seed ?? "0"),
    provider: oneOf<Provider>("--provider", values.provider ?? "cpu", providers),
    threads: number("threads") ?? availableParallelism(),
    data: values.data ?? "textures",
  };
}

/** `D` or `D,P`: degrees, and the probability of a rotation. */
function rotationOf(text: string): Transform["rotate"] {
  const parts = text.split(",");
  if (parts.length > 2) {
    throw new UsageError(`--rotate: expected DEGREES or DEGREES,SHARE, received ${quote(text)}`);
  }
  const degrees = numberOption("--rotate", parts[0], 0, 180);
  const probability = parts.length === 1 ? 1 : numberOption("--rotate", parts[1], 0, 1);
  return degrees === 0 || probability === 0 ? undefined : { degrees, probability };
}

/** `X` or `B,C,S,H`: how far brightness, contrast, saturation and hue change. */
function jitterOf(text: string): Transform["jitter"] {
  const parts = text.split(",");
  if (parts.length !== 1 && parts.length !== 4) {
    throw new UsageError(
      `--jitter: expected one number, or four for brightness, contrast, saturation and hue, received ${quote(text)}`,
    );
  }
  const limits = [10, 10, 10, 0.5];
  const [brightness, contrast, saturation, hue] = limits.map((limit, i) => {
    if (parts.length === 1 && i === 3) return 0;
    return numberOption("--jitter", parts[parts.length === 1 ? 0 : i], 0, limit);
  });
  return [brightness, contrast, saturation, hue].every((value) => value === 0)
    ? undefined
    : { brightness, contrast, saturation, hue };
}

/**
 * What is done to a picture, in full.
 * @param args the options
 * @param size height and width of the pictures
 * @param channels their planes; default 3
 * @throws UsageError for a value out of range
 */
export function transformOf(args: Arguments, size: number, channels?: Channels): Transform {
  const { values } = args;
  const recipe = recipeOf(args);
  const usual = trainingTransform(size, statisticsOption(values), channels);
  const rotate = values.rotate === undefined ? recipe.rotate : rotationOf(values.rotate);
  const jitter = values.jitter === undefined ? undefined : jitterOf(values.jitter);
  const flip =
    values.flip === undefined
      ? (recipe.flip ?? usual.flip)
      : numberOption("--flip", values.flip, 0, 1);
  return {
    ...{ size, geometry: usual.geometry, flip },
    ...(rotate === undefined ? {} : { rotate }),
    ...(jitter === undefined ? {} : { jitter }),
    ...(channels === 1 ? { channels } : {}),
    ...{ mean: usual.mean, std: usual.std },
  };
}
