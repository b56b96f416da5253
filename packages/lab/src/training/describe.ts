/** The settings of a run in lines, as they are printed before it begins. */
import { lumaOf } from "../data/colour.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Transform } from "../data/transforms.ts";
import { quote } from "../errors.ts";
import type { RunConfig } from "./config.ts";
import type { Schedule } from "./schedule.ts";

const list = (parts: readonly (string | undefined | false)[]): string =>
  parts.filter((part) => typeof part === "string").join(", ");

function scheduleText({ kind, rate, every, gamma }: Schedule): string {
  const steps = kind === "step" ? ` x${gamma ?? 0.1} every ${every ?? 30} epochs` : "";
  return `rate ${rate} ${kind}${steps}`;
}

function geometryText({ geometry, size }: Transform): string {
  switch (geometry.kind) {
    case "random-area":
      return `regions of ${geometry.area.map((share) => 100 * share).join(" to ")} % of the area`;
    case "pad-crop":
      return `padded by ${geometry.padding} and cropped`;
    case "centre-crop":
      return geometry.resize === size ? "whole" : `centre of ${geometry.resize}`;
  }
}

function transformText(transform: Transform): string {
  const { size, channels, flip, rotate, jitter, mean, std } = transform;
  const numbers = (three: Transform["mean"]) =>
    channels === 1 ? String(Number(lumaOf(...three).toFixed(4))) : three.join(" ");
  return list([
    `${size}x${size}`,
    channels === 1 && "greyscale",
    geometryText(transform),
    flip > 0 && `mirrored with probability ${flip}`,
    rotate && `rotated by up to ${rotate.degrees} degrees with probability ${rotate.probability}`,
    jitter && `brightness, contrast, saturation, hue by up to ${Object.values(jitter).join(", ")}`,
    `mean ${numbers(mean)}`,
    `deviation ${numbers(std)}`,
  ]);
}

/**
 * The settings in lines.
 * @param config the settings
 * @param train the pictures to learn from
 * @param folder the directory of the run
 */
export function configLines(config: RunConfig, train: Dataset, folder: string): string[] {
  const { network, pool, classes, epochs, batch, accumulate = 1, transform } = config;
  const steps = Math.floor(Math.floor(train.length / batch) / accumulate);
  const name = config.file === undefined ? network : quote(network);
  const { momentum, nesterov, decay, smoothing, heads, softpoolGradient } = config;
  const { backboneRate = 1, batchNorm, weights, seed, provider, threads } = config;
  const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  return [
    `${name}, pooling ${pool ?? "as it is"}, ${train.length} pictures of ${classes} classes, ${counted(epochs, "epoch")} of ${counted(steps, "step")}, in ${quote(folder)}`,
    `optimiser: ${list([
      `SGD ${scheduleText(config.schedule)}`,
      `momentum ${momentum ?? 0.9}${nesterov ? " (Nesterov)" : ""}`,
      `decay ${decay ?? 0}`,
      (smoothing ?? 0) > 0 && `label smoothing ${smoothing}`,
      `batch ${batch}${accumulate > 1 ? ` x ${accumulate} = ${batch * accumulate}` : ""}`,
      backboneRate !== 1 && `backbone rate x${backboneRate}`,
      batchNorm && `batch norm ${batchNorm === "train" ? "trained" : "frozen"}`,
      heads && `auxiliary heads x${config.auxiliary ?? 0.4}`,
      softpoolGradient && `SoftPool's gradient ${softpoolGradient}`,
    ])}`,
    ...(transform === undefined ? [] : [`pictures: ${transformText(transform)}`]),
    `run: ${list([
      weights !== undefined && `weights ${quote(weights)}`,
      `seed ${seed}`,
      `provider ${provider}`,
      counted(threads, "thread"),
    ])}`,
  ];
}
