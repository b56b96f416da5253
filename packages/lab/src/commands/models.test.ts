/** `softpool models` as a whole: spawned. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { networks, placesOf } from "@softpool/zoo";
import { expect, test } from "vitest";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../../bin/softpool.js");

function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, ...words], { encoding: "utf8" });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

test("the table has every network, and JSON says the same", () => {
  const { out, code } = softpool("models");
  expect(code).toBe(0);
  const rows = out.trimEnd().split("\n").slice(1);
  expect(rows.map((row) => row.split(/\s+/)[0])).toEqual(networks.map(({ name }) => name));
  expect(rows[0]).toMatch(/^resnet18 +11,689,512 +1\.814 +224x224 +1000 +1 maximum$/);
  expect(rows[12]).toMatch(
    /^inception-v3 +23,834,568 +5\.713 +299x299 +1000 +4 maximum, 9 average$/,
  );
  const all = JSON.parse(softpool("models", "--json").out);
  expect(all.map(({ name }: { name: string }) => name)).toEqual(networks.map(({ name }) => name));
  for (const { name, parameters, pooling } of all) {
    expect(rows.find((row) => row.startsWith(`${name} `))).toContain(
      ` ${parameters.toLocaleString("en-US")} `,
    );
    expect(pooling.map((place: { name: string }) => place.name)).toEqual(
      placesOf(name).map((place) => place.name),
    );
  }
});

test("one network: places, variants, another size", () => {
  const { out, code } = softpool("models", "ResNet_50", "--size", "128");
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "resnet50
    He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016
    25,557,032 parameters, 1.337 GMACs at 128x128, 1000 classes

    place    kind     window      input     output
    maxpool  maximum  3x3 s2 p1   64x64x64  64x32x32
    avgpool  average  everything  2048x4x4  2048x1x1

    --pool  what it does
    soft-1  SoftPool 2x2 without padding in place of the stem's maximum
    "
  `);
  const json = JSON.parse(softpool("models", "densenet121", "--json").out);
  expect(json.pooling[1]).toMatchObject({ group: "trunk", input: [128, 56, 56] });
});

test("wrong usage is one sentence and exit code 2", () => {
  const cases: [string[], RegExp][] = [
    [["resnet19"], /received "resnet19", did you mean resnet18\?/],
    [["resnet18", "resnet34"], /expected one network or none, received 2/],
    [["--size", "0"], /--size: expected a whole number from 1, received "0"/],
    [["inception-v3", "--size", "20"], /--size: 20x20 is too small for inception-v3/],
  ];
  for (const [words, message] of cases) {
    const { code, out, err } = softpool("models", ...words);
    expect(err).toMatch(message);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
  }
});
