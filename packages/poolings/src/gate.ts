/**
 * Gated max-average pooling: a mixture of maximum and average whose share depends on the window.
 *
 *     a = sigmoid(sum omega_k x_k),  y = a max x + (1 - a) (1 / N) sum x
 *
 * with one coefficient omega_k for every place of the window, for all channels (9 for 3x3) or for each
 * channel; initially 0, so that a is 1/2. Taps that do not exist add nothing to the sum. There is a bias
 * on request; the original has none.
 *
 * Source: Lee, Gallagher, Tu: Generalizing pooling functions in convolutional neural networks: mixed,
 * gated, and tree, AISTATS 2016.
 */
import { add, type Graph, mul, type PoolWindow, sigmoid, sub, type Value } from "@softpool/onnx";
import { averagePooling } from "./average.ts";
import { coefficients, weightedSum } from "./coefficients.ts";
import { frame, taps } from "./frame.ts";
import { maximumPooling } from "./maximum.ts";
import type { Method } from "./method.ts";
import { constantLike } from "./numbers.ts";
import { alongChannels, sharedParameter, shareSetting } from "./soft-beta.ts";

/**
 * Composes a share of maximum pooling and the rest of average pooling.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window the window; padded taps do not exist
 * @param share the share a of the maximum, in [0, 1], of a shape that spreads over the output
 * @returns a max x + (1 - a) mean x
 */
export function mixture(g: Graph, x: Value, window: PoolWindow, share: Value): Value {
  // Two products and not mean + a (max - mean): 1 gives the maximum, however large the mean is.
  const most = mul(g, share, maximumPooling(g, x, window));
  return add(g, most, mul(g, sub(g, constantLike(g, x, 1), share), averagePooling(g, x, window)));
}

/** The method `gate`. */
export const gate: Method = {
  name: "gate",
  aliases: ["gated"],
  summary: "maximum and average mixed by a gate that sees the window",
  source:
    "Lee, Gallagher, Tu: Generalizing pooling functions in convolutional neural networks: mixed, gated, and tree, AISTATS 2016",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [
    shareSetting,
    {
      name: "bias",
      summary: "1 adds a learned bias to the gate, 0 does not",
      default: 0,
      check: (value) =>
        value === 0 || value === 1 ? undefined : `expected 0 or 1, received ${value}`,
    },
  ],
  parameters: (site, settings) => {
    const { kernel } = site.window;
    const shape = settings.share === "channel" ? [site.channels, ...kernel] : kernel;
    const omega = { name: "omega", shape, initial: () => 0 };
    return settings.bias === 1 ? [omega, sharedParameter("bias", 0, site, settings)] : [omega];
  },
  infer: ({ g, x, window, parameters }) => {
    const axes = window.kernel.length;
    const all = taps(g, frame(g, x, window, 0), window);
    const z = weightedSum(g, all, coefficients(g, parameters.omega, all.length, axes));
    const { bias } = parameters;
    const biased = bias === undefined ? z : add(g, z, alongChannels(g, bias, axes));
    return mixture(g, x, window, sigmoid(g, biased));
  },
};
