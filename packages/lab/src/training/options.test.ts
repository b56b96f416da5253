/** Options of training, recipes and what overrides them. */
import { networkOf } from "@softpool/zoo";
import { expect, test } from "vitest";
import type { Arguments } from "../args.ts";
import { settingsOf, transformOf } from "./options.ts";

/** Arguments as they are parsed: texts by name, and `true` for what has no value. */
function args(options: Record<string, string | true> = {}): Arguments {
  const entries = Object.entries(options);
  const values = entries.flatMap(([name, value]) => (value === true ? [] : [[name, value]]));
  const flags = entries.filter(([, value]) => value === true).map(([name]) => name);
  return { values: Object.fromEntries(values), lists: {}, flags: new Set(flags), rest: [] };
}

const of = (options: Record<string, string | true>, network = "resnet18") =>
  settingsOf(args(options), network, networkOf(network));

test("recipes, and options that override them", () => {
  expect(of({ recipe: "paper" })).toMatchObject({
    ...{ epochs: 100, batch: 256, decay: 1e-4, momentum: 0.9 },
    schedule: { kind: "step", rate: 0.1, every: 40, gamma: 0.1 },
  });
  expect(of({ recipe: "authors", "step-every": "7", batch: "64", rate: "0.2" })).toMatchObject({
    ...{ epochs: 90, batch: 64, decay: 1e-4 },
    schedule: { kind: "step", rate: 0.2, every: 7, gamma: 0.1 },
  });
  expect(of({ recipe: "paper", schedule: "cosine" }).schedule).toEqual({
    kind: "cosine",
    rate: 0.1,
  });
  expect(of({})).toMatchObject({ epochs: 10, batch: 128, decay: 5e-4 });
  expect(of({}).schedule).toEqual({ kind: "one-cycle", rate: 0.1 });
  const authors = transformOf(args({ recipe: "authors" }), 224);
  expect(authors).toMatchObject({ flip: 0.3, rotate: { degrees: 10, probability: 0.6 } });
  expect(authors.geometry.kind).toBe("random-area");
  const changed = {
    recipe: "authors",
    rotate: "0",
    flip: "0.5",
    jitter: "0.2",
    mean: "0.5",
    std: "1,2,3",
  };
  expect(transformOf(args(changed), 32)).toEqual({
    size: 32,
    geometry: { kind: "pad-crop", padding: 4 },
    flip: 0.5,
    jitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0 },
    mean: [0.5, 0.5, 0.5],
    std: [1, 2, 3],
  });
});

test("what follows from what is trained", () => {
  expect(of({}, "inception-v1")).toMatchObject({ heads: true, auxiliary: 0.3 });
  expect(of({}, "inception-v3")).toMatchObject({ heads: true, auxiliary: 0.4 });
  expect(of({ "no-auxiliary": true }, "inception-v3")).not.toHaveProperty("heads");
  expect(of({}).batchNorm).toBe("train");
  expect(of({ "backbone-rate": "0" }).batchNorm).toBe("frozen");
  expect(of({ "backbone-rate": "0", "batch-norm": "train" }).batchNorm).toBe("train");
  expect(settingsOf(args(), "net.onnx", undefined).batchNorm).toBe("frozen");
  // One batch for an update is what there is without accumulation: the same run.
  expect(of({ accumulate: "1" })).toEqual(of({}));
  const cases: [Record<string, string | true>, RegExp][] = [
    [
      { "step-gamma": "0.5" },
      /^--step-gamma: expected with --schedule step, which is one-cycle here/,
    ],
    [{ accumulate: "0" }, /^--accumulate: expected a whole number from 1, received "0"/],
    [
      { "backbone-rate": "-1" },
      /^--backbone-rate: expected a number from 0 to 1000, received "-1"/,
    ],
    [{ "batch-norm": "froze" }, /^--batch-norm: .* did you mean frozen\?/],
    [{ "softpool-gradient": "weight" }, /did you mean weights\?/],
    [{ "no-auxiliary": true }, /^--no-auxiliary: resnet18 has no auxiliary heads/],
  ];
  for (const [options, message] of cases) expect(() => of(options)).toThrow(message);
  expect(() => settingsOf(args({ weights: "x" }), "net.onnx", undefined)).toThrow(/whole model/);
  for (const [options, message] of [
    [{ rotate: "10,2" }, /^--rotate: expected a number from 0 to 1, received "2"/],
    [{ jitter: "1,2" }, /^--jitter: expected one number, or four/],
    [{ mean: "1" }, /^--mean: expected together with --std/],
    [{ mean: "1,2", std: "1" }, /^--mean: expected one number or three/],
    [{ mean: "0", std: "0" }, /^--std: expected one number or three .* above 0/],
  ] as const) {
    expect(() => transformOf(args(options), 32)).toThrow(message);
  }
});
