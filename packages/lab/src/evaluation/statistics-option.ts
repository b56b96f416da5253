/** The options `--mean` and `--std`: what pictures are normalised by. */
import type { ArgsDef } from "citty";
import type { Statistics } from "../data/transforms.ts";
import { quote, UsageError } from "../errors.ts";

/** What the command line knows of them. */
export const statisticsOptions: ArgsDef = {
  mean: {
    type: "string",
    description:
      "mean that pictures are normalised by; default CIFAR's up to 64 pixels, else ImageNet's",
    valueHint: "R,G,B",
  },
  std: {
    type: "string",
    description: "deviation that pictures are normalised by; default as for --mean",
    valueHint: "R,G,B",
  },
};

type Three = readonly [number, number, number];

function threeOf(option: string, text: string, low: number): Three {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const all = numbers.length === 1 ? [numbers[0], numbers[0], numbers[0]] : numbers;
  if (all.length !== 3 || !all.every((value) => Number.isFinite(value) && value >= low)) {
    const range = low > 0 ? " above 0" : "";
    throw new UsageError(
      `${option}: expected one number or three for red, green and blue${range}, received ${quote(text)}`,
    );
  }
  return all as unknown as Three;
}

/**
 * Mean and deviation that options give; both or none.
 * @returns undefined when neither is given
 * @throws UsageError for one without the other, or what are no numbers
 */
export function statisticsOption(
  values: Readonly<Record<string, string | undefined>>,
): Statistics | undefined {
  const { mean, std } = values;
  if (mean === undefined && std === undefined) return undefined;
  if (mean === undefined || std === undefined) {
    const [given, lacking] = mean === undefined ? ["std", "mean"] : ["mean", "std"];
    throw new UsageError(`--${given}: expected together with --${lacking}`);
  }
  return { mean: threeOf("--mean", mean, -1e6), std: threeOf("--std", std, 1e-6) };
}
