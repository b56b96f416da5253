import { catalogue } from "@softpool/poolings";
import { expect, test } from "vitest";
import { groupsOf } from "../study/shard.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { type LatencyEngine, tensorBytes, whyAbsent } from "./place.ts";
import { type LatencyCell, type LatencyRequest, planLatency } from "./plan.ts";

const machine: Machine = {
  processor: "processor",
  processors: 2,
  memory: 8,
  system: "linux x64",
  node: "20.0.0",
  onnxruntime: "1.0.0",
  softpool: "0.0.0",
};
const state = (present: boolean) => ({ kind: "engine", present, note: "" }) as const;
const engines = (...names: LatencyEngine[]) => names.map((name) => [name, state(true)] as const);
const request: LatencyRequest = {
  machine,
  engines: [...engines("wasm", "cpu"), ["webgpu", state(false)]],
  threads: [1, 2],
  shapes: [
    [1, 4, 12, 12],
    [2, 4, 12, 12],
  ],
  kernels: [2, 3, 20],
  methods: ["average", "gate", "soft"],
  directions: ["forward", "backward"],
  effort: { rounds: 5, warmup: 1, least: 1, most: 100 },
};
const cellsOf = (asked: LatencyRequest): LatencyCell[] =>
  planLatency(asked).flatMap(({ cells }) => cells);
const names = (asked: LatencyRequest) => cellsOf(asked).map(({ name }) => name);

test("every engine that is there has all cells; what cannot be done is a cell that says why", () => {
  const cells = cellsOf(request);
  // Two engines, two numbers of threads, two shapes, three kernels, three methods, two directions.
  expect(cells.length).toBe(3 + 2 * 2 * 2 * 3 * 3 * 2);
  expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
  const states = cells.filter(({ config }) => config.kind === "engine");
  expect(states.map(({ work }) => work.kind === "known" && work.result.kind)).toEqual([
    "engine",
    "engine",
    "engine",
  ]);
  for (const { config, work, needs } of cells.slice(3)) {
    expect(config.engine).not.toBe("webgpu");
    expect(needs).toEqual(states.map(({ name }) => name));
    const reason =
      work.kind === "known" && work.result.kind === "absent" ? work.result.reason : undefined;
    if (config.kernel === 20) expect(reason).toContain("kernel of 20 is larger than an axis of 12");
    else if (config.engine === "wasm" && config.method === "gate") {
      expect(reason).toBe("the operator has no method gate");
    } else expect(reason).toBeUndefined();
  }
});

test("a cell's name depends on the machine and on how much is measured, and on nothing by chance", () => {
  const first = names(request);
  expect(names(request)).toEqual(first);
  const others: LatencyRequest[] = [
    { ...request, machine: { ...machine, processors: 4 } },
    { ...request, machine: { ...machine, node: "22.0.0" } },
    { ...request, machine: thisMachine() },
  ];
  for (const other of others) {
    expect(names(other).filter((name) => first.includes(name))).toEqual([]);
  }
  const longer = names({ ...request, effort: { ...request.effort, rounds: 6 } });
  // Whether an engine is there has nothing to do with it.
  expect(longer.filter((name) => first.includes(name))).toEqual(first.slice(0, 3));
  const more = names({ ...request, kernels: [2, 3, 4, 20], shapes: [request.shapes[0]] });
  expect(more.filter((name) => first.includes(name)).length).toBe(3 + (first.length - 3) / 2);
});

test("shards share nothing but the states of engines, and together are the whole", () => {
  const whole = planLatency(request);
  const parts = [1, 2, 3].map((index) => groupsOf(whole, { index, count: 3 }));
  const own = parts.flatMap((groups) => groups.filter(({ shared }) => shared !== true));
  expect(new Set(own).size).toBe(own.length);
  expect(new Set([...parts.flat()])).toEqual(new Set(whole));
});

test("threads are those of processors only; the reference is for little inputs", () => {
  const cells = cellsOf({ ...request, engines: engines("reference", "webgpu") }).slice(2);
  expect(new Set(cells.map(({ config }) => config.threads))).toEqual(new Set([1]));
  const subject = { kernel: 2, method: "soft", direction: "forward" } as const;
  expect(whyAbsent("reference", { ...subject, shape: [1, 64, 112, 112] })).toContain("definition");
  expect(whyAbsent("wasm", { ...subject, shape: [1, 64, 112, 112] })).toBeUndefined();
  expect(tensorBytes({ ...subject, shape: [1, 1, 4, 4] })).toBe(4 * (16 + 4));
  expect(tensorBytes({ ...subject, direction: "backward", shape: [1, 1, 4, 4] })).toBe(4 * 36);
});

test("methods say for how many axes they are, and how large windows may be", () => {
  for (const { name, axes } of catalogue) {
    for (const shape of [
      [1, 4, 64],
      [1, 4, 64, 64],
      [1, 4, 64, 64, 64],
    ]) {
      const subject = { shape, kernel: 2, method: name, direction: "forward" } as const;
      const reason = whyAbsent("cpu", subject);
      if (!axes.includes(shape.length - 2)) expect(reason).toContain("spatial axes");
      const large = whyAbsent("cpu", { ...subject, kernel: 40 });
      if (shape.length > 3 && axes.includes(shape.length - 2)) expect(large).toContain("too large");
    }
  }
});
