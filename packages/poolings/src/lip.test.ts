import { evaluate, Graph, type PoolWindow, poolWindow, type Tensor } from "@softpool/onnx";
import { expect, test } from "vitest";
import { plainLogits, plainWeighted } from "../test/plain/lip.ts";
import { plainMap } from "../test/plain/network.ts";
import { plainSoftBeta } from "../test/plain/soft-beta.ts";
import {
  evaluated,
  expectClose,
  initialParameters,
  numbers,
  OPSETS,
  onCpu,
  square,
} from "../test/run.ts";
import { expectFinite, type Plain, randomParameters, suite } from "../test/suite.ts";
import { importancePool, lip, lipBottleneck } from "./lip.ts";

const plain: Plain = (x, window, _, parameters) =>
  plainWeighted(x, plainLogits(x, parameters), window);

suite({ method: lip, plain });
suite({ method: lipBottleneck, plain, runs: [4, 12] });

test("an average at the start, of 128 hidden channels and few", () => {
  const x = numbers([2, 3, 7, 6], 4);
  const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
  for (const method of [lip, lipBottleneck]) {
    const parameters = initialParameters({ method, x, window });
    expectClose(evaluated({ method, x, window }), plainSoftBeta(x, window, [0]), 1e-9);
    const count = Object.values(parameters).reduce((n, { data }) => n + data.length, 0);
    // 3x3 C C + 2 C; C H + 9 H H + H C + 4 H + 2 C.
    expect(count).toBe(method === lip ? 87 : 148_742);
  }
  expect(evaluated({ method: lip, ...square([1, 2, 4, 5]) }).data[0]).toBeCloseTo(3, 12);
});

/** The weighted mean with logits that are an input. */
function weighted(x: Tensor, logits: Tensor, window: PoolWindow): Tensor {
  const g = new Graph(21);
  const [a, b] = [g.input("x", "float64", x.shape), g.input("logits", "float64", x.shape)];
  const y = importancePool(g, a, b, window);
  g.output(y);
  return evaluate(g.toModel(), { x, logits })[y.name];
}

test("logits x are SoftPool, steep ones the maximum, a common shift changes nothing", () => {
  const x = numbers([2, 2, 9, 8], 6, 0, 11);
  const window = poolWindow([3, 2], { strides: [2, 2], pads: [1, 0, 0, 1], dilations: [2, 1] });
  const soft = plainSoftBeta(x, window, [1]);
  expectClose(weighted(x, x, window), soft, 1e-9);
  const up = plainMap(x, (v) => v + 1);
  expectClose(weighted(x, up, window), soft, 1e-9);
  const small = plainMap(x, (v) => v / 20);
  const steep = plainMap(small, (v) => 20 * v);
  expectClose(weighted(small, steep, window), plainSoftBeta(small, window, [20]), 1e-9);
  // Constant logits: the average.
  const constant = plainMap(x, () => 7);
  expectClose(weighted(x, constant, window), plainSoftBeta(x, window, [0]), 1e-9);
});

test("extreme values; NaN fills its sample only", async () => {
  await expectFinite({ method: lip, plain });
  const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
  const x = numbers([2, 2, 6, 6], 3);
  const call = { method: lip, window, parameters: randomParameters({ method: lip, x, window }, 3) };
  const large = plainMap(x, (v) => v * 1e30);
  for (const opset of OPSETS) {
    expect((await onCpu({ ...call, x: large }, { opset })).data.every(Number.isFinite)).toBe(true);
  }
  x.data[0] = NaN;
  for (const y of [evaluated({ ...call, x }), await onCpu({ ...call, x })]) {
    expect([...y.data].map(Number.isNaN)).toEqual([...y.data].map((_, i) => i < 18));
  }
});
