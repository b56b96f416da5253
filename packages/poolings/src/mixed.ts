/**
 * Mixed max-average pooling, of two kinds:
 *
 *     y = a max x + (1 - a) (1 / N) sum x
 *
 * - `lee`: a = sigmoid(theta) is learned, one per layer or one per channel, initially 1/2.
 * - `yu`: in training a is drawn for every channel of every sample: 1 with the probability that is set,
 *   else 0. In inference the more frequent one is taken; the maximum when both are.
 *
 * Source: Lee, Gallagher, Tu: Generalizing pooling functions in convolutional neural networks: mixed,
 * gated, and tree, AISTATS 2016; Yu, Wang, Chen, Wei: Mixed pooling for convolutional neural networks,
 * RSKT 2014.
 */
import { less, sigmoid, where } from "@softpool/onnx";
import { averagePooling } from "./average.ts";
import { mixture } from "./gate.ts";
import { maximumPooling } from "./maximum.ts";
import type { Context, Method } from "./method.ts";
import { constantLike } from "./numbers.ts";
import { alongChannels, sharedParameter, shareSetting } from "./soft-beta.ts";

const isDrawn = (settings: Context["settings"]) => settings.variant === "yu";

function infer({ g, x, window, parameters, settings }: Context) {
  if (isDrawn(settings)) {
    const most = (settings.probability as number) >= 0.5;
    return most ? maximumPooling(g, x, window) : averagePooling(g, x, window);
  }
  return mixture(
    g,
    x,
    window,
    sigmoid(g, alongChannels(g, parameters.theta, window.kernel.length)),
  );
}

/** The method `mixed`. */
export const mixed: Method = {
  name: "mixed",
  aliases: [],
  summary: "maximum and average mixed by a learned share, or one of them drawn in training",
  source:
    "Lee, Gallagher, Tu, AISTATS 2016 (lee); Yu, Wang, Chen, Wei: Mixed pooling for convolutional neural networks, RSKT 2014 (yu)",
  axes: [1, 2, 3],
  // The variant yu does; lee asks for no noise.
  random: true,
  trained: true,
  settings: [
    {
      name: "variant",
      summary: "lee learns the share of the maximum, yu draws maximum or average in training",
      default: "lee",
      values: ["lee", "yu"],
    },
    shareSetting,
    {
      name: "probability",
      summary: "how probable the maximum is in training with yu",
      default: 0.5,
      check: (value) =>
        value >= 0 && value <= 1 ? undefined : `expected a number from 0 to 1, received ${value}`,
    },
  ],
  parameters: (site, settings) =>
    isDrawn(settings) ? [] : [sharedParameter("theta", 0, site, settings)],
  noise: (_, settings) =>
    isDrawn(settings)
      ? [{ name: "choice", shape: (input) => input.map((size, i) => (i < 2 ? size : 1)) }]
      : [],
  infer,
  train: (context) => {
    const { g, x, window, noise, settings } = context;
    if (!isDrawn(settings)) return infer(context);
    const drawn = less(g, noise.choice, constantLike(g, x, settings.probability as number));
    return where(g, drawn, maximumPooling(g, x, window), averagePooling(g, x, window));
  },
};
