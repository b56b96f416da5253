/** Directories, label files, class lists and CIFAR's files: what is in a set, and what is refused. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure, UsageError } from "../errors.ts";
import { BrokenPicture } from "./decode.ts";
import { type OpenOptions, openDataset } from "./open.ts";

let folder = "";
let png: Uint8Array;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "softpool-open-"));
  const create = { width: 4, height: 3, channels: 3, background: "#204060" } as const;
  png = await sharp({ create }).png().toBuffer();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file below the test's directory, its directories too; returns its path. */
function put(path: string, body: string | Uint8Array = png): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, body);
  return file;
}

const at = (path: string) => join(folder, path);

/** Classes, and every picture as "name=label". */
async function contents(path: string, options?: OpenOptions) {
  const dataset = await openDataset(path, options);
  const pictures = Array.from(
    { length: dataset.length },
    (_, i) => `${dataset.name(i)}=${dataset.label(i)}`,
  );
  dataset.close();
  return { classes: dataset.classes, pictures };
}

test("class directories: order, splits, links, class lists", async () => {
  for (const path of ["train/n2/b.png", "train/n2/sub/a.JPEG", "train/n1/z.png", "val/n1/v.png"]) {
    put(`net/${path}`);
  }
  put("net/train/note.txt", "not a picture");
  put("net/train/n1/.DS_Store", "hidden");
  put("elsewhere/l.png");
  symlinkSync(at("elsewhere"), at("net/train/n3"));
  expect(await contents(at("net"))).toEqual({
    classes: ["n1", "n2", "n3"],
    pictures: ["n1/z.png=0", "n2/b.png=1", "n2/sub/a.JPEG=1", "n3/l.png=2"],
  });
  expect((await contents(at("net"), { split: "test" })).pictures).toEqual(["n1/v.png=0"]);
  expect((await contents(at("net/val"), { split: "train" })).pictures).toEqual(["n1/v.png=0"]);
  // What is not split says so, whatever was asked for.
  for (const split of ["train", "test"] as const) {
    expect((await openDataset(at("net"), { split })).split).toBe(split);
    expect((await openDataset(at("net/train"), { split })).split).toBe("all");
    expect((await openDataset("textures", { split })).split).toBe(split);
  }
  // A list fixes the numbers, with descriptions or without, and may know more classes.
  const lists = ["n0\nn3\nn2\nn9\nn1\n", "\ufeffn0\tnought\r\nn3\tthree\r\nn2\r\nn9\r\nn1\r\n\r\n"];
  for (const list of lists) {
    expect(await contents(at("net"), { classList: put("list.txt", list) })).toEqual({
      classes: ["n0", "n3", "n2", "n9", "n1"],
      pictures: ["n1/z.png=4", "n2/b.png=2", "n2/sub/a.JPEG=2", "n3/l.png=1"],
    });
  }
  put("ids/n01440764/a.png");
  const ids = put("ids.txt", "n00000001 a tench, or not\nn01440764 tench, Tinca tinca\n");
  expect((await contents(at("ids"), { classList: ids })).pictures).toEqual(["n01440764/a.png=1"]);
});

test("a flat directory with a label file in several spellings", async () => {
  for (const name of ["c.png", "a.png", "b.b.png"]) put(`flat/${name}`);
  const spellings = [
    "a.png 2\nb.b.png 0\nc.png 1\n",
    "ImageId,PredictionString\r\nc,1 85 1 499 272\r\na,2 1 2 3 4\r\n\r\nb.b,0 1 1 1 1\r\n",
    "./b.b.png\t0\nc.png\t1\na\t2\n",
  ];
  for (const text of spellings) {
    const labels = put("labels.tsv", text);
    expect(await contents(at("flat"), { labels }), text).toEqual({
      classes: ["0", "1", "2"],
      pictures: ["a.png=2", "b.b.png=0", "c.png=1"],
    });
  }
  const labels = put("names.txt", "a.png zebra\nb.b.png ant\nc.png zebra\n");
  expect((await contents(at("flat"), { labels })).pictures).toEqual([
    "a.png=1",
    "b.b.png=0",
    "c.png=1",
  ]);
  const classList = put("list3.txt", "zebra\nbee\nant\n");
  expect((await contents(at("flat"), { labels, classList })).pictures).toEqual([
    "a.png=0",
    "b.b.png=2",
    "c.png=0",
  ]);
  // The file is found by itself beside the pictures.
  put("flat/labels.txt", spellings[0]);
  expect((await contents(at("flat"))).pictures).toEqual(["a.png=2", "b.b.png=0", "c.png=1"]);
});

test("CIFAR's binary files", async () => {
  const record = (labels: number[], value: number) => [
    ...labels,
    ...Array.from({ length: 3072 }, (_, i) => (value + (i >> 10) * 50 + (i % 7)) & 255),
  ];
  const bytes = (...records: number[][]) => Uint8Array.from(records.flat());
  put("ten/cifar-10-batches-bin/data_batch_2.bin", bytes(record([9], 3)));
  put("ten/cifar-10-batches-bin/data_batch_1.bin", bytes(record([3], 1), record([0], 2)));
  put("ten/cifar-10-batches-bin/test_batch.bin", bytes(record([5], 4)));
  const dataset = await openDataset(at("ten"));
  expect([dataset.classes.length, dataset.length]).toEqual([10, 3]);
  const item = await dataset.item(1);
  expect([item.name, item.label, item.width, item.height]).toEqual([
    "data_batch_1.bin/1",
    0,
    32,
    32,
  ]);
  // The second pixel of the second row.
  expect([...item.pixels.subarray(33 * 3, 33 * 3 + 3)]).toEqual(
    [0, 1, 2].map((c) => 2 + c * 50 + ((c * 1024 + 33) % 7)),
  );
  dataset.close();
  expect((await contents(at("ten"), { split: "test" })).pictures).toEqual(["test_batch.bin/0=5"]);
  const backwards = "truck ship horse frog dog deer cat bird automobile airplane";
  const classList = put("ten.txt", backwards.replaceAll(" ", "\n"));
  expect((await contents(at("ten"), { classList })).pictures.map((p) => p.slice(-1))).toEqual([
    "6",
    "9",
    "0",
  ]);
  put("hundred/train.bin", bytes(record([4, 77], 1)));
  expect((await contents(at("hundred"))).pictures).toEqual(["train.bin/0=77"]);
  const wrong: [string, Uint8Array, RegExp][] = [
    ["cut", bytes(record([3], 1)).subarray(0, 3000), /multiple of 3073 bytes.*received 3000/],
    ["empty", new Uint8Array(0), /received 0/],
    ["label", bytes(record([3], 1), record([10], 1)), /record 1: expected a label below 10/],
  ];
  for (const [name, body, message] of wrong) {
    put(`${name}/data_batch_1.bin`, body);
    await expect(openDataset(at(name)), name).rejects.toThrow(message);
  }
  await expect(openDataset(at("hundred"), { split: "test" })).rejects.toThrow(/no test pictures/);
});

test("what does not fit says so at once, in one sentence", async () => {
  put("sets/one/a/1.png");
  mkdirSync(at("sets/one/b"));
  mkdirSync(at("sets/one/c"));
  put("sets/bare/1.png");
  put("sets/good/a/1.png");
  put("sets/good/b/1.png");
  put("sets/half/train/a/1.png");
  mkdirSync(at("sets/nothing"));
  put("sets/circle/a/1.png");
  symlinkSync(at("sets/circle"), at("sets/circle/a/again"));
  const file = (text: string) => put(`lists/${text.length}-${text.charCodeAt(0)}.txt`, text);
  const cases: [path: string, options: OpenOptions, message: RegExp][] = [
    ["sets/missing", {}, /cannot open the data ".*missing": it does not exist/],
    ["sets/one", {}, /the classes "b" and "c" of 3 have no pictures/],
    ["sets/bare", {}, /has 1 pictures but no class directories: give a label file/],
    ["sets/nothing", {}, /has no pictures/],
    ["sets/circle", {}, /do links lead in a circle/],
    ["sets/half", { split: "test" }, /has a directory "train" but none of val/],
    [
      "sets/good/a/1.png",
      {},
      /it is a picture, expected a directory of pictures or a tar of them$/,
    ],
    ["sets/good", { classList: file("a\nx\n") }, /lack "b" of the 2 that are there/],
    ["sets/good", { classList: file("x\n") }, /lack "a" and 1 more of the 2/],
    ["sets/good", { classList: file("a\nb\na\n") }, /"a" stands on the lines 1 and 3/],
    ["sets/good", { classList: file("a\n\nb\n") }, /line 2 is empty/],
    ["sets/good", { classList: file("") }, /the class list .* is empty/],
    ["sets/good", { classList: at("none.txt") }, /cannot read the class list/],
    ["sets/bare", { labels: file("image class\n2.png 3\n") }, /line 2: .* has no picture "2.png"/],
    ["sets/bare", { labels: file("1.png 3\n1 4\n") }, /line 2: "1" has a label already/],
    ["sets/good", { labels: file("a/1.png 0\n") }, /lacks 1 of the 2 pictures .*"b\/1.png"/],
    ["sets/bare", { labels: file("17\n") }, /expected a picture and its class, received "17"/],
    ["sets/bare", { labels: file("1.png 3"), classList: file("k\nl") }, /the number 3/],
    ["sets/bare", { labels: file("1.png 99999999") }, /too large/],
  ];
  for (const [path, options, message] of cases) {
    const failure = await openDataset(at(path), options).catch((error) => error);
    expect(failure, `${path} ${message}`).toBeInstanceOf(Failure);
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toContain("\n");
  }
  for (const spec of [
    "textures:x",
    "textures:4",
    "textures:32,3",
    "textures:32,5,6",
    "textures:",
  ]) {
    await expect(openDataset(spec), spec).rejects.toThrow(UsageError);
  }
});

test("pictures of any kind become upright sRGB; a broken one tells why", async () => {
  const raw = { width: 3, height: 2, channels: 3 } as const;
  const red = [255, 0, 0];
  const blue = [0, 0, 255];
  const base = sharp(Uint8Array.from([red, blue, blue, blue, blue, blue].flat()), { raw });
  put("kinds/a/1.png", await base.clone().png().toBuffer());
  put("kinds/a/2.png", await base.clone().withMetadata({ orientation: 6 }).png().toBuffer());
  const clear = { width: 2, height: 2, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } };
  put(
    "kinds/a/3.png",
    await sharp({ create: clear as never })
      .png()
      .toBuffer(),
  );
  const grey = sharp(Uint8Array.of(7, 90), { raw: { width: 2, height: 1, channels: 1 } });
  put("kinds/a/4.png", await grey.clone().toColourspace("b-w").png().toBuffer());
  put("kinds/a/5.png", await grey.toColourspace("grey16").png().toBuffer());
  const large = { width: 400, height: 300, channels: 3, background: "#807060" } as const;
  const jpeg = await sharp({ create: large }).jpeg().toBuffer();
  put("kinds/b/1.jpg", jpeg.subarray(0, jpeg.length / 2));
  put("kinds/b/2.jpg", "<html>not found</html>");
  put("kinds/b/3.jpg", "");
  symlinkSync(at("gone.jpg"), at("kinds/b/4.jpg"));
  const dataset = await openDataset(at("kinds"));
  const pixels = async (i: number) => {
    const item = await dataset.item(i);
    return [item.width, item.height, ...item.pixels];
  };
  expect(await pixels(0)).toEqual([3, 2, ...red, ...[1, 2, 3, 4, 5].flatMap(() => blue)]);
  expect(await pixels(1)).toEqual([2, 3, ...blue, ...red, ...[1, 2, 3, 4].flatMap(() => blue)]);
  expect(await pixels(2)).toEqual([2, 2, ...new Array(12).fill(255)]);
  for (const i of [3, 4]) expect(await pixels(i)).toEqual([2, 1, 7, 7, 7, 90, 90, 90]);
  for (let i = 5; i < dataset.length; i++) {
    await expect(dataset.item(i), dataset.name(i)).rejects.toThrow(BrokenPicture);
  }
  expect(dataset.length).toBe(9);
});
