import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { buildNetwork } from "./build.ts";
import { type FileTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";
import { expectComplete, loadWeights, weightsOf } from "./weights.ts";

/** Names, shapes and bytes as texts that are compared fast. */
const texts = (tensors: ReadonlyMap<string, FileTensor>) =>
  [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const hash = createHash("sha256").update(bytes).digest("hex");
    return `${name} ${dtype} ${shape} ${hash}`;
  });

const shapeOnly = (shape: number[], dtype = "F32"): FileTensor => {
  const count = shape.reduce((product, size) => product * size, dtype === "F32" ? 4 : 8);
  return { dtype, shape, bytes: new Uint8Array(count).fill(1) };
};

test("weights go through a file and come back the same", () => {
  const from = buildNetwork("densenet-bc-40-12", { seed: 5 });
  const { tensors } = readSafetensors(writeSafetensors(weightsOf(from.model)));
  const to = buildNetwork("densenet-bc-40-12", { seed: 6, weights: tensors });
  expect(texts(weightsOf(to.model))).toEqual(texts(weightsOf(from.model)));
  expect(to.account?.loaded).toHaveLength(from.parameters.length);
  const other = buildNetwork("densenet-bc-40-12", { seed: 6 });
  const [a, b] = [other, from].map(({ model }) => texts(weightsOf(model)));
  // Norms begin alike, whatever the seed.
  const alike = a.filter((text, i) => text === b[i]).map((text) => text.split(" ")[0]);
  expect(alike.every((name) => /norm|classifier.bias/.test(name))).toBe(true);
});

test("the account says what is missing, unexpected, misshapen, renamed and kept", () => {
  const name = "densenet-bc-40-12";
  const { model } = buildNetwork(name, { values: false });
  const tensors = new Map<string, FileTensor>();
  for (const [own, value] of weightsOf(model)) {
    tensors.set(own.replace(/(denselayer\d+\.(?:norm|conv))([12])/, "$1.$2"), value);
  }
  tensors.set("features.norm5.num_batches_tracked", shapeOnly([], "I64"));
  tensors.set("aux.weight", shapeOnly([2]));
  tensors.delete("features.norm5.running_mean");
  tensors.set("features.conv0.weight", shapeOnly([24, 3, 5, 5]));
  tensors.set("features.transition1.norm.bias", shapeOnly([60], "I64"));
  tensors.set("classifier.weight", shapeOnly([100, 132]));
  tensors.delete("classifier.bias");
  const account = loadWeights(model, tensors, { keep: ["classifier."] });
  expect(account.missing).toEqual(["features.norm5.running_mean"]);
  expect(account.unexpected).toEqual(["aux.weight"]);
  expect(account.misshapen).toEqual([
    {
      name: "features.conv0.weight",
      expected: [24, 3, 3, 3],
      received: [24, 3, 5, 5],
      dtype: "F32",
    },
    { name: "features.transition1.norm.bias", expected: [96], received: [60], dtype: "I64" },
  ]);
  expect(account.kept).toEqual(["classifier.weight", "classifier.bias"]);
  // Five tensors of a norm and a convolution, twice, in each of the 18 layers.
  expect(account.renamed).toHaveLength(18 * 10);
  expect(account.renamed[0]).toEqual([
    "features.denseblock1.denselayer1.norm.1.weight",
    "features.denseblock1.denselayer1.norm1.weight",
  ]);
  expect(() => expectComplete(account, "file")).toThrow(
    /^file: only \d+ of the network's 197 tensors fit; features.conv0.weight: expected \[24, 3, 3, 3\], received \[24, 3, 5, 5\] F32 \(and 1 more\); missing: features.norm5.running_mean$/,
  );
});

test("another head, learned poolings and wrapped names: allowed where it is asked for", () => {
  const trained = weightsOf(buildNetwork("vgg-small", { seed: 1 }).model);
  const build = (options: object) => buildNetwork("vgg-small", { weights: trained, ...options });
  expect(() => build({ classes: 7 })).toThrow(
    /fc.weight: expected \[7, 128\], received \[10, 128\]/,
  );
  const replaced = build({ classes: 7, replaceHead: true, seed: 2 });
  expect(replaced.account?.kept).toEqual(["fc.weight", "fc.bias"]);
  // The head begins with what the seed gives, the rest is loaded.
  const fresh = weightsOf(buildNetwork("vgg-small", { classes: 7, seed: 2 }).model);
  const got = weightsOf(replaced.model);
  expect(texts(got)).toEqual([...texts(trained).slice(0, -2), ...texts(fresh).slice(-2)]);
  const learned = build({ pool: "lp" });
  expect(learned.account?.kept).toEqual(["pool1.rho", "pool2.rho", "pool3.rho"]);
  const wrapped = new Map([...trained].map(([name, value]) => [`module.${name}`, value]));
  expect(build({ weights: wrapped }).account?.renamed).toHaveLength(trained.size);
  expect(build({ weights: wrapped }).account?.unexpected).toEqual([]);
  expect(() => build({ weights: new Map() })).toThrow(/only 0 of the network's 32 tensors fit/);
});
