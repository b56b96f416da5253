/** `softpool eval` as a whole, on pictures and models made here whose predictions are known. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  averagePool,
  Graph,
  globalAveragePool,
  type ModelProto,
  maxPool,
  mul,
  poolWindow,
  tensor,
  writeModel,
} from "@softpool/onnx";
import { buildNetwork, weightsOf, writeSafetensors } from "@softpool/zoo";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse } from "../args.ts";
import { Failure, UsageError } from "../errors.ts";
import { readPredictions } from "../predictions/read.ts";
import { evalCommand } from "./eval.ts";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../../bin/softpool.js");
const CLASSES = ["a-red", "b-green", "c-blue"];
let folder = "";
const at = (name: string) => join(folder, name);

/** A class by the mean of each channel, after pooling 2 x 2. */
function colourModel(
  options: {
    batch?: number | string;
    size?: number | string;
    average?: boolean;
    last?: string;
  } = {},
): ModelProto {
  const { batch = "batch", size = 16, average = false } = options;
  const g = new Graph(17);
  const x = g.input("pictures", "float32", [batch, 3, size, size]);
  const window = poolWindow([2, 2], { strides: [2, 2] });
  const pooled = average ? averagePool(g, x, window) : maxPool(g, x, window);
  let y = g.op("Flatten", [globalAveragePool(g, pooled)], { axis: 1 });
  if (options.last !== undefined) y = g.op(options.last, [y]);
  g.output({ ...y, shape: [batch, 3] });
  return g.toModel();
}

/** The model times a tensor of ones that lies in a file beside it. */
function externalModel(): ModelProto {
  const g = new Graph(17);
  const x = g.input("pictures", "float32", ["batch", 3, 16, 16]);
  const ones = g.initializer("ones", tensor("float32", [1, 3, 1, 1], [1, 1, 1]));
  const pooled = maxPool(g, mul(g, x, ones), poolWindow([2, 2], { strides: [2, 2] }));
  const y = g.op("Flatten", [globalAveragePool(g, pooled)], { axis: 1 });
  g.output({ ...y, shape: ["batch", 3] });
  const model = g.toModel();
  const [stored] = model.graph?.initializer ?? [];
  writeFileSync(at("external/net.data"), stored.rawData);
  stored.rawData = new Uint8Array();
  stored.dataLocation = 1;
  const entry = {
    $typeName: "onnx.StringStringEntryProto",
    key: "location",
    value: "net.data",
  } as const;
  stored.externalData = [entry];
  return model;
}

/**
 * A picture of 16 x 16 pixels. A chequered one has its colour in every second pixel of an otherwise green
 * of 60 %: the maximum sees its colour, the average the green.
 */
async function picture(path: string, channel: number, chequered = false): Promise<void> {
  const pixels = new Uint8Array(16 * 16 * 3);
  for (let i = 0; i < 256; i++) {
    const own = !chequered || (i + Math.floor(i / 16)) % 2 === 0;
    if (own) pixels[3 * i + channel] = 255;
    if (chequered) pixels[3 * i + 1] = 180;
  }
  await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
    .png()
    .toFile(path);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "softpool-eval-test-"));
  for (const [channel, name] of CLASSES.entries()) {
    mkdirSync(at(`set/val/${name}`), { recursive: true });
    for (let i = 0; i < 4; i++) {
      // The last red picture is chequered, the last blue one is red.
      const own = name === "c-blue" && i === 3 ? 0 : channel;
      await picture(at(`set/val/${name}/${i}.png`), own, name === "a-red" && i === 3);
    }
  }
  writeFileSync(at("set/val/b-green/broken.png"), "no picture");
  writeFileSync(at("net.onnx"), writeModel(colourModel()));
  writeFileSync(at("fixed.onnx"), writeModel(colourModel({ batch: 5 })));
  writeFileSync(at("average.onnx"), writeModel(colourModel({ average: true })));
  writeFileSync(at("open.onnx"), writeModel(colourModel({ size: "side" })));
  writeFileSync(at("softmax.onnx"), writeModel(colourModel({ last: "Softmax" })));
  writeFileSync(at("nan.onnx"), writeModel(colourModel({ last: "Log" })));
  mkdirSync(at("external"));
  writeFileSync(at("external/net.onnx"), writeModel(externalModel()));
  writeFileSync(at("list.txt"), "a-red\nunused\nb-green\nc-blue\n");
  writeFileSync(at("text.onnx"), "no model\n");
  const built = buildNetwork("vgg-small", { seed: 3, pool: "soft" });
  writeFileSync(at("vgg.onnx"), writeModel(built.model));
  writeFileSync(at("vgg.safetensors"), writeSafetensors(weightsOf(built.model)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, "eval", ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** Runs the command in this process and gives what it prints. */
async function json(...words: string[]) {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(await evalCommand.run(parse(evalCommand, [...words, "--json"]))).toBe(0);
    return JSON.parse(log.mock.calls.join("\n"));
  } finally {
    process.chdir(before);
    log.mockRestore();
    error.mockRestore();
  }
}

test("accuracies with intervals, the broken picture named, one row per picture", () => {
  const { code, out, err } = softpool("net.onnx", "--data", "set", "--predictions", "maximum.csv");
  expect(err).toMatch(/^softpool: "b-green\/broken\.png" is left out: .+\n$/);
  expect(code).toBe(0);
  const stable = out.replace(/[\d.]+ images\/s, the network alone [\d.]+/, "N images/s, alone N");
  expect(stable.replace(/^loss.*$/m, "loss N")).toMatchInlineSnapshot(`
    ""net.onnx": pictures 16x16
    "set" (val): 13 pictures in 3 classes

                    95 % interval (Wilson)
    top-1  91.67 %  64.61 to 98.51 %
    loss N
    12 pictures, N images/s, alone N (cpu)
    broken pictures left out: 1
    "
  `);
  const { rows, metadata } = readPredictions(at("maximum.csv"));
  expect(metadata).toEqual({ model: "net.onnx", data: '"set" (val)', classes: "3" });
  expect(rows).toHaveLength(12);
  for (const { picture: name, target, predicted, score } of rows) {
    const [kind, file] = name.split("/");
    expect(CLASSES[target]).toBe(kind);
    expect(predicted[0], name).toBe(name === "c-blue/3.png" ? 0 : target);
    expect(predicted).toHaveLength(3);
    expect(score).toBeGreaterThan(1 / 3);
    expect(file).toMatch(/^[0-3]\.png$/);
  }
});

test("a fixed batch, another batch and a size to choose give the same", async () => {
  const wanted = await json("net.onnx", "--data", "set");
  expect(wanted).toMatchObject({ pictures: 12, top1: { value: 11 / 12 }, pool: null, size: 16 });
  expect(wanted.broken).toMatchObject([{ name: "b-green/broken.png" }]);
  for (const words of [
    ["fixed.onnx"],
    ["net.onnx", "--batch", "1"],
    ["open.onnx", "--size", "16"],
  ]) {
    const { top1, loss } = await json(...words, "--data", "set", "--threads", "1");
    expect(top1, words[0]).toEqual(wanted.top1);
    expect(loss, words[0]).toBeCloseTo(wanted.loss, 6);
  }
  const probabilities = await json("softmax.onnx", "--data", "set");
  expect(probabilities.scores).toBe("probabilities");
  expect(probabilities.loss).toBeCloseTo(wanted.loss, 6);
});

test("--pool substitutes: the chequered picture is green on average", async () => {
  const words = ["--data", "set", "--predictions", "average.csv"];
  const average = await json("net.onnx", ...words, "--pool", "average");
  expect(average).toMatchObject({
    top1: { value: 10 / 12 },
    substituted: { replaced: ["maxpool"] },
  });
  const { rows, metadata } = readPredictions(at("average.csv"));
  expect(metadata.pool).toBe("average");
  const wrong = rows.filter(({ target, predicted }) => target !== predicted[0]);
  expect(wrong.map(({ picture: name }) => name)).toEqual(["a-red/3.png", "c-blue/3.png"]);
  expect((await json("average.onnx", "--data", "set")).loss).toBeCloseTo(average.loss, 6);
  const external = await json("external/net.onnx", "--data", "set", "--pool", "average");
  expect(external.loss).toBeCloseTo(average.loss, 6);
  // At a temperature of 40 SoftPool is the maximum, at 0 the average.
  for (const [pool, hits] of [
    ["maxpool=soft:beta=40", 11],
    ["soft:beta=0", 10],
  ] as const) {
    expect((await json("net.onnx", "--data", "set", "--pool", pool)).top1.value).toBe(hits / 12);
  }
});

test("a network with weights is the file that was built; a part is drawn", async () => {
  const words = ["--data", "textures:32,60", "--limit", "20", "--predictions"];
  const weights = ["--weights", "vgg.safetensors", "--pool", "soft"];
  const network = await json("vgg-small", ...weights, ...words, "network.csv");
  const file = await json("vgg.onnx", ...words, "file.csv");
  for (const result of [network, file]) {
    expect(result).toMatchObject({ network: "vgg-small", pictures: 20, data: { pictures: 60 } });
  }
  expect(file.loss).toBe(network.loss);
  const [a, b] = ["network.csv", "file.csv"].map((name) => readPredictions(at(name)));
  expect(a.rows).toEqual(b.rows);
  expect(a.metadata).toMatchObject({ weights: "vgg.safetensors", drawn: "20 of 60" });
});

test("scores that are no numbers end with 1, and have no row", () => {
  const { code, out, err } = softpool("nan.onnx", "--data", "set", "--predictions", "nan.csv");
  expect(code).toBe(1);
  expect(out).toMatch(/^top-1 +0\.00 %/m);
  expect(out).toContain("pictures whose scores are no numbers, counted as wrong: 12");
  expect(err).toContain('"nan.csv" is not written, there are no predictions');
  expect(existsSync(at("nan.csv"))).toBe(false);
});

test("Ctrl-C stops with what it has", async () => {
  const words = ["vgg.onnx", "--data", "textures:32,5000000", "--batch", "8", "--threads", "1"];
  const child = spawn(process.execPath, [bin, "eval", ...words, "--predictions", "part.csv"], {
    cwd: folder,
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    // The first line of progress.
    if (err === "") child.kill("SIGINT");
    err += data;
  });
  const code = await new Promise((resolve) => child.on("exit", resolve));
  expect(err).toMatch(/^\d+\/5000000 pictures, [\d.]+.*, \d+ s left {2}top-1 [\d.]+ %\n/);
  expect(code).toBe(130);
  const stopped = Number(/stopped after ([\d,]+) of 5,000,000/.exec(out)?.[1].replace(",", ""));
  const { rows, metadata } = readPredictions(at("part.csv"));
  expect(rows).toHaveLength(stopped);
  expect(metadata.stopped).toBe(`after ${stopped} of 5000000`);
}, 60_000);

test("wrong usage and what does not fit: one sentence, the right exit code", async () => {
  const set = ["--data", "set"];
  const cases: [string[], number, string][] = [
    [[], 2, "expected one model, received none"],
    [["a", "b"], 2, "expected one model, received 2"],
    [["vgg-smal"], 2, 'received "vgg-smal", did you mean vgg-small?'],
    [["net.onnx", ...set, "--split", "tset"], 2, "did you mean test?"],
    [["net.onnx", ...set, "--batch", "0"], 2, "--batch: expected a whole number from 1"],
    [["net.onnx", ...set, "--limit", "x"], 2, "--limit: expected a whole number from 1"],
    [["net.onnx", ...set, "--provider", "cdua"], 2, "did you mean cuda?"],
    [["net.onnx", ...set, "--predictions", "set"], 2, "--predictions: expected a file"],
    [
      ["net.onnx", ...set, "--predictions", "net.onnx"],
      2,
      "expected another file than what is read",
    ],
    [["net.onnx", ...set, "--predictions", "no/p.csv"], 1, "its directory does not exist"],
    [["net.onnx", ...set, "--weights", "w"], 2, '--weights: expected with a network, "net.onnx"'],
    [["net.onnx", ...set, "--remap"], 2, "--remap: expected with a network"],
    [["net.onnx", ...set, "--size", "32"], 2, '--size: "net.onnx" takes pictures of 16x16'],
    [["open.onnx", ...set], 2, '--size: "open.onnx" leaves the size of its pictures open'],
    [["net.onnx", ...set, "--pool", "sofft"], 2, "--pool:"],
    [
      ["net.onnx", ...set, "--pool", "pool9=soft"],
      2,
      'no place is called "pool9"; there are: maxpool',
    ],
    [["net.onnx", "--data", "none"], 1, 'cannot open the data "none": it does not exist'],
    [["net.onnx", "--data", "textures:32,50"], 1, "tells 3 classes apart, but the data has 10"],
    [
      ["net.onnx", ...set, "--class-list", "list.txt"],
      1,
      "tells 3 classes apart, but the data has 4",
    ],
    [
      ["vgg-small", ...set, "--weights", "vgg.safetensors"],
      1,
      '"vgg.safetensors" tells 10 classes',
    ],
    [["vgg-small", ...set, "--weights", "none.safetensors"], 1, "it does not exist"],
    [["vgg-small", ...set, "--weights", "net.onnx"], 1, '"net.onnx"'],
    [["none.onnx", ...set], 1, 'cannot read "none.onnx": it does not exist'],
    [["text.onnx", ...set], 1, '"text.onnx"'],
  ];
  const before = process.cwd();
  process.chdir(folder);
  try {
    for (const [words, code, sentence] of cases) {
      const result = (async () => evalCommand.run(parse(evalCommand, words)))();
      const label = words.join(" ");
      await expect(result, label).rejects.toThrow(sentence);
      await expect(result, label).rejects.toThrow(code === 2 ? UsageError : Failure);
    }
  } finally {
    process.chdir(before);
  }
  const { code, out, err } = softpool("net.onnx", "--data", "textures:32,50");
  expect(err).toMatch(/^softpool: "net\.onnx" tells 3 classes apart, but the data has 10: .*\n$/);
  expect([out, code]).toEqual(["", 1]);
  expect(readFileSync(at("net.onnx"))).toEqual(Buffer.from(writeModel(colourModel())));
});
