import {
  add,
  evaluate,
  Graph,
  mul,
  poolWindow,
  scalar,
  sub,
  type Tensor,
  tensor,
  type Value,
} from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Network, plainBands, plainNetwork, plainSum } from "../test/plain/lift.ts";
import {
  type Call,
  evaluated,
  expectClose,
  initialParameters,
  numbers,
  OPSETS,
  onCpu,
  seeded,
} from "../test/run.ts";
import { sumOf, taps } from "./frame.ts";
import { type Lifting, learnedLifting, liftBands, lift as method } from "./lift.ts";

const halves = (rank: number, ceilMode = false) => {
  const two = new Array<number>(rank).fill(2);
  return poolWindow(two, { strides: two, ceilMode });
};

const calls = fc
  .record({
    sizes: fc.array(fc.integer({ min: 2, max: 7 }), { minLength: 1, maxLength: 3 }),
    samples: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    ceilMode: fc.boolean(),
    seed: fc.nat(1000),
  })
  .map(({ sizes, samples, channels, ceilMode, seed }): Call => {
    const x = numbers([samples, channels, ...sizes], seed);
    const call = { method, x, window: halves(sizes.length, ceilMode) };
    return { ...call, parameters: initialParameters(call, seed) };
  });

/** The plain form with the same parameters. */
function plain({ x, window, parameters = {} }: Call): Tensor {
  const network =
    (name: string): Network =>
    (value, axis) => {
      const of = (part: string) => parameters[`${name}${axis}.${part}`];
      return plainNetwork(of("0.weight"), of("0.bias"), of("1.weight"), of("1.bias"))(value, axis);
    };
  return plainSum(plainBands(x, window.ceilMode, network("predict"), network("update")));
}

test("the plain form", () => {
  fc.assert(
    fc.property(calls, (call) => {
      const expected = plain(call);
      for (const options of [{}, { known: false }, { dtype: "float64" as const }]) {
        expectClose(evaluated(call, options), expected, 1e-9);
      }
    }),
    seeded(),
  );
});

test("ONNX Runtime, every operator set, known and unknown sizes", async () => {
  for (const [i, call] of fc.sample(calls, seeded(24)).entries()) {
    const opset = OPSETS[i % OPSETS.length];
    // Ceil mode came with operator set 10.
    if (opset < 10 && call.window.ceilMode) continue;
    const expected = plain(call);
    for (const known of [true, false]) {
      expectClose(await onCpu(call, { opset, known }), expected, 2e-5, `opset ${opset}`);
    }
  }
});

/** What is composed of the bands of given networks. */
function bandsOf(
  x: Tensor,
  lifting: (g: Graph) => Lifting,
  compose: (g: Graph, bands: Value[], x: Value) => Value[],
): Tensor[] {
  const g = new Graph(17);
  const input = g.input("x", "float64", x.shape);
  const bands = liftBands(g, input, halves(x.shape.length - 2), lifting(g));
  const results = compose(g, bands, input);
  g.output(...results);
  const values = evaluate(g.toModel(), { x: { ...x, dtype: "float64" } });
  return results.map(({ name }) => values[name]);
}

test("Haar networks: averages, and 1.5 x_o - 0.5 x_e in 1D", () => {
  const haar = (g: Graph): Lifting => ({
    predict: (even) => even,
    update: (detail) => mul(g, detail, g.constant(scalar("float64", 0.5))),
  });
  const x = tensor("float64", [1, 1, 2, 2], [1, 2, 4, 5]);
  const bands = bandsOf(x, haar, (_, all) => all).map(({ data }) => data[0]);
  // The average, differences along columns, along rows, along both.
  expect(bands).toEqual([3, 1, 3, 0]);
  const line = numbers([1, 1, 8], 3);
  const [sum] = bandsOf(line, haar, (g, all) => [sumOf(g, all)]);
  const expected = Array.from(
    { length: 4 },
    (_, i) => 1.5 * line.data[2 * i + 1] - 0.5 * line.data[2 * i],
  );
  expectClose(sum, tensor("float64", [1, 1, 4], expected), 1e-12);
});

test("networks of 0 give the phases; any networks can be undone", () => {
  const x = numbers([2, 3, 6, 4], 5);
  const zero = (g: Graph): Lifting => {
    const nothing = (value: Value) => mul(g, value, g.constant(scalar("float64", 0)));
    return { predict: nothing, update: nothing };
  };
  const found = bandsOf(x, zero, (g, bands, input) => [...bands, ...taps(g, input, halves(2))]);
  for (let a = 0; a < 4; a++) expectClose(found[a], found[a + 4], 0);
  const line = numbers([2, 3, 10], 6);
  const call = { method, x: line, window: halves(1) };
  const values = initialParameters(call, 4);
  const learned = (g: Graph) =>
    learnedLifting({
      g,
      x: { name: "x" },
      window: call.window,
      noise: {},
      settings: {},
      parameters: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          g.constant({ ...value, dtype: "float64" }),
        ]),
      ),
    });
  let lifting: Lifting;
  const undone = bandsOf(
    line,
    (g) => {
      lifting = learned(g);
      return lifting;
    },
    (g, [smooth, detail], input) => {
      const even = sub(g, smooth, lifting.update(detail, 0));
      const odd = add(g, detail, lifting.predict(even, 0));
      return [even, odd, ...taps(g, input, halves(1))];
    },
  );
  expectClose(undone[0], undone[2], 1e-12);
  expectClose(undone[1], undone[3], 1e-12);
});

test("large values stay finite; NaN stays near", async () => {
  for (const scale of [1e30, 1e-42, 0]) {
    const x = numbers([1, 2, 6, 6], 2);
    const call = { method, x: { ...x, data: x.data.map((v) => v * scale) }, window: halves(2) };
    expect((await onCpu(call)).data.every(Number.isFinite)).toBe(true);
  }
  const x = numbers([1, 1, 40], 2);
  x.data[0] = NaN;
  const y = await onCpu({ method, x, window: halves(1) });
  expect(y.data[0]).toBeNaN();
  expect(y.data.slice(8).every(Number.isFinite)).toBe(true);
});

test("what cannot be halved is refused", () => {
  const why = (window: ReturnType<typeof poolWindow>) =>
    method.refuse?.({ window, channels: 1 }, {});
  expect(why(poolWindow([3, 3], { strides: [2, 2] }))).toMatch(/kernel is \[3, 3\]/);
  expect(why(poolWindow([2, 2]))).toMatch(/stride/);
  expect(why(poolWindow([2, 2], { strides: [2, 2], dilations: [1, 2] }))).toMatch(/dilation/);
  expect(why(poolWindow([2], { strides: [2], pads: [1, 0] }))).toMatch(/padding/);
  expect(why(halves(3, true))).toBeUndefined();
  expect(why({ ...halves(2), autoPad: "SAME_UPPER" })).toBeUndefined();
});
