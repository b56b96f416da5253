import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { expect, test } from "vitest";
import { runOnWebGPU, skipWebGPU } from "../test/webgpu.ts";
import type { DType } from "./dtype.ts";
import { Graph } from "./graph.ts";
import { writeModel } from "./model.ts";
import { add, exp, less, mul, neg } from "./ops/elementwise.ts";
import { runtimeSentence } from "./runtime-error.ts";
import type { Optimization, Provider, RunTensor } from "./session.ts";
import { createSession, fromRun, placement, toRun } from "./session-node.ts";
import { halfToNumber, int64s, scalar, type Tensor, tensor } from "./tensor.ts";
import { importOpset } from "./versions.ts";

const levels: Optimization[] = ["disabled", "basic", "extended", "all"];

/** The bytes of a model of one graph. */
function build(fill: (g: Graph) => void, opset = 17): Uint8Array {
  const g = new Graph(opset);
  fill(g);
  return writeModel(g.toModel());
}

/** What a call threw, as text. */
async function thrown(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing";
}

const numbers = Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
const samples: [DType, number[]][] = [
  ["float32", [0, -0, 1.5, -3.4028234663852886e38, 1.401298464324817e-45, Infinity, NaN]],
  ["float64", [0, -0, 0.1, 5e-324, -1.7976931348623157e308, -Infinity, NaN]],
  ["float16", numbers],
  ["bool", [0, 1, 1]],
  ["int8", [-128, 127, 0]],
  ["uint8", [0, 255]],
  ["int16", [-32768, 32767]],
  ["uint16", [0, 65535]],
  ["int32", [-(2 ** 31), 2 ** 31 - 1]],
  ["uint32", [0, 2 ** 32 - 1]],
  ["int64", [-(2 ** 63), 2 ** 63, 2 ** 53, -1, 2 ** 62 + 2 ** 12]],
  ["uint64", [0, 2 ** 64, 2 ** 63, 2 ** 53]],
];

test("values of every type come back from ONNX Runtime as they went in", async () => {
  for (const [dtype, values] of samples) {
    const value = tensor(dtype, [1, values.length], values);
    const model = build((g) => g.output(g.op("Identity", [g.input("x", dtype, ["n", null])])));
    const session = await createSession(model);
    expect(session.inputs, dtype).toEqual([{ name: "x", dtype, shape: ["n", null] }]);
    expect(session.outputs[0].dtype, dtype).toBe(dtype);
    const [y] = Object.values(await session.run({ x: toRun(value) }));
    expect(y.shape).toEqual([1, values.length]);
    // Object.is tells -0 from 0.
    expect(Array.from(fromRun(y).data), dtype).toEqual(values);
    await session.dispose();
  }
  const words = ["", "é", "window"];
  const session = await createSession(
    build((g) => g.output(g.op("Identity", [g.input("x", "string", [3])]))),
  );
  const feeds: Record<string, RunTensor> = { x: { dtype: "string", shape: [3], data: words } };
  expect((await session.run(feeds)).identity_out.data).toEqual(words);
});

test("what a type cannot hold is refused, not changed", async () => {
  const run = (dtype: DType, value: number) => () => toRun(tensor(dtype, [], [value]));
  for (const [dtype, value] of [
    ["int8", 128],
    ["uint8", -1],
    ["int32", 0.5],
    ["int64", NaN],
    ["uint64", Infinity],
    ["bfloat16", 1],
    ["string", 1],
  ] as [DType, number][]) {
    expect(await thrown(run(dtype, value)), dtype).toMatch(
      /^OnnxError: toRun: expected .*received/,
    );
  }
  const big: RunTensor = { dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 53n + 1n) };
  expect(await thrown(() => fromRun(big))).toContain("9007199254740993");
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (x) => {
      const value: RunTensor = { dtype: "int64", shape: [], data: BigInt64Array.of(x) };
      let numbers: Tensor;
      try {
        numbers = fromRun(value);
      } catch {
        return BigInt(Number(x)) !== x;
      }
      return (toRun(numbers).data as BigInt64Array)[0] === x;
    }),
  );
});

test("a model that is read from a file finds its external data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "softpool-external-"));
  try {
    const g = new Graph(17);
    const x = g.input("x", "float32", [2]);
    g.output(mul(g, x, g.initializer("w", tensor("float32", [2], [3, 5]))));
    const model = g.toModel();
    const w = model.graph!.initializer[0];
    writeFileSync(join(folder, "weights.bin"), w.rawData);
    w.rawData = new Uint8Array();
    w.dataLocation = TensorProto_DataLocation.EXTERNAL;
    w.externalData.push(
      create(StringStringEntryProtoSchema, { key: "location", value: "weights.bin" }),
    );
    const path = join(folder, "model.onnx");
    writeFileSync(path, writeModel(model));
    const session = await createSession(path);
    const outputs = await session.run({ x: toRun(tensor("float32", [2], [1, -2])) });
    expect(Array.from(fromRun(Object.values(outputs)[0]).data)).toEqual([3, -10]);
    await session.dispose();
    expect(await thrown(() => createSession(writeModel(model)))).toMatch(
      /^OnnxError: createSession: provider cpu: .*weights\.bin/,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("errors are one sentence that names the node or the input", async () => {
  const x: RunTensor = toRun(tensor("float32", [2, 4], 1));
  const one = build((g) => g.output(exp(g, g.input("x", "float32", ["n", 4]))));
  const reshape = build((g) => {
    const [a, s] = [g.input("x", "float32", [null, 4]), g.input("s", "int64", [2])];
    g.output(g.op("Reshape", [a, s], {}, { name: "the reshape" }));
  });
  const nested = build((g) => {
    const [a, s] = [g.input("x", "float32", [null, 4]), g.input("s", "int64", [2])];
    const inner = (h: Graph) => [h.op("Reshape", [a, s], {}, { name: "inner" })];
    // A condition that is not known beforehand, so that the branch stays one.
    g.output(
      ...g.if(
        less(g, g.op("ReduceSum", [a], { keepdims: 0 }), g.constant(scalar("float32", 99))),
        inner,
        inner,
      ),
    );
  });
  const double = build((g) => {
    const a = g.input("x", "float64", [1, 1, 4, 4]);
    g.output(g.op("AveragePool", [a], { kernel_shape: [2, 2] }, { name: "pool" }));
  });
  const unknown = build((g) => {
    g.output({ ...g.op("Nope", [g.input("x", "float32", [1])]), dtype: "float32", shape: [1] });
  });
  const run = (model: Uint8Array, feeds: Record<string, RunTensor>) => async () =>
    (await createSession(model)).run(feeds);
  const s = toRun(int64s([3, 3]));
  const disposed = async () => {
    const session = await createSession(one);
    await session.dispose();
    await session.dispose();
    await session.run({ x });
  };
  const cases: [string, () => unknown, string][] = [
    ["no feed", run(one, {}), 'run: expected feeds for the inputs "x", received none for "x"'],
    ["other feed", run(one, { x, y: x }), 'inputs "x", received also "y"'],
    [
      "type",
      run(one, { x: { ...x, dtype: "int32" } }),
      'input "x": expected float32, received int32',
    ],
    ["array", run(one, { x: { ...x, data: new Float64Array(8) } }), "received a Float64Array"],
    ["count", run(one, { x: { ...x, shape: [3, 4] } }), "expected 12 values"],
    ["shape", run(one, { x: { ...x, shape: [4, 2] } }), "expected shape n x 4, received 4x2"],
    ["rank", run(one, { x: { ...x, shape: [8] } }), "expected shape n x 4, received 8"],
    ["node", run(reshape, { x, s }), 'run: node "the reshape" (Reshape): The input tensor cannot'],
    ["in a branch", run(nested, { x, s }), 'run: node "inner" (Reshape): The input tensor cannot'],
    ["kernel", () => createSession(double), 'node "pool" (AveragePool, version 11): there is no'],
    ["operator", () => createSession(unknown), 'node "nope" (Nope): No Op registered'],
    ["garbage", () => createSession(Uint8Array.of(1, 2, 3)), "protobuf parsing failed"],
    ["empty", () => createSession(new Uint8Array()), "createSession: provider cpu: "],
    ["file", () => createSession("nowhere.onnx"), "File doesn't exist"],
    ["provider", () => createSession(one, { provider: "gpu" as Provider }), "coreml, received"],
    ["level", () => createSession(one, { optimization: "most" as "all" }), 'all, received "most"'],
    ["threads", () => createSession(one, { threads: 0 }), "a whole number from 1, received 0"],
    ["disposed", disposed, "the session is disposed"],
  ];
  for (const [what, call, expected] of cases) {
    const text = await thrown(call);
    expect(text, what).toContain(expected);
    expect(text, what).toMatch(/^OnnxError: /);
    expect(text, what).not.toMatch(/\n|\.cc|onnxruntime::|\.$/);
  }
});

test("sources, signatures and wrappings are taken off a message", () => {
  for (const [message, expected] of [
    [
      "/a/b.cc:136 ns::C::Init(const ns::Config&)::<lambda()> r == ns::Ok was false. Failed to get one: None\n",
      "Failed to get one: None",
    ],
    [
      "/a/b.h:46 void ns::Check(const std::map<std::string, int>&, bool) const [with T = float] Opset 30 (new) is not known.\n",
      "Opset 30 (new) is not known",
    ],
    ["/a/b.h:4 std::vector<int> ns::F(int) a == b(c) was false. ", "a == b(c) was false"],
    [
      "Can't create a session. ERROR_CODE: 9, ERROR_MESSAGE: Could not find an implementation for Exp(13) node with name 'e'",
      'node "e" (Exp, version 13): there is no implementation for its element types',
    ],
    ["shader.cc:4 Generate Program Exp requires f16.", "Program Exp requires f16"],
    ["no available backend found. ERR: [webgpu] Error: no device", "no device"],
    ["\u001b[31m\n\n  something \u001b[m\nmore", "something"],
    ["", "no reason given"],
    ["/a/b.cc:1", "/a/b.cc:1"],
    [`x${"y".repeat(9999)}`, `x${"y".repeat(496)}...`],
  ]) {
    expect(runtimeSentence(new Error(message)), message).toBe(expected);
  }
});

test("a provider that is not there is said aloud, or an error when strict", async () => {
  const model = build((g) => g.output(exp(g, g.input("x", "float32", [1]))));
  const missing: Provider = process.platform === "darwin" ? "dml" : "coreml";
  const lines: string[] = [];
  // Without a driver there is no adapter either.
  const session = await createSession(model, {
    provider: missing,
    log: (line) => lines.push(line),
  });
  expect(session.provider).not.toBe(missing);
  expect(lines[0]).toMatch(
    new RegExp(`^softpool: provider ${missing} is not used: .*not ${missing}$`),
  );
  expect(lines.at(-1)).toMatch(/the model runs on (cpu|webgpu)$/);
  expect(session.notes.map((note) => `softpool: ${note}`)).toEqual(lines);
  expect(await thrown(() => createSession(model, { provider: missing, strict: true }))).toContain(
    `provider ${missing}: onnxruntime-node on ${process.platform} has cpu`,
  );
  const plain = await createSession(model, { threads: 1 });
  expect([plain.provider, plain.notes]).toEqual(["cpu", []]);
});

/** Two local functions of one name, told apart by their overloads, called also inside a branch. */
function withFunctions(): Uint8Array {
  const call = (g: Graph, x: ReturnType<typeof exp>, overload: string) => {
    const y = g.op("SoftPool", [x], { kernel_shape: [2, 2] }, { domain: "softpool", overload });
    return { ...y, dtype: "float32" as const, shape: ["n", 4] };
  };
  const body = (overload: string, fill: (g: Graph) => void) => {
    const g = new Graph(17);
    fill(g);
    const attributes = ["kernel_shape"];
    return g.toFunction({ domain: "softpool", name: "SoftPool", overload, attributes });
  };
  const g = new Graph(21);
  const x = g.input("x", "float32", ["n", 4]);
  const positive = less(
    g,
    g.constant(scalar("float32", 0)),
    g.op("ReduceSum", [x], { keepdims: 0 }),
  );
  g.output(call(g, x, "a"), call(g, call(g, x, "b"), "a"));
  g.output(
    ...g.if(
      positive,
      (h) => [call(h, x, "b")],
      (h) => [call(h, x, "a")],
    ),
  );
  const model = g.toModel();
  model.functions.push(
    body("a", (f) => f.output(exp(f, f.input("X", "float32")))),
    body("b", (f) => {
      const a = f.input("X", "float32");
      const sum = f.op("ReduceSum", [a], { keepdims: 0 });
      const small = less(f, sum, f.constant(scalar("float32", 10)));
      f.output(
        ...f.if(
          small,
          (h) => [neg(h, a)],
          (h) => [add(h, a, a)],
        ),
      );
    }),
  );
  importOpset(model, "softpool", 1);
  model.irVersion = 10n;
  return writeModel(model);
}

/** Inputs that take every branch, and what comes out. */
const branches = [
  [1, 2, 3, 3],
  [1, 2, 3, 5],
  [-1, -2, 1, 0],
].map((x) => {
  const sum = x.reduce((a, b) => a + b);
  const b = x.map((v) => (sum < 10 ? -v : v + v));
  return { x, expected: [x.map(Math.exp), b.map(Math.exp), sum > 0 ? b : x.map(Math.exp)] };
});

function compare(outputs: Record<string, RunTensor>, expected: number[][], what: string): void {
  const values = Object.values(outputs).map((y) => Array.from(fromRun(y).data));
  const distance = Math.max(
    ...expected.flatMap((row, i) => row.map((v, j) => Math.abs(values[i][j] - v) / Math.max(1, v))),
  );
  expect(distance, `${what}: maxdiff`).toBeLessThan(1e-6);
}

test("branches and overloaded local functions run on the CPU at every level", async () => {
  const model = withFunctions();
  for (const optimization of levels) {
    const session = await createSession(model, { optimization });
    for (const { x, expected } of branches) {
      compare(
        await session.run({ x: toRun(tensor("float32", [1, 4], x)) }),
        expected,
        optimization,
      );
    }
    await session.dispose();
  }
  const feeds = { x: toRun(tensor("float32", [1, 4], branches[1].x)) };
  const nodes = await placement(model, feeds, { optimization: "disabled" });
  expect(new Set(nodes.map(({ provider }) => provider))).toEqual(new Set(["cpu"]));
  expect(nodes.map(({ operator }) => operator).sort()).toEqual(
    expect.arrayContaining(["Add", "Exp", "If", "Less", "ReduceSum"]),
  );
});

test.skipIf(skipWebGPU)("and on WebGPU, without a node on the CPU", async () => {
  const model = withFunctions();
  const cases = levels.flatMap((optimization) =>
    branches.map(({ x, expected }) => {
      const feeds = { x: toRun(tensor("float32", [1, 4], x)) };
      return { model, feeds, optimization, expected };
    }),
  );
  const elsewhere: unknown[] = [];
  let ran = 0;
  const outputs = await runOnWebGPU(cases, {
    report: (_, notes, nodes) => {
      ran += nodes.length;
      elsewhere.push(...notes, ...nodes.filter(({ provider }) => provider !== "webgpu"));
    },
  });
  for (const [i, { expected, optimization }] of cases.entries()) {
    compare(outputs![i], expected, optimization);
  }
  expect(elsewhere).toEqual([]);
  expect(ran).toBeGreaterThan(cases.length * 5);
});

test.skipIf(skipWebGPU)(
  "nodes that WebGPU leaves to the CPU are told; a crash is an error",
  async () => {
    const model = build((g) => {
      const x = g.input("x", "float32", ["n", 3, 2, 2]);
      const inside = (h: Graph) => [h.op("Det", [x], {}, { name: "inside" })];
      const outside = g.op("Det", [exp(g, x)], {}, { name: "outside" });
      g.output({ ...outside, dtype: "float32", shape: ["n", 3] });
      const [branch] = g.if(
        less(g, g.constant(scalar("float32", 0)), g.op("ReduceSum", [x], { keepdims: 0 })),
        inside,
        inside,
      );
      g.output({ ...mul(g, branch, branch), dtype: "float32", shape: ["n", 3] });
    });
    const x = toRun(tensor("float32", [1, 3, 2, 2], [1, 2, 3, 4, 0, 1, 1, 0, 2, 0, 0, 2]));
    const seen: unknown[] = [];
    const outputs = await runOnWebGPU([{ model, feeds: { x } }], {
      report: (_, notes, nodes) => {
        const cpu = nodes.filter(({ provider }) => provider === "cpu").map(({ node }) => node);
        seen.push(notes, cpu.sort());
      },
    });
    expect(seen).toEqual([
      ["nodes without a kernel on webgpu run on the CPU; placement() tells which"],
      ["inside", "outside"],
    ]);
    const squares = Object.values(outputs![0])[1];
    expect(Array.from(squares.data as Float32Array, (x) => Math.round(x * 1e4) / 1e4)).toEqual([
      4, 1, 16,
    ]);
    expect(await thrown(() => runOnWebGPU([{ model, feeds: {} }]))).toMatch(
      /^Error: the process on WebGPU ended with 1: case 0: run: expected feeds/,
    );
  },
);

test("without onnxruntime-node one sentence says what to install", () => {
  const folder = mkdtempSync(join(tmpdir(), "softpool-peer-"));
  try {
    // The built package with its dependencies, but not its peers.
    const here = join(dirname(fileURLToPath(import.meta.url)), "..");
    const installed = join(folder, "node_modules/@softpool/onnx");
    mkdirSync(installed, { recursive: true });
    cpSync(join(here, "dist"), join(installed, "dist"), { recursive: true });
    cpSync(join(here, "package.json"), join(installed, "package.json"));
    for (const name of ["@bufbuild", "onnx-buf"]) {
      symlinkSync(join(here, "../../node_modules", name), join(folder, "node_modules", name));
    }
    symlinkSync(join(here, "../softpool"), join(folder, "node_modules/softpool"));
    const script = join(folder, "run.mjs");
    writeFileSync(
      script,
      `import { createSession } from "@softpool/onnx/session-node";
       createSession(new Uint8Array(), { provider: "webgpu" }).catch((e) => console.log(e.message));`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(stdout + stderr).toBe(
      "createSession: provider cpu: the package onnxruntime-node is not installed; install it: npm install onnxruntime-node\n",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
