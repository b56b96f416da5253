import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Cell, canonical, cellOf, type Group, type Json } from "./cell.ts";
import { fromNumber, toNumber } from "./outcome.ts";
import { conclude, type Executor, runStudy } from "./run.ts";
import { parseShard } from "./shard.ts";
import { cellsIn, readResults, resultPath } from "./store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-study-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const provenance = { command: "softpool study", versions: "softpool 0", machine: "here" };
const cell = (n: number, more: Partial<Cell> = {}) =>
  cellOf("test", { config: { n }, revision: "1", title: `cell ${n}`, ...more });
const groups = (count: number): Group[] =>
  Array.from({ length: count }, (_, g) => ({
    title: `group ${g}`,
    cells: [0, 1, 2].map((i) => cell(3 * g + i)),
  }));

/** Squares numbers; counts what was asked of it. */
function squares(asked: number[], refuse: (n: number) => string | undefined = () => undefined) {
  return (): Executor => ({
    lanes: 2,
    async run(_, cells, report, stop) {
      for (const one of cells) {
        await new Promise((resolve) => setImmediate(resolve));
        if (stop()) return;
        const n = one.config.n as number;
        asked.push(n);
        const error = refuse(n);
        if (error === "throw") throw new Error("it broke.\nbadly");
        report(
          one,
          error === undefined
            ? { result: { square: n * n }, engine: "test", seconds: 0.1 }
            : { error },
        );
      }
    },
    close: async () => {},
  });
}

const run = (more: Partial<Parameters<typeof runStudy>[0]>) =>
  runStudy({
    folder,
    study: "test",
    groups: groups(4),
    provenance,
    executor: squares([]),
    note: () => {},
    ...more,
  });

const table = (folders: readonly string[]) =>
  readResults(folders).outcomes.map(({ config, result }) => [config, result]);

test("a study goes on where it was left, and computes again what is broken, failed or new", async () => {
  const asked: number[] = [];
  const refusing = squares(asked, (n) => (n === 4 ? "four is odd" : n === 7 ? "throw" : undefined));
  const first = await run({ executor: refusing });
  // 7 throws: what its group had left fails for its reason.
  expect(first.failed.map(({ error }) => error).sort()).toEqual([
    "four is odd",
    "it broke",
    "it broke",
  ]);
  expect(first).toMatchObject({ cells: 12, before: 0, computed: 9, interrupted: false });
  expect(conclude(first)).toBe(1);

  const names = cellsIn(folder);
  expect(names).toHaveLength(12);
  const [cut, edited, emptied] = names
    .map((name) => resultPath(folder, name))
    .filter((path) => readFileSync(path, "utf8").includes('"done"'));
  writeFileSync(cut, readFileSync(cut, "utf8").slice(0, -20));
  writeFileSync(edited, readFileSync(edited, "utf8").replace(/("square": )\d+/, "$19999"));
  writeFileSync(emptied, "");
  expect(
    readResults([folder])
      .broken.map(({ path }) => path)
      .sort(),
  ).toEqual([cut, edited, emptied].sort());

  const again: number[] = [];
  const said: string[] = [];
  const second = await run({ executor: squares(again), note: (text) => said.push(text) });
  expect(again).toHaveLength(6);
  for (const path of [cut, edited, emptied]) expect(said.join()).toContain(JSON.stringify(path));
  expect(second).toMatchObject({ cells: 12, before: 6, computed: 6, failed: [] });
  expect(conclude(second)).toBe(0);
  const none = { executor: () => expect.fail("there is nothing to do") };
  expect(await run(none)).toMatchObject({ before: 12, computed: 0 });
  // One more group, and another revision of one cell.
  const renewed = cellOf("test", { config: { n: 0 }, revision: "2", title: "" });
  const more = [...groups(5), { title: "renewed", cells: [renewed] }];
  expect(await run({ groups: more })).toMatchObject({ cells: 16, before: 12, computed: 4 });
  expect(readdirSync(join(folder, "cells")).every((name) => name.endsWith(".json"))).toBe(true);
});

test("shards are disjoint, do what they need of shared cells, and make the whole when put together", async () => {
  const fit = cell(100);
  const other = cell(101);
  const shared: Group = { title: "fits", cells: [fit, other], shared: true };
  const own = groups(5).map((group, i) => ({
    ...group,
    cells: group.cells.map((one) => (i === 0 ? { ...one, needs: [fit.name] } : one)),
  }));
  const all = [shared, ...own];
  const whole = join(folder, "whole");
  const order: number[] = [];
  await run({ folder: whole, groups: all, executor: squares(order) });
  expect(order[0]).toBe(100);
  expect(order).not.toContain(101);
  const parts = [1, 2, 3].map((i) => join(folder, "parts", `part${i}`));
  const counts = [];
  for (const [i, part] of parts.entries()) {
    const asked: number[] = [];
    const shard = parseShard(`${i + 1}/3`);
    await run({ folder: part, groups: all, shard, executor: squares(asked) });
    counts.push(asked.length);
  }
  expect(counts).toEqual([7, 6, 3]);
  expect(table([join(folder, "parts")])).toEqual(table([whole]));
  for (const wrong of ["0/3", "4/3", "1", "1/0", "-1/2", "a/b"]) {
    expect(() => parseShard(wrong)).toThrow("--shard: expected I/N");
  }
});

test("an interruption leaves what is done", async () => {
  const asked: number[] = [];
  const executor = squares(asked, (n) => {
    if (n === 1) process.emit("SIGINT");
    return undefined;
  });
  const summary = await run({ executor });
  expect(summary.interrupted).toBe(true);
  expect(conclude(summary)).toBe(130);
  expect(cellsIn(folder)).toHaveLength(summary.computed);
  expect(summary.computed).toBeLessThan(12);
  expect(await run({})).toMatchObject({
    before: summary.computed,
    computed: 12 - summary.computed,
  });
});

test("as many groups are in work as lanes and memory allow, and one always is", async () => {
  for (const [memory, lanes, most] of [
    [10, 4, 1],
    [25, 4, 2],
    [Infinity, 3, 3],
  ]) {
    let now = 0;
    let peak = 0;
    const executor = (): Executor => ({
      lanes,
      async run() {
        peak = Math.max(peak, ++now);
        await new Promise((resolve) => setTimeout(resolve, 5));
        now--;
      },
      close: async () => {},
    });
    const heavy = groups(6).map((group) => ({ ...group, memory: 12 }));
    await run({ groups: heavy, executor, memory });
    expect(peak).toBe(most);
  }
});

test("canonical JSON does not depend on the order of names, and tells different values apart", () => {
  const shuffled = (value: Json): Json =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, entry]) => [name, shuffled(entry)]),
        )
      : value;
  const value = fc
    .jsonValue({ noUnicodeString: false })
    .map((entry) => JSON.parse(JSON.stringify(entry)));
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(JSON.parse(canonical(a))).toEqual(a);
      expect(canonical(shuffled(a))).toBe(canonical(a));
      if (canonical(a) === canonical(b)) expect(a).toEqual(b);
    }),
    { numRuns: 40 },
  );
  for (const number of [0.1, -3, Infinity, -Infinity, Number.NaN]) {
    expect(toNumber(JSON.parse(JSON.stringify(fromNumber(number))))).toBe(number);
  }
});
