/** A tiny study through the built command, killed, resumed, broken and mended; and what its arguments ask for. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Command, parse } from "../args.ts";
import { study } from "../commands/study.ts";
import { commandHelp } from "../help.ts";
import { cellsIn, readResults, resultPath } from "../study/store.ts";
import { latencyWish } from "./command.ts";
import { runTask } from "./process.ts";
import type { TimeTask } from "./task.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/softpool.js", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-latency-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const words = (...more: string[]) => [
  ...[PROGRAM, "study", "latency", "--shape", "1x2x8x8", "--engines", "wasm,cpu", "--quick"],
  ...["--methods", "soft,gate", "--kernels", "2", "--threads", "1", "--rounds", "3"],
  ...["-o", folder, ...more],
];
const run = (...more: string[]) =>
  spawnSync(process.execPath, words(...more), { encoding: "utf8" });

test("a study that is killed goes on where it was, and mends what is broken", async () => {
  /** Two engines, two methods, two directions, and the states of the engines. */
  const all = 2 * 2 * 2 + 2;
  const child = spawn(process.execPath, words(), { stdio: "ignore" });
  await new Promise<void>((resolve) => {
    const watch = setInterval(() => {
      if (cellsIn(folder).length < 4) return;
      clearInterval(watch);
      child.on("close", () => resolve());
      child.kill("SIGKILL");
    }, 5);
  });
  const first = cellsIn(folder).length;
  expect(first).toBeLessThan(all);
  // A file that was cut short in the middle is none.
  const [name] = cellsIn(folder);
  writeFileSync(resultPath(folder, name), "{");
  const made = () =>
    new Map(
      readResults([folder]).outcomes.map((one) => [JSON.stringify(one.config), one.made] as const),
    );
  const before = made();
  expect(before.size).toBe(first - 1);

  const { stdout, stderr, status } = run("--json");
  expect(status).toBe(0);
  expect(stderr).toContain("computed again, since they are broken");
  const { machines } = JSON.parse(stdout);
  expect(machines.length).toBe(1);
  expect(machines[0].cells.length).toBe(all - 2);
  const after = made();
  expect(after.size).toBe(all);
  for (const [config, at] of before) expect(after.get(config)).toBe(at);
  for (const { config, status: how, result } of readResults([folder]).outcomes) {
    expect(how).toBe("done");
    const { kind, reason, own, average, memory } = result as Record<string, unknown>;
    if (config.kind === "engine") expect(kind).toBe("engine");
    else if (config.method === "gate" && config.engine === "wasm") {
      expect(reason).toBe("the operator has no method gate");
    } else {
      expect([own, average].map((list) => (list as number[]).length)).toEqual([3, 3]);
      const by = (memory as { how: string }).how;
      expect(by).toBe(config.engine === "wasm" ? "allocator" : "resident");
    }
  }
  expect(readdirSync(folder).sort()).toEqual([
    "cells",
    "index.html",
    "latency.csv",
    "results.json",
  ]);
}, 300_000);

test("arguments: shapes several times or in a list, defaults, and what is wrong is said", () => {
  const wish = (...given: string[]) => latencyWish(parse(study, ["latency", ...given]));
  expect(wish().shapes).toEqual([1, 8, 64].map((batch) => [batch, 64, 112, 112]));
  expect(wish().kernels).toEqual([2, 3, 4, 5, 6, 7, 8]);
  expect(wish().threads[0]).toBe(1);
  expect(wish().engines).toBeUndefined();
  const asked = wish(
    ...["--shape", "1x2x9", "--shape", "2X3x4x5,1x2x9", "--kernels", "5,2,5", "--threads", "4,1"],
    ...["--methods", "max,soft,maximum", "--directions", "backward", "--quick"],
  );
  expect(asked).toMatchObject({
    shapes: [
      [1, 2, 9],
      [2, 3, 4, 5],
    ],
    kernels: [2, 5],
    threads: [1, 4],
    methods: ["maximum", "soft"],
    directions: ["backward"],
    effort: { rounds: 5 },
  });
  for (const [given, sentence] of [
    [["--shape", "1x2"], "--shape: expected batch, channels and one to three sizes"],
    [["--shape", "1x0x4x4"], "--shape: expected batch"],
    [["--shape", "99999x99999x9x9"], "--shape: expected batch"],
    [["--methods", "sfot"], "did you mean soft?"],
    [["--engines", "wsam"], "did you mean wasm?"],
    [["--kernels", "2,0"], "--kernels: expected a whole number from 1"],
    [["--rounds", "0"], "--rounds: expected a whole number from 1"],
  ] as const) {
    expect(() => wish(...given), given.join(" ")).toThrow(sentence);
  }
});

test("each study shows and takes its own options only", async () => {
  const own = { similarity: ["--protocols", "--fit"], latency: ["--shape", "--directions"] };
  const shared = ["--kernels", "--methods", "--threads", "--output", "--shard", "--json"];
  for (const [name, options] of Object.entries(own)) {
    const other = name === "latency" ? "similarity" : "latency";
    const help = commandHelp(study.part?.(parse(study, [name])) as Command);
    for (const option of [...options, ...shared]) expect(help).toContain(option);
    for (const option of own[other]) expect(help).not.toContain(option);
    expect(help).toMatch(new RegExp(`Examples:\\n  softpool study ${name} `));
    expect(help).not.toContain(`study ${other}`);
    for (const option of own[other]) {
      const words = [name, option === "--fit" ? option : `${option}=1`];
      const refused = study.run(parse(study, words));
      await expect(refused).rejects.toThrow(
        `${option} is an option of the study ${other}, not of ${name}`,
      );
    }
  }
  const overview = commandHelp(study.part?.(parse(study, [])) as Command);
  for (const text of ["softpool study similarity", "softpool study latency", "--shard"]) {
    expect(overview).toContain(text);
  }
  expect(() => study.part?.(parse(study, ["latncy"]))).toThrow("did you mean latency?");
});

test("the engine webgpu is measured on a software adapter, named as such, or absent with a word", async () => {
  const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";
  const before = process.env.VK_ICD_FILENAMES;
  process.env.VK_ICD_FILENAMES = before ?? driver;
  try {
    const probed = await runTask({ kind: "probe", engine: "softpool-webgpu" }, 0);
    if (!existsSync(process.env.VK_ICD_FILENAMES)) {
      expect(probed).toMatchObject({ kind: "engine", present: false });
      expect(JSON.stringify(probed)).toMatch(/no WebGPU adapter|npm install webgpu/);
      return;
    }
    expect(probed).toMatchObject({ kind: "engine", present: true });
    expect(JSON.stringify(probed)).toContain("software adapter");
    for (const direction of ["forward", "backward"] as const) {
      for (const method of ["soft", "average", "maximum", "sum", "power-average"]) {
        const effort = { rounds: 3, warmup: 1, least: 1, most: 10 };
        const subject = { shape: [1, 2, 8, 8], kernel: 2, method, direction };
        const engine = "softpool-webgpu";
        const answer = await runTask({ kind: "time", engine, threads: 1, ...subject, effort }, 0);
        expect(answer, `${method} ${direction}`).toMatchObject({ kind: "times", memory: null });
      }
    }
  } finally {
    if (before === undefined) delete process.env.VK_ICD_FILENAMES;
    else process.env.VK_ICD_FILENAMES = before;
  }
}, 300_000);

test("what a process cannot do is an answer", async () => {
  const task: TimeTask = {
    kind: "time",
    engine: "wasm",
    threads: 1,
    shape: [1, 1, 4, 4],
    kernel: 2,
    method: "soft",
    direction: "forward",
    effort: { rounds: 3, warmup: 1, least: 1, most: 10 },
  };
  const answer = await runTask(task, 2 ** 50);
  expect(answer.kind).toBe("absent");
  expect(JSON.stringify(answer)).toContain("does not fit");
  expect((await runTask({ ...task, method: "gate" }, 0)).kind).toBe("failed");
});
