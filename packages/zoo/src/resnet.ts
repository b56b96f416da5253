/**
 * ResNet, ResNeXt and Wide ResNet: residual networks whose stem ends in a pooling. Of a block of three
 * convolutions the middle one has the stride.
 *
 *     stem       7x7/2 64, norm, ReLU, maximum 3x3/2 p1
 *     basic      y = ReLU(x + norm 3x3 (ReLU norm 3x3/s x))
 *     bottleneck y = ReLU(x + norm 1x1 (ReLU norm 3x3/s,g (ReLU norm 1x1 x)))
 *     head       global average, linear
 *
 * where x goes through a 1x1/s convolution and a norm where its shape is another.
 *
 * Sources: He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016; Xie, Girshick,
 * Dollar, Tu, He: Aggregated residual transformations, CVPR 2017; Zagoruyko, Komodakis: Wide residual
 * networks, BMVC 2016.
 */
import { add, type Value } from "@softpool/onnx";
import { type Builder, square } from "./builder.ts";
import { kaimingFanOut } from "./initial.ts";
import type { NetworkEntry } from "./network.ts";

interface Plan {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly source: string;
  readonly block: "basic" | "bottleneck";
  /** Blocks of the four stages. */
  readonly blocks: readonly [number, number, number, number];
  /** Groups of the middle convolution; default 1. */
  readonly groups?: number;
  /** Channels of a group of the middle convolution in the first stage; default 64. */
  readonly width?: number;
}

/** The convolution of a number in a block (or in the stem), and its norm. */
function convolution(
  b: Builder,
  path: string,
  i: number,
  x: Value,
  channels: number,
  shape: Parameters<Builder["conv"]>[3],
): Value {
  const conv = path === "" ? `conv${i}` : `${path}.conv${i}`;
  return b.norm(conv.replace(/conv(?=\d+$)/, "bn"), b.conv(conv, x, channels, shape));
}

function shortcut(b: Builder, path: string, x: Value, channels: number, stride: number): Value {
  if (stride === 1 && x.shape?.[1] === channels) return x;
  const y = b.conv(`${path}.downsample.0`, x, channels, { kernel: 1, stride });
  return b.norm(`${path}.downsample.1`, y);
}

function basic(b: Builder, path: string, x: Value, planes: number, stride: number): Value {
  const h = b.relu(convolution(b, path, 1, x, planes, { kernel: 3, stride, padding: 1 }));
  const y = convolution(b, path, 2, h, planes, { kernel: 3, padding: 1 });
  return b.relu(add(b.g, y, shortcut(b, path, x, planes, stride)));
}

function bottleneck(
  b: Builder,
  path: string,
  x: Value,
  planes: number,
  stride: number,
  { groups = 1, width = 64 }: Plan,
): Value {
  const inner = Math.floor((planes * width) / 64) * groups;
  const h = b.relu(convolution(b, path, 1, x, inner, { kernel: 1 }));
  const shape = { kernel: 3, stride, padding: 1, groups };
  const h2 = b.relu(convolution(b, path, 2, h, inner, shape));
  const y = convolution(b, path, 3, h2, 4 * planes, { kernel: 1 });
  return b.relu(add(b.g, y, shortcut(b, path, x, 4 * planes, stride)));
}

function resnet(plan: Plan): NetworkEntry {
  return {
    name: plan.name,
    aliases: plan.aliases ?? [],
    source: plan.source,
    size: 224,
    classes: 1000,
    auxiliary: false,
    head: ["fc."],
    variants: [
      {
        name: "soft-1",
        pool: "maxpool=soft:kernel=2x2",
        summary: "SoftPool 2x2 without padding in place of the stem's maximum",
      },
    ],
    remapped: false,
    epsilon: 1e-5,
    initial: kaimingFanOut,
    layers: (b, input) => {
      let x = b.relu(convolution(b, "", 1, input, 64, { kernel: 7, stride: 2, padding: 3 }));
      x = b.maxPool("maxpool", x, square(3, 2, 1));
      for (const [stage, count] of plan.blocks.entries()) {
        for (let i = 0; i < count; i++) {
          const path = `layer${stage + 1}.${i}`;
          const stride = stage > 0 && i === 0 ? 2 : 1;
          const planes = 64 * 2 ** stage;
          x =
            plan.block === "basic"
              ? basic(b, path, x, planes, stride)
              : bottleneck(b, path, x, planes, stride, plan);
        }
      }
      return { logits: b.classifier("fc", b.globalAverage("avgpool", x), "logits") };
    },
  };
}

const he = "He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016";
const xie = "Xie, Girshick, Dollar, Tu, He: Aggregated residual transformations, CVPR 2017";

/** The networks of this file. */
export const resnets: readonly NetworkEntry[] = [
  resnet({ name: "resnet18", source: he, block: "basic", blocks: [2, 2, 2, 2] }),
  resnet({ name: "resnet34", source: he, block: "basic", blocks: [3, 4, 6, 3] }),
  resnet({ name: "resnet50", source: he, block: "bottleneck", blocks: [3, 4, 6, 3] }),
  resnet({ name: "resnet101", source: he, block: "bottleneck", blocks: [3, 4, 23, 3] }),
  resnet({ name: "resnet152", source: he, block: "bottleneck", blocks: [3, 8, 36, 3] }),
  resnet({
    name: "resnext50-32x4d",
    aliases: ["resnext50"],
    source: xie,
    block: "bottleneck",
    blocks: [3, 4, 6, 3],
    groups: 32,
    width: 4,
  }),
  resnet({
    name: "resnext101-32x8d",
    aliases: ["resnext101"],
    source: xie,
    block: "bottleneck",
    blocks: [3, 4, 23, 3],
    groups: 32,
    width: 8,
  }),
  resnet({
    name: "wide-resnet50-2",
    aliases: ["wide-resnet50"],
    source: "Zagoruyko, Komodakis: Wide residual networks, BMVC 2016",
    block: "bottleneck",
    blocks: [3, 4, 6, 3],
    width: 128,
  }),
];
