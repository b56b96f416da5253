/**
 * Networks for pictures of 32 x 32: ResNet-20, 32 and 56, and vgg-small.
 *
 *     ResNet-(6n + 2)   3x3 16, then 3 stages of n basic blocks with 16, 32, 64 channels; global average,
 *                       linear. Where a stage begins, the shortcut takes every second row and column and
 *                       fills the missing channels with zeros, so that it has no parameters. That
 *                       subsampling is the place of a pooling, 2 x 2.
 *     vgg-small         three times [3x3 c, norm, ReLU] twice and a maximum 2x2/2, c = 32, 64, 128; global
 *                       average, linear. About 39 million multiply-accumulates.
 *
 * Sources: He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, section 4.2; the
 * second has the form of Simonyan, Zisserman: Very deep convolutional networks, ICLR 2015.
 */
import { add, pad, type Value } from "@softpool/onnx";
import { type Builder, square } from "./builder.ts";
import { kaimingFanOut } from "./initial.ts";
import type { NetworkEntry } from "./network.ts";

const common = {
  size: 32,
  classes: 10,
  auxiliary: false,
  head: ["fc."],
  remapped: false,
  epsilon: 1e-5,
  initial: kaimingFanOut,
} as const;

function shortcut(b: Builder, path: string, x: Value, channels: number): Value {
  const missing = channels - (x.shape?.[1] as number);
  if (missing === 0) return x;
  const y = b.subsample(`${path}.shortcut`, x);
  const begin = Math.floor(missing / 2);
  const padded = pad(b.g, y, [0, begin, 0, 0, 0, missing - begin, 0, 0], 0);
  return { ...padded, shape: [y.shape?.[0] ?? null, channels, ...(y.shape?.slice(2) ?? [])] };
}

function block(b: Builder, path: string, x: Value, channels: number, stride: number): Value {
  const first = b.conv(`${path}.conv1`, x, channels, { kernel: 3, stride, padding: 1 });
  const h = b.relu(b.norm(`${path}.bn1`, first));
  const second = b.conv(`${path}.conv2`, h, channels, { kernel: 3, padding: 1 });
  return b.relu(add(b.g, b.norm(`${path}.bn2`, second), shortcut(b, path, x, channels)));
}

function resnet(n: number): NetworkEntry {
  return {
    ...common,
    name: `resnet${6 * n + 2}`,
    aliases: [],
    source: "He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016",
    variants: [],
    layers: (b, input) => {
      const stem = b.conv("conv1", input, 16, { kernel: 3, padding: 1 });
      let x = b.relu(b.norm("bn1", stem));
      for (const [stage, channels] of [16, 32, 64].entries()) {
        for (let i = 0; i < n; i++) {
          x = block(b, `layer${stage + 1}.${i}`, x, channels, stage > 0 && i === 0 ? 2 : 1);
        }
      }
      return { logits: b.classifier("fc", b.globalAverage("avgpool", x), "logits") };
    },
  };
}

const vgg: NetworkEntry = {
  ...common,
  name: "vgg-small",
  aliases: [],
  source: "after Simonyan, Zisserman: Very deep convolutional networks, ICLR 2015",
  variants: [],
  layers: (b, input) => {
    let x = input;
    for (const [stage, channels] of [32, 64, 128].entries()) {
      for (const i of [1, 2]) {
        const name = `${stage + 1}_${i}`;
        const y = b.conv(`conv${name}`, x, channels, { kernel: 3, padding: 1 });
        x = b.relu(b.norm(`bn${name}`, y));
      }
      x = b.maxPool(`pool${stage + 1}`, x, square(2, 2));
    }
    return { logits: b.classifier("fc", b.globalAverage("avgpool", x), "logits") };
  },
};

/** The networks of this file. */
export const smallNetworks: readonly NetworkEntry[] = [resnet(3), resnet(5), resnet(9), vgg];
