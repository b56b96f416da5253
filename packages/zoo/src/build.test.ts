import {
  checkModel,
  type ModelProto,
  readModel,
  type Tensor,
  tensor,
  typeFromProto,
  type ValueInfoProto,
  writeModel,
} from "@softpool/onnx";
import { createSession, type RunTensor, toRun } from "@softpool/onnx/session-node";
import { catalogue, findPooling, uniforms } from "@softpool/poolings";
import { expect, test } from "vitest";
import { buildNetwork } from "./build.ts";
import { networks } from "./catalogue.ts";
import { draw, layerOf } from "./initial.ts";
import { weightsOf } from "./weights.ts";

async function run(
  model: ModelProto,
  feeds: Record<string, Tensor>,
): Promise<Record<string, RunTensor>> {
  const bytes = writeModel(model);
  checkModel(readModel(bytes));
  const session = await createSession(bytes);
  try {
    return await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toRun(value)])),
    );
  } finally {
    await session.dispose();
  }
}

/** Pictures x_i = sin(0.7 i). */
function pictures(batch: number, size: number): Tensor {
  const count = batch * 3 * size * size;
  const values = Float64Array.from({ length: count }, (_, i) => Math.sin(0.7 * i));
  return tensor("float32", [batch, 3, size, size], values);
}

const first = (value: RunTensor, from = 0) =>
  Array.from(value.data.slice(from, from + 3) as Float32Array);

/**
 * Initial weights of seed 3, computed in float64 by PyTorch 1.13: the first scores of the first picture
 * of four in inference, of the second in training, and the next running statistics of one norm, whose
 * variance is there that of the sample.
 */
const golden: [string, number, string, number[], number[], number[], number[]][] = [
  [
    ...(["resnet20", 32, "layer3.2.bn2"] as const),
    [-0.112468, 0.556986, 0.314129],
    [-0.337036, 0.407155, 1.57463],
    [0.0313213, -0.0134144, -0.0160717],
    [0.964919, 0.954438, 0.960136],
  ],
  [
    ...(["densenet-bc-40-12", 32, "features.transition2.norm"] as const),
    [-0.0299644, -0.330985, -0.0628922],
    [-0.0764734, -0.538596, -0.212455],
    [-0.0749862, -0.0663461, 0.0807746],
    [0.929259, 0.912367, 0.912544],
  ],
  [
    ...(["vgg-small", 32, "bn3_2"] as const),
    [0.141559, 0.378391, 0.0775352],
    [-0.205291, 1.5971, -0.683722],
    [-0.0456381, -0.0747892, -0.0162736],
    [0.950678, 0.962966, 0.950253],
  ],
  [
    ...(["resnet18", 64, "layer4.1.bn2"] as const),
    [-0.0042249, -0.589435, -0.397403],
    [-0.292367, -0.504621, -0.152441],
    [-0.0153417, -0.0488369, -0.0232914],
    [0.920724, 0.951098, 0.93573],
  ],
];

test("inference and training give what PyTorch gives with the same weights", async () => {
  for (const [name, size, norm, scores, trained, mean, variance] of golden) {
    const feeds = { input: pictures(4, size) };
    const close = (got: number[], wanted: number[]) => {
      const maxdiff = Math.max(...got.map((value, i) => Math.abs(value - wanted[i])));
      expect(maxdiff, `${name} ${got}`).toBeLessThan(2e-5);
    };
    const inference = await run(buildNetwork(name, { seed: 3, size }).model, feeds);
    expect(Object.keys(inference)).toEqual(["logits"]);
    close(first(inference.logits), scores);
    const training = buildNetwork(name, { seed: 3, size, training: true });
    const results = await run(training.model, feeds);
    close(first(results.logits, results.logits.shape[1]), trained);
    const [m, v] = ["mean", "var"].map(
      (part) => training.statistics.find((entry) => entry.name === `${norm}.running_${part}`)!,
    );
    close(first(results[m.next]), mean);
    // From the population's variance to the sample's.
    const count = 4 * v.perSample;
    const sample = first(results[v.next]).map((next) => 0.9 + ((next - 0.9) * count) / (count - 1));
    close(sample, variance);
    expect(Object.keys(results)).toHaveLength(1 + training.statistics.length);
  }
});

test("every method pools in every place of a small network, in inference and in training", async () => {
  const input = pictures(2, 32);
  for (const { name, random, axes } of catalogue) {
    // A global window is no tiling of its input by windows of its stride.
    const tiles = ["s3", "lite-s3dpp", "lift"].includes(name);
    const pool = tiles ? name : `${name},avgpool=${name}`;
    expect(axes).toContain(2);
    const network = buildNetwork("vgg-small", { pool });
    const { logits } = await run(network.model, { input });
    expect(first(logits).every(Number.isFinite), name).toBe(true);
    const kinds = findPooling(network.model).map(({ kind }) => kind.replace("global-", ""));
    expect(kinds, name).toEqual([name, name, name, tiles ? "average" : name]);

    const training = buildNetwork("vgg-small", { pool, training: true });
    const stored = weightsOf(network.model);
    expect(training.parameters.map((one) => one.name).sort()).toEqual(
      network.parameters.map((one) => one.name).sort(),
    );
    for (const [own, { bytes }] of weightsOf(training.model)) {
      expect(Buffer.compare(bytes, stored.get(own)!.bytes), `${name} ${own}`).toBe(0);
    }
    const noise = Object.fromEntries(
      training.noise.map(({ name: own, shape }, layer) => {
        const sizes = shape.map((dim) => (dim === "batch" ? 2 : (dim as number)));
        const count = sizes.reduce((product, size) => product * size, 1);
        return [own, tensor("float32", sizes, uniforms(count, { seed: 1, layer }))];
      }),
    );
    if (!random) expect(training.noise, name).toEqual([]);
    const results = await run(training.model, { input, ...noise });
    expect(first(results.logits).every(Number.isFinite), name).toBe(true);
  }
});

test("auxiliary heads, dropout and remapped pictures", async () => {
  const inference = buildNetwork("googlenet", { auxiliary: true, classes: 5, seed: 1 });
  const x = pictures(2, 224);
  const results = await run(inference.model, { input: x });
  expect(Object.entries(results).map(([name, { shape }]) => [name, shape])).toEqual([
    ["logits", [2, 5]],
    ["aux1.logits", [2, 5]],
    ["aux2.logits", [2, 5]],
  ]);
  // What remapping does to pictures, done beforehand, gives the same.
  const remapped = buildNetwork("googlenet", { auxiliary: true, classes: 5, seed: 1, remap: true });
  const back = x.data.map((value, i) => {
    const c = Math.floor(i / 224 ** 2) % 3;
    return (value - [-0.03, -0.088, -0.188][c]) / [0.458, 0.448, 0.45][c];
  });
  const same = await run(remapped.model, { input: tensor("float32", x.shape, back) });
  for (const name of Object.keys(results)) {
    const maxdiff = Math.max(
      ...first(same[name]).map((value, i) => Math.abs(value - first(results[name])[i])),
    );
    expect(maxdiff).toBeLessThan(1e-5);
  }
  const training = buildNetwork("inception-v3", { auxiliary: true, training: true, values: false });
  expect(training.noise).toEqual([{ name: "fc.dropout", shape: ["batch", 2048] }]);
  expect(training.model.graph?.output.slice(0, 2).map(({ name }) => name)).toEqual([
    "logits",
    "AuxLogits.logits",
  ]);
});

test("dropout keeps what is below and divides by what is kept", async () => {
  const { model } = buildNetwork("inception-v1", { training: true, size: 64, classes: 2, seed: 4 });
  const input = pictures(2, 64);
  const scores = async (u: number) => {
    const noise = tensor("float32", [2, 1024], u);
    return first((await run(model, { input, "fc.dropout": noise })).logits);
  };
  const [kept, dropped, bias] = [await scores(0.79), await scores(0.81), [] as number[]];
  const stored = weightsOf(model).get("fc.bias")!.bytes;
  bias.push(...new Float32Array(stored.slice().buffer));
  expect(dropped.slice(0, 2)).toEqual(bias);
  expect(kept.slice(0, 2)).not.toEqual(bias);
});

test("initial values: those of the rule, of the seed and of the name alone", () => {
  const statistics = (network: string, name: string) => {
    const auxiliary = network.startsWith("inception");
    const { parameters } = buildNetwork(network, { auxiliary, values: false });
    const { shape, initial } = parameters.find((one) => one.name === name)!;
    const count = shape.reduce((product, size) => product * size, 1);
    const values = draw(initial!, count, { seed: 0, layer: layerOf(name) });
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    return { mean, deviation, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
  };
  /** Deviation of a normal distribution that is cut at two deviations. */
  const cut = 0.8796;
  const cases: [string, string, number, number][] = [
    ["resnet18", "layer4.0.conv1.weight", Math.sqrt(2 / (512 * 9)), Infinity],
    ["resnet18", "fc.weight", 1 / Math.sqrt(3 * 512), 1 / Math.sqrt(512)],
    ["densenet121", "features.transition3.conv.weight", Math.sqrt(2 / 1024), Infinity],
    ["densenet121", "classifier.bias", 0, 0],
    ["inception-v1", "inception5b.branch1.conv.weight", 0.01 * cut, 0.02],
    ["inception-v3", "Mixed_7c.branch1x1.conv.weight", 0.1 * cut, 0.2],
    ["inception-v3", "AuxLogits.conv1.conv.weight", 0.01 * cut, 0.02],
    ["inception-v3", "AuxLogits.fc.weight", 0.001 * cut, 0.002],
  ];
  for (const [network, name, deviation, largest] of cases) {
    const seen = statistics(network, name);
    expect(Math.abs(seen.deviation - deviation), `${network} ${name}`).toBeLessThanOrEqual(
      0.005 * deviation,
    );
    expect(Math.abs(seen.mean)).toBeLessThanOrEqual(0.005 * deviation);
    expect(seen.largest).toBeLessThanOrEqual(largest * (1 + 1e-6));
  }
  const vgg = buildNetwork("vgg-small", { seed: 9 });
  const drawn = vgg.parameters.find(({ name }) => name === "fc.weight")!;
  const key = { seed: 9, layer: layerOf("fc.weight") };
  expect(new Float32Array(weightsOf(vgg.model).get("fc.weight")!.bytes.buffer)).toEqual(
    draw(drawn.initial!, 1280, key),
  );
  const pooled = weightsOf(buildNetwork("vgg-small", { seed: 9, pool: "ada" }).model);
  for (const [name, { bytes }] of weightsOf(vgg.model)) {
    expect(Buffer.compare(bytes, pooled.get(name)!.bytes), name).toBe(0);
  }
});

test("names, sizes and what is refused", () => {
  const names = networks.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
  expect(buildNetwork("ResNeXt50_32x4d", { values: false }).entry.name).toBe("resnext50-32x4d");
  const cases: [() => unknown, RegExp][] = [
    [() => buildNetwork("resnet19"), /network: expected one of resnet18, .*received "resnet19"/],
    [
      () => buildNetwork("resnet18", { classes: 0 }),
      /classes: expected a whole number from 1, received 0/,
    ],
    [
      () => buildNetwork("resnet18", { seed: -1 }),
      /seed: expected a whole number from 0, received -1/,
    ],
    [() => buildNetwork("resnet18", { auxiliary: true }), /resnet18 has no auxiliary heads/],
    [
      () => buildNetwork("inception-v3", { size: 32, values: false }),
      /size: 32x32 is too small for inception-v3, whose pictures have 299x299: /,
    ],
  ];
  for (const [build, message] of cases) expect(build).toThrow(message);
  const fixed = buildNetwork("vgg-small", { size: 48, batch: 3, classes: 4, values: false }).model;
  const dims = (values: readonly ValueInfoProto[] = []) =>
    values.map(({ name, type }) => [name, typeFromProto(type).shape]);
  expect(dims(fixed.graph?.input)).toEqual([["input", [3, 3, 48, 48]]]);
  expect(dims(fixed.graph?.output)).toEqual([["logits", [3, 4]]]);
});

test("in training norms may keep their statistics, and SoftPool's gradient may be chosen", () => {
  const build = (options: object) =>
    buildNetwork("resnet20", { training: true, values: false, pool: "soft", batch: 2, ...options });
  const types = ({ model }: ReturnType<typeof build>) =>
    (model.graph?.node ?? []).filter(({ opType }) => opType === "BatchNormalization");
  const free = build({});
  const frozen = build({ frozenNorms: true });
  expect(free.statistics.length).toBe(2 * types(free).length);
  expect(frozen.statistics).toEqual([]);
  expect(types(frozen).every(({ output }) => output.length === 1)).toBe(true);
  const gradients = (options: object) =>
    build(options).places.flatMap(({ choice }) => choice.settings.gradient ?? []);
  expect(new Set(gradients({}))).toEqual(new Set(["exact"]));
  expect(new Set(gradients({ softpoolGradient: "weights" }))).toEqual(new Set(["weights"]));
  const said = { pool: "soft:gradient=weights" };
  expect(new Set(gradients(said))).toEqual(new Set(["weights"]));
  expect(new Set(gradients({ ...said, softpoolGradient: "exact" }))).toEqual(new Set(["exact"]));
});
