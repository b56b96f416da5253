/**
 * InceptionV1 (GoogLeNet) with batch normalization: modules of four branches side by side.
 *
 *     module  [1x1 a, 3x3 c (1x1 b), 3x3 e (1x1 d), 1x1 f (maximum 3x3/1 p1)]
 *     stem    7x7/2 64, maximum, 1x1 64, 3x3 192, maximum
 *     head    global average, dropout 0.2, linear
 *
 * Every convolution is followed by a norm and a ReLU. The third branch had a 5x5 convolution in the paper;
 * the networks whose weights are published have 3x3. Poolings between the stages keep a last window that
 * is cut off by the border (ceil mode).
 *
 * Source: Szegedy et al.: Going deeper with convolutions, CVPR 2015; norms after Ioffe, Szegedy: Batch
 * normalization, ICML 2015.
 */
import { concat, matMul, tensor, type Value } from "@softpool/onnx";
import { type Builder, square } from "./builder.ts";
import { linearDefault } from "./initial.ts";
import type { NetworkEntry } from "./network.ts";

/** Channels of a module: 1x1, the reductions and results of two branches, and what follows the pooling. */
type Channels = readonly [number, number, number, number, number, number];

const stages: readonly (readonly (readonly [name: string, channels: Channels])[])[] = [
  [
    ["3a", [64, 96, 128, 16, 32, 32]],
    ["3b", [128, 128, 192, 32, 96, 64]],
  ],
  [
    ["4a", [192, 96, 208, 16, 48, 64]],
    ["4b", [160, 112, 224, 24, 64, 64]],
    ["4c", [128, 128, 256, 24, 64, 64]],
    ["4d", [112, 144, 288, 32, 64, 64]],
    ["4e", [256, 160, 320, 32, 128, 128]],
  ],
  [
    ["5a", [256, 160, 320, 32, 128, 128]],
    ["5b", [384, 192, 384, 48, 128, 128]],
  ],
];

function inception(b: Builder, path: string, x: Value, channels: Channels): Value {
  const [one, reduce2, out2, reduce3, out3, out4] = channels;
  const branch = (name: string, reduce: number, out: number) =>
    b.unit(`${name}.1`, b.unit(`${name}.0`, x, reduce, { kernel: 1 }), out, {
      kernel: 3,
      padding: 1,
    });
  const first = b.unit(`${path}.branch1`, x, one, { kernel: 1 });
  const second = branch(`${path}.branch2`, reduce2, out2);
  const third = branch(`${path}.branch3`, reduce3, out3);
  const pooled = b.maxPool(`${path}.branch4.0`, x, square(3, 1, 1, { ceilMode: true }));
  const fourth = b.unit(`${path}.branch4.1`, pooled, out4, { kernel: 1 });
  return concat(b.g, [first, second, third, fourth], 1);
}

/**
 * Averages to `count` x `count`, windows from floor(i L / count) to ceil((i + 1) L / count): a product with
 * a constant matrix along each axis.
 */
function adaptiveAverage(b: Builder, x: Value, count: number): Value {
  const [height, width] = (x.shape as number[]).slice(2);
  const weights = (size: number) => {
    const values = new Float64Array(count * size);
    for (let i = 0; i < count; i++) {
      const [start, end] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
      for (let j = start; j < end; j++) values[i * size + j] = 1 / (end - start);
    }
    return values;
  };
  const across = weights(width);
  const transposed = across.map((_, k) => across[(k % count) * width + Math.floor(k / count)]);
  const right = b.g.constant(tensor("float32", [width, count], transposed));
  const left = b.g.constant(tensor("float32", [count, height], weights(height)));
  return matMul(b.g, left, matMul(b.g, x, right));
}

function auxiliary(b: Builder, name: string, x: Value): Value {
  const h = b.unit(`${name}.conv`, adaptiveAverage(b, x, 4), 128, { kernel: 1 });
  const flat = {
    ...b.g.op("Flatten", [h], { axis: 1 }),
    shape: [x.shape?.[0] ?? null, 16 * 128],
  };
  const hidden = b.relu(b.linear(`${name}.fc1`, flat, 1024));
  const kept = b.dropout(`${name}.dropout`, hidden, 0.7);
  return b.linear(`${name}.fc2`, kept, b.options.classes, `${name}.logits`);
}

/** InceptionV1. */
export const inceptionV1: NetworkEntry = {
  name: "inception-v1",
  aliases: ["googlenet", "inception1"],
  source: "Szegedy et al.: Going deeper with convolutions, CVPR 2015",
  size: 224,
  classes: 1000,
  auxiliary: true,
  head: ["fc.", "aux1.fc2.", "aux2.fc2."],
  variants: [
    {
      name: "soft-13",
      pool: "maxpool*=soft,inception*=soft",
      summary: "SoftPool in place of all 13 maxima, between the stages and in the modules",
    },
  ],
  remapped: true,
  epsilon: 1e-3,
  initial: (site) =>
    site.shape.length === 1 ? linearDefault(site) : { kind: "truncated", deviation: 0.01 },
  layers: (b, input) => {
    const heads: Value[] = [];
    let x = b.unit("conv1", input, 64, { kernel: 7, stride: 2, padding: 3 });
    x = b.maxPool("maxpool1", x, square(3, 2, 0, { ceilMode: true }));
    x = b.unit("conv2", x, 64, { kernel: 1 });
    x = b.unit("conv3", x, 192, { kernel: 3, padding: 1 });
    x = b.maxPool("maxpool2", x, square(3, 2, 0, { ceilMode: true }));
    for (const [stage, modules] of stages.entries()) {
      for (const [name, channels] of modules) {
        x = inception(b, `inception${name}`, x, channels);
        const head = name === "4a" ? "aux1" : name === "4d" ? "aux2" : undefined;
        if (b.options.auxiliary && head !== undefined) heads.push(auxiliary(b, head, x));
      }
      const kernel = stage === 0 ? 3 : 2;
      if (stage < 2)
        x = b.maxPool(`maxpool${stage + 3}`, x, square(kernel, 2, 0, { ceilMode: true }));
    }
    const logits = b.classifier("fc", b.globalAverage("avgpool", x), "logits", 0.2);
    return { logits, auxiliary: heads };
  },
};
