/** Models from elsewhere in training: what is learned, and that all else stays as it is. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  batchNormalization,
  cast,
  conv,
  evaluate,
  Graph,
  globalAveragePool,
  int64s,
  type ModelProto,
  maxPool,
  poolWindow,
  readModel,
  relu,
  shallow,
  softmax,
  tensor,
  tensorFromProto,
  tensorToProto,
  typeFromProto,
  type Value,
  writeModel,
} from "@softpool/onnx";
import { swapPooling, uniforms } from "@softpool/poolings";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Batch } from "../../data/loader.ts";
import type { State } from "../checkpoint.ts";
import type { RunConfig } from "../config.ts";
import { initialState } from "../state.ts";
import { openStepper } from "../stepper.ts";
import type { Trainee } from "../trainee.ts";
import { fileTrainee } from "./open.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-file-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = 8;

interface Form {
  readonly batch?: number | string;
  readonly opset?: number;
  readonly classes?: number;
  readonly head?: "gemm" | "matmul" | "conv" | "probabilities" | "scaled";
  /** Whether the batch stands in the shape of a reshaping. */
  readonly written?: boolean;
  /** Whether both norms read the same tensors. */
  readonly shared?: boolean;
  /** An operator between the layers. */
  readonly between?: string;
  /** Planes of the pictures. */
  readonly channels?: 1 | 3;
  /** Element type; the values are those of half precision in either. */
  readonly dtype?: "float32" | "float16";
  /** Whether the first layer's values are cast to float32 and back. */
  readonly casts?: boolean;
}

/** Convolution, norm, maximum, twice; then a classifier. */
function network(form: Form = {}): ModelProto {
  const { batch = "n", opset = 17, classes = 4, head = "gemm", written, shared, between } = form;
  const { channels = 3, dtype = "float32", casts } = form;
  const g = new Graph(opset);
  let seed = 0;
  const store = (name: string, shape: readonly number[], scale = 0.5, shift = 0): Value => {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = Float64Array.from(uniforms(count, { seed: ++seed }), (u) => {
      return scale * (2 * u - 1) + shift;
    });
    const { data } = tensorFromProto(tensorToProto(tensor("float16", shape, values), ""));
    return g.initializer(name, tensor(dtype, shape, data));
  };
  let x = g.input("pictures", dtype, [batch, channels, SIZE, SIZE]);
  const mean = store("input.mean", [1, channels, 1, 1]);
  x = g.op("Add", [x, mean]);
  if (casts) x = cast(g, relu(g, cast(g, x, "float32")), dtype);
  let norms: Value[] = [];
  for (const [i, [from, to]] of [
    [channels, 5],
    [5, 5],
  ].entries()) {
    x = conv(g, x, store(`c${i}.weight`, [to, from, 3, 3]), store(`c${i}.bias`, [to]), {
      pads: [1, 1, 1, 1],
    });
    if (norms.length === 0 || !shared) {
      norms = [
        store(`n${i}.scale`, [to], 0.2, 1),
        store(`n${i}.bias`, [to]),
        store(`n${i}.mean`, [to]),
        store(`n${i}.variance`, [to], 0.3, 1),
      ];
    }
    const [scale, bias, average, variance] = norms;
    x = batchNormalization(g, x, scale, bias, average, variance);
    if (between !== undefined) x = g.op(between, [x], {}, { name: "between" });
    x = maxPool(g, relu(g, x), poolWindow([2, 2], { strides: [2, 2] }));
  }
  const flat = () =>
    written
      ? g.op("Reshape", [x, g.constant(int64s([batch as number, -1]))])
      : g.op("Flatten", [x], { axis: 1 });
  let y: Value;
  if (head === "conv") {
    const scores = conv(
      g,
      x,
      store("head.weight", [classes, 5, 1, 1]),
      store("head.bias", [classes]),
    );
    y = g.op("Reshape", [globalAveragePool(g, relu(g, scores)), g.constant(int64s([-1, classes]))]);
  } else if (head === "matmul") {
    const scores = g.op("MatMul", [flat(), store("head.weight", [20, classes])]);
    y = g.op("Add", [store("head.bias", [classes]), scores]);
  } else {
    const [weight, bias] = [store("head.weight", [classes, 20]), store("head.bias", [classes])];
    y = g.op("Gemm", [flat(), weight, bias], { transB: 1 });
    if (head === "probabilities") y = softmax(g, y, 1);
    if (head === "scaled") y = g.op("Mul", [y, store("scale", [1, classes])]);
  }
  const [output] = g.node("Identity", [y], {}, { outputNames: ["scores"] });
  g.output({ ...output, dtype, shape: [batch, classes] });
  return g.toModel();
}

let serial = 0;

/** Writes a model and gives the settings for it. */
function settings(model: ModelProto, rest: Partial<RunConfig> = {}): RunConfig {
  const path = join(folder, `${serial++}.onnx`);
  writeFileSync(path, writeModel(model));
  return {
    ...{ network: path, file: "", size: SIZE, classes: 4, seed: 1, batch: 6, epochs: 1 },
    ...{ schedule: { kind: "constant", rate: 0.1 }, momentum: 0.9, decay: 1e-3 },
    ...{ provider: "cpu", threads: 1, data: "" },
    ...rest,
  };
}

/** Pictures by chance, with labels. */
function batchOf(count: number, from: number, channels: number): Batch {
  const shape = [count, channels, SIZE, SIZE] as const;
  const one = channels * SIZE * SIZE;
  const all = uniforms(one * (from + count), { seed: 9 });
  const data = Float32Array.from(all.subarray(one * from), (u) => 2 * u - 1);
  const labels = Int32Array.from({ length: count }, (_, i) => (from + i) % 4);
  return { epoch: 0, step: 0, shape, data, labels, indices: labels };
}

/** Three updates. */
async function trained(config: RunConfig) {
  const trainee = await fileTrainee(config);
  const stepper = await openStepper(trainee, config);
  const { batch, accumulate = 1 } = config;
  const given = trainee.model.graph?.input.find(({ name }) => name === "pictures");
  const channels = Number(typeFromProto(given?.type).shape?.[1]);
  let state = initialState(trainee, stepper.weights, stepper.velocities);
  const losses: number[] = [];
  try {
    for (let k = 0; k < 3; k++) {
      const batches = Array.from({ length: accumulate }, (_, i) =>
        batchOf(batch, i * batch, channels),
      );
      const update = await stepper.run(state, batches, 0.1, k);
      state = update.state;
      losses.push(update.loss);
    }
  } finally {
    await stepper.dispose();
  }
  return { trainee, state, losses };
}

/** The largest difference of two states in what both have. */
function difference(a: State, b: State): number {
  const names = Object.keys(a).filter((name) => Object.hasOwn(b, name));
  expect(names.length).toBeGreaterThan(5);
  return Math.max(
    ...names.flatMap((name) => {
      const [one, other] = [a[name].data, b[name].data] as [Float32Array, Float32Array];
      return Array.from(one, (value, i) => Math.abs(value - other[i]));
    }),
  );
}

const bytesOf = (model: ModelProto) =>
  new Map(model.graph?.initializer.map(({ name, rawData }) => [name, Buffer.from(rawData)]));

/** Names of the stored tensors in which two models differ. */
function changed(a: ModelProto, b: ModelProto): string[] {
  const [one, other] = [bytesOf(a), bytesOf(b)];
  expect([...other.keys()]).toEqual([...one.keys()]);
  return [...one].filter(([name, own]) => !other.get(name)?.equals(own)).map(([name]) => name);
}

const learned = ["c0.weight", "c0.bias", "n0.scale", "n0.bias"];

test("functions, If and all else stay; only weights, biases, scales have new values, and the loss falls", async () => {
  const plain = network();
  for (const given of [
    plain,
    swapPooling(plain).model,
    swapPooling(plain, { inline: true }).model,
  ]) {
    const config = settings(given);
    const { trainee, state, losses } = await trained(config);
    expect(losses[2]).toBeLessThan(losses[0]);
    const finished = trainee.finished(state);
    const names = changed(given, finished);
    expect(names).toEqual([
      ...learned,
      ...learned.map((name) => name.replace("0", "1")),
      "head.weight",
      "head.bias",
    ]);
    // With the old values it is the file, byte for byte.
    const back = shallow(finished);
    back.graph = shallow(finished.graph as NonNullable<typeof finished.graph>);
    back.graph.initializer = given.graph?.initializer ?? [];
    expect(Buffer.from(writeModel(back)).equals(readFileSync(config.network))).toBe(true);
    expect(trainee.notes).toEqual([
      expect.stringMatching(
        /^10 tensors with 474 numbers are learned: those of 2 Conv, 2 BatchN.* \(statistics frozen\), 1 Gemm$/,
      ),
    ]);
    // Weight files have the statistics too.
    expect(trainee.stored).toContain("n0.variance");
  }
});

test("SoftPool's gradient: the first loss is the same, the weights are others", async () => {
  const swapped = swapPooling(network()).model;
  const [exact, weights] = await Promise.all(
    (["exact", "weights"] as const).map((softpoolGradient) =>
      trained(settings(swapped, { softpoolGradient })),
    ),
  );
  expect(weights.losses[0]).toBe(exact.losses[0]);
  expect(difference(exact.state, weights.state)).toBeGreaterThan(1e-4);
  const pooled = await trained(settings(network(), { pool: "soft", softpoolGradient: "weights" }));
  expect(difference(pooled.state, weights.state)).toBeLessThan(1e-6);
});

test("a batch that is written into the file, in inputs and reshapings, makes no difference", async () => {
  const { state } = await trained(settings(network()));
  for (const batch of [1, 3]) {
    const { trainee, state: same } = await trained(settings(network({ batch, written: true })));
    expect(difference(state, same)).toBeLessThan(1e-6);
    expect(trainee.notes.join("\n")).toContain(`model.onnx takes ${batch} as before`);
    const shape = trainee.finished(same).graph?.input[0].type?.value.value;
    expect(JSON.stringify(shape, (_, v) => (typeof v === "bigint" ? Number(v) : v))).toContain(
      `"value":${batch}`,
    );
  }
});

test("the mean gradient of two batches is that of one twice as large; heads and norms at their own rates", async () => {
  const one = await trained(settings(network()));
  const two = await trained(settings(network(), { batch: 3, accumulate: 2 }));
  expect(difference(one.state, two.state)).toBeLessThan(2e-6);
  for (const [i, loss] of one.losses.entries()) expect(two.losses[i]).toBeCloseTo(loss, 5);

  const still = await trained(settings(network(), { backboneRate: 0 }));
  const finished = still.trainee.finished(still.state);
  expect(changed(network(), finished)).toEqual(["head.weight", "head.bias"]);
  const slow = await trained(settings(network(), { backboneRate: 0.01 }));
  const step = (state: State, name: string, { trainee }: { trainee: Trainee }) => {
    const bytes = trainee.initial.get(name)?.bytes.slice().buffer as ArrayBuffer;
    const before = new Float32Array(bytes);
    return Math.max(...(state[name].data as Float32Array).map((v, i) => Math.abs(v - before[i])));
  };
  const ratio = step(slow.state, "c0.weight", slow) / step(one.state, "c0.weight", one);
  expect(ratio).toBeGreaterThan(0.005);
  expect(ratio).toBeLessThan(0.02);
});

test("norms with the statistics of the batch: in the node or before it, also of shared tensors", async () => {
  const states = await Promise.all(
    [12, 13, 14, 17].map((opset) => trained(settings(network({ opset }), { batchNorm: "train" }))),
  );
  for (const { state } of states) expect(difference(state, states[3].state)).toBeLessThan(1e-5);
  const { trainee, state } = states[3];
  const names = changed(network(), trainee.finished(state));
  for (const name of ["n0.mean", "n0.variance", "n1.mean", "n1.variance"]) {
    expect(names).toContain(name);
  }
  // 0.9^3 of what was there is left of the statistics; the rest is the batch's.
  const frozen = await trained(settings(network()));
  expect(difference(frozen.state, state)).toBeGreaterThan(1e-3);

  const shared = await trained(settings(network({ shared: true }), { batchNorm: "train" }));
  expect(shared.trainee.notes[0]).toMatch(/^4 tensors that the file holds once/);
  const own = Object.keys(shared.state).filter((name) => name.startsWith("n0.mean"));
  expect(own).toHaveLength(2);
  expect(shared.state[own[0]].data).not.toEqual(shared.state[own[1]].data);
});

test("a classifier for other classes is replaced, whatever it is made of", async () => {
  for (const head of ["gemm", "matmul", "conv", "probabilities"] as const) {
    const given = network({ classes: 7, head });
    const { trainee, losses, state } = await trained(settings(given));
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(trainee.scoreKind).toBe(head === "probabilities" ? "probabilities" : "logits");
    expect(trainee.notes[0]).toContain('"head.weight" is a new one for 4 classes instead of 7');
    const model = readModel(writeModel(trainee.finished(state)));
    const shapes = new Map(model.graph?.initializer.map((own) => [own.name, own.dims.map(Number)]));
    expect(shapes.get("head.bias")).toEqual([4]);
    expect(JSON.stringify(shapes.get("head.weight"))).not.toContain("7");
    const again = await fileTrainee(settings(given));
    const other = await fileTrainee(settings(given, { seed: 2 }));
    const weights = (own: Trainee) => Buffer.from(own.initial.get("head.weight")?.bytes ?? []);
    expect(weights(again).equals(weights(trainee))).toBe(true);
    expect(weights(other).equals(weights(trainee))).toBe(false);
  }
  await expect(fileTrainee(settings(network({ classes: 7, head: "scaled" })))).rejects.toThrow(
    /tells 7 classes apart, the data has 4, and its classifier cannot be replaced: its scores are made by Mul/,
  );
});

test("half precision: learned and written in float32, to the bits of a file in float32", async () => {
  for (const [i, form] of [{}, { channels: 1, casts: true }, { head: "probabilities" }].entries()) {
    const [single, half] = (["float32", "float16"] as const).map((dtype) => {
      const model = network({ ...form, dtype } as Form);
      return i === 0 ? model : swapPooling(model, { inline: i === 2 }).model;
    });
    const batchNorm = i === 0 ? "train" : "frozen";
    const expected = await trained(settings(single, { batchNorm }));
    const found = await trained(settings(half, { batchNorm }));
    expect(found.losses).toEqual(expected.losses);
    expect(found.state).toEqual(expected.state);
    expect(found.trainee.notes[0]).toMatch(/^".*\.onnx" has numbers of half precision: it is lea/);
    const { channels = 3 } = form as Form;
    const values = uniforms(2 * channels * SIZE * SIZE, { seed: 5 });
    const pictures = tensor("float32", [2, channels, SIZE, SIZE], Float64Array.from(values));
    const [ours, theirs] = [found, expected].map(({ trainee, state }) =>
      evaluate(readModel(writeModel(trainee.finished(state))), { pictures }),
    );
    expect(ours.scores.dtype).toBe("float32");
    expect(ours).toEqual(theirs);
  }
});

test("what cannot be trained is said with its node", async () => {
  const failing = async (config: RunConfig) =>
    (await openStepper(await fileTrainee(config), config)).dispose();
  await expect(
    failing(settings(network({ between: "MeanVarianceNormalization" }))),
  ).rejects.toThrow(
    /^".*\.onnx": MeanVarianceNormalization "between": there is no gradient for this operator$/,
  );
  // The batch stands in a place that cannot be seen to be one.
  const fixed = network({ batch: 2 });
  const flatten = fixed.graph?.node.find(({ opType }) => opType === "Flatten");
  if (flatten === undefined || fixed.graph === undefined) throw new Error("no Flatten");
  const g = new Graph(17);
  const sizes = g.constant(int64s([40]));
  flatten.opType = "Reshape";
  flatten.attribute = [];
  const [inner] = flatten.output;
  flatten.output = ["all"];
  flatten.input = [flatten.input[0], sizes.name];
  g.node("Reshape", [{ name: "all" }, g.constant(int64s([2, 20]))], {}, { outputNames: [inner] });
  const at = fixed.graph.node.indexOf(flatten);
  fixed.graph.node.splice(at, 1, g.nodes[0], flatten, ...g.nodes.slice(1));
  await expect(failing(settings(fixed))).rejects.toThrow(
    /is made for 2 pictures at once and does not take 6: expected --batch 2 \(/,
  );
  expect((await trained(settings(fixed, { batch: 2 }))).losses.every(Number.isFinite)).toBe(true);
});
