/** `softpool swap` as a whole: spawned on networks made here. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  conv,
  type DType,
  Graph,
  globalAveragePool,
  type ModelProto,
  maxPool,
  poolWindow,
  readModel,
  relu,
  tensor,
  writeModel,
} from "@softpool/onnx";
import { uniforms } from "@softpool/poolings";
import { afterAll, beforeAll, expect, test } from "vitest";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../../bin/softpool.js");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-swap-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, ...words], { cwd: folder, encoding: "utf8" });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** A network with a stem, a pooling whose indices may be used, and a global average. */
function network(options: { dtype?: DType; indices?: boolean; open?: boolean } = {}): ModelProto {
  const { dtype = "float32", indices = false, open = false } = options;
  const g = new Graph(17);
  const x = g.input("image", dtype, open ? ["batch", 3, "height", "width"] : [1, 3, 16, 16]);
  const weight = uniforms(4 * 27, { seed: 5 }).map((u) => u - 0.5);
  const w = g.initializer("stem.weight", tensor(dtype, [4, 3, 3, 3], weight));
  const h = relu(g, conv(g, x, w, undefined, { pads: [1, 1, 1, 1] }));
  const pooled = maxPool(g, h, poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }));
  const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
  const options2 = { outputs: indices ? 2 : 1, name: "/second" };
  const [second, used] = g.node("MaxPool", [pooled], attributes, options2);
  const y = globalAveragePool(g, second);
  g.output({ ...y, ...g.op("Identity", [y], {}, { outputNames: ["scores"] }) });
  if (indices) g.output(used);
  return g.toModel();
}

function write(name: string, model: ModelProto): string {
  writeFileSync(join(folder, name), writeModel(model));
  return name;
}

const stable = (text: string) =>
  text
    .replace(/\d+(\.\d+)? (x the|and|ms)/g, "N $2")
    .replace(/medians of \d+/, "medians of N")
    .replace(/change [\d.e-]+/, "change N")
    .replace(/value is [\d.e-]+/, "value is N");

test("swaps, says what it did, and what that does to the network", () => {
  const model = write("net.onnx", network());
  const { code, out, err } = softpool("swap", model, "--to", "soft", "-o", "out.onnx");
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(stable(out)).toMatchInlineSnapshot(`
    ""net.onnx": operator set 17, input image 1x3x16x16; 3 pooling layers, 2 replaced
    layer              kind            window      input      becomes
    maxpool            maximum         3x3 s2 p1   1x4x16x16  soft
    /second            maximum         2x2 s2      1x4x8x8    soft
    globalaveragepool  global-average  everything  1x4x4x4    kept: its kind global-average is not asked for
    "out.onnx" written (0.0 MB)
    checked on onnxruntime cpu, random input image 1x3x16x16
      outputs finite, shapes equal, largest change N of "scores", whose largest value is N
      time N x the original's (N and N ms, medians of N)
    "
  `);
  const swapped = readModel(readFileSync(join(folder, "out.onnx")));
  expect(swapped.graph?.node.filter(({ domain }) => domain === "softpool")).toHaveLength(2);
  expect(swapped.functions.map(({ name }) => name)).toEqual(["SoftPool", "SoftPool"]);

  const again = softpool("swap", "out.onnx", "-o", "again.onnx");
  expect(again.code).toBe(0);
  expect(again.out).toContain('"again.onnx" written (0.0 MB), as it was: it is swapped already');
  expect(readFileSync(join(folder, "again.onnx"))).toEqual(readFileSync(join(folder, "out.onnx")));
});

test("--list shows the layers and writes nothing", () => {
  const model = write("listed.onnx", network({ indices: true, open: true }));
  const before = readdirSync(folder);
  const { code, out } = softpool("swap", model, "--list", "--input", "image=1x3x32x32");
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    ""listed.onnx": operator set 17, input image batch x 3 x height x width; 3 pooling layers, 1 would be replaced
    layer              kind            window      input      becomes
    maxpool            maximum         3x3 s2 p1   1x4x32x32  soft
    /second            maximum         2x2 s2      1x4x16x16  refused: its indices are used, which only a maximum has
    globalaveragepool  global-average  everything  1x4x8x8    kept: its kind global-average is not asked for
    "
  `);
  const json = JSON.parse(softpool("swap", model, "--list", "--json").out);
  expect(json.layers).toHaveLength(3);
  expect(json.layers[1]).toMatchObject({ name: "/second", kind: "maximum", action: "refused" });
  expect(readdirSync(folder)).toEqual(before);
});

test("what is refused is left, said and ends with 1", () => {
  const model = write("indices.onnx", network({ indices: true }));
  const { code, err } = softpool("swap", model, "-o", "partly.onnx");
  expect(code).toBe(1);
  expect(err).toContain('"/second" is left as it was: its indices are used');
  expect(existsSync(join(folder, "partly.onnx"))).toBe(true);
  expect(softpool("swap", model, "--except", "/second", "-o", "partly.onnx").code).toBe(0);
  const none = softpool("swap", model, "--only", "/second", "-o", "none.onnx");
  expect(none.code).toBe(1);
  expect(none.err).toMatch(
    /^softpool: no layer of "indices.onnx" could be replaced: "\/second": its/,
  );
  expect(existsSync(join(folder, "none.onnx"))).toBe(false);
});

test("float64: checked on the reference evaluator", () => {
  const model = write("double.onnx", network({ dtype: "float64" }));
  const { code, out } = softpool("swap", model, "-o", "double-soft.onnx");
  expect(code).toBe(0);
  expect(out).toContain("ONNX Runtime cannot run the original network");
  expect(out).toContain("checked on reference, random input image 1x3x16x16");
  expect(out).toContain("outputs finite, shapes equal");
});

test("open sizes: chosen, or given", () => {
  const model = write("open.onnx", network({ open: true }));
  const chosen = softpool("swap", model, "-o", "o.onnx");
  expect(chosen.out).toContain("sizes that the model leaves open were chosen");
  expect(chosen.out).toContain("random input image 1x3x224x224");
  const given = softpool("swap", model, "-o", "o.onnx", "--input", "image=2x3x20x22", "--json");
  expect(JSON.parse(given.out).check).toMatchObject({
    engine: "onnxruntime cpu",
    inputs: { image: "2x3x20x22" },
    outputs: { finite: true, shapeDifferences: [] },
  });
});

test("external tensors stay beside the model, or are copied with it", () => {
  const model = network();
  const [weight] = model.graph?.initializer ?? [];
  mkdirSync(join(folder, "in"));
  mkdirSync(join(folder, "elsewhere"));
  writeFileSync(join(folder, "in/net.data"), weight.rawData);
  weight.rawData = new Uint8Array();
  weight.dataLocation = 1;
  const entry = (key: string, value: string) =>
    ({ $typeName: "onnx.StringStringEntryProto", key, value }) as const;
  weight.externalData = [entry("location", "net.data")];
  write("in/net.onnx", model);
  for (const out of ["in/soft.onnx", "elsewhere/soft.onnx"]) {
    const { code, out: text, err } = softpool("swap", "in/net.onnx", "-o", out);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(text).toContain("checked on onnxruntime cpu");
  }
  expect(readdirSync(join(folder, "in")).sort()).toEqual(["net.data", "net.onnx", "soft.onnx"]);
  expect(readdirSync(join(folder, "elsewhere")).sort()).toEqual(["net.data", "soft.onnx"]);
  weight.externalData = [entry("location", "../net.data")];
  const { code, err } = softpool("swap", write("in/bad.onnx", model), "-o", "bad.onnx");
  expect(code).toBe(1);
  expect(err).toMatch(/^softpool: .*"stem.weight".*\.\.\/net\.data/);
});

test("wrong usage is one sentence and 2, failures one sentence and 1", () => {
  const model = write("usage.onnx", network());
  const usage: [words: string[], message: RegExp][] = [
    [[], /expected one model, received none/],
    [[model, "--to", "sofft"], /--to: expected one of .*received "sofft", did you mean soft\?/],
    [[model, "--from", "maxmum"], /--from: expected .*received "maxmum", did you mean maximum\?/],
    [
      [model, "--beta", "inf"],
      /--beta: expected 0 or a temperature of magnitude 1e-30 to 1e30, received Infinity/,
    ],
    [[model, "--to", "average", "--beta", "2"], /--beta: average has no beta; it has no settings/],
    [[model, "--set", "p"], /--set: expected NAME=VALUE, received "p"/],
    [[model, "--only", "nothing"], /no pooling layer is called "nothing"; there are: /],
    [[model, "--input", "image"], /--input: expected NAME=SHAPE such as /],
    [
      [model, "--input", "picture=1x3x16x16"],
      /the model has no input "picture"; its inputs are "image"/,
    ],
    [[model, "--input", "image=1x3x8x8"], /"image" is declared as 1x3x16x16, received 1x3x8x8/],
    [[model, "--kernel", "3x3"], /--kernel: expected one of same, 2x2, received "3x3"/],
    [[model, "-o", model], /-o: expected another file than the model/],
    [[model, "--inlin"], /unknown option --inlin, did you mean --inline\?/],
  ];
  for (const [words, message] of usage) {
    const { code, err } = softpool("swap", ...words);
    expect(err).toMatch(message);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(code, words.join(" ")).toBe(2);
  }
  writeFileSync(join(folder, "cut.onnx"), writeModel(network()).subarray(0, 200));
  writeFileSync(join(folder, "text.onnx"), "this is no network");
  const g = new Graph(17);
  g.output(relu(g, g.input("x", "float32", [1])));
  write("bare.onnx", g.toModel());
  symlinkSync("missing", join(folder, "link.onnx"));
  const failures: [words: string[], message: RegExp][] = [
    [["cut.onnx"], /^softpool: "cut.onnx": .* at byte \d+ of 200/],
    [["text.onnx"], /^softpool: "text.onnx": /],
    [["nowhere.onnx"], /^softpool: "nowhere.onnx": cannot be read/],
    [["link.onnx"], /^softpool: "link.onnx": cannot be read/],
    [["bare.onnx"], /^softpool: "bare.onnx" has no pooling layers/],
    [
      [model, "--from", "lp"],
      /has no pooling layers of the kinds asked for; it has maximum, global-average/,
    ],
    [[model, "-o", "no/such/folder.onnx"], /^softpool: cannot write/],
  ];
  for (const [words, message] of failures) {
    const { code, err } = softpool("swap", ...words);
    expect(err).toMatch(message);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(code, words.join(" ")).toBe(1);
  }
});
