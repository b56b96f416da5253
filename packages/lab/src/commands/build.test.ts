/** `softpool build` as a whole: spawned on small networks. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ModelProto, readModel, tensor } from "@softpool/onnx";
import { createSession, toRun } from "@softpool/onnx/session-node";
import { findPooling } from "@softpool/poolings";
import { buildNetwork, weightsOf, writeSafetensors } from "@softpool/zoo";
import { afterAll, beforeAll, expect, test } from "vitest";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../../bin/softpool.js");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-build-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, "build", ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const read = (name: string): ModelProto => readModel(readFileSync(join(folder, name)));

const kinds = (name: string) =>
  findPooling(read(name)).map((layer) => `${layer.name} ${layer.kind}`);

async function scores(name: string): Promise<number[]> {
  const session = await createSession(join(folder, name));
  const values = Float64Array.from({ length: 3072 }, (_, i) => Math.sin(i));
  const { logits } = await session.run({ input: toRun(tensor("float32", [1, 3, 32, 32], values)) });
  await session.dispose();
  return Array.from(logits.data as Float32Array);
}

test("writes a network that runs, and says what it is", async () => {
  const { code, out, err } = softpool(
    "vgg-small",
    "--pool",
    "soft:beta=2,pool3=lp",
    "-o",
    "net.onnx",
  );
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "vgg-small: 288,874 parameters, 0.039 GMACs at 32x32, 10 classes
    place    kind     window      input     pools
    pool1    maximum  2x2 s2      32x32x32  soft beta=2
    pool2    maximum  2x2 s2      64x16x16  soft beta=2
    pool3    maximum  2x2 s2      128x8x8   lp
    avgpool  average  everything  128x4x4   original
    "net.onnx" written (1.2 MB)
    "
  `);
  expect(kinds("net.onnx")).toEqual([
    "pool1 soft",
    "pool2 soft",
    "pool3 lp",
    "avgpool global-average",
  ]);
  expect(await scores("net.onnx")).toHaveLength(10);

  // The same seed gives the same weights whatever pools; another seed gives others.
  for (const [name, seed] of [
    ["a", "7"],
    ["b", "7"],
    ["c", "8"],
  ]) {
    const pool = name === "a" ? "original" : "average";
    expect(softpool("resnet20", "--seed", seed, "--pool", pool, "-o", `${name}.onnx`).code).toBe(0);
  }
  const [a, b, c] = ["a", "b", "c"].map(
    (name) => weightsOf(read(`${name}.onnx`)).get("fc.weight")!,
  );
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
  expect(softpool("vgg-small", "--pool", "pool*=sum").out).toContain(
    '"vgg-small-pool-sum.onnx" written',
  );
  expect(existsSync(join(folder, "vgg-small-pool-sum.onnx"))).toBe(true);
});

test("weights by name: loaded, accounted for, another head where it is asked for", async () => {
  const network = buildNetwork("vgg-small", { seed: 3 });
  const tensors = weightsOf(network.model);
  writeFileSync(join(folder, "vgg.safetensors"), writeSafetensors(tensors));
  const plain = softpool("vgg-small", "--weights", "vgg.safetensors", "-o", "loaded.onnx");
  expect(plain.out).toContain('"vgg.safetensors": 32 of 32 tensors loaded\n');
  softpool("vgg-small", "--seed", "3", "-o", "seeded.onnx");
  expect(await scores("loaded.onnx")).toEqual(await scores("seeded.onnx"));

  tensors.set("more", { dtype: "I64", shape: [], bytes: new Uint8Array(8) });
  writeFileSync(join(folder, "more.safetensors"), writeSafetensors(tensors));
  const words = ["vgg-small", "--weights", "more.safetensors", "--classes", "4", "--pool", "ada"];
  const { code, err, out } = softpool(...words, "--json", "-o", "head.onnx");
  expect(code).toBe(0);
  expect(err).toBe(
    'softpool: "more.safetensors" has 1 tensor(s) that the network does not have: more\n',
  );
  const { weights, layers, parameters } = JSON.parse(out);
  expect(weights.kept).toEqual(["fc.weight", "fc.bias", ...[1, 2, 3].map((i) => `pool${i}.theta`)]);
  expect(layers[0]).toEqual({ name: "pool1", pools: "ada" });
  expect(parameters).toBe(288_746 - 6 * 129 + 3);
  expect(await scores("head.onnx")).toHaveLength(4);
});

test("what cannot be is one sentence, exit code 2 for wrong usage, 1 for files; nothing is written", () => {
  writeFileSync(join(folder, "net.pth"), "PK\u0003\u0004 and more");
  const resnet = weightsOf(buildNetwork("resnet20").model);
  writeFileSync(join(folder, "resnet.safetensors"), writeSafetensors(resnet));
  mkdirSync(join(folder, "directory"));
  const cases: [string[], number, RegExp][] = [
    [[], 2, /expected one network, received none; softpool models lists them/],
    [["vgg"], 2, /received "vgg"/],
    [["vgg-small", "--pool", "sofft"], 2, /--pool: expected one of average/],
    [
      ["vgg-small", "--pool", "pool9=soft"],
      2,
      /--pool: .*no place is called "pool9"; there are: pool1/,
    ],
    [["resnet20", "--pool", "avgpool=lift"], 2, /: avgpool: lift cannot pool there: /],
    [["vgg-small", "--classes", "0"], 2, /--classes: expected a whole number from 1/],
    [["vgg-small", "--seed", "x"], 2, /--seed: expected a whole number/],
    [["vgg-small", "--auxiliary"], 2, /--auxiliary: vgg-small has no auxiliary heads/],
    [["vgg-small", "-o", "directory"], 2, /-o: expected a file, received "directory"/],
    [
      ["vgg-small", "-o", "resnet.safetensors", "--weights", "resnet.safetensors"],
      2,
      /another file than the weights/,
    ],
    [
      ["vgg-small", "--weights", "none.safetensors"],
      1,
      /cannot read "none.safetensors": it does not exist/,
    ],
    [
      ["vgg-small", "--weights", "net.pth"],
      1,
      /"net.pth": expected a safetensors file, received a zip archive/,
    ],
    [
      ["vgg-small", "--weights", "resnet.safetensors"],
      1,
      /"resnet.safetensors": only 1 of the network's 32 tensors fit; fc.weight: expected \[10, 128\]/,
    ],
    [["vgg-small", "-o", "nowhere/net.onnx"], 1, /its directory does not exist/],
  ];
  for (const [words, code, message] of cases) {
    const given = words.includes("-o") ? words : [...words, "-o", "never.onnx"];
    const result = softpool(...given);
    expect(result.err, words.join(" ")).toMatch(message);
    expect([result.code, result.out, result.err.trimEnd().split("\n").length]).toEqual([
      code,
      "",
      1,
    ]);
  }
  expect(existsSync(join(folder, "never.onnx"))).toBe(false);
});
