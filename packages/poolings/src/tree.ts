/**
 * Tree pooling of two levels: two learned filters, mixed by a gate that sees the window.
 *
 *     a = sigmoid(sum omega_k x_k),  y = a sum v1_k x_k + (1 - a) sum v2_k x_k
 *
 * with a coefficient of each kind for every place of the window (27 for 3x3), for all channels or for
 * each channel. The filters begin near 1 / K, apart by a little noise, the gate at 0. Taps that do not
 * exist add nothing.
 *
 * Source: Lee, Gallagher, Tu: Generalizing pooling functions in convolutional neural networks: mixed,
 * gated, and tree, AISTATS 2016.
 */
import { add, mul, sigmoid, sub } from "@softpool/onnx";
import { coefficients, weightedSum } from "./coefficients.ts";
import { frame, taps } from "./frame.ts";
import type { Method } from "./method.ts";
import { constantLike } from "./numbers.ts";
import { shareSetting } from "./soft-beta.ts";

/** The initial filters are uniform in (1 +- NOISE) / K. */
const NOISE = 0.1;

/** The method `tree`. */
export const tree: Method = {
  name: "tree",
  aliases: [],
  summary: "two learned filters mixed by a gate that sees the window",
  source:
    "Lee, Gallagher, Tu: Generalizing pooling functions in convolutional neural networks: mixed, gated, and tree, AISTATS 2016",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [shareSetting],
  parameters: (site, settings) => {
    const { kernel } = site.window;
    const shape = settings.share === "channel" ? [site.channels, ...kernel] : kernel;
    const count = shape.reduce((product, size) => product * size, 1);
    const taps = kernel.reduce((product, size) => product * size, 1);
    const filter = (uniform: () => number) =>
      Float64Array.from({ length: count }, () => (1 + NOISE * (2 * uniform() - 1)) / taps);
    return [
      { name: "v1", shape, initial: filter },
      { name: "v2", shape, initial: filter },
      { name: "omega", shape, initial: () => 0 },
    ];
  },
  infer: ({ g, x, window, parameters }) => {
    const axes = window.kernel.length;
    const all = taps(g, frame(g, x, window, 0), window);
    const [v1, v2, omega] = [parameters.v1, parameters.v2, parameters.omega].map((values) =>
      weightedSum(g, all, coefficients(g, values, all.length, axes)),
    );
    const a = sigmoid(g, omega);
    return add(g, mul(g, a, v1), mul(g, sub(g, constantLike(g, x, 1), a), v2));
  },
};
