import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPicture, protocols } from "@softpool/pictures";
import { catalogue, uniforms } from "@softpool/poolings";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { measure } from "../compare/measure.ts";
import { findMethod } from "../methods.ts";
import { runStudy } from "../study/run.ts";
import { parseShard } from "../study/shard.ts";
import { cellsIn, readResults, resultPath } from "../study/store.ts";
import type { Comparison } from "./comparison.ts";
import { SimilarityExecutor } from "./executor.ts";
import { Worker } from "./job.ts";
import { findPictures, type PictureSet } from "./pictures.ts";
import { foldsOf, planSimilarity, type SimilarityRequest, STUDY } from "./plan.ts";
import { renderSimilarity } from "./report.ts";
import { methodRevision } from "./revision.ts";
import type { CellReply } from "./task.ts";
import { isOperator, OPERATORS, type Variant, variantName, variantsOf } from "./variant.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-similarity-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A picture with structure at several scales, as bytes and as values. */
async function makePicture(
  path: string,
  width: number,
  height: number,
  seed: number,
  grey = false,
) {
  const channels = grey ? 1 : 3;
  const noise = uniforms(width * height * channels, { seed });
  const bytes = new Uint8Array(width * height * channels);
  for (let i = 0; i < bytes.length; i++) {
    const pixel = Math.floor(i / channels);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const wave = Math.sin(x / 3 + seed) * Math.cos(y / (4 + seed)) + Math.sin((x + y) / 17);
    bytes[i] = Math.round(
      255 * Math.min(1, Math.max(0, 0.5 + 0.22 * wave + 0.2 * (noise[i] - 0.5))),
    );
  }
  await sharp(bytes, { raw: { width, height, channels } }).png().toFile(path);
  return bytes;
}

const both: Comparison[] = protocols.flatMap(({ name }) =>
  (["srgb", "linear"] as const).map((light) => ({
    values: "unit" as const,
    protocol: name,
    light,
    dataRange: 1,
  })),
);

const fixed = (method: string): Variant => ({
  method,
  settings: {},
  state: "fixed",
  phase: "inference",
});

function request(set: PictureSet, more: Partial<SimilarityRequest> = {}): SimilarityRequest {
  return {
    set,
    kernels: [2, 3],
    variants: [fixed("soft"), fixed("average"), fixed("stochastic")],
    comparisons: both.slice(0, 2),
    seeds: [0],
    views: 1,
    ...more,
  };
}

const provenance = { command: "softpool study", versions: "softpool 0", machine: "here" };
const run = (output: string, asked: SimilarityRequest, shard = "1/1") =>
  runStudy({
    folder: output,
    study: STUDY,
    groups: planSimilarity(asked).groups,
    shard: parseShard(shard),
    provenance,
    executor: () => new SimilarityExecutor(output, 2),
    note: () => {},
  });

/** The files of a report that hold no times. */
function tables(...folders: string[]) {
  const { outcomes, broken } = readResults(folders);
  const { files } = renderSimilarity(outcomes, broken);
  return [files["cells.csv"], files["means.csv"]];
}

test("compare and the study agree to 1e-5 on their common methods, kernels, protocols and lights", async () => {
  const path = join(folder, "agree.png");
  const [width, height] = [97, 66];
  const bytes = await makePicture(path, width, height, 3);
  const set = await findPictures(path);
  const asked = request(set, {
    kernels: [2, 3, 5],
    variants: OPERATORS.map(fixed),
    comparisons: both,
    views: 0,
  });
  const output = join(folder, "agree");
  expect((await run(output, asked)).failed).toEqual([]);
  const planes = new Float32Array(bytes.length);
  const count = width * height;
  for (let i = 0; i < bytes.length; i++)
    planes[(i % 3) * count + Math.floor(i / 3)] = bytes[i] / 255;
  const picture = createPicture(width, height, 3, planes);
  const { outcomes } = readResults([output]);
  expect(outcomes).toHaveLength(3 * OPERATORS.length * both.length);
  let worst = 0;
  for (const kernel of asked.kernels) {
    for (const { name } of protocols) {
      const { results } = measure("", picture, kernel, OPERATORS.map(findMethod), name, 1);
      for (const { row } of results) {
        for (const light of ["srgb", "linear"] as const) {
          const ours = outcomes.find(
            ({ config }) =>
              config.kernel === kernel &&
              config.method === row.method &&
              config.protocol === name &&
              config.light === light,
          )?.result as { ssim: number; psnr: number };
          const theirs = row.score[light];
          worst = Math.max(
            worst,
            Math.abs(ours.ssim - theirs.ssim),
            Math.abs(ours.psnr - theirs.psnr),
          );
        }
      }
    }
  }
  expect(worst).toBeLessThan(1e-5);
});

test("resumed, sharded in three and put together: the same tables, and nothing computed twice", async () => {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures);
  for (let i = 0; i < 5; i++) {
    await makePicture(join(pictures, `p${i}.png`), 40 + i, 33, i, i === 4);
  }
  copyFileSync(join(pictures, "p0.png"), join(pictures, "same.png"));
  const set = await findPictures(pictures);
  const halves = foldsOf(set.pictures).map((fold) => fold.pictures.map(({ name }) => name));
  expect(halves.flat().sort()).toEqual(set.pictures.map(({ name }) => name));
  const [same] = halves.filter((names) => names.includes("same.png"));
  expect(same).toContain("p0.png");
  const variants = [
    fixed("soft"),
    ...["average", "s3", "gate", "lip", "tree"].flatMap((name) =>
      variantsOf(catalogue.find((method) => method.name === name)!, { fit: name === "gate" }),
    ),
  ];
  const asked = request(set, {
    variants,
    comparisons: both.slice(2, 4),
    kernels: [2],
    seeds: [0, 1],
  });
  const whole = join(folder, "whole");
  const summary = await run(whole, asked);
  expect(summary.failed).toEqual([]);
  // A fit for each half and comparison; of 6 pictures: 6 fixed or learned, 2 drawn or seeded twice, 2 lights.
  const names = variants.map(variantName);
  expect(names).toEqual([
    ...["soft", "average", "s3", "s3 (training)", "gate (initial)", "gate (fitted)"],
    ...["lip (initial)", "tree (initial)"],
  ]);
  const views = 2 * (1 + 7);
  expect(summary.cells).toBe(4 + 6 * 2 * (6 + 2 * 2) + views);

  // What a kill leaves: some files, one of them cut.
  const killed = join(folder, "killed");
  mkdirSync(join(killed, "cells"), { recursive: true });
  for (const name of cellsIn(whole).filter((_, i) => i % 3 > 0)) {
    copyFileSync(resultPath(whole, name), resultPath(killed, name));
  }
  const [cut] = cellsIn(killed);
  writeFileSync(
    resultPath(killed, cut),
    readFileSync(resultPath(killed, cut), "utf8").slice(0, 99),
  );
  const resumed = await run(killed, asked);
  expect(resumed.computed).toBe(Math.ceil(summary.cells / 3) + 1);
  expect(tables(killed)).toEqual(tables(whole));

  const parts = join(folder, "parts");
  for (const i of [1, 2, 3]) {
    const part = await run(join(parts, `part${i}`), asked, `${i}/3`);
    expect(part.failed).toEqual([]);
  }
  expect(tables(parts)).toEqual(tables(whole));
  expect(tables(...[3, 1, 2].map((i) => join(parts, `part${i}`)))).toEqual(tables(whole));

  // A method later: only it is computed, for each picture in both lights, and its views.
  const more = { ...asked, variants: [...variants, fixed("maximum")] };
  const before = summary.cells;
  const later = await run(whole, more);
  expect(later).toMatchObject({ before, computed: 6 * 2 + 2 });
  expect(later.failed).toEqual([]);
}, 240_000);

test("what is wrong with one picture is the reason of its cells alone, and names stay text", async () => {
  const pictures = join(folder, '<img src=x onerror="alert(1)">, "set"');
  mkdirSync(pictures);
  const hostile = '"><script>alert(1)<\u2044script>, \u202egnp.png';
  await makePicture(join(pictures, hostile), 24, 20, 1);
  await makePicture(join(pictures, "small.png"), 1, 1, 1);
  writeFileSync(join(pictures, "broken.png"), "no picture");
  writeFileSync(join(pictures, "notes.txt"), "not one either");
  const set = await findPictures(pictures);
  expect(set.pictures).toHaveLength(3);
  const output = join(folder, "hostile");
  const summary = await run(output, request(set, { kernels: [1, 2] }));
  const reasons = [...new Set(summary.failed.map(({ error }) => error))].sort();
  expect(reasons).toEqual([
    expect.stringMatching(
      /^cannot pool ".*small.png" with kernel 2: it is larger than the picture of 1 x 1 pixels$/,
    ),
    expect.stringMatching(/^cannot read ".*broken.png": it is not a picture in a known format/),
  ]);
  const { outcomes, broken } = readResults([output]);
  const { files } = renderSimilarity(outcomes, broken);
  const page = files["index.html"];
  expect(page).not.toMatch(/<script|onerror="|\u202e/);
  expect(page).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
  const csv = files["cells.csv"].split("\r\n");
  expect(csv[1]).toMatch(/^"<img src=x onerror=""alert\(1\)"">, ""set""",/);
  const parent = join(folder, "parent");
  mkdirSync(join(parent, "set"), { recursive: true });
  await expect(findPictures(parent)).rejects.toThrow(/^no pictures in the directory ".*parent"$/);
  await makePicture(join(parent, "set", "a.png"), 4, 4, 0);
  await expect(findPictures(parent)).rejects.toThrow(/; there are some in ".*set"$/);
});

test("fits lower the error they are fitted to, and find SoftPool's temperature for linear light", async () => {
  const pictures = await Promise.all(
    [0, 1, 2].map(async (seed) => {
      const path = join(folder, `fit${seed}.png`);
      await makePicture(path, 96, 96, seed);
      return { path, content: `${seed}`.repeat(32) };
    }),
  );
  const replies: CellReply[] = [];
  const worker = new Worker({ folder, stop: new Int32Array(new SharedArrayBuffer(4)) });
  const methods = ["soft-beta", "gate", "lift", "gfgp", "ordinal", "lp"];
  const cells = methods.map((method) => ({
    name: method,
    seed: 0,
    config: {
      ...{ kind: "fit", kernel: 2, method, settings: {}, state: "initial", phase: "inference" },
      ...{ values: "unit", protocol: "low-resolution", light: "srgb", dataRange: 1 },
    },
  }));
  await worker.fit({ kind: "fit", pictures, cells }, (reply) => replies.push(reply));
  expect(replies.map(({ name }) => name)).toEqual(methods);
  for (const reply of replies) {
    if ("error" in reply) throw new Error(reply.error);
    const { before, after, crops, parameters } = reply.result as {
      before: number;
      after: number;
      crops: number;
      parameters: Record<string, string>;
    };
    expect(crops).toBe(32);
    expect(after).toBeLessThan(0.9 * before);
    if (reply.name !== "soft-beta") continue;
    const bytes = Buffer.from(parameters.beta, "base64");
    const beta = bytes.readFloatLE(0);
    expect(beta).toBeGreaterThan(1.1);
    expect(beta).toBeLessThan(2);
  }
});

test("revisions tell methods, settings, phases and kernels apart, and are the same every time", () => {
  const all = catalogue.flatMap((method) => variantsOf(method, { fit: false }));
  const revisions = new Map<string, string>();
  for (const variant of all) {
    for (const kernel of variant.method === "lift" ? [2] : [2, 3]) {
      const revision = methodRevision(variant, kernel);
      expect(revision).toMatch(/^[0-9a-f]{12}$/);
      expect(methodRevision({ ...variant }, kernel)).toBe(revision);
      revisions.set(`${variantName(variant)} ${kernel}`, revision);
    }
  }
  // em is SoftPool in the graph, soft is pooled by the operator.
  expect(new Set(revisions.values()).size).toBe(revisions.size);
  const soft = fixed("soft");
  expect(isOperator(soft)).toBe(true);
  expect(methodRevision({ ...soft, settings: { beta: 2 } }, 2)).not.toBe(methodRevision(soft, 2));
});
