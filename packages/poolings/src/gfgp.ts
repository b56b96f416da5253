/**
 * Global feature guided pooling: SoftPool whose temperature follows from the whole input, one for each
 * sample and channel.
 *
 *     y = sum x_i e^(lambda x_i) / sum e^(lambda x_i)
 *     lambda = act(BN(W2 relu(BN(W1 mean(x) + b1)) + b2)),  act = sigmoid or softplus
 *
 * W1 leads from C channels to C / 2, W2 back. lambda 0 is the average, 1 SoftPool; with the sigmoid it
 * is never sharper than SoftPool.
 *
 * Inference normalizes with the running statistics, training with the batch's: BatchNormalization nodes
 * with `training_mode` 1, whose further outputs are the new running statistics.
 *
 * The pooling itself is right for any finite input and lambda; the mean of all taps must not overflow.
 * NaN spreads over its whole sample.
 *
 * Source: Kobayashi: Global feature guided local pooling, ICCV 2019.
 */
import {
  batchNormalization,
  conv,
  type Graph,
  globalAveragePool,
  OnnxError,
  relu,
  sigmoid,
  type Value,
} from "@softpool/onnx";
import type { Context, Method, Parameter, Site } from "./method.ts";
import { softPoolBeta } from "./soft-beta.ts";

/** The parameters of a 1x1 convolution and its batch normalization, named as in PyTorch. */
function layerParameters(
  layer: number,
  inputs: number,
  outputs: number,
  axes: number,
): Parameter[] {
  const uniformly = (count: number) => (uniform: () => number) =>
    Float64Array.from({ length: count }, () => (2 * uniform() - 1) / Math.sqrt(inputs));
  const list = (name: string, value: number): Parameter => ({
    name: `bn${layer}.${name}`,
    shape: [outputs],
    initial: () => value,
  });
  return [
    {
      name: `conv${layer}.weight`,
      shape: [outputs, inputs, ...new Array<number>(axes).fill(1)],
      decay: true,
      initial: uniformly(outputs * inputs),
    },
    { name: `conv${layer}.bias`, shape: [outputs], initial: uniformly(outputs) },
    list("weight", 1),
    list("bias", 0),
    list("running_mean", 0),
    list("running_var", 1),
  ];
}

function parametersOf({ channels, window }: Site): Parameter[] {
  const hidden = Math.max(1, Math.floor(channels / 2));
  const axes = window.kernel.length;
  return [
    ...layerParameters(1, channels, hidden, axes),
    ...layerParameters(2, hidden, channels, axes),
  ];
}

/** Normalizes with the batch's statistics. */
function trainNormalization(g: Graph, x: Value, given: readonly Value[]): Value {
  if (g.opset < 14) {
    throw new OnnxError(`gfgp: training needs operator set 14 or newer, the graph has ${g.opset}`);
  }
  return g.node("BatchNormalization", [x, ...given], { training_mode: 1 }, { outputs: 3 })[0];
}

/** Composes the temperatures, `[N, C, 1, ...]`. */
function temperatures({ g, x, parameters, settings }: Context, training: boolean): Value {
  const layer = (value: Value, i: number) => {
    const y = conv(g, value, parameters[`conv${i}.weight`], parameters[`conv${i}.bias`]);
    const given = ["weight", "bias", "running_mean", "running_var"].map(
      (name) => parameters[`bn${i}.${name}`],
    );
    const [scale, bias, mean, variance] = given;
    return training
      ? trainNormalization(g, y, given)
      : batchNormalization(g, y, scale, bias, mean, variance);
  };
  const z = layer(relu(g, layer(globalAveragePool(g, x), 1)), 2);
  return settings.activation === "softplus" ? g.op("Softplus", [z]) : sigmoid(g, z);
}

function compose(context: Context, training: boolean): Value {
  const { g, x, window } = context;
  return softPoolBeta(g, x, window, temperatures(context, training));
}

/** The method `gfgp`. */
export const gfgp: Method = {
  name: "gfgp",
  aliases: [],
  summary: "SoftPool whose temperature a small network takes from the mean of the input",
  source: "Kobayashi: Global feature guided local pooling, ICCV 2019",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [
    {
      name: "activation",
      summary: "what makes temperatures positive; the sigmoid keeps them below 1",
      default: "sigmoid",
      values: ["sigmoid", "softplus"],
    },
  ],
  parameters: (site) => parametersOf(site),
  infer: (context) => compose(context, false),
  train: (context) => compose(context, true),
};
