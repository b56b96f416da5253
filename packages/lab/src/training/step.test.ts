import { writeModel } from "@softpool/onnx";
import { channelBlock, createSession, type RunTensor } from "@softpool/onnx/session-node";
import { uniforms } from "@softpool/poolings";
import { buildNetwork } from "@softpool/zoo";
import { expect, test } from "vitest";
import { type StepOptions, type StepTarget, trainingStep } from "./step.ts";

const BATCH = 8;
const CLASSES = 4;

/** Pictures of one colour for each class, with noise. */
function batch(): { input: RunTensor; labels: RunTensor } {
  const noise = uniforms(BATCH * 3 * 32 * 32, { seed: 3 });
  const labels = Array.from({ length: BATCH }, (_, i) => i % CLASSES);
  const data = Float32Array.from(noise, (u, i) => {
    const picture = Math.floor(i / (3 * 32 * 32));
    const channel = Math.floor(i / (32 * 32)) % 3;
    return u - 0.5 + (labels[picture] === channel ? 1 : 0);
  });
  return {
    input: { dtype: "float32", shape: [BATCH, 3, 32, 32], data },
    labels: { dtype: "int64", shape: [BATCH], data: BigInt64Array.from(labels.map(BigInt)) },
  };
}

async function prepare(pool: string, options: StepOptions = {}, target: StepTarget = {}) {
  const settings = { training: true, batch: BATCH, classes: CLASSES, pool, seed: 1 } as const;
  const network = buildNetwork("vgg-small", settings);
  const step = trainingStep(network, options, target);
  const session = await createSession(writeModel(step.model));
  const stored = new Map(network.model.graph?.initializer.map((item) => [item.name, item]));
  const state: Record<string, RunTensor> = {};
  for (const { name, shape } of step.weights) {
    const raw = stored.get(name)?.rawData;
    if (raw === undefined) throw new Error(`no ${name}`);
    const data = new Float32Array(raw.slice().buffer);
    state[name] = { dtype: "float32", shape, data };
  }
  for (const { name, shape } of step.velocities) {
    const count = shape.reduce((a, b) => a * b, 1);
    state[name] = { dtype: "float32", shape, data: new Float32Array(count) };
  }
  const run = async (rate: number, feeds = state) =>
    session.run({
      ...feeds,
      ...batch(),
      rate: { dtype: "float32", shape: [], data: Float32Array.of(rate) },
    });
  return { network, step, session, state, run };
}

const numberOf = (value: RunTensor) => Number(value.data[0]);

test.each(["maximum", "average", "soft"])("steps lower the loss: %s", async (pool) => {
  const { step, session, state, run } = await prepare(pool, { decay: 5e-4, nesterov: true });
  const losses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const outputs = await run(0.05);
    losses.push(numberOf(outputs.loss));
    for (const { name, next } of [...step.weights, ...step.velocities]) state[name] = outputs[next];
  }
  await session.dispose();
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses[0]).toBeGreaterThan(0.8);
  expect(losses[11]).toBeLessThan(losses[0] / 3);
});

test("channels in blocks: the same step but for rounding", async () => {
  const block = await channelBlock();
  // Without vector instructions there are no blocks.
  if (block === undefined) return;
  const plain = await prepare("soft", { decay: 5e-4 });
  const blocked = await prepare("soft", { decay: 5e-4 }, { block });
  const own = blocked.step.model.graph?.node.filter(({ domain }) => domain !== "") ?? [];
  expect(own.filter(({ opType }) => opType === "Conv").length).toBeGreaterThan(5);
  const [expected, found] = [await plain.run(0.1), await blocked.run(0.1)];
  expect(numberOf(found.loss)).toBeCloseTo(numberOf(expected.loss), 5);
  for (const { next } of plain.step.velocities) {
    const [one, other] = [expected[next].data, found[next].data] as [Float32Array, Float32Array];
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    const error = norm(one.map((value, i) => value - other[i]));
    // A value next to 0 may be on the other side of a ReLU.
    expect(error, next).toBeLessThan(0.01 * norm(one) + 1e-6);
  }
  await plain.session.dispose();
  await blocked.session.dispose();
});

test("the update is SGD's with the derivative of the loss", async () => {
  const momentum = 0.9;
  const { step, session, state, run } = await prepare("soft", { momentum });
  const rate = 0.1;
  const outputs = await run(rate);
  // Weights of every kind: a derivative in the direction of the gradient, by central differences.
  const learned = new Set(step.velocities.map(({ name }) => name.replace("velocity/", "")));
  for (const { name, next, shape } of step.weights.filter((w) => learned.has(w.name))) {
    const before = state[name].data as Float32Array;
    const after = outputs[next].data as Float32Array;
    const gradient = Float64Array.from(before, (w, i) => (w - after[i]) / rate);
    const velocity = outputs[`next/velocity/${name}`].data as Float32Array;
    const norm = Math.sqrt(gradient.reduce((sum, v) => sum + v * v, 0));
    for (const [i, g] of gradient.entries()) {
      expect(Math.abs(velocity[i] - g)).toBeLessThan(1e-4 + 1e-3 * Math.abs(g));
    }
    if (norm < 1e-3) continue;
    const h = 0.02 / Math.max(1, norm);
    const lossAt = async (sign: number) => {
      const data = before.map((w, i) => w + (sign * h * gradient[i]) / norm);
      return numberOf(
        (await run(rate, { ...state, [name]: { dtype: "float32", shape, data } })).loss,
      );
    };
    const slope = ((await lossAt(1)) - (await lossAt(-1))) / (2 * h);
    expect(Math.abs(slope - norm) / norm, name).toBeLessThan(0.05);
  }
  await session.dispose();
});
