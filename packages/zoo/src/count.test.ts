import { findPooling } from "@softpool/poolings";
import { expect, test } from "vitest";
import { buildNetwork } from "./build.ts";
import { networks } from "./catalogue.ts";
import { info } from "./count.ts";

/** Network, parameters, learned tensors, further tensors, GMAC, GMAC + 4 norms + pooling taps, poolings. */
const totals: [string, boolean, number, number, number, string, string, number][] = [
  ["resnet18", false, 11_689_512, 62, 60, "1.814", "1.826", 2],
  ["resnet34", false, 21_797_672, 110, 108, "3.664", "3.681", 2],
  ["resnet50", false, 25_557_032, 161, 159, "4.089", "4.135", 2],
  ["resnet101", false, 44_549_160, 314, 312, "7.801", "7.868", 2],
  ["resnet152", false, 60_192_808, 467, 465, "11.514", "11.606", 2],
  ["resnext50-32x4d", false, 25_028_904, 161, 159, "4.230", "4.290", 2],
  ["resnext101-32x8d", false, 88_791_336, 314, 312, "16.414", "16.541", 2],
  ["wide-resnet50-2", false, 68_883_240, 161, 159, "11.398", "11.457", 2],
  ["densenet121", false, 7_978_856, 364, 363, "2.834", "2.899", 5],
  ["densenet161", false, 28_681_000, 484, 483, "7.728", "7.849", 5],
  ["densenet169", false, 14_149_480, 508, 507, "3.360", "3.438", 5],
  ["inception-v1", false, 6_624_904, 173, 171, "1.498", "1.524", 14],
  ["inception-v1", true, 13_004_888, 187, 177, "1.498", "1.524", 14],
  ["inception-v3", false, 23_834_568, 284, 282, "5.713", "5.773", 14],
  ["inception-v3", true, 27_161_264, 292, 288, "5.713", "5.773", 14],
  // He et al. state 0.27, 0.46 and 0.85 million for these three.
  ["resnet20", false, 269_722, 59, 57, "0.041", "0.041", 3],
  ["resnet32", false, 464_154, 95, 93, "0.069", "0.070", 3],
  ["resnet56", false, 853_018, 167, 165, "0.125", "0.128", 3],
  ["vgg-small", false, 288_746, 20, 18, "0.039", "0.039", 4],
  ["densenet-bc-40-12", false, 176_122, 119, 117, "0.072", "0.076", 3],
];

const giga = (value: number) => (value / 1e9).toFixed(3);

test("parameters, tensors and operations of every network", () => {
  const seen = totals.map(([name, auxiliary]) => {
    const { model } = buildNetwork(name, { auxiliary, values: false });
    const { parameters, tensors, buffers, macs, normActivations, poolingTaps, poolings } =
      info(model);
    const operations = macs + 4 * normActivations + poolingTaps;
    return [
      ...[name, auxiliary, parameters, tensors, buffers],
      ...[giga(macs), giga(operations), poolings],
    ];
  });
  expect(seen).toEqual(totals);
  expect(new Set(totals.map(([name]) => name))).toEqual(new Set(networks.map(({ name }) => name)));
});

/** Parameters of parts, by the beginnings of their tensors' names. */
const parts: Record<string, Record<string, number>> = {
  resnet18: {
    "conv1.": 9_408,
    "bn1.": 128,
    "layer1.": 147_968,
    "layer2.": 525_568,
    "layer3.": 2_099_712,
    "layer4.": 8_393_728,
    "fc.": 513_000,
  },
  resnet34: {
    "layer1.": 221_952,
    "layer2.": 1_116_416,
    "layer3.": 6_822_400,
    "layer4.": 13_114_368,
  },
  resnet50: {
    "layer1.": 215_808,
    "layer2.": 1_219_584,
    "layer3.": 7_098_368,
    "layer4.": 14_964_736,
    "fc.": 2_049_000,
  },
  resnet101: {
    "layer1.": 215_808,
    "layer2.": 1_219_584,
    "layer3.": 26_090_496,
    "layer4.": 14_964_736,
  },
  resnet152: {
    "layer1.": 215_808,
    "layer2.": 2_339_840,
    "layer3.": 40_613_888,
    "layer4.": 14_964_736,
  },
  "resnext50-32x4d": {
    "layer1.": 205_824,
    "layer2.": 1_197_056,
    "layer3.": 7_022_592,
    "layer4.": 14_544_896,
  },
  "resnext101-32x8d": {
    "layer1.": 420_864,
    "layer2.": 2_405_376,
    "layer3.": 55_160_832,
    "layer4.": 28_745_728,
  },
  "wide-resnet50-2": {
    "layer1.": 634_368,
    "layer2.": 3_482_624,
    "layer3.": 20_736_000,
    "layer4.": 41_971_712,
  },
  ...Object.fromEntries(
    (
      [
        [
          "densenet121",
          9_536,
          335_040,
          33_280,
          919_680,
          132_096,
          2_837_760,
          526_336,
          2_158_080,
          2_048,
          1_025_000,
        ],
        [
          "densenet161",
          14_304,
          751_392,
          74_496,
          2_061_504,
          296_448,
          11_548_224,
          2_234_496,
          9_486_720,
          4_416,
          2_209_000,
        ],
        [
          "densenet169",
          9_536,
          335_040,
          33_280,
          919_680,
          132_096,
          4_316_160,
          821_760,
          5_913_600,
          3_328,
          1_665_000,
        ],
      ] as [string, ...number[]][]
    ).map(([name, stem, b1, t1, b2, t2, b3, t3, b4, norm5, classifier]) => [
      name,
      {
        "features.conv0.|features.norm0.": stem,
        "features.denseblock1.": b1,
        "features.transition1.": t1,
        "features.denseblock2.": b2,
        "features.transition2.": t2,
        "features.denseblock3.": b3,
        "features.transition3.": t3,
        "features.denseblock4.": b4,
        "features.norm5.": norm5,
        "classifier.": classifier,
      },
    ]),
  ),
  "inception-v1": {
    "inception3a.": 155_872,
    "inception3b.": 340_224,
    "inception4a.": 364_512,
    "inception4b.": 425_232,
    "inception4c.": 486_192,
    "inception4d.": 573_312,
    "inception4e.": 803_840,
    "inception5a.": 978_944,
    "inception5b.": 1_347_040,
    "aux1.": 3_188_968,
    "aux2.": 3_191_016,
  },
  "inception-v3": {
    "Conv2d_1a_3x3.": 928,
    "Conv2d_2a_3x3.": 9_280,
    "Conv2d_2b_3x3.": 18_560,
    "Conv2d_3b_1x1.": 5_280,
    "Conv2d_4a_3x3.": 138_624,
    "Mixed_5b.": 255_904,
    "Mixed_5c.": 277_472,
    "Mixed_5d.": 285_152,
    "Mixed_6a.": 1_153_280,
    "Mixed_6b.": 1_297_408,
    "Mixed_6c.": 1_691_008,
    "Mixed_6d.": 1_691_008,
    "Mixed_6e.": 2_141_952,
    "AuxLogits.": 3_326_696,
    "Mixed_7a.": 1_698_304,
    "Mixed_7b.": 5_044_608,
    "Mixed_7c.": 6_076_800,
    "fc.": 2_049_000,
  },
};

/** What pools where: name, kind, window, channels and size of its input, size of its result. */
const places: Record<string, string[]> = {
  resnet18: ["maxpool maximum 3/2/1 64,112 56", "avgpool average all 512,7 1"],
  resnet50: ["maxpool maximum 3/2/1 64,112 56", "avgpool average all 2048,7 1"],
  densenet121: denseplaces(64, [256, 512, 1024], 1024),
  densenet161: denseplaces(96, [384, 768, 2112], 2208),
  densenet169: denseplaces(64, [256, 512, 1280], 1664),
  "inception-v1": [
    "maxpool1 maximum 3/2/0c 64,112 56",
    "maxpool2 maximum 3/2/0c 192,56 28",
    "inception3a.branch4.0 maximum 3/1/1c 192,28 28",
    "inception3b.branch4.0 maximum 3/1/1c 256,28 28",
    "maxpool3 maximum 3/2/0c 480,28 14",
    "inception4a.branch4.0 maximum 3/1/1c 480,14 14",
    "inception4b.branch4.0 maximum 3/1/1c 512,14 14",
    "inception4c.branch4.0 maximum 3/1/1c 512,14 14",
    "inception4d.branch4.0 maximum 3/1/1c 512,14 14",
    "inception4e.branch4.0 maximum 3/1/1c 528,14 14",
    "maxpool4 maximum 2/2/0c 832,14 7",
    "inception5a.branch4.0 maximum 3/1/1c 832,7 7",
    "inception5b.branch4.0 maximum 3/1/1c 832,7 7",
    "avgpool average all 1024,7 1",
  ],
  "inception-v3": [
    "maxpool1 maximum 3/2/0 64,147 73",
    "maxpool2 maximum 3/2/0 192,71 35",
    "Mixed_5b.pool average 3/1/1 192,35 35",
    "Mixed_5c.pool average 3/1/1 256,35 35",
    "Mixed_5d.pool average 3/1/1 288,35 35",
    "Mixed_6a.pool maximum 3/2/0 288,35 17",
    "Mixed_6b.pool average 3/1/1 768,17 17",
    "Mixed_6c.pool average 3/1/1 768,17 17",
    "Mixed_6d.pool average 3/1/1 768,17 17",
    "Mixed_6e.pool average 3/1/1 768,17 17",
    "AuxLogits.pool average 5/3/0 768,17 5",
    "AuxLogits.avgpool average all 768,1 1",
    "Mixed_7a.pool maximum 3/2/0 768,17 8",
    "Mixed_7b.pool average 3/1/1 1280,8 8",
    "Mixed_7c.pool average 3/1/1 2048,8 8",
    "avgpool average all 2048,8 1",
  ],
  resnet56: [
    "layer2.0.shortcut subsample 1/2/0 16,32 16",
    "layer3.0.shortcut subsample 1/2/0 32,16 8",
    "avgpool average all 64,8 1",
  ],
};

function denseplaces(first: number, blocks: number[], last: number): string[] {
  return [
    `features.pool0 maximum 3/2/1 ${first},112 56`,
    ...blocks.map(
      (channels, i) =>
        `features.transition${i + 1}.pool average 2/2/0 ${channels / 2},${56 / 2 ** i} ${28 / 2 ** i}`,
    ),
    `avgpool average all ${last},7 1`,
  ];
}

test("parameters of parts, and what pools where", () => {
  for (const entry of networks) {
    const network = buildNetwork(entry, { auxiliary: entry.auxiliary, values: false });
    const wanted = parts[entry.name] ?? {};
    const seen = Object.keys(wanted).map((starts) => {
      const own = network.parameters.filter(
        ({ name, trainable }) =>
          trainable && starts.split("|").some((start) => name.startsWith(start)),
      );
      const counts = own.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
      return [starts, counts.reduce((sum, count) => sum + count, 0)];
    });
    expect(Object.fromEntries(seen), entry.name).toEqual(wanted);
    const lines = network.places.map(({ name, kind, window, input, output }) => {
      const shape =
        window === undefined
          ? "all"
          : `${window.kernel[0]}/${window.strides[0]}/${window.pads[0]}${window.ceilMode ? "c" : ""}`;
      return `${name} ${kind} ${shape} ${input[1]},${input[3]} ${output[3]}`;
    });
    if (entry.name in places) expect(lines, entry.name).toEqual(places[entry.name]);
    // All of them, and nothing else, are found in the graph.
    expect(findPooling(network.model).map(({ name }) => name)).toEqual(
      network.places.map(({ name }) => name),
    );
    expect(network.parameters.map(({ name }) => name)).toEqual(
      network.model.graph?.initializer.map(({ name }) => name),
    );
  }
});

test("counts follow the size, learned poolings and nodes behind the first output only", () => {
  const plain = buildNetwork("vgg-small", { values: false });
  const { macs, normActivations } = info(plain.model);
  const large = info(plain.model, 64);
  // The classifier sees one vector whatever the size.
  expect(large.macs - 1280).toBe(4 * (macs - 1280));
  expect(large.normActivations).toBe(4 * normActivations);
  const soft = info(buildNetwork("vgg-small", { pool: "soft", values: false }).model);
  expect(soft).toEqual(info(plain.model));
  // A 3 x 3 convolution of its channels at every position of its input.
  const lip = info(buildNetwork("vgg-small", { pool: "pool3=lip", values: false }).model);
  expect(lip.macs - macs).toBe(9 * 128 * 128 * 8 * 8);
  expect(lip.parameters).toBeGreaterThan(soft.parameters);
  const training = info(buildNetwork("vgg-small", { training: true, pool: "stochastic" }).model);
  expect([training.macs, training.normActivations]).toEqual([macs, normActivations]);
});
