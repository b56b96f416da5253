/** Swapped models in their form for training: the same values, the gradients that were asked for. */
import {
  averagePool,
  evaluate,
  Graph,
  globalAveragePool,
  gradients,
  graphOf,
  type ModelProto,
  maxPool,
  mul,
  poolWindow,
  readModel,
  reduce,
  relu,
  type Tensor,
  tensor,
  type Value,
  writeModel,
} from "@softpool/onnx";
import { expect, test } from "vitest";
import { uniforms } from "./random.ts";
import { swapPooling } from "./swap.ts";
import { trainingForm } from "./training-form.ts";

/** Numbers from -2 to 2. */
const seeded = (count: number, seed: number): number[] =>
  Array.from(uniforms(count, { seed }), (u) => 4 * u - 2);

const overlapping = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });

/** Two poolings with a window and a global one. */
function network(batch: number | string): ModelProto {
  const g = new Graph(17);
  const x = g.input("x", "float32", [batch, 2, 9, 9]);
  const first = maxPool(g, x, overlapping);
  const second = averagePool(g, relu(g, first), poolWindow([2, 2], { strides: [1, 1] }));
  const last = globalAveragePool(g, second);
  g.output(g.op("Identity", [last], {}, { outputNames: ["y"] }));
  return readModel(writeModel(g.toModel()));
}

/** y, and the gradient of its weighted sum by x. */
function derived(model: ModelProto, feeds: Record<string, Tensor>) {
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, own]) => [name, own.shape]));
  const g = graphOf(model, { inputs: shapes });
  const [y] = g.outputs;
  const weights = g.constant(tensor("float32", [3, 2, 1, 1], seeded(6, 5)));
  const loss = reduce(g, "ReduceSum", mul(g, y, weights), undefined, false);
  const [dx] = gradients(g, loss, [g.value("x") as Value]);
  g.output(g.op("Identity", [dx], {}, { outputNames: ["dx"] }));
  return evaluate(readModel(writeModel(g.toModel())), feeds);
}

const difference = (a: Tensor, b: Tensor) =>
  Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i])));

const all = ["maximum", "average", "global-average"];
const x = tensor("float32", [3, 2, 9, 9], seeded(3 * 2 * 81, 4));

test("calls and nodes in place: the values of the swapped model, the exact gradient or the weights alone", () => {
  for (const [batch, beta] of [
    ["batch", 1],
    [3, 2],
    [3, -1],
  ] as const) {
    const settings = { beta };
    const [called, inline] = [false, true].map(
      (own) => swapPooling(network(batch), { from: all, inline: own, settings }).model,
    );
    const y = evaluate(called, { x }).y;
    const inputs = { x: [3, 2, 9, 9] };
    const found = [called, inline].map((model) =>
      (["exact", "weights"] as const).map((gradient) => {
        const form = trainingForm(model, { inputs, gradient });
        expect(form.noise).toEqual([]);
        expect(form.parameters).toEqual([]);
        const result = derived(form.model, { x });
        expect(difference(result.y, y)).toBeLessThan(1e-6);
        return result.dx;
      }),
    );
    // The swapped model itself, through its If, has the exact gradient.
    const plain = derived(called, { x }).dx;
    for (const [exact, weights] of found) {
      expect(difference(exact, plain)).toBeLessThan(1e-6);
      expect(difference(weights, plain)).toBeGreaterThan(1e-3);
    }
    expect(difference(found[0][1], found[1][1])).toBeLessThan(1e-6);
  }
});

test("a gradient of weights adds up to that of what comes out; learned and drawn poolings", () => {
  const weights = trainingForm(swapPooling(network(3), { from: all }).model, {
    gradient: "weights",
  });
  const total = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  // Without the ReLU in between the weights of every window add up to 1.
  const positive = { ...x, data: x.data.map((value) => Math.abs(value) + 0.1) };
  const { dx } = derived(weights.model, { x: positive });
  expect(total(dx.data)).toBeCloseTo(total(seeded(6, 5)), 6);

  const gate = swapPooling(network("batch"), { to: "gate" }).model;
  const learned = trainingForm(gate, { inputs: { x: [3, 2, 9, 9] } });
  expect(learned.parameters.length).toBeGreaterThan(1);
  const stored = gate.graph?.initializer.map(({ name }) => name);
  for (const { name } of learned.parameters) expect(stored).toContain(name);

  const drawn = swapPooling(network("batch"), { to: "stochastic" }).model;
  const { model, noise } = trainingForm(drawn, { inputs: { x: [3, 2, 9, 9] } });
  expect(noise.map(({ shape }) => shape)).toEqual([
    [3, 2, 5, 5],
    [3, 2, 4, 4],
  ]);
  const feeds = Object.fromEntries(
    noise.map(({ name, shape }, i) => {
      const count = shape.reduce((a, b) => a * b, 1);
      return [
        name,
        tensor(
          "float32",
          shape,
          seeded(count, i).map((v) => Math.abs(v) % 1),
        ),
      ];
    }),
  );
  const result = derived(model, { x: positive, ...feeds });
  // What is drawn is a tap: its gradient goes to few places.
  expect(result.dx.data.filter((value) => value !== 0).length).toBeLessThan(3 * 2 * 25 + 1);
});
