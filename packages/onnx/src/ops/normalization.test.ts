import { expect, test } from "vitest";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { tensor } from "../tensor.ts";
import { batchNormalization, instanceNormalization, layerNormalization } from "./normalization.ts";

const positive = (shape: number[]) => random(shape, 0.5, 2);

test("like ONNX Runtime", async () => {
  const x = random([2, 4, 3, 5]);
  const channels = () => random([4]);
  const epsilon = float(1e-3);
  for (const opset of [9, 13, 14, 15, 17, 18, 21, 22, 23]) {
    const run = (type: string, inputs: object[], attributes = {}, outputs = 1) =>
      expectLikeOrt({ type, opset, inputs: inputs as never, attributes, outputs });
    for (const input of [x, random([3, 4]), random([2, 4, 6])]) {
      const statistics = [channels(), channels(), channels(), positive([4])];
      await run("BatchNormalization", [input, ...statistics], { epsilon });
      if (input.shape.length === 2) continue;
      await run("InstanceNormalization", [input, channels(), channels()], { epsilon });
    }
    if (opset < 22) {
      for (const axis of [0, 1, undefined]) {
        for (const p of [1, 2]) await run("LpNormalization", [x], { axis, p });
      }
    }
    for (const size of [1, 3, 5]) {
      const attributes = { size, alpha: float(0.2), bias: float(1.5) };
      await run("LRN", [random([2, 6, 3, 2])], attributes);
    }
    for (const axes of [undefined, [1], [1, 2, 3]]) {
      await run("MeanVarianceNormalization", [x], { axes });
    }
    if (opset >= 17) {
      for (const axis of [-1, 1, -2]) {
        const shape = x.shape.slice(axis);
        await run("LayerNormalization", [x, random(shape)], { axis });
        const inputs = [x, random(shape), random(shape)];
        await run("LayerNormalization", inputs, { axis, epsilon }, 3);
      }
    }
    if (opset >= 18) {
      const size = opset < 21 ? 2 : 4;
      const inputs = [x, random([size]), random([size])];
      await run("GroupNormalization", inputs, { num_groups: 2, epsilon });
    }
    if (opset >= 23) await run("RMSNormalization", [x, random([5])], { epsilon });
  }
});

test("batch normalization that trains, against its definition", () => {
  for (const opset of [14, 15]) {
    const g = new Graph(opset);
    const x = g.input("x", "float32", [2, 1, 2]);
    const list = (value: number) => g.constant(tensor("float32", [1], [value]));
    const inputs = [x, list(3), list(1), list(10), list(20)];
    const outputs = g.node(
      "BatchNormalization",
      inputs,
      { training_mode: 1, momentum: float(0.5), epsilon: float(0) },
      { outputs: 3 },
    );
    expect(outputs.map(({ shape }) => shape)).toEqual([[2, 1, 2], [1], [1]]);
    g.output(...outputs);
    const [y, mean, variance] = Object.values(
      evaluate(g.toModel(), { x: tensor("float32", [2, 1, 2], [0, 4, 0, 4]) }),
    );
    expect([...y.data, ...mean.data, ...variance.data]).toEqual([-2, 4, -2, 4, 6, 12]);
  }
});

test("builders", () => {
  const g = new Graph(17);
  const x = g.input("x", "float32", ["N", 3, "L"]);
  const [one, zero] = [1, 0].map((value) => g.constant(tensor("float32", [3], value)));
  const results = [
    batchNormalization(g, x, one, zero, zero, one, { epsilon: 0 }),
    instanceNormalization(g, x, one, zero),
    layerNormalization(g, x, one, undefined, { axis: -1, epsilon: 1e-3 }),
  ];
  for (const { shape } of results) expect(shape).toEqual(["N", 3, "L"]);
  g.output(...results);
  const input = random([2, 3, 3]);
  const [same, instance, layer] = Object.values(evaluate(g.toModel(), { x: input }));
  expect(same.data).toEqual(input.data);
  for (const [i, value] of instance.data.entries()) expect(layer.data[i]).toBeCloseTo(value, 2);
  expect(() => layerNormalization(new Graph(13), x, one, zero)).toThrow(
    "LayerNormalization: expected opset 17 or newer, received 13",
  );
});
