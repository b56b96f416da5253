import {
  attribute,
  axisOf,
  cast,
  concat,
  conv,
  evaluate,
  exp,
  forEachWindow,
  Graph,
  globalAveragePool,
  importOpset,
  int64s,
  type ModelProto,
  maxPool,
  metadata,
  type NodeProto,
  type PoolWindow,
  pad,
  poolWindow,
  readModel,
  relu,
  scalar,
  subgraphs,
  type Tensor,
  tensor,
  type Value,
  writeModel,
} from "@softpool/onnx";
import { expect, test } from "vitest";
import { runOrt } from "../../onnx/test/ort.ts";
import { numbers } from "../test/run.ts";
import { planSwap, type SwapOptions } from "./plan.ts";
import { METADATA_KEY } from "./record.ts";
import { swapPooling } from "./swap.ts";

/** SoftPool of every window, in float64, written down for this test alone. */
function softly(x: Tensor, window: PoolWindow): Tensor {
  const axes = x.shape.slice(2).map((size, i) => axisOf(window, i, size));
  const inner = axes.reduce((n, { size }) => n * size, 1);
  const outer = axes.reduce((n, { out }) => n * out, 1);
  const planes = x.shape[0] * x.shape[1];
  const data = new Float64Array(planes * outer);
  forEachWindow(axes, (output, offsets) => {
    for (let plane = 0; plane < planes; plane++) {
      const values = offsets.map((offset) => x.data[plane * inner + offset]);
      const m = Math.max(...values);
      const weights = values.map((v) => Math.exp(v - m));
      const sum = weights.reduce((a, b) => a + b);
      const total = weights.reduce((a, w, i) => a + w * values[i], 0);
      data[plane * outer + output] = total / sum;
    }
  });
  return { ...x, shape: [...x.shape.slice(0, 2), ...axes.map(({ out }) => out)], data };
}

/** A model of one graph. */
function build(opset: number, f: (g: Graph) => void): ModelProto {
  const g = new Graph(opset);
  f(g);
  return readModel(writeModel(g.toModel()));
}

/** All nodes, those of subgraphs and functions too. */
function nodesOf(model: ModelProto): NodeProto[] {
  const all = (nodes: readonly NodeProto[]): NodeProto[] =>
    nodes.flatMap((node) => [node, ...subgraphs(node).flatMap(([, graph]) => all(graph.node))]);
  return [...all(model.graph?.node ?? []), ...model.functions.flatMap((f) => all(f.node))];
}

const own = (model: ModelProto) =>
  nodesOf(model).filter(({ domain, opType }) => domain === "softpool" && opType === "SoftPool");

async function expectOutput(
  model: ModelProto,
  feeds: Record<string, Tensor>,
  name: string,
  expected: Tensor,
): Promise<void> {
  for (const outputs of [evaluate(model, feeds), await runOrt(model, feeds)]) {
    const y = outputs[name];
    expect(y.shape).toEqual(expected.shape);
    for (const [i, value] of y.data.entries()) {
      const error = Math.abs(value - expected.data[i]) / Math.max(1, Math.abs(expected.data[i]));
      expect(error, `${name}[${i}]`).toBeLessThanOrEqual(4e-6);
    }
  }
}

/** A small network: convolution, maximum with padding, counted average as PyTorch writes it, global. */
function network(opset: number, sizes: (number | string)[] = [2, 3, 13, 11]): ModelProto {
  return build(opset, (g) => {
    const x = g.input("x", "float32", sizes);
    const w = g.initializer("w", numbers([4, 3, 3, 3], 5, -0.5, 0.5));
    const h = relu(g, conv(g, x, w, undefined, { pads: [1, 1, 1, 1] }));
    const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
    const m = g.op("MaxPool", [h], attributesOf(window), { name: "/pool/Max", outputNames: ["m"] });
    const padded = pad(g, m, [0, 0, 1, 1, 0, 0, 1, 1], 0);
    const a = g.op(
      "AveragePool",
      [padded],
      { kernel_shape: [3, 3], strides: [2, 2] },
      {
        name: "/pool/Average",
        outputNames: ["a"],
      },
    );
    const y = globalAveragePool(g, a);
    g.output({ ...m, shape: undefined }, { ...a, shape: undefined }, { ...y, shape: undefined });
  });
}

const attributesOf = ({ kernel, strides, pads }: PoolWindow) => ({
  kernel_shape: kernel,
  strides,
  pads,
});

const pooled = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });

test("a network at every kind of operator set, known and unknown sizes, functions and in place", async () => {
  const x = numbers([2, 3, 13, 11], 9);
  for (const opset of [9, 10, 11, 13, 15, 18, 21, 24, 26]) {
    for (const sizes of [
      [2, 3, 13, 11],
      ["n", 3, "h", "w"],
    ]) {
      for (const inline of [false, true]) {
        const before = network(opset, sizes);
        const { model, changed, decisions } = swapPooling(before, { inline });
        expect(changed).toBe(true);
        expect(decisions.map(({ action }) => action)).toEqual(["replace", "replace", "keep"]);
        const after = readModel(writeModel(model));
        const h = evaluate(before, { x }, { also: [before.graph?.node[1].output[0] ?? ""] });
        const m = softly(h[before.graph?.node[1].output[0] ?? ""], pooled);
        await expectOutput(after, { x }, "m", m);
        await expectOutput(
          after,
          { x },
          "a",
          softly({ ...m, data: m.data.map(Math.fround) }, pooled),
        );
        expect(own(after)).toHaveLength(inline ? 0 : 2);
        if (inline) {
          expect(after.functions).toEqual([]);
          expect(after.irVersion).toBe(before.irVersion);
          expect(nodesOf(after).some(({ opType }) => opType === "If")).toBe(false);
        } else {
          // Both layers have one configuration, so that one function serves both.
          expect(after.functions).toHaveLength(1);
          expect(own(after).map(({ overload }) => overload)).toEqual(
            Array(2).fill(after.functions[0].overload),
          );
          const shown = own(after)[0].attribute.map(({ name }) => name);
          expect(shown).toEqual(
            expect.arrayContaining(["kernel_shape", "strides", "pads", "beta"]),
          );
        }
        // The Pad belonged to the average.
        const pads = before.graph?.node.filter(({ opType }) => opType === "Pad") ?? [];
        expect(after.graph?.node.some(({ output }) => output[0] === pads[0].output[0])).toBe(false);
      }
    }
  }
});

test("everything else stays byte for byte, and so does the given model", () => {
  const before = network(17);
  before.metadataProps.push({
    $typeName: "onnx.StringStringEntryProto",
    key: "author",
    value: "x",
  });
  const bytes = writeModel(before);
  const { model } = swapPooling(before);
  expect(writeModel(before)).toEqual(bytes);
  const left = { ...model, metadataProps: model.metadataProps.slice(0, 1) };
  expect(left.metadataProps).toEqual(before.metadataProps);
  const untouched = (m: ModelProto) =>
    m.graph?.node.filter(({ name, opType }) => !name.startsWith("/pool/") && opType !== "Pad");
  expect(untouched(model)).toEqual(untouched(before));
  expect(model.graph?.initializer).toEqual(before.graph?.initializer);
  expect(model.graph?.input).toEqual(before.graph?.input);
  expect(model.graph?.output).toEqual(before.graph?.output);
});

test("twice changes nothing; what was done is recorded", () => {
  for (const inline of [false, true]) {
    const first = swapPooling(network(17), { inline });
    const bytes = writeModel(first.model);
    const second = swapPooling(readModel(bytes), { inline });
    expect(second.changed).toBe(false);
    expect(writeModel(second.model)).toEqual(bytes);
    const record: unknown = JSON.parse(metadata(first.model, METADATA_KEY) ?? "");
    expect(record).toMatchObject([
      {
        to: "soft",
        inline,
        layers: [
          { name: "/pool/Max", from: "maximum" },
          { name: "/pool/Average", from: "average" },
        ],
      },
    ]);
  }
});

test("swapped layers can be swapped again", () => {
  const soft = swapPooling(network(17)).model;
  const average = swapPooling(readModel(writeModel(soft)), { from: ["soft"], to: "average" });
  expect(average.decisions.map(({ action }) => action)).toEqual(["replace", "replace", "keep"]);
  expect(average.model.functions).toEqual([]);
  const warmer = swapPooling(soft, { from: ["soft"], settings: { beta: 2 } });
  expect(warmer.changed).toBe(true);
  expect(own(warmer.model)).toHaveLength(2);
  expect(warmer.model.functions).toHaveLength(1);
});

test("which layers: kinds, names, patterns", () => {
  const model = network(17);
  const actions = (options: SwapOptions) => planSwap(model, options).map(({ action }) => action[0]);
  expect(actions({ from: ["maximum"] })).toEqual(["r", "k", "k"]);
  expect(actions({ from: ["avg"] })).toEqual(["k", "r", "k"]);
  expect(actions({ from: ["global-average"] })).toEqual(["k", "k", "r"]);
  expect(actions({ only: ["/pool/M*"] })).toEqual(["r", "k", "k"]);
  expect(actions({ except: ["/pool/M*"] })).toEqual(["k", "r", "k"]);
  expect(actions({ only: ["a"] })).toEqual(["k", "r", "k"]);
  expect(actions({ only: ["globalaveragepool"] })).toEqual(["k", "k", "r"]);
  expect(actions({ only: ["*"] })).toEqual(["r", "r", "k"]);
  expect(() => planSwap(model, { only: ["nothing"] })).toThrow(
    'no pooling layer is called "nothing"; there are: "/pool/Max", "/pool/Average", "globalaveragepool"',
  );
  expect(() => planSwap(model, { from: ["maxi"] })).toThrow(/from: expected maximum, average/);
  expect(() => planSwap(model, { to: "smooth" })).toThrow(/method: expected one of average, /);
  expect(() => planSwap(model, { settings: { gamma: 1 } })).toThrow(
    /soft: it has no setting gamma/,
  );
});

test("global layers, named, of known and unknown size", async () => {
  const x = numbers([2, 3, 13, 11], 9);
  for (const sizes of [
    [2, 3, 13, 11],
    ["n", 3, "h", "w"],
  ]) {
    for (const inline of [false, true]) {
      const model = network(17, sizes);
      const options = { only: ["globalaveragepool"], inline };
      const swapped = readModel(writeModel(swapPooling(model, options).model));
      const y = model.graph?.output[2].name ?? "";
      const { a } = evaluate(model, { x });
      const everything = poolWindow(a.shape.slice(2));
      await expectOutput(swapped, { x }, y, softly(a, everything));
    }
  }
});

test("--kernel 2x2 where no shape changes", () => {
  const stem = (sizes: (number | string)[]) =>
    build(17, (g) => {
      const x = g.input("x", "float32", sizes);
      g.output({ ...maxPool(g, x, pooled), shape: undefined });
    });
  const [even] = planSwap(stem([1, 4, 12, 10]), { kernel: "2x2" });
  expect(even).toMatchObject({ action: "replace", window: { kernel: [2, 2], pads: [0, 0, 0, 0] } });
  const [odd] = planSwap(stem([1, 4, 13, 10]), { kernel: "2x2" });
  expect(odd).toMatchObject({ action: "refuse" });
  expect(odd.reason).toBe("a 2x2 kernel would change its output from 1x4x7x5 to 1x4x6x5");
  const [open] = planSwap(stem(["n", 4, "h", "w"]), { kernel: "2x2" });
  expect(open.reason).toMatch(/its input size is unknown/);
  const given = { kernel: "2x2", inputs: { x: [1, 4, 12, 10] } } as const;
  expect(planSwap(stem(["n", 4, "h", "w"]), given)[0].action).toBe("replace");
});

test("refused with the reason: used indices, integers, quantised, windows in the padding", () => {
  const reasonOf = (f: (g: Graph) => Value) => {
    const [decision] = planSwap(build(17, (g) => g.output({ ...f(g), shape: undefined })));
    return `${decision.action}: ${decision.reason}`;
  };
  const two = { kernel_shape: [2, 2], strides: [2, 2] };
  expect(
    reasonOf((g) => {
      const x = g.input("x", "float32", [1, 1, 4, 4]);
      const [y, indices] = g.node("MaxPool", [x], two, { outputs: 2 });
      g.output(indices);
      return y;
    }),
  ).toBe("refuse: its indices are used, which only a maximum has");
  expect(
    reasonOf((g) => {
      const x = g.input("x", "float32", [1, 1, 4, 4]);
      return g.node("MaxPool", [x], two, { outputs: 2 })[0];
    }),
  ).toBe("replace: ");
  expect(reasonOf((g) => g.op("MaxPool", [g.input("x", "int8", [1, 1, 4, 4])], two))).toBe(
    "refuse: its values are int8, which has no exponentials",
  );
  expect(
    reasonOf((g) => {
      const x = g.input("x", "uint8", [1, 1, 4, 4]);
      const scale = g.constant(scalar("float32", 0.1));
      const real = g.op("DequantizeLinear", [x, scale]);
      return g.op("QuantizeLinear", [g.op("MaxPool", [real], two), scale]);
    }),
  ).toMatch(/^refuse: its input is quantised/);
  expect(
    reasonOf((g) => {
      const x = g.input("x", "float32", [1, 1, 1]);
      const gaps = { kernel_shape: [2], dilations: [2], pads: [1, 1], strides: [1] };
      return g.op("MaxPool", [x], gaps);
    }),
  ).toBe("refuse: a window along axis 2 lies in the padding alone");
});

test("refused: padding and global windows that depend on what is not known", () => {
  const reasonOf = (f: (g: Graph) => Value, options: SwapOptions = {}) => {
    const model = build(17, (g) => g.output({ ...f(g), shape: undefined }));
    const [{ action, reason }] = planSwap(model, options);
    return `${action}: ${reason}`;
  };
  const same = { kernel_shape: [2, 2], auto_pad: "SAME_UPPER" };
  const open = ["n", 2, "h", "w"];
  expect(
    reasonOf((g) => {
      const x = g.input("x", "float32", [1, 2, 9, 9]);
      return g.op("MaxPool", [x], { ...same, dilations: [2, 2] });
    }),
  ).toMatch(/^refuse: its padding SAME_UPPER with dilation means different things/);
  const wide = (g: Graph) =>
    g.op("MaxPool", [g.input("x", "float32", open)], { ...same, strides: [3, 3] });
  expect(reasonOf(wide)).toMatch(/^refuse: its padding SAME_UPPER with a stride above the kernel/);
  const global = (shape: (string | number)[] | undefined) => (g: Graph) =>
    g.op("GlobalAveragePool", [g.input("x", "float32", shape)]);
  const from = ["global-average"];
  expect(reasonOf(global(undefined), { from })).toMatch(/^refuse: the number of its input's axes/);
  expect(reasonOf(global(open), { from, to: "lp" })).toMatch(/^refuse: its input size is unknown/);
  expect(reasonOf(global([1, 2, 7, 7]), { from, to: "lp" })).toBe("replace: ");
  expect(reasonOf(global([1, 2, 56, 56]), { from, to: "lp" })).toMatch(
    /^refuse: a window of 3136 taps/,
  );
  expect(reasonOf(global(open), { from, to: "average" })).toBe("keep: it is average already");
  // Moved values are as quantised as before.
  const moved = (g: Graph) => {
    const x = g.op("DequantizeLinear", [
      g.input("x", "int8", open),
      g.constant(scalar("float32", 1)),
    ]);
    return g.op("MaxPool", [g.op("Transpose", [x], { perm: [0, 1, 3, 2] })], {
      kernel_shape: [2, 2],
    });
  };
  expect(reasonOf(moved)).toMatch(/^refuse: its input is quantised/);
});

test("global layers by methods that need the size", async () => {
  const x = numbers([1, 2, 5, 4], 6);
  const before = build(17, (g) => {
    const input = g.input("x", "float32", [1, 2, 5, 4]);
    g.output({ ...globalAveragePool(g, input), shape: undefined });
  });
  for (const to of ["lp", "gate", "mixed", "em", "stochastic"]) {
    for (const inline of [false, true]) {
      const { model, changed } = swapPooling(before, { to, from: ["global-average"], inline });
      expect(changed).toBe(true);
      const name = before.graph?.output[0].name ?? "";
      const after = readModel(writeModel(model));
      await expectOutput(after, { x }, name, evaluate(after, { x })[name]);
      expect(evaluate(after, { x })[name].shape).toEqual([1, 2, 1, 1]);
    }
  }
});

test("shapes that are given for a look do not end up in the file", async () => {
  const before = build(17, (g) => {
    const x = g.input("x", "float32", ["n", 2, "h", "w"]);
    const attributes = { kernel_shape: [3, 2], strides: [2, 2], auto_pad: "SAME_UPPER" };
    g.output({ ...g.op("MaxPool", [x], attributes, { outputNames: ["y"] }), shape: undefined });
  });
  for (const inline of [false, true]) {
    const given = swapPooling(before, { inline, inputs: { x: [1, 2, 8, 8] } });
    expect(writeModel(given.model)).toEqual(writeModel(swapPooling(before, { inline }).model));
    expect(given.decisions[0].layer.input).toEqual([1, 2, 8, 8]);
    const x = numbers([2, 2, 7, 5], 1);
    const window = poolWindow([3, 2], { strides: [2, 2], autoPad: "SAME_UPPER" });
    await expectOutput(readModel(writeModel(given.model)), { x }, "y", softly(x, window));
  }
});

test("what is there already, and what is not", () => {
  const swapped = (options: SwapOptions) => swapPooling(network(17), options).model;
  const outcome = (model: ModelProto, options: SwapOptions) => {
    const { changed, already } = swapPooling(readModel(writeModel(model)), options);
    return changed ? "changed" : already ? "already" : "neither";
  };
  expect(outcome(swapped({}), {})).toBe("already");
  expect(outcome(swapped({}), { settings: { beta: 2 } })).toBe("neither");
  expect(outcome(swapped({}), { paddingMode: "zero" })).toBe("neither");
  expect(outcome(swapped({}), { inline: true })).toBe("neither");
  expect(outcome(swapped({}), { inline: true, from: ["soft"] })).toBe("changed");
  expect(outcome(swapped({ inline: true }), { inline: true })).toBe("already");
  expect(outcome(swapped({ inline: true, only: ["/pool/Max"] }), { inline: true })).toBe("changed");
  const only = { inline: true, only: ["/pool/Max"] };
  expect(outcome(swapped(only), only)).toBe("already");
  expect(outcome(swapped({ to: "average" }), { to: "average" })).toBe("already");
  expect(outcome(network(17), { from: ["lp"] })).toBe("neither");
});

test("functions in which nothing is replaced keep their attributes", () => {
  const inner = new Graph(17);
  const value = inner.input("x", undefined);
  inner.output(inner.op("MaxPool", [value], { kernel_shape: { reference: "size", type: "INTS" } }));
  const pool = inner.toFunction({ domain: "user", name: "Pool", attributes: ["size"] });
  const before = build(17, (g) => {
    const x = g.input("x", "float32", [1, 2, 8, 8]);
    const a = g.op("Pool", [x], { size: [2, 2] }, { domain: "user" });
    const b = g.op("Pool", [a], { size: [3, 3] }, { domain: "user" });
    const y = g.op("MaxPool", [b], { kernel_shape: [2, 2] }, { name: "top" });
    g.output({ ...y, dtype: "float32", shape: undefined });
  });
  before.functions.push(pool);
  importOpset(before, "user", 1);
  before.irVersion = 10n;
  const { model } = swapPooling(before, { only: ["top"] });
  expect(model.functions.filter(({ domain }) => domain === "user")).toEqual([pool]);
  expect(model.graph?.node.slice(0, 2)).toEqual(before.graph?.node.slice(0, 2));
});

test("a network with quantised values has no If: ONNX Runtime would end the process", async () => {
  const before = build(17, (g) => {
    const x = g.input("x", "int8", [1, 2, 4, 4]);
    const real = g.op("DequantizeLinear", [x, g.constant(scalar("float32", 0.25))]);
    const kept = g.op("MaxPool", [real], { kernel_shape: [1, 1] }, { name: "kept" });
    const y = g.op("MaxPool", [kept], { kernel_shape: [2, 2] }, { outputNames: ["y"] });
    g.output({ ...y, shape: undefined });
  });
  const { model, decisions } = swapPooling(before, { from: ["maximum"] });
  expect(decisions.map(({ action }) => action)).toEqual(["refuse", "replace"]);
  expect(nodesOf(model).some(({ opType }) => opType === "If")).toBe(false);
  const x = tensor(
    "int8",
    [1, 2, 4, 4],
    Array.from({ length: 32 }, (_, i) => (i * 7) % 20),
  );
  const real = { ...x, dtype: "float32" as const, data: x.data.map((v) => v / 4) };
  await expectOutput(readModel(writeModel(model)), { x }, "y", softly(real, poolWindow([2, 2])));
});

test("notes of a node stay; padding that may be given another value is not merged", () => {
  const before = network(17);
  const pool = before.graph?.node.find(({ name }) => name === "/pool/Max");
  if (pool === undefined) throw new Error("no pool");
  pool.docString = "from the notebook";
  for (const inline of [false, true]) {
    const nodes = swapPooling(before, { inline }).model.graph?.node ?? [];
    expect(nodes.find(({ output }) => output[0] === "m")?.docString).toBe("from the notebook");
  }
  const open = build(17, (g) => {
    const x = g.input("x", "float32", [1, 2, 8, 8]);
    const pads = g.input("pads", "int64", [8]);
    const y = g.op("AveragePool", [g.op("Pad", [x, pads])], { kernel_shape: [3, 3] });
    g.output({ ...y, shape: undefined });
  });
  const initial = new Graph(17);
  initial.initializer("pads", int64s([0, 0, 1, 1, 0, 0, 1, 1]));
  open.graph?.initializer.push(...initial.initializers);
  const { model } = swapPooling(open);
  expect(model.graph?.node.some(({ opType }) => opType === "Pad")).toBe(true);
});

test("calls that multiply are refused soon", () => {
  const before = build(17, (g) => {
    const x = g.input("x", "float32", [1, 1, 8, 8]);
    g.output({ ...g.op("F0", [x], {}, { domain: "user" }), dtype: "float32" });
  });
  before.irVersion = 10n;
  importOpset(before, "user", 1);
  for (let i = 0; i < 16; i++) {
    const g = new Graph(17);
    let y = g.input("x", undefined);
    const attributes = Array.from({ length: i }, (_, k) => `p${k}`);
    if (i === 15) y = maxPool(g, y, poolWindow([1, 1]));
    else {
      // Every call hands on what it was given and one of two numbers: twice as many at every level.
      for (const number of [0, 1]) {
        const given = attributes.map((name) => [name, { reference: name, type: "INT" }] as const);
        const handed = { ...Object.fromEntries(given), [`p${i}`]: number };
        y = g.op(`F${i + 1}`, [y], handed, { domain: "user" });
      }
    }
    g.output(y);
    const f = g.toFunction({ domain: "user", name: `F${i}`, attributes });
    importOpset(f, "user", 1);
    before.functions.push(f);
  }
  expect(() => swapPooling(before)).toThrow(/called with more than 500 different attributes/);
});

test("half and double precision", async () => {
  const window = poolWindow([2, 2], { strides: [2, 2] });
  for (const dtype of ["float16", "float64", "bfloat16"] as const) {
    const before = build(17, (g) => {
      const x = g.input("x", "float32", [1, 2, 6, 6]);
      const y = maxPool(g, cast(g, x, dtype), window);
      g.output({ ...cast(g, y, "float32"), shape: undefined });
    });
    const x = tensor(
      "float32",
      [1, 2, 6, 6],
      numbers([1, 2, 6, 6], 3, 1, 2).data.map((v) => Math.round(v * 64) / 64),
    );
    for (const inline of [false, true]) {
      const { model } = swapPooling(before, { inline });
      const name = before.graph?.output[0].name ?? "";
      const expected = softly(x, window);
      const precision = { float16: 2 ** -10, float64: 1e-6, bfloat16: 2 ** -7 }[dtype];
      const all = [evaluate(model, { x })];
      // ONNX Runtime's CPU provider has no bfloat16.
      if (dtype !== "bfloat16") all.push(await runOrt(readModel(writeModel(model)), { x }));
      for (const outputs of all) {
        for (const [i, value] of outputs[name].data.entries()) {
          expect(Math.abs(value - expected.data[i])).toBeLessThanOrEqual(2 * precision);
        }
      }
    }
  }
});

test("in branches, loops and functions, also functions whose window is an attribute of the call", async () => {
  const window = poolWindow([2, 2], { strides: [2, 2] });
  const x = numbers([1, 2, 8, 8], 4);
  for (const inline of [false, true]) {
    const branch = build(17, (g) => {
      const input = g.input("x", "float32", [1, 2, 8, 8]);
      const [y] = g.if(
        g.input("c", "bool", []),
        (h) => [maxPool(h, input, window)],
        (h) => [exp(h, maxPool(h, input, window))],
      );
      g.output({ ...y, name: y.name });
    });
    const swapped = readModel(writeModel(swapPooling(branch, { inline }).model));
    const name = branch.graph?.output[0].name ?? "";
    for (const c of [0, 1]) {
      const soft = softly(x, window);
      const expected = c === 1 ? soft : { ...soft, data: soft.data.map(Math.exp) };
      await expectOutput(swapped, { x, c: scalar("bool", c) }, name, expected);
    }

    const keep = poolWindow([3, 3], { pads: [1, 1, 1, 1] });
    const loop = build(17, (g) => {
      const input = g.input("x", "float32", [1, 2, 8, 8]);
      const body = g.subgraph();
      body.input("i", "int64", []);
      const go = body.input("go", "bool", []);
      const h = body.input("h", "float32", [1, 2, 8, 8]);
      body.output(body.op("Identity", [go]), maxPool(body, h, keep));
      const twice = g.constant(scalar("int64", 2));
      const [y] = g.node(
        "Loop",
        [twice, undefined, input],
        { body: body.toGraph("body") },
        {
          outputNames: ["y"],
        },
      );
      g.output({ ...y, dtype: "float32", shape: undefined });
    });
    const looped = readModel(writeModel(swapPooling(loop, { inline }).model));
    await expectOutput(looped, { x }, "y", softly(softly(x, keep), keep));

    // Two calls of one function, its kernel an attribute; a function around it.
    const inner = new Graph(17);
    const value = inner.input("x", undefined);
    inner.output(
      inner.op("MaxPool", [value], {
        kernel_shape: { reference: "size", type: "INTS" },
        strides: { reference: "size", type: "INTS" },
      }),
    );
    const pool = inner.toFunction({ domain: "user", name: "Pool", attributes: ["size"] });
    const middle = new Graph(17);
    const through = middle.op(
      "Pool",
      [middle.input("x", undefined)],
      { size: [2, 2] },
      { domain: "user" },
    );
    middle.output(through);
    const around = middle.toFunction({ domain: "user", name: "Around" });
    importOpset(around, "user", 1);
    const called = build(17, (g) => {
      const input = g.input("x", "float32", [1, 2, 8, 8]);
      const a = g.op("Around", [input], {}, { domain: "user", outputNames: ["a"] });
      const b = g.op("Pool", [input], { size: [4, 4] }, { domain: "user", outputNames: ["b"] });
      g.output({ ...a, dtype: "float32" }, { ...b, dtype: "float32" });
    });
    called.functions.push(pool, around);
    importOpset(called, "user", 1);
    called.irVersion = 10n;
    const result = swapPooling(readModel(writeModel(called)), { inline });
    expect(result.decisions.map(({ action }) => action)).toEqual(["replace", "replace"]);
    const again = readModel(writeModel(result.model));
    await expectOutput(again, { x }, "a", softly(x, window));
    await expectOutput(again, { x }, "b", softly(x, poolWindow([4, 4], { strides: [4, 4] })));
    expect(swapPooling(again, { inline }).changed).toBe(false);
  }
});

test("auto_pad, 1D and 3D, dilation, ceil mode, two pools of one value", async () => {
  const cases: {
    shape: number[];
    attributes: Record<string, number | number[] | string>;
    window: PoolWindow;
  }[] = [
    {
      shape: [1, 2, 7],
      attributes: { kernel_shape: [3], strides: [2], auto_pad: "SAME_UPPER" },
      window: poolWindow([3], { strides: [2], autoPad: "SAME_UPPER" }),
    },
    {
      shape: [1, 2, 6, 9],
      attributes: { kernel_shape: [2, 3], strides: [2, 2], auto_pad: "SAME_LOWER" },
      window: poolWindow([2, 3], { strides: [2, 2], autoPad: "SAME_LOWER" }),
    },
    {
      shape: [1, 2, 4, 5, 6],
      attributes: { kernel_shape: [2, 2, 3], strides: [2, 1, 2], ceil_mode: 1 },
      window: poolWindow([2, 2, 3], { strides: [2, 1, 2], ceilMode: true }),
    },
    {
      shape: [1, 2, 9, 9],
      attributes: { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 },
      window: poolWindow([2, 2], { strides: [2, 2], pads: [1, 1, 1, 1], ceilMode: true }),
    },
    {
      shape: [1, 2, 9, 9],
      attributes: { kernel_shape: [3, 3], strides: [1, 2], dilations: [2, 2], pads: [1, 0, 2, 1] },
      window: poolWindow([3, 3], { strides: [1, 2], dilations: [2, 2], pads: [1, 0, 2, 1] }),
    },
  ];
  for (const { shape, attributes, window } of cases) {
    const x = numbers(shape, 11);
    for (const [opset, known, inline] of [
      [10, true, false],
      [17, false, false],
      [17, true, true],
      [22, false, true],
    ] as const) {
      const before = build(opset, (g) => {
        const sizes = known ? shape : shape.map((_, i) => `n${i}`);
        const input = g.input("x", "float32", sizes);
        const one = g.op("MaxPool", [input], attributes, { outputNames: ["one"] });
        const two = g.op("MaxPool", [input], { ...attributes }, { outputNames: ["two"] });
        g.output({ ...one, shape: undefined }, { ...two, shape: undefined });
      });
      const after = readModel(writeModel(swapPooling(before, { inline }).model));
      for (const name of ["one", "two"]) {
        await expectOutput(after, { x }, name, softly(x, window));
      }
    }
  }
});

test("a Pad that does not belong to the average stays", () => {
  const kept = (f: (g: Graph, x: Value) => Value) => {
    const before = build(17, (g) => {
      const x = g.input("x", "float32", [1, 2, 8, 8]);
      g.output({ ...f(g, x), shape: undefined });
    });
    const after = swapPooling(before).model;
    return after.graph?.node.some(({ opType }) => opType === "Pad");
  };
  const pool = (g: Graph, x: Value) => g.op("AveragePool", [x], { kernel_shape: [3, 3] });
  const around = [0, 0, 1, 1, 0, 0, 1, 1];
  expect(kept((g, x) => pool(g, pad(g, x, around, 0)))).toBe(false);
  expect(kept((g, x) => pool(g, pad(g, x, around, 1)))).toBe(true);
  expect(kept((g, x) => pool(g, pad(g, x, around, 0, "reflect")))).toBe(true);
  expect(kept((g, x) => pool(g, pad(g, x, [0, 1, 1, 1, 0, 0, 1, 1], 0)))).toBe(true);
  expect(kept((g, x) => pool(g, pad(g, x, [0, 0, 3, 3, 0, 0, 3, 3], 0)))).toBe(true);
  expect(
    kept((g, x) => {
      const padded = pad(g, x, around, 0);
      g.output({ ...padded, shape: undefined });
      return pool(g, padded);
    }),
  ).toBe(true);
  expect(
    kept((g, x) => {
      const pads = concat(
        g,
        [g.constant(int64s([0, 0, 1, 1])), g.constant(int64s([0, 0, 1, 1]))],
        0,
      );
      return pool(g, g.op("Pad", [x, pads]));
    }),
  ).toBe(false);
});

test("names that the swap uses itself are taken with care", () => {
  const before = build(17, (g) => {
    const x = g.input("softpool/p/exp_out", "float32", [1, 2, 8, 8]);
    const y = g.op(
      "MaxPool",
      [x],
      { kernel_shape: [2, 2] },
      { name: "p", outputNames: ["softpool/p"] },
    );
    g.output({ ...y, shape: undefined });
  });
  before.graph?.node[0].attribute.push(attribute("storage_order", 0));
  const after = readModel(writeModel(swapPooling(before, { inline: true }).model));
  expect(after.graph?.output[0].name).toBe("softpool/p");
});
