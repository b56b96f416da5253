/** The loader: the same batches whatever prepares them, from any step on, past broken pictures. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uniforms } from "@softpool/poolings";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dataset } from "./dataset.ts";
import { type Batch, Loader, type LoaderOptions, type Range } from "./loader.ts";
import { openDataset } from "./open.ts";
import { textures } from "./textures.ts";
import { evaluationTransform, trainingTransform } from "./transforms.ts";

let folder = "";
let dataset: Dataset;
const BROKEN = [3, 4, 12, 22];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "softpool-loader-"));
  for (let i = 0; i < 23; i++) {
    const label = i < 9 ? "a" : i < 17 ? "b" : "c";
    mkdirSync(join(folder, "set", label), { recursive: true });
    // Some are too large to be kept decoded.
    const [width, height] = [i % 4 === 0 ? 190 : 20 + i, 100 + (i % 3)];
    const pixels = Uint8Array.from(uniforms(width * height * 3, { seed: i }), (u) => u * 256);
    const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg()
      .toBuffer();
    const bytes = BROKEN.includes(i) ? jpeg.subarray(0, jpeg.length / 3) : jpeg;
    writeFileSync(join(folder, "set", label, `${String(i).padStart(2, "0")}.jpg`), bytes);
  }
  dataset = await openDataset(join(folder, "set"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base: LoaderOptions = { batch: 5, transform: trainingTransform(24), seed: 4 };

async function batchesOf(
  options: Partial<LoaderOptions>,
  range: Range = {},
  set: Dataset = dataset,
): Promise<{ batches: Batch[]; broken: number[] }> {
  const loader = new Loader(set, { ...base, ...options });
  try {
    const batches: Batch[] = [];
    for await (const batch of loader.batches(range)) batches.push(batch);
    return { batches, broken: loader.broken.map(({ index }) => index) };
  } finally {
    await loader.close();
  }
}

test("threads, batches ahead and kept pictures change nothing; a run resumes at any step", async () => {
  const expected = await batchesOf({ threads: 0, keep: 0, ahead: 1 }, { epochs: 3 });
  expect(expected.batches.map(({ epoch, step }) => epoch * 5 + step)).toEqual([
    ...Array(15).keys(),
  ]);
  for (const options of [
    { threads: 1 },
    { threads: 2, keep: 0 },
    { threads: 3, ahead: 9 },
    { threads: 2, keep: 40_000 },
  ]) {
    const got = await batchesOf(options, { epochs: 3 });
    expect(got, JSON.stringify(options)).toEqual(expected);
  }
  const rest = await batchesOf({ threads: 2 }, { epoch: 1, step: 3, epochs: 3 });
  expect(rest.batches).toEqual(expected.batches.slice(8));
  const none = await batchesOf({ threads: 1 }, { epoch: 1, step: 5 });
  expect(none.batches).toEqual([]);
  // Another seed and another epoch are other batches.
  const other = await batchesOf({ threads: 1, seed: 5 });
  expect(other.batches[0].indices).not.toEqual(expected.batches[0].indices);
  expect(expected.batches[5].indices).not.toEqual(expected.batches[0].indices);
});

test("a broken picture is named and replaced by the next one, or left out", async () => {
  for (const threads of [0, 2]) {
    const replaced = await batchesOf({ threads, shuffle: false });
    expect(replaced.broken).toEqual(BROKEN);
    const indices = replaced.batches.flatMap((batch) => [...batch.indices]);
    expect(indices).toEqual([
      0, 1, 2, 5, 5, 5, 6, 7, 8, 9, 10, 11, 13, 13, 14, 15, 16, 17, 18, 19, 20, 21, 0,
    ]);
    for (const { data, labels, indices: of, shape } of replaced.batches) {
      expect([...labels]).toEqual(Array.from(of, (i) => dataset.label(i)));
      expect([of.length, data.length]).toEqual([shape[0], shape[0] * 3 * 24 * 24]);
    }
    // The same augmentation for the same picture: places 3, 4 and 5 are one picture.
    const { data } = replaced.batches[0];
    const one = 3 * 24 * 24;
    expect(data.slice(3 * one, 4 * one)).toEqual(data.slice(4 * one));
    const left = await batchesOf({ threads, shuffle: false, broken: "leave-out" });
    expect(left.broken).toEqual(BROKEN);
    expect(left.batches.flatMap((batch) => [...batch.indices])).toEqual(
      [...Array(23).keys()].filter((i) => !BROKEN.includes(i)),
    );
    expect(left.batches.map(({ shape }) => shape[0])).toEqual([3, 5, 4, 5, 2]);
    expect(left.batches[0].data).toEqual(data.slice(0, 3 * one));
  }
  const loader = new Loader(dataset, { ...base, threads: 1 });
  for await (const _ of loader.batches());
  expect(loader.broken[0]).toEqual({
    index: 3,
    name: "a/03.jpg",
    reason: expect.stringMatching(/\S/),
  });
  await loader.close();
});

test("a set of which nothing can be decoded is an error, not an endless search", async () => {
  mkdirSync(join(folder, "bad/a"), { recursive: true });
  for (let i = 0; i < 7; i++) writeFileSync(join(folder, "bad/a", `${i}.jpg`), "no picture");
  const bad = await openDataset(join(folder, "bad"));
  for (const threads of [0, 1]) {
    for (const broken of ["replace", "leave-out"] as const) {
      const run = batchesOf({ threads, broken }, {}, bad);
      await expect(run, broken).rejects.toThrow(/7 pictures one after another cannot be decoded/);
    }
  }
});

test("last batches, options out of range, and steps of an epoch", async () => {
  const dropped = await batchesOf({ threads: 1, dropLast: true });
  expect(dropped.batches.map(({ shape }) => shape[0])).toEqual([5, 5, 5, 5]);
  const wrong: [string, object][] = [
    ["batch", { batch: 0 }],
    ["seed", { seed: -1 }],
    ["threads", { threads: 1.5 }],
    ["ahead", { ahead: 0 }],
    ["keep", { keep: -1 }],
    ["batch", { batch: 24, dropLast: true }],
  ];
  for (const [name, options] of wrong) {
    expect(() => new Loader(dataset, { ...base, ...options })).toThrow(`Loader: ${name}: expected`);
  }
  await expect(batchesOf({ threads: 0 }, { step: 6 })).rejects.toThrow("at most the 5 of an epoch");
});

test("stops in the middle: what was ahead is given up, what runs is refused, nothing hangs", async () => {
  for (const threads of [0, 2]) {
    const loader = new Loader(textures({ count: 1000 }), { ...base, threads, ahead: 4 });
    let taken = 0;
    for await (const _ of loader.batches()) if (++taken === 3) break;
    const again = loader.batches();
    expect((await again.next()).value?.step).toBe(0);
    // What is ready may still come, however fast the threads were; then it must be refused.
    const readOn = async () => {
      for (let i = 0; i < 6; i++) await again.next();
    };
    const refused = expect(readOn()).rejects.toThrow("the loader was closed");
    await loader.close();
    await loader.close();
    await refused;
    await expect(loader.batches().next()).rejects.toThrow("the loader was closed");
  }
});

test("memory stays flat over epochs of a small set", async () => {
  const transform = evaluationTransform(64);
  const loader = new Loader(textures({ count: 300, size: 32 }), {
    ...base,
    transform,
    batch: 50,
    threads: 2,
  });
  const after: number[] = [];
  for await (const { step, epoch } of loader.batches({ epochs: 24 })) {
    if (step === 5 && epoch % 8 === 7) {
      const { rss } = process.memoryUsage();
      after.push(rss / 2 ** 20);
    }
  }
  await loader.close();
  // 24 epochs are 340 MiB of batches.
  expect(after[2] - after[0], `MiB after 8, 16 and 24 epochs: ${after}`).toBeLessThan(60);
});
