/** `softpool train` as a whole: spawned, killed, gone on with. */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  conv,
  createModel,
  Graph,
  globalAveragePool,
  type ModelProto,
  readModel,
  relu,
  setMetadata,
  tensor,
  writeModel,
} from "@softpool/onnx";
import { uniforms } from "@softpool/poolings";
import { buildNetwork } from "@softpool/zoo";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../../bin/softpool.js");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-train-command-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, ...words], { cwd: folder, encoding: "utf8" });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const settings = [
  ...["train", "vgg-small", "--data", "textures:16,64", "--size", "16", "--batch", "8"],
  ...["--epochs", "2", "--pool", "soft", "--seed", "5", "--threads", "1", "--save-every", "1"],
];

test("killed in the middle and gone on with: the same bits", async () => {
  const whole = softpool(...settings, "-o", "whole");
  expect(whole.err).toBe("");
  expect(whole.code).toBe(0);
  expect(whole.out).toMatch(/^vgg-small, pooling soft, 64 pictures of 10 classes, 2 epochs of 8/);
  expect(whole.out).toMatch(/epoch 2 {2}loss \d\.\d{4} accuracy .* test loss .* images\/s/);

  const child = spawn(process.execPath, [bin, ...settings, "-o", "killed"], {
    cwd: folder,
    stdio: "ignore",
  });
  const info = join(folder, "killed/checkpoint.json");
  const position = () => {
    const { epoch, step } = JSON.parse(readFileSync(info, "utf8"));
    return 8 * epoch + step;
  };
  while (child.exitCode === null && (!existsSync(info) || position() < 3)) await setTimeout(20);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  expect(position()).toBeLessThan(16);
  expect(existsSync(join(folder, "killed/model.onnx"))).toBe(false);

  const refused = softpool(...settings, "-o", "killed");
  expect(refused.code).toBe(2);
  expect(refused.err).toContain('"killed" holds a run; --resume goes on with it');
  const resumed = softpool(...settings, "-o", "killed", "--resume");
  expect(resumed.code).toBe(0);
  for (const name of ["weights.safetensors", "model.onnx"]) {
    const [a, b] = ["killed", "whole"].map((run) => readFileSync(join(folder, run, name)));
    expect(a.equals(b), name).toBe(true);
  }
  const other = softpool(...settings, "-o", "killed", "--resume", "--rate", "0.2");
  expect(other.code).toBe(1);
  expect(other.err).toMatch(/the checkpoint is of a run with another schedule/);
});

test("a model from elsewhere: swapped, stopped by Ctrl-C, gone on with, evaluated", async () => {
  const { model } = buildNetwork("vgg-small", { size: 16, classes: 7, seed: 2 });
  model.metadataProps = [];
  writeFileSync(join(folder, "given.onnx"), writeModel(model));
  expect(softpool("swap", "given.onnx", "-o", "soft.onnx").code).toBe(0);
  const words = [
    ...["train", "soft.onnx", "--data", "textures:16,64", "--batch", "8", "--epochs", "3"],
    ...["--rate", "0.01", "--backbone-rate", "0.5", "--softpool-gradient", "weights"],
    ...["--accumulate", "2", "--threads", "1", "-o", "tuned"],
  ];
  const child = spawn(process.execPath, [bin, ...words], { cwd: folder });
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
    if (/^epoch 1/m.test(out)) child.kill("SIGINT");
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(130);
  expect(out).toContain('the classifier "fc.weight" is a new one for 10 classes instead of 7');
  expect(out).toMatch(/^\d+ tensors with \d+ numbers are learned: those of 6 Conv, 6 BatchNorm/m);
  const resumed = softpool(...words, "--resume");
  expect(resumed.err).toBe("");
  expect(resumed.code).toBe(0);
  expect(readFileSync(join(folder, "tuned/report.html"), "utf8")).toContain("soft.onnx");
  const files = ["soft.onnx", "tuned/model.onnx"].map((name) =>
    readModel(readFileSync(join(folder, name))),
  );
  const [before, after] = files.map(({ graph, functions }) => [
    functions.map(({ name, overload }) => `${name} ${overload}`),
    graph?.node.map(({ opType, input, output }) => [opType, ...input, ...output]),
  ]);
  expect(after).toEqual(before);
  const last = readFileSync(join(folder, "tuned/metrics.jsonl"), "utf8").trim().split("\n").at(-1);
  const evaluated = softpool("eval", "tuned/model.onnx", "--data", "textures:16,64", "--json");
  expect(evaluated.code).toBe(0);
  const { test: held } = JSON.parse(last ?? "");
  expect(JSON.parse(evaluated.out).top1.value).toBe(held.accuracy);
});

/** Puts the tensors of a model into `name` beside it. */
function outside(model: ModelProto, name: string): void {
  const stored = model.graph?.initializer.filter(({ rawData }) => rawData.length > 0) ?? [];
  let offset = 0;
  const parts = stored.map((own) => {
    const bytes = own.rawData;
    const entries = { location: name, offset: String(offset), length: String(bytes.length) };
    const carrier = createModel(17);
    for (const [key, value] of Object.entries(entries)) setMetadata(carrier, key, value);
    own.externalData = carrier.metadataProps;
    own.rawData = new Uint8Array(0);
    own.dataLocation = 1;
    offset += bytes.length;
    return bytes;
  });
  writeFileSync(join(folder, name), Buffer.concat(parts));
}

test("a model whose external data changed is not gone on with", () => {
  const { model } = buildNetwork("vgg-small", { size: 16, seed: 2 });
  const data = join(folder, "apart.onnx.data");
  outside(model, "apart.onnx.data");
  writeFileSync(join(folder, "apart.onnx"), writeModel(model));
  const words = [
    ...["train", "apart.onnx", "--data", "textures:16,32", "--batch", "16", "--epochs", "1"],
    ...["--threads", "1", "-o", "apart"],
  ];
  expect(softpool(...words).code).toBe(0);
  expect(readModel(readFileSync(join(folder, "apart/model.onnx"))).graph?.node).toHaveLength(
    model.graph?.node.length ?? 0,
  );
  const bytes = readFileSync(data);
  const changed = Buffer.from(bytes);
  changed[bytes.length >> 1] ^= 1;
  writeFileSync(data, changed);
  const refused = softpool(...words, "--resume");
  expect(refused.code).toBe(1);
  expect(refused.err).toBe(
    'softpool: "apart.onnx", or a file with its external data, is not what it was when the run began: --resume needs the same, another directory begins anew\n',
  );
  writeFileSync(data, bytes);
  expect(softpool(...words, "--resume")).toMatchObject({ code: 0, err: "" });
});

test("greyscale in half precision: trained in float32, evaluated as while it was trained", () => {
  const g = new Graph(17);
  const store = (name: string, shape: number[], seed: number) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = Float64Array.from(uniforms(count, { seed }), (u) => u - 0.5);
    return g.initializer(name, tensor("float16", shape, values));
  };
  const x = g.input("pictures", "float16", ["n", 1, 16, 16]);
  const y = globalAveragePool(g, relu(g, conv(g, x, store("c", [8, 1, 3, 3], 1), undefined)));
  const scores = g.op("MatMul", [g.op("Flatten", [y]), store("w", [8, 10], 2)]);
  g.output({ ...scores, dtype: "float16", shape: ["n", 10] });
  writeFileSync(join(folder, "grey.onnx"), writeModel(g.toModel()));
  const data = ["--data", "textures:16,64", "--mean", "0.4,0.5,0.6", "--std", "0.25"];
  const words = ["train", "grey.onnx", ...data, "--batch", "16", "--epochs", "2", "--rate", "0.01"];
  const trained = softpool(...words, "-o", "grey");
  expect(trained.err).toBe("");
  expect(trained.out).toMatch(/greyscale, padded by 2 and cropped, .*mean 0.4815, deviation 0.25/);
  expect(trained.out).toContain('"grey.onnx" has numbers of half precision: it is learned');
  const last = readFileSync(join(folder, "grey/metrics.jsonl"), "utf8").trim().split("\n").at(-1);
  const { loss, accuracy } = JSON.parse(last ?? "").test;
  const now = softpool("eval", "grey/model.onnx", ...data, "--json");
  const { channels, top1, ...rest } = JSON.parse(now.out);
  expect([channels, top1.value]).toEqual([1, accuracy]);
  expect(rest.loss).toBeCloseTo(loss, 6);
  const before = softpool("eval", "grey.onnx", ...data, "--json");
  expect(JSON.parse(before.out)).toMatchObject({ channels: 1, pictures: 64 });
});

test("pictures held out have the numbers of the classes learned; other classes are refused, on --resume too", async () => {
  const put = (path: string, red: number) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const create = {
      width: 9,
      height: 9,
      channels: 3,
      background: { r: red, g: 0, b: 9 },
    } as const;
    return sharp({ create }).png().toFile(join(folder, path));
  };
  const reds = { ash: 0, birch: 120, cedar: 255 };
  for (const [name, red] of Object.entries(reds)) {
    for (let i = 0; i < 4; i++) await put(`trees/train/${name}/${i}.png`, red);
  }
  // Neither has the second class, so that numbers of their own would be others.
  for (const i of [0, 1])
    for (const name of ["ash", "cedar"] as const)
      await put(`trees/val/${name}/${i}.png`, reds[name]);
  const words = [
    "train",
    "vgg-small",
    "--size",
    "16",
    "--data",
    "trees",
    "--batch",
    "4",
    "--flip",
    "0",
  ];
  const run = [...words, "--epochs", "8", "--rate", "0.01", "-o", "forest"];
  const first = softpool(...run, "--resume");
  expect(first.err).toBe(
    'softpool: "forest" has no checkpoint to go on from: the run begins anew\n',
  );
  const last = readFileSync(join(folder, "forest/metrics.jsonl"), "utf8").trim().split("\n").at(-1);
  const { test: held } = JSON.parse(last ?? "");
  expect([held.accuracy, held.pictures]).toEqual([1, 4]);

  renameSync(join(folder, "trees/train/ash"), join(folder, "trees/train/yew"));
  const gone = softpool(...words, "-o", "other");
  expect([gone.code, gone.err]).toEqual([
    1,
    'softpool: "trees" (val) has the class "ash", which the pictures to learn from lack\n',
  ]);
  renameSync(join(folder, "trees/val/ash"), join(folder, "trees/val/yew"));
  const resumed = softpool(...run, "--resume");
  expect(resumed.code).toBe(1);
  expect(resumed.err).toContain("the classes of the data have other names or numbers than when");
  rmSync(join(folder, "trees/train/yew"), { recursive: true });
  rmSync(join(folder, "trees/val/yew"), { recursive: true });
  const fewer = softpool(...run, "--resume");
  expect(fewer.err).toMatch(
    /another number of classes: 3 then, 2 now; another directory begins anew/,
  );
});

test("a broken picture is named once", async () => {
  mkdirSync(join(folder, "torn/a"), { recursive: true });
  mkdirSync(join(folder, "torn/b"), { recursive: true });
  for (let i = 0; i < 12; i++) {
    const path = join(folder, `torn/${i % 2 === 0 ? "a" : "b"}/${i}.png`);
    const create = { width: 9, height: 9, channels: 3, background: "red" } as const;
    if (i % 3 === 0) writeFileSync(path, "no picture");
    else await sharp({ create }).png().toFile(path);
  }
  const words = [
    "--size",
    "16",
    "--data",
    "torn",
    "--batch",
    "2",
    "--accumulate",
    "2",
    "--epochs",
    "6",
  ];
  const { code, err } = softpool("train", "vgg-small", ...words, "-o", "torn-run");
  expect(code).toBe(0);
  const lines = err.trim().split("\n");
  expect(lines.pop()).toBe("softpool: 4 broken pictures were passed over");
  const named = lines.map((line) => /"(.*)" is passed over/.exec(line)?.[1]);
  expect(named.sort()).toEqual(["a/0.png", "a/6.png", "b/3.png", "b/9.png"]);
});

test("wrong usage and data that are not there", () => {
  const cases: [words: string[], code: number, message: RegExp][] = [
    [["train"], 2, /expected one network or ONNX file, received none/],
    [["train", "resnet19"], 2, /expected an ONNX file or a network .*resnet19/],
    [["train", "nowhere.onnx"], 1, /cannot read "nowhere.onnx": it does not exist/],
    [["train", "vgg-small", "--weights", "."], 1, /"." is a directory without weights/],
    [["train", "vgg-small", "--recipe", "author"], 2, /did you mean authors\?/],
    [["train", "vgg-small", "--epochs", "0"], 2, /--epochs: expected a whole number from 1/],
    [["train", "vgg-small", "--rate", "fast"], 2, /--rate: expected a number from 0 to 1000/],
    [["train", "vgg-small", "--schedule", "cosin"], 2, /did you mean cosine\?/],
    [["train", "vgg-small", "--data", "nowhere"], 1, /cannot open the data "nowhere"/],
    [["train", "vgg-small", "--pool", "sofft"], 2, /--pool: .*sofft/],
    [
      ["train", "vgg-small", "--data", "textures:16,64"],
      2,
      /--batch: expected at most the 64 pictures of textures:16,64, its default of 128/,
    ],
  ];
  for (const [words, code, message] of cases) {
    const result = softpool(...words);
    expect(result.err).toMatch(message);
    expect(result.err.trim().split("\n"), words.join(" ")).toHaveLength(1);
    expect(result.code, words.join(" ")).toBe(code);
  }
});
