/**
 * LIP, local importance pooling: the weights of the taps are learned from the whole neighbourhood.
 *
 *     y = sum x_i e^(l_i) / sum e^(l_i),  l = 12 sigmoid(G(x)) of the same shape as x
 *
 * G is a small network of convolutions of stride 1 without bias, zeros beyond the ends, each with an
 * instance normalization:
 *
 *     simplified:  3x3 C -> C
 *     bottleneck:  1x1 C -> 128, ReLU, 3x3 128 -> 128, ReLU, 1x1 128 -> C
 *
 * The last convolution begins at 0, so that all logits are 6 and the pooling is an average.
 *
 * Logits lie in [0, 12]; e^(l - 12) / N are the weights, whose sums do not overflow. G may, for values
 * beyond about 1e36 and as any network. NaN spreads over its whole sample: normalization sees all of a
 * plane, convolution all channels.
 *
 * Source: Gao, Wang, Wu: LIP: Local importance-based pooling, ICCV 2019.
 */
import {
  averagePool,
  conv,
  div,
  exp,
  type Graph,
  instanceNormalization,
  mul,
  type PoolWindow,
  relu,
  sigmoid,
  sub,
  type Value,
} from "@softpool/onnx";
import { hasNode } from "./average.ts";
import { tapTotal } from "./frame.ts";
import type { Context, Method, Parameter, Setting, Site } from "./method.ts";
import { constantLike } from "./numbers.ts";

/** The largest logit. */
const LARGEST_LOGIT = 12;

/** Channels inside the bottleneck. */
const HIDDEN = 128;

/** One convolution of G: its name, its channels, its kernel along every axis. */
interface Layer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
}

function layersOf(logits: number | string, channels: number): Layer[] {
  if (logits === "simplified") {
    return [{ name: "", inputs: channels, outputs: channels, kernel: 3 }];
  }
  return [
    { name: "1", inputs: channels, outputs: HIDDEN, kernel: 1 },
    { name: "2", inputs: HIDDEN, outputs: HIDDEN, kernel: 3 },
    { name: "3", inputs: HIDDEN, outputs: channels, kernel: 1 },
  ];
}

function parametersOf({ window, channels }: Site, logits: number | string): Parameter[] {
  const layers = layersOf(logits, channels);
  return layers.flatMap(({ name, inputs, outputs, kernel }, i): Parameter[] => {
    const shape = [outputs, inputs, ...window.kernel.map(() => kernel)];
    const count = shape.reduce((product, size) => product * size, 1);
    const bound = Math.sqrt(outputs / count);
    return [
      {
        name: `logit.conv${name}.weight`,
        shape,
        decay: true,
        // Uniform in +-1 / sqrt(number of inputs); the last one 0.
        initial: (uniform) =>
          i === layers.length - 1
            ? 0
            : Float64Array.from({ length: count }, () => (2 * uniform() - 1) * bound),
      },
      { name: `logit.bn${name}.weight`, shape: [outputs], initial: () => 1 },
      { name: `logit.bn${name}.bias`, shape: [outputs], initial: () => 0 },
    ];
  });
}

/** Composes G and its gate. */
function logitsOf({ g, x, window, parameters, settings }: Context): Value {
  const layers = settings.logits === "simplified" ? [""] : ["1", "2", "3"];
  let y = x;
  for (const [i, name] of layers.entries()) {
    const weight = parameters[`logit.conv${name}.weight`];
    const pad = ((weight.shape?.[2] as number) - 1) / 2;
    const pads = new Array<number>(2 * window.kernel.length).fill(pad);
    const [scale, bias] = ["weight", "bias"].map((part) => parameters[`logit.bn${name}.${part}`]);
    y = instanceNormalization(g, conv(g, y, weight, undefined, { pads }), scale, bias);
    if (i < layers.length - 1) y = relu(g, y);
  }
  return mul(g, sigmoid(g, y), constantLike(g, x, LARGEST_LOGIT));
}

/**
 * Composes a mean whose weights are given by logits.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param logits in [0, 12], of x's shape
 * @param window the window; padded taps do not exist
 * @returns the pooled value
 */
export function importancePool(g: Graph, x: Value, logits: Value, window: PoolWindow): Value {
  const count = window.kernel.reduce((product, k) => product * k, 1);
  const shift = LARGEST_LOGIT + Math.log(count);
  const weight = exp(g, sub(g, logits, constantLike(g, x, shift)));
  const weighted = mul(g, x, weight);
  const dilated = window.dilations.some((d) => d !== 1);
  if (x.dtype === "float64" || (dilated && g.opset < 19) || !hasNode(g, window)) {
    return div(g, tapTotal(g, weighted, window), tapTotal(g, weight, window));
  }
  // Whatever the divisor counts, it is the same in both.
  const mean = (value: Value) => averagePool(g, value, window, { countIncludePad: true });
  return div(g, mean(weighted), mean(weight));
}

const method = (name: string, aliases: readonly string[], logits: string): Method => {
  const setting: Setting = {
    name: "logits",
    summary: "the network that gives the weights",
    default: logits,
    values: ["simplified", "bottleneck"],
  };
  return {
    name,
    aliases,
    summary: `mean of the taps weighted by a learned network (${logits})`,
    source: "Gao, Wang, Wu: LIP: Local importance-based pooling, ICCV 2019",
    axes: [1, 2, 3],
    random: false,
    trained: true,
    settings: [setting],
    parameters: (site, settings) => parametersOf(site, settings.logits),
    infer: (context) => importancePool(context.g, context.x, logitsOf(context), context.window),
  };
};

/** The method `lip`: one convolution gives the weights. */
export const lip: Method = method("lip", ["lip-simplified"], "simplified");

/** The method `lip-bottleneck`: three convolutions give the weights. */
export const lipBottleneck: Method = method("lip-bottleneck", [], "bottleneck");
