/**
 * DenseNet-BC: every layer sees all earlier ones of its block, oldest first.
 *
 *     layer       h = 3x3 k (ReLU norm 1x1 4k (ReLU norm [x_0, x_1, ...]))
 *     transition  average 2x2/2 of 1x1 C/2 (ReLU norm x)
 *     stem        7x7/2, norm, ReLU, maximum 3x3/2 p1; for small pictures 3x3 alone
 *     head        ReLU norm, global average, linear
 *
 * with growth k. A transition pools the bare result of a convolution: negative values too.
 *
 * Source: Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017.
 */
import { concat, type Value } from "@softpool/onnx";
import { type Builder, square } from "./builder.ts";
import { kaimingFanIn } from "./initial.ts";
import type { NetworkEntry, Outputs, Variant } from "./network.ts";

interface Plan {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Channels that a layer adds. */
  readonly growth: number;
  /** Channels of the stem. */
  readonly first: number;
  /** Layers of the blocks. */
  readonly blocks: readonly number[];
  /** Whether for pictures of 32 x 32. */
  readonly small?: boolean;
}

function denseBlock(b: Builder, path: string, x: Value, layers: number, growth: number): Value {
  const parts = [x];
  for (let i = 1; i <= layers; i++) {
    const layer = `${path}.denselayer${i}`;
    const all = concat(b.g, parts, 1);
    const h = b.conv(`${layer}.conv1`, b.relu(b.norm(`${layer}.norm1`, all)), 4 * growth, {
      kernel: 1,
    });
    parts.push(
      b.conv(`${layer}.conv2`, b.relu(b.norm(`${layer}.norm2`, h)), growth, {
        kernel: 3,
        padding: 1,
      }),
    );
  }
  return concat(b.g, parts, 1);
}

function transition(b: Builder, path: string, x: Value): Value {
  const channels = (x.shape?.[1] as number) / 2;
  const h = b.conv(`${path}.conv`, b.relu(b.norm(`${path}.norm`, x)), channels, { kernel: 1 });
  return b.averagePool(`${path}.pool`, h, square(2, 2));
}

function layersOf(b: Builder, input: Value, { first, small, blocks, growth }: Plan): Outputs {
  let x: Value;
  if (small) x = b.conv("features.conv0", input, first, { kernel: 3, padding: 1 });
  else {
    x = b.conv("features.conv0", input, first, { kernel: 7, stride: 2, padding: 3 });
    x = b.maxPool("features.pool0", b.relu(b.norm("features.norm0", x)), square(3, 2, 1));
  }
  for (const [i, layers] of blocks.entries()) {
    x = denseBlock(b, `features.denseblock${i + 1}`, x, layers, growth);
    if (i < blocks.length - 1) x = transition(b, `features.transition${i + 1}`, x);
  }
  x = b.relu(b.norm("features.norm5", x));
  return { logits: b.classifier("classifier", b.globalAverage("avgpool", x), "logits") };
}

const stem = "features.pool0=soft:kernel=2x2";
const transitions = "features.transition*=soft";

const variants: readonly Variant[] = [
  { name: "soft-1", pool: stem, summary: "SoftPool 2x2 in the stem; transitions stay averages" },
  {
    name: "soft-4",
    pool: `${stem},${transitions}`,
    summary: "SoftPool 2x2 in the stem and the three transitions",
  },
];

const smallVariants: readonly Variant[] = [
  { name: "soft-2", pool: transitions, summary: "SoftPool in both transitions" },
];

function densenet(plan: Plan): NetworkEntry {
  return {
    name: plan.name,
    aliases: plan.aliases ?? [],
    source:
      "Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017",
    size: plan.small ? 32 : 224,
    classes: plan.small ? 10 : 1000,
    auxiliary: false,
    head: ["classifier."],
    variants: plan.small ? smallVariants : variants,
    remapped: false,
    epsilon: 1e-5,
    initial: kaimingFanIn,
    layers: (b, x) => layersOf(b, x, plan),
  };
}

/** The networks of this file for large pictures. */
export const densenets: readonly NetworkEntry[] = [
  densenet({ name: "densenet121", growth: 32, first: 64, blocks: [6, 12, 24, 16] }),
  densenet({ name: "densenet161", growth: 48, first: 96, blocks: [6, 12, 36, 24] }),
  densenet({ name: "densenet169", growth: 32, first: 64, blocks: [6, 12, 32, 32] }),
];

/** The network of this file for small pictures. */
export const smallDensenets: readonly NetworkEntry[] = [
  densenet({
    name: "densenet-bc-40-12",
    aliases: ["densenet40"],
    growth: 12,
    first: 24,
    blocks: [6, 6, 6],
    small: true,
  }),
];
