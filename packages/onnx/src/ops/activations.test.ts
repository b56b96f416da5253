import { expect, test } from "vitest";
import { expectGradient, gradientsOf, node } from "../../test/gradient.ts";
import { random } from "../../test/ort.ts";
import { type AttributeValues, float } from "../attributes.ts";
import { tensor } from "../tensor.ts";
import { MAX_OPSET } from "../versions.ts";

test("gradients of activations", async () => {
  const alpha = { alpha: float(0.3) };
  const cases: [type: string, attributes: AttributeValues, since?: number][] = [
    ...["Relu", "Sigmoid", "Tanh", "Softplus", "Softsign"].map(
      (type) => [type, {}] as [string, AttributeValues],
    ),
    ["Mish", {}, 18],
    ["HardSwish", {}, 14],
    ["Swish", {}, 24],
    ["Swish", alpha, 24],
    ["Shrink", { lambd: float(0.7), bias: float(0.2) }],
    ["LeakyRelu", {}],
    ["LeakyRelu", alpha],
    ["Elu", {}],
    ["Elu", alpha],
    ["Celu", {}, 12],
    ["Celu", alpha, 12],
    ["Selu", {}],
    ["Selu", { ...alpha, gamma: float(1.2) }],
    ["ThresholdedRelu", {}],
    ["ThresholdedRelu", alpha],
    ["HardSigmoid", {}],
    ["HardSigmoid", { ...alpha, beta: float(0.4) }],
    ["Gelu", {}, 20],
    ["Gelu", { approximate: "tanh" }, 20],
  ];
  for (const [type, attributes, since = 11] of cases) {
    const opsets = [...new Set([Math.max(since, 13), MAX_OPSET])];
    for (const x of [random([2, 3, 4], -4, 4), random([])]) {
      // ONNX Runtime 1.30 has no CPU kernel of Swish.
      const ort = type !== "Swish";
      await expectGradient({ build: node(type, attributes), inputs: [x], opsets, ort });
    }
  }
  for (const slope of [random([4]), random([3, 1]), random([2, 3, 4])]) {
    await expectGradient({ build: node("PRelu"), inputs: [random([2, 3, 4]), slope] });
  }
});

test("kinks as in PyTorch", () => {
  const at = [-3, -2.5, -0.5, 0, 0.5, 1, 2.5, 3];
  const x = tensor("float32", [8], at);
  const slope = tensor("float32", [1], 0.25);
  // PyTorch 1.13, float64.
  const expected: [type: string, attributes: AttributeValues, values: number[]][] = [
    ["Relu", {}, [0, 0, 0, 0, 1, 1, 1, 1]],
    ["LeakyRelu", { alpha: float(0.25) }, [0.25, 0.25, 0.25, 0.25, 1, 1, 1, 1]],
    ["PRelu", {}, [0.25, 0.25, 0.25, 0.25, 1, 1, 1, 1]],
    ["Elu", { alpha: float(0.5) }, [0.024894, 0.041042, 0.303265, 0.5, 1, 1, 1, 1]],
    ["Celu", { alpha: float(0.5) }, [0.002479, 0.006738, 0.367879, 1, 1, 1, 1, 1]],
    ["Selu", {}, [0.087531, 0.144314, 1.066341, 1.758099, 1.050701, 1.050701, 1.050701, 1.050701]],
    ["HardSwish", {}, [-0.5, -0.333333, 0.333333, 0.5, 0.666667, 0.833333, 1.333333, 1]],
    ["HardSigmoid", { alpha: float(1 / 6) }, [0, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 0]],
    ["ThresholdedRelu", {}, [0, 0, 0, 0, 0, 0, 1, 1]],
    ["Shrink", { lambd: float(0.5), bias: float(0.5) }, [1, 1, 0, 0, 0, 1, 1, 1]],
    ["Softsign", {}, [0.0625, 0.081633, 0.444444, 1, 0.444444, 0.25, 0.081633, 0.0625]],
  ];
  for (const [type, attributes, values] of expected) {
    const inputs = type === "PRelu" ? [x, slope] : [x];
    const test = { build: node(type, attributes), inputs, wrt: [0] };
    const [dx] = gradientsOf(test, [tensor("float64", [8], 1)]);
    const rounded = Array.from(dx.data, (value) => Math.round(value * 1e5) / 1e5 + 0);
    expect(rounded, type).toEqual(values.map((value) => Math.round(value * 1e5) / 1e5));
  }
});
