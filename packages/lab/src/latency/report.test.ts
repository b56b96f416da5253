import { expect, test } from "vitest";
import { type Config, cellOf, type Json } from "../study/cell.ts";
import { type Outcome, outcomeOf } from "../study/outcome.ts";
import { latencyCsv, latencyJson, renderLatencyStudy } from "./files.ts";
import { byEngine, findings, kernelRange, publishedFinding, ranking } from "./findings.ts";
import type { Machine } from "./machine.ts";
import { LATENCY } from "./plan.ts";
import { publishedRatio } from "./published.ts";
import { renderLatency } from "./report.ts";
import { blocksOf, machineParts } from "./rows.ts";

const machine = (processor: string): Machine => ({
  processor,
  processors: 2,
  memory: 8,
  system: "linux x64",
  node: "20.0.0",
  onnxruntime: "1.30.0",
  softpool: "0.1.0",
});

/** An outcome of a cell; `ms` are the rounds of the method, `average` those of average pooling. */
function outcome(
  where: Machine,
  config: Config,
  measured: Json | { failed: string },
  rounds = 3,
): Outcome {
  const all: Config = {
    kind: "time",
    machine: { ...where },
    engine: "cpu",
    threads: 1,
    shape: [1, 64, 112, 112],
    kernel: 2,
    direction: "forward",
    effort: { rounds },
    ...config,
  };
  const cell = cellOf(LATENCY, { config: all, revision: "1", title: "cell" });
  const failed = (measured as { failed?: string }).failed;
  const given =
    failed === undefined ? { result: measured as Json, engine: "", seconds: 1 } : { error: failed };
  return outcomeOf(LATENCY, cell, given, {
    command: "softpool study latency",
    versions: "softpool 0.1.0",
    machine: where.processor,
  });
}

const times = (own: number[], average: number[], more: object = {}): Json =>
  ({
    kind: "times",
    own,
    average,
    processor: [own.map((value) => value / 2), average.map((value) => value / 4)],
    calls: [1, 1],
    warm: [own[0] * 2],
    memory: { bytes: 3 * 2 ** 20, how: "resident" },
    busy: 0.05,
    notes: [],
    ...more,
  }) as Json;

const here = machine("here");
const there = machine("there <b>&");
const outcomes: Outcome[] = [
  ...[2, 8].flatMap((kernel) => [
    outcome(here, { method: "average", kernel }, times([1, 1, 1], [1, 1, 1])),
    outcome(here, { method: "maximum", kernel }, times([2, 2, 2], [1, 1, 1])),
    outcome(here, { method: "sum", kernel }, times([1.5, 1.5, 1.5], [1, 1, 1])),
    outcome(here, { method: "soft", kernel }, times([kernel, kernel, kernel], [1, 1, 1])),
  ]),
  outcome(here, { method: "gate" }, { kind: "absent", reason: "it is <i>not</i> there" }),
  outcome(here, { method: "lip" }, { failed: "it broke" }),
  outcome(here, { method: "dpp" }, times([5, 5, 7], [1, 1, 1])),
  outcome(there, { method: "soft" }, times([70, 80, 90], [10, 10, 10])),
  outcome(there, { method: "average" }, times([10, 10, 10], [10, 10, 10])),
  outcome(
    there,
    { kind: "engine", engine: "webgpu" },
    { kind: "engine", present: false, note: "no adapter" },
  ),
];
const parts = machineParts(outcomes);

test("machines are never mixed: each has its own rows, blocks and findings", () => {
  expect(parts.map((part) => part.machine.processor)).toEqual(["here", "there <b>&"]);
  expect(parts.map(({ rows }) => rows.length)).toEqual([11, 2]);
  const [own, other] = parts.map(({ rows }) => blocksOf(rows)[0]);
  expect(own.row("soft", 2, "forward")?.figures?.time.value).toBe(2);
  expect(other.row("soft", 2, "forward")?.figures?.time).toEqual({ value: 80, low: 75, high: 85 });
  expect(other.row("maximum", 2, "forward")).toBeUndefined();
  expect(own.measured).toEqual(["average", "maximum", "sum", "dpp", "soft"]);
  const versions = { ...here, node: "22.0.0" };
  const newer = outcome(versions, { method: "soft" }, times([9, 9, 9], [1, 1, 1]));
  expect(machineParts([...outcomes, newer]).length).toBe(3);
  // Of other studies, nothing is taken.
  expect(machineParts([{ ...newer, study: "similarity" }])).toEqual([]);
});

test("of a cell that was measured with more and with fewer rounds, more are told of", () => {
  const quick = outcome(here, { method: "soft" }, times([9], [1]), 1);
  for (const all of [
    [...outcomes, quick],
    [quick, ...outcomes],
  ]) {
    const [block] = blocksOf(machineParts(all)[0].rows);
    expect(block.row("soft", 2, "forward")?.figures?.time.value).toBe(2);
  }
});

test("findings say what holds: order, dependence on the kernel, the paper's ratios", () => {
  const blocks = blocksOf(parts[0].rows);
  expect(ranking(blocks[0], 2, "forward")).toEqual(["average", "sum", "maximum", "soft", "dpp"]);
  expect(kernelRange(blocks[0], "soft", "forward")).toEqual({
    ...{ from: 2, to: 8, change: 4, span: 4 },
    rest: Number.NaN,
  });
  const [one] = byEngine(blocks);
  expect(one.title).toBe("ONNX Runtime cpu");
  const [ratio, rank, kernel, ...rest] = findings(one);
  expect(ratio).toContain("SoftPool takes 2.0 to 8.0 times as long as average pooling forward");
  expect(ratio).toContain("3.4 on a CPU, 4.0 with CUDA");
  expect(rank).toContain("in 0 of 2 places");
  expect(rank).toContain("sum in 2");
  expect(kernel).toContain(
    "depends on the kernel: from kernel to kernel by a factor of up to 4.00",
  );
  expect(kernel).not.toContain("without kernel");
  const middle = outcome(here, { method: "soft", kernel: 5 }, times([7, 7, 7], [1, 1, 1]));
  const more = byEngine(blocksOf(machineParts([...outcomes, middle])[0].rows))[0];
  expect(findings(more)[2]).toContain("up to 4.00, without kernel 2 by up to 1.14.");
  expect(kernel).toContain("4.00 for soft, 1.00 for average, 1.00 for maximum");
  expect(rest).toEqual([]);
  expect(publishedRatio("soft", "forward", "cpu")).toBeCloseTo(31 / 9, 12);
  expect(publishedRatio("soft", "backward", "cuda")).toBeCloseTo(234 / 76, 12);
  expect(publishedRatio("lift", "forward", "cpu")).toBeUndefined();
  // Sum pooling is faster than SoftPool forward on the CPU in the paper's own table, maximum backward.
  expect(publishedFinding()).toContain("number 3 forward and 3 backward on the CPU");
});

test("where others are busy, one thread is judged by processor time, more are not judged", () => {
  const busy = [1, 2].flatMap((threads) =>
    ["average", "soft", "maximum"].map((method, i) => {
      const own = [8, 8, 8].map((value) => value * (i + 1));
      return outcome(here, { method, threads }, times(own, [8, 8, 8], { busy: 0.6 }));
    }),
  );
  const [{ rows }] = machineParts(busy);
  const blocks = blocksOf(rows);
  expect(blocks.map(({ basis, trusted }) => [basis, trusted])).toEqual([
    ["processor", true],
    ["elapsed", false],
  ]);
  expect(blocks[0].judged("soft", 2, "forward")?.time.value).toBe(8);
  expect(blocks[0].judged("soft", 2, "forward")?.ratio.value).toBe(4);
  const [said, ratio, rank] = findings(byEngine(blocks)[0]);
  expect(said).toContain("Judged by processor time");
  expect(ratio).toContain("SoftPool takes 4.0 times as long");
  expect(rank).toContain("in all 1 places");
  const page = renderLatency(machineParts(busy));
  expect(page).toContain("busy: not judged");
  expect(page).toContain("60 % busy");
});

test("the page has all machines apart, escapes what comes from files, and says what is missing", () => {
  const page = renderLatency(parts, [{ path: "x", reason: "it is cut short" }]);
  expect(page).toContain("What of the paper&#39;s claims holds, here");
  expect(page).not.toContain("there <b>");
  expect(page).not.toContain("<i>not</i>");
  expect(page).not.toContain("<script");
  for (const words of [
    "it broke",
    "not&lt;/i&gt; there",
    "ONNX Runtime webgpu is not there: no adapter",
    "never mixed",
    "Drift: in 1 of 9 cells",
    "1 result files are broken",
    "5 % busy",
  ]) {
    expect(page, words).toContain(words);
  }
  const alone = renderLatency([parts[0]]);
  expect(alone).not.toContain("there &lt;b");
  expect(alone).not.toContain("holds, here");
});

test("CSV and JSON have every cell, with rounds in JSON", () => {
  const lines = latencyCsv(parts).trimEnd().split("\n");
  expect(lines.length).toBe(1 + 13);
  const soft = lines.find((line) => line.includes("there <b>&") && line.includes(",soft,"));
  expect(soft).toMatch(
    /^"there <b>&, 2 processors, 8 GiB, linux x64",cpu,1,1x64x112x112,2,soft,forward,80,75,85,10,8,/,
  );
  const { machines } = JSON.parse(latencyJson(parts));
  const cell = machines[1].cells.find(({ method }: { method: string }) => method === "soft");
  expect(cell).toMatchObject({
    ratio: 8,
    rounds_ms: [70, 80, 90],
    average_rounds_ms: [10, 10, 10],
  });
});

test("renders its files and the lines of the terminal, and refuses where there are no results", () => {
  const { files, json, text } = renderLatencyStudy(outcomes, []);
  expect(Object.keys(files).sort()).toEqual(["index.html", "latency.csv", "results.json"]);
  expect(files["index.html"]).toBe(renderLatency(parts));
  expect(files["latency.csv"]).toBe(latencyCsv(parts));
  expect(files["results.json"]).toBe(json);
  expect(text(false).join("\n")).toContain("SoftPool takes 2.0 to 8.0 times");
  expect(() => renderLatencyStudy([], [])).toThrow("no results of a latency study");
});
