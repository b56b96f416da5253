/** Networks of the catalogue in training: weights to start from, frozen parts, auxiliary heads. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNetwork, weightsOf, writeSafetensors } from "@softpool/zoo";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunConfig } from "./config.ts";
import { networkTrainee } from "./network.ts";
import { trainingStep } from "./step.ts";
import type { Trainee } from "./trainee.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-network-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config: RunConfig = {
  ...{ network: "vgg-small", size: 16, classes: 10, seed: 1, batch: 2, epochs: 1 },
  schedule: { kind: "constant", rate: 0.1 },
  ...{ provider: "cpu", threads: 1, data: "" },
};

const bytesOf = ({ initial }: Pick<Trainee, "initial">, name: string) =>
  Buffer.from(initial.get(name)?.bytes ?? []);

test("weights to start from: what fits is loaded, the rest begins anew and is said", async () => {
  const source = buildNetwork("vgg-small", { seed: 7, size: 16 });
  const tensors = weightsOf(source.model);
  // As a checkpoint of a run has them, and wrapped for several devices.
  tensors.set("velocity/conv1_1.weight", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) });
  const path = join(folder, "source.safetensors");
  writeFileSync(path, writeSafetensors(tensors));
  const own = { initial: tensors };

  const same = await networkTrainee({ ...config, weights: path });
  for (const name of same.stored) {
    expect(bytesOf(same, name).equals(bytesOf(own, name)), name).toBe(true);
  }
  expect(same.notes).toEqual([`"${path}": 32 of the network's 32 tensors loaded`]);

  const fewer = await networkTrainee({ ...config, weights: path, classes: 4, pool: "gate" });
  const fresh = await networkTrainee({ ...config, classes: 4, pool: "gate" });
  expect(bytesOf(fewer, "fc.weight").equals(bytesOf(fresh, "fc.weight"))).toBe(true);
  expect(bytesOf(fewer, "conv2_1.weight").equals(bytesOf(own, "conv2_1.weight"))).toBe(true);
  expect(fewer.notes[1]).toMatch(/^\d+ begin with initial values: /);

  await expect(
    networkTrainee({ ...config, network: "resnet20", size: 32, weights: path }),
  ).rejects.toThrow(/source\.safetensors": only \d+ of the network's \d+ tensors fit; /);
});

test("a smaller rate for all but the classifier and poolings; norms may stay frozen", async () => {
  const slow = await networkTrainee({ ...config, backboneRate: 0.1, pool: "gate" });
  for (const { name, trainable, factor } of slow.parameters) {
    if (!trainable) continue;
    expect(factor, name).toBe(/^(fc|pool)/.test(name) ? 1 : 0.1);
  }
  const still = await networkTrainee({ ...config, backboneRate: 0, batchNorm: "frozen" });
  const { weights } = trainingStep(still);
  expect(weights.map(({ name }) => name)).toEqual(["fc.weight", "fc.bias"]);
});

test("auxiliary heads learn, and are no part of what is written", async () => {
  const heads: RunConfig = { ...config, network: "inception-v1", size: 64, heads: true };
  const trainee = await networkTrainee({ ...heads, auxiliary: 0.3 });
  const learned = trainee.parameters.filter(({ name }) => name.startsWith("aux"));
  expect(learned.length).toBeGreaterThan(8);
  expect(learned.every(({ trainable, name }) => trainable || /running/.test(name))).toBe(true);
  expect(trainee.stored.filter((name) => name.startsWith("aux"))).toEqual([]);
  const model = trainee.finished({});
  expect(model.graph?.output.map(({ name }) => name)).toEqual(["logits"]);
  expect(model.graph?.initializer.some(({ name }) => name.startsWith("aux"))).toBe(false);
});
