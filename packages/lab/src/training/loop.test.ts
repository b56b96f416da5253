import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readModel } from "@softpool/onnx";
import { createSession } from "@softpool/onnx/session-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataset } from "../data/open.ts";
import type { RunConfig } from "./config.ts";
import { trainRun } from "./loop.ts";
import type { EpochMetrics } from "./metrics.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-train-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config: RunConfig = {
  network: "vgg-small",
  pool: "soft",
  size: 16,
  classes: 10,
  seed: 3,
  batch: 16,
  epochs: 2,
  schedule: { kind: "one-cycle", rate: 0.05 },
  momentum: 0.9,
  nesterov: true,
  decay: 5e-4,
  provider: "cpu",
  threads: 1,
  data: "textures:16,96",
};

const open = async () => {
  const [train, held] = [
    await openDataset("textures:16,96", { split: "train" }),
    await openDataset("textures:16,96", { split: "test" }),
  ];
  return { train, held };
};

const bytesOf = (run: string, name: string) => readFileSync(join(folder, run, name));

test("a run gives weights, a network, metrics; the same bits when it was stopped in between", async () => {
  const seen: EpochMetrics[] = [];
  for (const run of ["whole", "stopped"]) mkdirSync(join(folder, run));
  const { train, held } = await open();
  const whole = await trainRun(config, train, held, {
    folder: join(folder, "whole"),
    resume: false,
    onEpoch: (metrics) => seen.push(metrics),
  });
  expect(whole).toBe(true);
  expect(seen.map(({ epoch }) => epoch)).toEqual([1, 2]);
  expect(seen[1].loss).toBeLessThan(seen[0].loss);

  // Stopped after two steps, then after five more of the twelve.
  let steps = 0;
  for (const limit of [2, 5, 100]) {
    steps = 0;
    const again = await open();
    const ended = await trainRun(config, again.train, again.held, {
      folder: join(folder, "stopped"),
      resume: true,
      onStep: () => steps++,
      stop: () => steps >= limit,
    });
    expect(ended).toBe(limit === 100);
    again.train.close();
    again.held.close();
  }
  expect(steps).toBe(5);
  for (const name of ["weights.safetensors", "model.onnx"]) {
    expect(bytesOf("stopped", name).equals(bytesOf("whole", name)), name).toBe(true);
  }
  const metricsOf = (run: string) =>
    bytesOf(run, "metrics.jsonl")
      .toString()
      .trim()
      .split("\n")
      .map((line) => ({ ...(JSON.parse(line) as EpochMetrics), imagesPerSecond: 0 }));
  expect(metricsOf("stopped")).toEqual(metricsOf("whole"));
  expect(metricsOf("whole")[1].test?.pictures).toBe(held.length);

  const model = readModel(bytesOf("whole", "model.onnx"));
  const session = await createSession(new Uint8Array(bytesOf("whole", "model.onnx")));
  expect(session.outputs.map(({ name }) => name)).toEqual(["logits"]);
  expect(model.graph?.initializer.length).toBeGreaterThan(10);
  await session.dispose();
  expect(
    readdirSync(join(folder, "whole")).filter((name) => name.startsWith("checkpoint-")),
  ).toEqual(["checkpoint-2-0.safetensors"]);

  await expect(
    trainRun({ ...config, seed: 4 }, train, held, { folder: join(folder, "whole"), resume: true }),
  ).rejects.toThrow(/the checkpoint is of a run with another seed: 3 then, 4 now/);
  train.close();
  held.close();
});

test("stopped while the pictures held out are evaluated: the epoch is not lost", async () => {
  const runs = ["at-once", "evaluating"].map((name) => join(folder, name));
  const settings = { ...config, batch: 8, accumulate: 2, pool: "stochastic" };
  for (const run of runs) mkdirSync(run);
  const [whole, stopped] = runs;
  const { train, held } = await open();
  await trainRun(settings, train, held, { folder: whole, resume: false });
  let done = 0;
  const ended = await trainRun(settings, train, held, {
    folder: stopped,
    resume: false,
    onStep: () => done++,
    // Six updates are an epoch: what asks then is the evaluation.
    stop: () => done === 6,
  });
  expect(ended).toBe(false);
  const { epoch, step } = JSON.parse(readFileSync(join(stopped, "checkpoint.json"), "utf8"));
  expect([epoch, step]).toEqual([0, 6]);
  expect(readFileSync(join(stopped, "metrics.jsonl"), "utf8")).toBe("");
  expect(readFileSync(join(stopped, "report.html"), "utf8")).toContain("Not finished");
  done = 0;
  await trainRun(settings, train, held, { folder: stopped, resume: true, onStep: () => done++ });
  expect(done).toBe(6);
  for (const name of ["weights.safetensors", "model.onnx"]) {
    const [a, b] = runs.map((run) => readFileSync(join(run, name)));
    expect(a.equals(b), name).toBe(true);
  }
  const metricsOf = (run: string) =>
    readFileSync(join(run, "metrics.jsonl"), "utf8").replace(/"imagesPerSecond":[\d.]+/g, "");
  expect(metricsOf(stopped)).toBe(metricsOf(whole));
  expect(metricsOf(whole)).toMatch(/"top5":\{"value":[\d.]+,"low":[\d.]+,"high":[\d.]+\}/);
  train.close();
  held.close();
});

test("a checkpoint that cannot be written, that is damaged, or of another run", async () => {
  const run = join(folder, "damaged");
  mkdirSync(run);
  const { train } = await open();
  const settings = { ...config, epochs: 1 };
  const resume = (changes: Partial<RunConfig> = {}) =>
    trainRun({ ...settings, ...changes }, train, undefined, { folder: run, resume: true });
  await resume();
  await expect(resume({ schedule: { kind: "one-cycle", rate: 0.1 } })).rejects.toThrow(
    /^the checkpoint is of a run with another schedule\.rate: 0\.05 then, 0\.1 now; another directory begins anew$/,
  );
  await expect(resume({ backboneRate: 0.5 })).rejects.toThrow(/another backboneRate: none then/);
  // What cannot be written leaves the checkpoint before it whole.
  const whole = readFileSync(join(run, "weights.safetensors"));
  const half = join(folder, "unwritable");
  mkdirSync(join(half, "checkpoint-1-0.safetensors/in-the-way"), { recursive: true });
  const how = { folder: half, resume: true, saveEvery: 4 };
  await expect(trainRun(settings, train, undefined, how)).rejects.toThrow(
    /^cannot write ".*checkpoint-1-0\.safetensors": /,
  );
  const left = JSON.parse(readFileSync(join(half, "checkpoint.json"), "utf8"));
  expect([left.epoch, left.step]).toEqual([0, 4]);
  rmSync(join(half, "checkpoint-1-0.safetensors"), { recursive: true });
  expect(await trainRun(settings, train, undefined, how)).toBe(true);
  expect(readFileSync(join(half, "weights.safetensors")).equals(whole)).toBe(true);

  const [info, tensors] = ["checkpoint.json", "checkpoint-1-0.safetensors"].map((name) =>
    join(run, name),
  );
  const [text, bytes] = [readFileSync(info, "utf8"), readFileSync(tensors)];
  const cases: [change: () => void, message: RegExp][] = [
    [() => writeFileSync(tensors, bytes.fill(1, 5000, 5001)), /safetensors" is damaged: it is not/],
    [() => rmSync(tensors), /cannot read ".*safetensors": it does not exist/],
    [() => writeFileSync(info, text.slice(0, 100)), /checkpoint\.json" is damaged: it is no JSON/],
    [() => writeFileSync(info, text.replace('"epoch": 1', '"epoch": -1')), /does not say where/],
    [() => writeFileSync(info, text.replace('"version": 2', '"version": 9')), /of this version/],
  ];
  for (const [change, message] of cases) {
    change();
    await expect(resume()).rejects.toThrow(message);
  }
  train.close();
});

test("a loss that is not finite ends the run and keeps the checkpoint", async () => {
  const run = mkdtempSync(join(folder, "nan-"));
  const { train } = await open();
  const wild = { ...config, pool: "average", schedule: { kind: "constant", rate: 1e20 } } as const;
  await expect(trainRun(wild, train, undefined, { folder: run, resume: false })).rejects.toThrow(
    /the loss is (NaN|Infinity|-Infinity) in epoch 1, step \d+; the checkpoint before it stays/,
  );
  expect(existsSync(join(run, "checkpoint.json"))).toBe(true);
  train.close();
});
