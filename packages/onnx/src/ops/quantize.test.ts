import { expect, test } from "vitest";
import { expectLikeOrt, integers, random } from "../../test/ort.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { scalar, type Tensor, tensor } from "../tensor.ts";

test("like ONNX Runtime", async () => {
  const x = random([2, 4, 6], -3, 3);
  for (const opset of [10, 13, 19, 21]) {
    const pairs: [Tensor, Tensor | undefined, object?][] = [
      [scalar("float32", 0.02), scalar("uint8", 120)],
      [scalar("float32", 0.02), scalar("int8", -3)],
      [scalar("float32", 0.03), undefined],
    ];
    if (opset >= 13) {
      const zero = integers([4], -9, 9, "int8");
      pairs.push([random([4], 0.01, 0.05), zero], [random([4], 0.01, 0.05), zero, { axis: -2 }]);
    }
    if (opset >= 21) {
      const zero = integers([2, 4, 3], 90, 140, "uint8");
      pairs.push([random([2, 4, 3], 0.01, 0.05), zero, { axis: 2, block_size: 2 }]);
      pairs.push([scalar("float32", 0.01), undefined, { output_dtype: 3 }]);
    }
    for (const [scale, zero, given] of pairs) {
      const attributes = { ...given };
      const inputs = [x, scale, zero];
      const [y] = await expectLikeOrt({ type: "QuantizeLinear", opset, inputs, attributes });
      if (given && "output_dtype" in given) continue;
      const back = [y, scale, zero];
      await expectLikeOrt({ type: "DequantizeLinear", opset, inputs: back, attributes });
    }
    if (opset < 11) continue;
    for (const values of [x, random([7], 1, 2), tensor("float32", [2], 0)]) {
      await expectLikeOrt({ type: "DynamicQuantizeLinear", opset, inputs: [values], outputs: 3 });
    }
  }
});

test("a scale of several axes without blocks is refused", () => {
  const g = new Graph(21);
  const x = g.input("x", "float32", [2, 2]);
  g.output(g.op("QuantizeLinear", [x, g.constant(tensor("float32", [2, 2], 1))]));
  expect(() => evaluate(g.toModel(), { x: random([2, 2]) })).toThrow(
    "expected a scale of 0 or 1 axes, or a block_size, received 2 axes",
  );
});

test("quantized models have no gradient, and say why", () => {
  const g = new Graph(13);
  const x = g.input("x", "float32", [2]);
  const scale = g.constant(tensor("float32", [], 0.1));
  const y = g.op("QuantizeLinear", [x, scale]);
  const back = g.op("DequantizeLinear", [y, scale], {}, { name: "the node" });
  expect(() => gradients(g, back, [x], back)).toThrow(
    /^DequantizeLinear "the node": gradient: quantized numbers do not change little by little; train/,
  );
});
