/**
 * InceptionV3: modules A to E of branches side by side, with factorised convolutions. In A, C and E a
 * branch is an average 3x3/1 p1 that counts padded taps as zeros; in B and D, which halve the size, a
 * maximum 3x3/2. Every convolution is followed by a norm and a ReLU.
 *
 * Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception architecture for computer
 * vision, CVPR 2016.
 */
import { concat, type Value } from "@softpool/onnx";
import { type Builder, type ConvolutionShape, square } from "./builder.ts";
import { linearDefault } from "./initial.ts";
import type { NetworkEntry, Variant } from "./network.ts";

/** Units one after the other: name behind the path, channels, shape. */
type Unit = readonly [name: string, channels: number, shape: ConvolutionShape];

const one: ConvolutionShape = { kernel: 1 };
const three: ConvolutionShape = { kernel: 3, padding: 1 };
const halving: ConvolutionShape = { kernel: 3, stride: 2 };
/** 1 high, n wide. */
const row = (n: number): ConvolutionShape => ({ kernel: [1, n], padding: [0, (n - 1) / 2] });
/** n high, 1 wide. */
const column = (n: number): ConvolutionShape => ({ kernel: [n, 1], padding: [(n - 1) / 2, 0] });

function chain(b: Builder, path: string, x: Value, units: readonly Unit[]): Value {
  return units.reduce(
    (y, [name, channels, shape]) => b.unit(`${path}.${name}`, y, channels, shape),
    x,
  );
}

function averageBranch(b: Builder, path: string, x: Value, channels: number): Value {
  const pooled = b.averagePool(`${path}.pool`, x, square(3, 1, 1));
  return b.unit(`${path}.branch_pool`, pooled, channels, one);
}

function moduleA(b: Builder, path: string, x: Value, channels: number): Value {
  return concat(
    b.g,
    [
      chain(b, path, x, [["branch1x1", 64, one]]),
      chain(b, path, x, [
        ["branch5x5_1", 48, one],
        ["branch5x5_2", 64, { kernel: 5, padding: 2 }],
      ]),
      chain(b, path, x, [
        ["branch3x3dbl_1", 64, one],
        ["branch3x3dbl_2", 96, three],
        ["branch3x3dbl_3", 96, three],
      ]),
      averageBranch(b, path, x, channels),
    ],
    1,
  );
}

function moduleB(b: Builder, path: string, x: Value): Value {
  return concat(
    b.g,
    [
      chain(b, path, x, [["branch3x3", 384, halving]]),
      chain(b, path, x, [
        ["branch3x3dbl_1", 64, one],
        ["branch3x3dbl_2", 96, three],
        ["branch3x3dbl_3", 96, halving],
      ]),
      b.maxPool(`${path}.pool`, x, square(3, 2)),
    ],
    1,
  );
}

function moduleC(b: Builder, path: string, x: Value, inner: number): Value {
  return concat(
    b.g,
    [
      chain(b, path, x, [["branch1x1", 192, one]]),
      chain(b, path, x, [
        ["branch7x7_1", inner, one],
        ["branch7x7_2", inner, row(7)],
        ["branch7x7_3", 192, column(7)],
      ]),
      chain(b, path, x, [
        ["branch7x7dbl_1", inner, one],
        ["branch7x7dbl_2", inner, column(7)],
        ["branch7x7dbl_3", inner, row(7)],
        ["branch7x7dbl_4", inner, column(7)],
        ["branch7x7dbl_5", 192, row(7)],
      ]),
      averageBranch(b, path, x, 192),
    ],
    1,
  );
}

function moduleD(b: Builder, path: string, x: Value): Value {
  return concat(
    b.g,
    [
      chain(b, path, x, [
        ["branch3x3_1", 192, one],
        ["branch3x3_2", 320, halving],
      ]),
      chain(b, path, x, [
        ["branch7x7x3_1", 192, one],
        ["branch7x7x3_2", 192, row(7)],
        ["branch7x7x3_3", 192, column(7)],
        ["branch7x7x3_4", 192, halving],
      ]),
      b.maxPool(`${path}.pool`, x, square(3, 2)),
    ],
    1,
  );
}

function moduleE(b: Builder, path: string, x: Value): Value {
  const fork = (y: Value, name: string) =>
    concat(
      b.g,
      [
        chain(b, path, y, [[`${name}a`, 384, row(3)]]),
        chain(b, path, y, [[`${name}b`, 384, column(3)]]),
      ],
      1,
    );
  return concat(
    b.g,
    [
      chain(b, path, x, [["branch1x1", 320, one]]),
      fork(chain(b, path, x, [["branch3x3_1", 384, one]]), "branch3x3_2"),
      fork(
        chain(b, path, x, [
          ["branch3x3dbl_1", 448, one],
          ["branch3x3dbl_2", 384, three],
        ]),
        "branch3x3dbl_3",
      ),
      averageBranch(b, path, x, 192),
    ],
    1,
  );
}

function auxiliary(b: Builder, x: Value): Value {
  const pooled = b.averagePool("AuxLogits.pool", x, square(5, 3), "auxiliary");
  const h = b.unit("AuxLogits.conv0", pooled, 128, one);
  const y = b.unit("AuxLogits.conv1", h, 768, { kernel: 5 });
  const features = b.globalAverage("AuxLogits.avgpool", y, "auxiliary");
  return b.classifier("AuxLogits.fc", features, "AuxLogits.logits");
}

/** The seven steps, each adding to the one before it. */
const steps: readonly (readonly [name: string, pattern: string, what: string])[] = [
  ["I", "maxpool1", "the first maximum of the stem"],
  ["II", "maxpool2", "the second maximum of the stem"],
  ["III", "Mixed_5*", "the averages of Mixed_5b to 5d"],
  ["IV", "Mixed_6a*", "the maximum of Mixed_6a"],
  ["V", "Mixed_6*", "the averages of Mixed_6b to 6e"],
  ["VI", "Mixed_7a*", "the maximum of Mixed_7a"],
  ["VII", "Mixed_7*", "the averages of Mixed_7b and 7c"],
];

const variants: readonly Variant[] = [
  { name: "N", pool: "original", summary: "no pooling replaced" },
  ...steps.map(([name, , what], i) => ({
    name,
    pool: steps
      .slice(0, i + 1)
      .map(([, pattern]) => `${pattern}=soft`)
      .join(","),
    summary: i === 0 ? `SoftPool in place of ${what}` : `step ${steps[i - 1][0]} and ${what}`,
  })),
];

/** InceptionV3. */
export const inceptionV3: NetworkEntry = {
  name: "inception-v3",
  aliases: ["inception3"],
  source:
    "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception architecture, CVPR 2016",
  size: 299,
  classes: 1000,
  auxiliary: true,
  head: ["fc.", "AuxLogits.fc."],
  variants,
  remapped: true,
  epsilon: 1e-3,
  initial: (site) => {
    if (site.shape.length === 1) return linearDefault(site);
    const deviations: Record<string, number> = {
      "AuxLogits.conv1.conv": 0.01,
      "AuxLogits.fc": 0.001,
    };
    return { kind: "truncated", deviation: deviations[site.name.replace(/\.weight$/, "")] ?? 0.1 };
  },
  layers: (b, input) => {
    let x = b.unit("Conv2d_1a_3x3", input, 32, halving);
    x = b.unit("Conv2d_2a_3x3", x, 32, { kernel: 3 });
    x = b.unit("Conv2d_2b_3x3", x, 64, three);
    x = b.maxPool("maxpool1", x, square(3, 2));
    x = b.unit("Conv2d_3b_1x1", x, 80, one);
    x = b.unit("Conv2d_4a_3x3", x, 192, { kernel: 3 });
    x = b.maxPool("maxpool2", x, square(3, 2));
    x = moduleA(b, "Mixed_5b", x, 32);
    x = moduleA(b, "Mixed_5c", x, 64);
    x = moduleA(b, "Mixed_5d", x, 64);
    x = moduleB(b, "Mixed_6a", x);
    for (const [name, inner] of [
      ["6b", 128],
      ["6c", 160],
      ["6d", 160],
      ["6e", 192],
    ] as const) {
      x = moduleC(b, `Mixed_${name}`, x, inner);
    }
    const heads = b.options.auxiliary ? [auxiliary(b, x)] : [];
    x = moduleD(b, "Mixed_7a", x);
    x = moduleE(b, "Mixed_7b", x);
    x = moduleE(b, "Mixed_7c", x);
    const logits = b.classifier("fc", b.globalAverage("avgpool", x), "logits", 0.5);
    return { logits, auxiliary: heads };
  },
};
