import { expect, test } from "vitest";
import { expectGradient, node } from "../../test/gradient.ts";
import { random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { gradients } from "../gradients.ts";
import { Graph, type Value } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { tensor } from "../tensor.ts";

const epsilon = float(0.1);

test("BatchNormalization: given statistics, and those of the batch", async () => {
  for (const shape of [
    [4, 3],
    [3, 2, 4],
    [2, 3, 2, 3],
    [2, 2, 2, 1, 3],
  ]) {
    const list = () => random([shape[1]]);
    const inputs = [random(shape), list(), list(), list(), random([shape[1]], 0.5, 2)];
    await expectGradient({ build: node("BatchNormalization", { epsilon }), inputs });
    const build = node("BatchNormalization", { epsilon });
    for (const wrt of [[0], [1], [2], [0, 3], [0, 1, 4]]) {
      await expectGradient({ build, inputs, wrt, opsets: [18], ort: false });
    }
    for (const momentum of [0, 0.9]) {
      const attributes = { epsilon, training_mode: 1, momentum: float(momentum) };
      const training = (g: Graph, values: readonly Value[]) =>
        g.node("BatchNormalization", values, attributes, { outputs: 3 })[0];
      await expectGradient({ build: training, inputs, opsets: [14, 18] });
      // The number of samples need not be known.
      const batch = shape[0] !== shape[1];
      await expectGradient({ build: training, inputs, opsets: [18], wrt: [0, 1, 2], batch });
    }
  }
  const g = new Graph(15);
  const x = g.input("x", "float32", [2, 3]);
  const list = g.input("c", "float32", [3]);
  const before = g.nodes.length;
  const fixed = g.op("BatchNormalization", [x, list, list, list, list]);
  gradients(g, fixed, [x], x);
  const types = g.nodes.slice(before).map(({ opType }) => opType);
  expect(types).toEqual(["BatchNormalization", "Constant", "BatchNormalization"]);
  const attributes = { training_mode: 1 };
  const nodes = g.node("BatchNormalization", [x, list, list, list, list], attributes, {
    outputs: 3,
  });
  expect(() => gradients(g, nodes[1], [x], list)).toThrow(
    /BatchNormalization .*running statistics have none/,
  );
});

test("InstanceNormalization, GroupNormalization, LayerNormalization, RMSNormalization", async () => {
  for (const shape of [
    [2, 4, 3],
    [2, 4, 2, 3],
  ]) {
    const channels = () => random([shape[1]]);
    const inputs = [random(shape), channels(), channels()];
    const group = node("GroupNormalization", { epsilon, num_groups: 2 });
    await expectGradient({ build: node("InstanceNormalization", { epsilon }), inputs });
    await expectGradient({ build: group, inputs, opsets: [21] });
    const groups = [random(shape), random([2]), random([2])];
    await expectGradient({ build: group, inputs: groups, opsets: [18] });
    await expectGradient({ build: group, inputs, opsets: [21], batch: true });
    for (const axis of [-1, 1]) {
      const sizes = shape.slice(axis);
      const build = node("LayerNormalization", { epsilon, axis });
      const opsets = [17, 23];
      await expectGradient({
        build,
        inputs: [random(shape), random(sizes), random(sizes)],
        opsets,
      });
      await expectGradient({ build, inputs: [random(shape), random([1])], opsets });
      const root = node("RMSNormalization", { epsilon, axis });
      await expectGradient({ build: root, inputs: [random(shape), random(sizes)], opsets: [23] });
    }
  }
});

test("LpNormalization and LRN", async () => {
  for (const p of [1, 2]) {
    for (const axis of [-1, 0]) {
      await expectGradient({
        build: node("LpNormalization", { p, axis }),
        inputs: [random([3, 4], 0.5, 2)],
        opsets: [11, 22],
      });
    }
    // Nothing flows where the norm is 0.
    const g = new Graph(18);
    const x = g.input("x", "float32", [1, 2]);
    const seed = g.constant(tensor("float32", [1, 2], 1));
    const [dx] = gradients(g, g.op("LpNormalization", [x], { p }), [x], seed);
    g.output(dx);
    const { data } = evaluate(g.toModel(), { x: tensor("float32", [1, 2], 0) })[dx.name];
    expect(Array.from(data)).toEqual([0, 0]);
  }
  for (const size of [1, 2, 3, 4]) {
    const attributes = { size, alpha: float(0.5), beta: float(0.75), bias: float(1.5) };
    const inputs = [random([2, 5, 2, 3])];
    // ONNX Runtime knows odd sizes.
    const ort = size % 2 === 1;
    await expectGradient({
      build: node("LRN", attributes),
      inputs,
      opsets: [18],
      batch: true,
      ort,
    });
  }
});
