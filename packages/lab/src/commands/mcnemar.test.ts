/** `softpool mcnemar` as a whole: spawned on files made here. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "../args.ts";
import { Failure, UsageError } from "../errors.ts";
import type { Prediction } from "../predictions/format.ts";
import { writePredictions } from "../predictions/write.ts";
import { mcnemar } from "./mcnemar.ts";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../../bin/softpool.js");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-mcnemar-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, "mcnemar", ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** Predictions of 100 pictures: A has the first 35 right, B the first 10 and 15 from 35. */
function rowsOf(model: "a" | "b"): Prediction[] {
  return Array.from({ length: 100 }, (_, i) => {
    const right = model === "a" ? i < 35 : i < 10 || (i >= 35 && i < 50);
    const target = i % 7;
    return {
      picture: `p${i}.png`,
      target,
      predicted: right ? [target, 8] : [8, target],
      score: 0.5,
    };
  });
}

test("two files, whatever their order: the table, intervals, tests and what is compared", async () => {
  const a = { metadata: { model: "net.onnx", pool: "soft", seed: "0" }, rows: rowsOf("a") };
  const b = { metadata: { model: "net.onnx", pool: "maximum" }, rows: rowsOf("b").reverse() };
  await writePredictions(join(folder, "soft.csv"), a);
  await writePredictions(join(folder, "maximum.csv"), b);
  const { code, out, err } = softpool("soft.csv", "maximum.csv");
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "A  "soft.csv"  (model net.onnx, pool soft, seed 0)
    B  "maximum.csv"  (model net.onnx, pool maximum)
    100 pictures, right when the true class is predicted first

             B right  B wrong  total
    A right       10       25     35
    A wrong       15       50     65
    total         25       75    100

                accuracy    95 % interval           kind
    A            35.00 %   26.36 to 44.75         Wilson
    B            25.00 %   17.55 to 34.30         Wilson
    A - B  +10.00 points  -2.46 to +22.24  Tango, paired

    McNemar's test on 40 of 100 pictures that only one model has right
                                       statistic      p
    chi-square                              2.50  0.114
    chi-square, continuity correction       2.02  0.155
    exact binomial, two-sided                     0.154
    exact binomial, mid-p                         0.117

    No difference in accuracy is shown at the 5 % level; one of up to 22.24 points is not excluded
    either.
    Compared are two trained models, not two methods: another seed of the same training may differ
    as much. What a method does shows over several seeds of each.
    "
  `);
  const files = JSON.parse(softpool("soft.csv", "maximum.csv", "--json").out);
  const cells = JSON.parse(softpool("--cells", "10,25,15,50", "--json").out);
  expect(files).toMatchObject(cells);
  expect(files.a).toEqual({ file: "soft.csv", metadata: a.metadata });
  expect(cells.difference.value).toBe(0.1);
  expect(cells.compares).toContain("two trained models, not two methods");
  // Within the two likeliest, all are right, and nothing is left to test.
  const two = JSON.parse(softpool("soft.csv", "maximum.csv", "--top", "2", "--json").out);
  expect(two).toMatchObject({ cells: { both: 100, onlyA: 0 }, chiSquare: null, exact: { p: 1 } });
  await writePredictions(join(folder, "again.csv"), a);
  expect(softpool("soft.csv", "again.csv").out).toContain("is it one model twice?");
});

test("the published tables and their findings", () => {
  const { code, out } = softpool("--published");
  expect(code).toBe(0);
  expect(out).toMatch(/^ResNet-34 +34090 +3246 +2940 +9724 +\+0\.61 +15\.14 +1\.00e-4 /m);
  expect(out).toContain("- Wide-ResNet-50: 38,781 pictures are printed as right for the original");
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  const { tables, findings } = JSON.parse(softpool("--published", "--json").out);
  expect([tables.length, findings.length]).toEqual([13, 7]);
});

test("wrong usage and files that do not fit: one sentence, the right exit code", async () => {
  const rows = rowsOf("a");
  await writePredictions(join(folder, "a.csv"), { metadata: {}, rows });
  await writePredictions(join(folder, "part.csv"), { metadata: {}, rows: rows.slice(4) });
  writeFileSync(join(folder, "text.csv"), "no predictions\n");
  symlinkSync("a.csv", join(folder, "link.csv"));
  const cases: [string[], number, string][] = [
    [[], 2, "expected two files of predictions, A and B, received 0"],
    [["a.csv"], 2, "received 1"],
    [["a.csv", "part.csv", "text.csv"], 2, "received 3"],
    [["a.csv", "link.csv"], 2, 'expected two different files, received "a.csv" twice'],
    [["a.csv", "--cells", "1,2,3,4"], 2, "received more than one of them"],
    [["--published", "--cells", "1,2,3,4"], 2, "received more than one of them"],
    [["--cells", "1,2,3"], 2, "--cells: expected four whole numbers apart by commas"],
    [["--cells", "1,2,-3,4"], 2, 'received "1,2,-3,4"'],
    [["--cells", "31,838,3,795,3,011,11,356"], 2, "leave out separators of thousands"],
    [["--cells", "0,0,0,0"], 2, "--cells: expected 1 to 1000000000 pictures together, received 0"],
    [["--cells", "1,2,3,4", "--top", "2"], 2, "--top: expected with two files"],
    [["a.csv", "part.csv", "--top", "6"], 2, "--top: expected 1 to 5, received 6"],
    [["a.csv", "part.csv", "--top", "3"], 1, '--top: expected at most 2, because "a.csv" holds'],
    [["a.csv", "none.csv"], 1, 'cannot read the predictions "none.csv": it does not exist'],
    [["a.csv", "text.csv"], 1, '"text.csv": line 1: expected a header with the columns picture'],
    [["a.csv", "part.csv"], 1, '4 only in "a.csv" ("p0.png", "p1.png", "p2.png" and 1 more)'],
  ];
  const before = process.cwd();
  process.chdir(folder);
  try {
    for (const [words, code, sentence] of cases) {
      const result = (async () => mcnemar.run(parse(mcnemar, words)))();
      const label = words.join(" ");
      await expect(result, label).rejects.toThrow(sentence);
      await expect(result, label).rejects.toThrow(code === 2 ? UsageError : Failure);
    }
  } finally {
    process.chdir(before);
  }
  const spawned = softpool("a.csv", "part.csv");
  expect(spawned.err).toMatch(
    /^softpool: "a\.csv" and "part\.csv" are not of the same pictures.*\n$/,
  );
  expect([spawned.out, spawned.code]).toEqual(["", 1]);
});
