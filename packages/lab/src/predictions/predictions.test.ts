/** Files of predictions: written and read again, from elsewhere, broken, and two side by side. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure } from "../errors.ts";
import type { Prediction, Predictions } from "./format.ts";
import { pair } from "./pair.ts";
import { readPredictions } from "./read.ts";
import { writePredictions } from "./write.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-predictions-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

test("what is written", async () => {
  const rows: Prediction[] = [
    { picture: "cat/1.png", target: 3, predicted: [3, 5], score: 0.87123456789 },
    { picture: 'odd, "#1".png', target: 0, predicted: [1, 0], score: Number.NaN },
    { picture: "2", target: 1, predicted: [1, 0], score: 1e-9 },
  ];
  const metadata = { model: "net.onnx", "class list": "two\nlines", seed: "0" };
  await writePredictions(at("a.csv"), { metadata, rows });
  expect(readFileSync(at("a.csv"), "utf8")).toBe(
    [
      "# softpool predictions 1",
      "# model: net.onnx",
      "# class list: two lines",
      "# seed: 0",
      "picture,class,predicted1,predicted2,score",
      "cat/1.png,3,3,5,0.8712346",
      '"odd, ""#1"".png",0,1,0,',
      "2,1,1,0,1e-9",
      "",
    ].join("\n"),
  );
  const read = readPredictions(at("a.csv"));
  expect(read.metadata).toEqual({ ...metadata, "class list": "two lines" });
  expect(read.rows[1]).toEqual({ picture: 'odd, "#1".png', target: 0, predicted: [1, 0] });
});

test("any names and numbers come back", async () => {
  const key = fc.integer({ min: 0, max: 1e6 });
  const file = fc.integer({ min: 1, max: 5 }).chain((width) =>
    fc.uniqueArray(
      fc.record({
        picture: fc.string({ unit: fc.constantFrom(..."a,\"\r\n# é𝄞'\t\u2028="), minLength: 1 }),
        target: key,
        predicted: fc.array(key, { minLength: width, maxLength: width }),
        score: fc.float({ min: 0, max: 1, noNaN: true }).map((v) => Number(v.toPrecision(7))),
      }),
      { selector: ({ picture }) => picture, minLength: 1, maxLength: 12 },
    ),
  );
  await fc.assert(
    fc.asyncProperty(file, async (rows) => {
      await writePredictions(at("any.csv"), { metadata: {}, rows });
      expect(readPredictions(at("any.csv")).rows).toEqual(
        rows.map((row) => ({ ...row, score: row.score + 0 })),
      );
      // Line ends of another system around the rows do no harm where names have none.
      if (rows.some(({ picture }) => /[\r\n]/.test(picture))) return;
      const text = `\ufeff${readFileSync(at("any.csv"), "utf8").replaceAll("\n", "\r\n")}\r\n`;
      writeFileSync(at("other.csv"), text);
      expect(readPredictions(at("other.csv"))).toEqual(readPredictions(at("any.csv")));
    }),
  );
});

test("a file from elsewhere: three columns in any order, others skipped", () => {
  writeFileSync(at("own.csv"), "note, predicted1 ,class,picture\nx,4,3,one\n,1,1,two\n");
  expect(readPredictions(at("own.csv"))).toEqual({
    metadata: {},
    rows: [
      { picture: "one", target: 3, predicted: [4] },
      { picture: "two", target: 1, predicted: [1] },
    ],
  });
});

test("what cannot be read is told with its line", () => {
  const head = "picture,class,predicted1,score\n";
  const cases: [string, string][] = [
    ["", "are empty"],
    ["# model: x\n\n", "are empty"],
    [head, "have a header and no pictures"],
    ["# softpool predictions 2\n", "line 1: expected version 1, received 2"],
    ["image,class,predicted1\n", "line 1: expected a header with the columns picture, class and"],
    ["picture,clas,predicted1\n", 'received "picture,clas,predicted1"; is "clas" meant?'],
    ["picture,class,class,predicted1\n", "line 1: the column class stands 2 times"],
    [`\u0000PNG${"x".repeat(300)}`, 'received "\\u0000PNGxxx'],
    [`# a: b\n${head}p,1,1\n`, "line 3: expected 4 fields as in the header, received 3"],
    [`${head}p,1,1,0.5,9\n`, "line 2: expected 4 fields as in the header, received 5"],
    [
      `${head}p,one,1,0.5\n`,
      'line 2: class: expected the number of a class from 0, received "one"',
    ],
    [`${head}p,1,-1,0.5\n`, "line 2: predicted1: expected the number of a class from 0"],
    [`${head}p,1,1,high\n`, 'line 2: score: expected a number or nothing, received "high"'],
    [`${head},1,1,0.5\n`, "line 2: picture: expected a name or a number, received none"],
    [`${head}p,1,1,\n\nq,1,1,\np,1,2,\n`, 'line 5: the picture "p" stands in line 2 already'],
    [`${head}"p,1,1,\n${"q,1,1,\n".repeat(100_000)}`, "line 2: a quotation mark is not closed"],
    [`${head}"p"q,1,1,\n`, "line 2: expected a comma after a closing quotation mark"],
  ];
  for (const [text, message] of cases) {
    writeFileSync(at("bad.csv"), text);
    const read = () => readPredictions(at("bad.csv"));
    expect(read, text.slice(0, 80)).toThrow(Failure);
    expect(read, text.slice(0, 80)).toThrow(message);
  }
  expect(() => readPredictions(at("none.csv"))).toThrow("it does not exist");
});

test("what cannot be written is refused, and nothing is left", async () => {
  const row: Prediction = { picture: "p", target: 1, predicted: [1] };
  const cases: [Predictions, string][] = [
    [{ metadata: {}, rows: [] }, "rows: expected at least one, with 1 to 5 predicted classes"],
    [{ metadata: {}, rows: [{ ...row, predicted: [] }] }, "received 0"],
    [{ metadata: {}, rows: [{ ...row, predicted: [1, 2, 3, 4, 5, 6] }] }, "received 6"],
    [{ metadata: {}, rows: [row, row] }, 'received "p" twice'],
    [{ metadata: {}, rows: [row, { ...row, picture: "" }] }, "picture: expected a name"],
    [
      { metadata: {}, rows: [row, { ...row, picture: "q", predicted: [1, 2] }] },
      "first row (1), received 2",
    ],
    [{ metadata: {}, rows: [{ ...row, target: -1 }] }, 'target of "p": expected a whole number'],
    [{ metadata: {}, rows: [{ ...row, predicted: [0.5] }] }, 'predicted of "p": expected a whole'],
    [{ metadata: { "a:b": "x" }, rows: [row] }, "metadata: expected keys of lower-case letters"],
  ];
  for (const [predictions, message] of cases) {
    await expect(writePredictions(at("no.csv"), predictions)).rejects.toThrow(message);
  }
  await expect(writePredictions(at("none/no.csv"), { metadata: {}, rows: [row] })).rejects.toThrow(
    "its directory does not exist",
  );
  expect(existsSync(at("no.csv"))).toBe(false);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("pairs by picture; other pictures and other true classes are refused and named", () => {
  const rows = Array.from({ length: 8 }, (_, i) => ({
    picture: `p${i}`,
    target: i,
    // A is right on even ones, and on multiples of 4 at first.
    predicted: i % 4 === 0 ? [i, 9] : [9, i % 2 === 0 ? i : 10],
  }));
  const a = { file: "a.csv", metadata: {}, rows };
  const turned = rows.map((row) => ({
    ...row,
    predicted: row.target < 3 ? [row.target, 9] : [9, 11],
  }));
  const b = { file: "b.csv", metadata: {}, rows: turned.reverse() };
  expect(pair(a, b, 1)).toEqual({
    cells: { both: 1, onlyA: 1, onlyB: 2, neither: 4 },
    agreed: 5,
  });
  expect(pair(a, b, 2).cells).toEqual({ both: 2, onlyA: 2, onlyB: 1, neither: 3 });
  expect(pair(b, a, 2).cells).toEqual({ both: 2, onlyA: 1, onlyB: 2, neither: 3 });
  expect(() => pair(a, b, 3)).toThrow('--top: expected at most 2, because "a.csv" holds');
  const part = { ...b, rows: [...rows.slice(5), { ...rows[0], picture: "other" }] };
  expect(() => pair(a, part, 1)).toThrow(
    '"a.csv" and "b.csv" are not of the same pictures: 5 only in "a.csv" ("p0", "p1", "p2" and ' +
      '2 more), 1 only in "b.csv" ("other"); evaluate both models on the same data',
  );
  expect(() => pair({ ...a, rows: rows.slice(5) }, part, 1)).toThrow(
    'same pictures: 1 only in "b.csv" ("other");',
  );
  const shifted = { ...b, rows: rows.map((row, i) => ({ ...row, target: i < 2 ? i : i + 1 })) };
  expect(() => pair(a, shifted, 1)).toThrow(
    'differ in the true class of 6 of 8 pictures: "p2" is 2 in the one and 3 in the other, then ' +
      '"p3", "p4", "p5" and 2 more; evaluate both models with the same class numbers',
  );
});
