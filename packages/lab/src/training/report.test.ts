import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../errors.ts";
import { renderRun } from "./report.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HOSTILE = `"><script>alert(1)</script>\u202E`;

const line = (epoch: number, more: object = {}) =>
  JSON.stringify({
    epoch,
    loss: 1 / epoch,
    accuracy: 0.5,
    test: { loss: 0.7, accuracy: 0.25, pictures: 100 },
    rate: 0.1,
    imagesPerSecond: 1234.5,
    ...more,
  });

const checkpoint = (more: object, config: object = {}) =>
  JSON.stringify({
    version: 1,
    epoch: 2,
    step: 3,
    sums: { loss: 1.5, correct: 24, steps: 3 },
    ...more,
    config: { network: "resnet20", pool: "soft", epochs: 5, batch: 16, data: HOSTILE, ...config },
  });

function rendered(info: string | undefined, metrics: string | undefined): string {
  if (info !== undefined) writeFileSync(join(folder, "checkpoint.json"), info);
  if (metrics !== undefined) writeFileSync(join(folder, "metrics.jsonl"), metrics);
  return renderRun(folder);
}

const rowsOf = (page: string) => page.split('<th scope="row"').length - 1;

test("an unfinished run: how far it is, its curves, its epochs, its settings; no markup from outside", () => {
  const page = rendered(
    checkpoint({ origin: { machine: HOSTILE } }, { [HOSTILE]: { deep: [HOSTILE] } }),
    `${line(1)}\n${line(2, { unknown: true })}\n${line(3).slice(0, 40)}`,
  );
  expect(page).toContain("Not finished: 2 of 5 epochs are done, and 3 steps of the next");
  expect(page).toContain("a mean loss of 0.5000 and 50.00 % right");
  expect(page).toContain("25.00 % of 100 test pictures right after 2 epochs");
  // Wilson's interval of 25 of 100.
  expect(page).toContain("17.55 to 34.30");
  expect(page).toContain("1,235");
  expect(rowsOf(page)).toBe(2);
  // Four plots for wide pages, four for narrow ones.
  expect(page.match(/<svg [^>]*role="img"/g)).toHaveLength(8);
  expect(page).not.toContain("<script");
  expect(page).not.toContain("\u202E");
  expect(page).not.toContain("NaN");
  expect(page).not.toContain("undefined");
  expect(page).not.toContain("not of an epoch");
});

test("a finished run says so; what was done twice counts once; lines that are no epochs are told", () => {
  const page = rendered(
    checkpoint({ epoch: 5, step: 0 }),
    `${[1, 2, 3, 4, 4, 5].map((epoch, i) => line(epoch, { loss: i })).join("\n")}\n[]\nnonsense\n`,
  );
  expect(page).not.toContain("Not finished");
  expect(rowsOf(page)).toBe(5);
  expect(page).toContain("4.0000");
  expect(page).not.toContain("3.0000");
  expect(page).toContain("2 lines of the metrics are not of an epoch and left out.");
});

test("whatever is missing, there is a page", () => {
  for (const [info, metrics] of [
    [undefined, ""],
    [undefined, `${line(1, { test: undefined, rate: "fast" })}\n`],
    ["{ broken", line(1)],
    ["[1]", undefined],
    [checkpoint({ epoch: 0, step: 0 }), ""],
    [checkpoint({ sums: null, step: "x" }, { epochs: null, pool: undefined }), `{"epoch":1}\n`],
    [checkpoint({}), `${line(1, { loss: null, test: { accuracy: { value: 0.5 } } })}\n`],
  ] as const) {
    rmSync(join(folder, "checkpoint.json"), { force: true });
    rmSync(join(folder, "metrics.jsonl"), { force: true });
    const page = rendered(info, metrics);
    expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(page).not.toMatch(/NaN|undefined|\[object/);
    expect(page).toContain("Not finished");
  }
});

test("steps of an epoch that the metrics have already are not told", () => {
  const page = rendered(checkpoint({ epoch: 1, step: 3 }), `${line(1)}\n${line(2)}\n`);
  expect(page).toContain("Not finished: 2 of 5 epochs are done.");
});

test("a directory without a run is refused", () => {
  expect(() => renderRun(folder)).toThrow(Failure);
  expect(() => renderRun(join(folder, "none"))).toThrow(/is not the directory of a run/);
});
