/**
 * ResNet-18 and ResNet-50 (He, Zhang, Ren and Sun, CVPR 2016) as ONNX graphs, in torchvision's shape and
 * with its parameter names, for 224x224 pictures. A block is relu(f(x) + x), where f is two 3x3
 * convolutions, or 1x1, 3x3 and 1x1 with four times the channels at its end; the stem is a 7x7
 * convolution and the one pooling layer, a maximum over 3x3 with stride 2 and padding 1.
 *
 * Weights are random and close to normal with variance 2 / inputs, and the last normalisation of every
 * block scales by 1/4, so that activations keep their size: the time does not depend on what is learned.
 */
import {
  add,
  batchNormalization,
  conv,
  flatten,
  Graph,
  globalAveragePool,
  maxPool,
  poolWindow,
  relu,
  tensor,
} from "@softpool/onnx";
import { normalNumbers } from "./data.js";

/** Opset of the models: what exporters write at present. */
const OPSET = 17;
const CLASSES = 1000;
/** Channels inside the blocks of the four stages. */
const WIDTHS = [64, 128, 256, 512];

/**
 * The networks: blocks per stage, and how much wider a block ends than it is inside.
 * @type {Record<Network, { blocks: number[], expansion: 1 | 4 }>}
 */
const NETWORKS = {
  "ResNet-18": { blocks: [2, 2, 2, 2], expansion: 1 },
  "ResNet-50": { blocks: [3, 4, 6, 3], expansion: 4 },
};

/** @typedef {"ResNet-18" | "ResNet-50"} Network */
/** @typedef {import("@softpool/onnx").Value} Value */

/** Layers with stored weights, added to a graph. */
class Layers {
  /** @param {Graph} g */
  constructor(g) {
    this.g = g;
    this.fill = normalNumbers(0x2545f491);
  }

  /**
   * A stored tensor of random weights.
   * @param {string} name
   * @param {number[]} shape outputs first
   */
  weight(name, shape) {
    const [outputs, ...rest] = shape;
    const inputs = rest.reduce((product, size) => product * size, 1);
    const values = new Float64Array(outputs * inputs);
    this.fill(values);
    const scale = Math.sqrt(2 / inputs);
    return this.g.initializer(
      name,
      tensor(
        "float32",
        shape,
        values.map((value) => value * scale),
      ),
    );
  }

  /**
   * A convolution without bias, and its normalisation as it is after training.
   * @param {Value} x
   * @param {[convolution: string, normalisation: string]} names
   * @param {{ from: number, to: number, kernel: number, stride?: number, scale?: number }} layer
   */
  convolution(x, [name, norm], { from, to, kernel, stride = 1, scale = 1 }) {
    const { g } = this;
    const pad = (kernel - 1) / 2;
    const y = conv(g, x, this.weight(`${name}.weight`, [to, from, kernel, kernel]), undefined, {
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
    const each = (/** @type {string} */ part, /** @type {number} */ value) =>
      g.initializer(`${norm}.${part}`, tensor("float32", [to], value));
    const [weight, bias] = [each("weight", scale), each("bias", 0)];
    const [mean, variance] = [each("running_mean", 0), each("running_var", 1)];
    return batchNormalization(g, y, weight, bias, mean, variance);
  }

  /**
   * A block.
   * @param {Value} x
   * @param {string} name
   * @param {{ from: number, width: number, expansion: 1 | 4, stride: number }} block
   */
  block(x, name, { from, width, expansion, stride }) {
    const to = width * expansion;
    // torchvision strides in the 3x3 convolution.
    const convolutions =
      expansion === 1
        ? [
            { from, to: width, kernel: 3, stride },
            { from: width, to, kernel: 3, scale: 0.25 },
          ]
        : [
            { from, to: width, kernel: 1 },
            { from: width, to: width, kernel: 3, stride },
            { from: width, to, kernel: 1, scale: 0.25 },
          ];
    const y = convolutions.reduce((value, layer, i) => {
      const names = /** @type {[string, string]} */ ([
        `${name}.conv${i + 1}`,
        `${name}.bn${i + 1}`,
      ]);
      const next = this.convolution(value, names, layer);
      return i < convolutions.length - 1 ? relu(this.g, next) : next;
    }, x);
    const same = from === to && stride === 1;
    const short = same
      ? x
      : this.convolution(x, [`${name}.downsample.0`, `${name}.downsample.1`], {
          ...{ from, to, stride },
          kernel: 1,
        });
    return relu(this.g, add(this.g, y, short));
  }
}

/**
 * A network.
 * @param {Network} network
 * @returns {import("@softpool/onnx").ModelProto} input `x` [N, 3, 224, 224], output `y` [N, 1000]
 */
export function networkModel(network) {
  const { blocks, expansion } = NETWORKS[network];
  const g = new Graph(OPSET);
  const layers = new Layers(g);
  const x = g.input("x", "float32", ["N", 3, 224, 224]);
  const stem = { from: 3, to: 64, kernel: 7, stride: 2 };
  let y = relu(g, layers.convolution(x, ["conv1", "bn1"], stem));
  y = maxPool(g, y, poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }));
  let from = 64;
  for (const [stage, width] of WIDTHS.entries()) {
    for (let i = 0; i < blocks[stage]; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      y = layers.block(y, `layer${stage + 1}.${i}`, { from, width, expansion, stride });
      from = width * expansion;
    }
  }
  const pooled = flatten(g, globalAveragePool(g, y), 1);
  const weight = layers.weight("fc.weight", [CLASSES, from]);
  const bias = g.initializer("fc.bias", tensor("float32", [CLASSES], 0));
  g.output(g.op("Gemm", [pooled, weight, bias], { transB: 1 }, { outputNames: ["y"] }));
  return g.toModel(network);
}

/**
 * One maximum pooling alone.
 * @param {number} channels
 * @param {number} kernelSize
 * @param {number} stride
 * @param {number} padding
 * @returns {import("@softpool/onnx").ModelProto} input `x` [N, channels, H, W], output `y`
 */
export function poolingModel(channels, kernelSize, stride, padding) {
  const g = new Graph(OPSET);
  const x = g.input("x", "float32", ["N", channels, "H", "W"]);
  const pads = new Array(4).fill(padding);
  const y = maxPool(
    g,
    x,
    poolWindow([kernelSize, kernelSize], { strides: [stride, stride], pads }),
  );
  g.output(y);
  return g.toModel("pooling");
}
