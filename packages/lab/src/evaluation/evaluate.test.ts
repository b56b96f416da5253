/** The evaluation on a model whose answers are known: it tells pictures apart by their mean colour. */
import { type DType, Graph, globalAveragePool, type Shape, writeModel } from "@softpool/onnx";
import { createSession, type RunTensor, type Session } from "@softpool/onnx/session-node";
import { uniforms } from "@softpool/poolings";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Batch } from "../data/loader.ts";
import { textures } from "../data/textures.ts";
import { Failure } from "../errors.ts";
import { wilson } from "../statistics/intervals.ts";
import { type EvaluationOptions, evaluateModel, type Verdict } from "./evaluate.ts";
import { rank } from "./rank.ts";
import { subset } from "./subset.ts";

const SIZE = 4;

interface ModelOptions {
  readonly batch?: number | string;
  readonly softmax?: boolean;
  readonly flat?: boolean;
  readonly gain?: boolean;
  readonly output?: Shape;
  readonly input?: Shape;
  readonly dtype?: DType;
}

/** Scores are the mean of each channel, times an input where there is a gain. */
function colourModel(options: ModelOptions = {}): Promise<Session> {
  const { batch = "batch", softmax, flat = true, gain, dtype = "float32" } = options;
  const g = new Graph(17);
  const x = g.input("pictures", dtype, options.input ?? [batch, 3, SIZE, SIZE]);
  let y = globalAveragePool(g, x);
  if (flat) y = g.op("Flatten", [y], { axis: 1 });
  if (gain) y = g.op("Mul", [y, g.input("gain", "float32", [1])]);
  if (softmax) y = g.op("Softmax", [y], { axis: 1 });
  g.output({ ...y, dtype, shape: options.output ?? [batch, 3, ...(flat ? [] : [1, 1])] });
  return createSession(writeModel(g.toModel()));
}

const COUNT = 13;
/** Mean colours of the pictures; the likeliest class is the strongest channel. */
const colours = Array.from({ length: COUNT }, (_, i) =>
  Array.from({ length: 3 }, (_, c) => ((i * 7 + c * 5) % 11) / 2 - 1),
);
const labels = colours.map((_, i) => i % 3);

/** The pictures in batches of five, the last of three, with noise of mean 0. */
async function* batches(nan = -1): AsyncGenerator<Batch> {
  for (let start = 0, step = 0; start < COUNT; start += 5, step++) {
    const indices = Int32Array.from({ length: Math.min(5, COUNT - start) }, (_, i) => start + i);
    const data = new Float32Array(indices.length * 3 * SIZE * SIZE);
    const noise = uniforms(data.length, { seed: step });
    data.forEach((_, i) => {
      const at = Math.floor(i / SIZE ** 2);
      const sign = i % 2 === 0 ? 1 : -1;
      data[i] = colours[start + Math.floor(at / 3)][at % 3] + sign * noise[i - (i % 2)];
    });
    if (indices.includes(nan)) data[(nan - start) * 3 * SIZE * SIZE] = Number.NaN;
    const shape = [indices.length, 3, SIZE, SIZE] as const;
    yield { epoch: 0, step, shape, data, labels: indices.map((i) => labels[i]), indices };
  }
}

const lossOf = (i: number) =>
  Math.log(colours[i].reduce((sum, c) => sum + Math.exp(c), 0)) - colours[i][labels[i]];
const right = (i: number) => colours[i].indexOf(Math.max(...colours[i])) === labels[i];
const all = Array.from({ length: COUNT }, (_, i) => i);
const hits = all.filter(right).length;

async function evaluated(model: ModelOptions, options: Partial<EvaluationOptions> = {}, nan = -1) {
  const session = await colourModel(model);
  const verdicts: Verdict[] = [];
  try {
    const onPicture = (verdict: Verdict) => verdicts.push(verdict);
    const result = await evaluateModel(session, batches(nan), {
      classes: 3,
      onPicture,
      ...options,
    });
    return { ...result, verdicts };
  } finally {
    await session.dispose();
  }
}

const gain: RunTensor = { dtype: "float32", shape: [1], data: Float32Array.of(1) };

test("known answers, whatever number of pictures the model takes at once", async () => {
  const cases: [ModelOptions, Partial<EvaluationOptions>][] = [
    [{}, {}],
    [{ batch: 1 }, {}],
    [{ batch: 4 }, {}],
    [{ batch: 9 }, {}],
    [{ flat: false }, {}],
    [{ softmax: true, batch: 2 }, { scores: "probabilities" }],
    [{ gain: true }, { feeds: { gain } }],
    [{ output: ["n", "classes"] }, {}],
    [{ dtype: "float16" }, {}],
  ];
  expect([hits > 2, hits < COUNT - 2]).toEqual([true, true]);
  for (const [model, options] of cases) {
    const label = JSON.stringify(model);
    const digits = model.dtype === "float16" ? 2 : 4;
    const { verdicts, ...result } = await evaluated(model, options);
    expect(result, label).toMatchObject({
      pictures: COUNT,
      first: hits,
      five: COUNT,
      notFinite: 0,
    });
    expect(result.top1, label).toEqual(wilson(hits, COUNT));
    expect(result.top5.value, label).toBe(1);
    expect(result.loss, label).toBeCloseTo(all.reduce((s, i) => s + lossOf(i), 0) / COUNT, digits);
    expect(result.running).toBeLessThanOrEqual(result.seconds);
    expect(
      verdicts.map(({ index }) => index),
      label,
    ).toEqual(all);
    for (const { index, target, predicted, loss, score } of verdicts) {
      const sorted = [0, 1, 2].sort((a, b) => colours[index][b] - colours[index][a]);
      expect([target, ...predicted], label).toEqual([labels[index], ...sorted]);
      expect(loss, label).toBeCloseTo(lossOf(index), digits);
      const first = Math.exp(-(lossOf(index) + colours[index][target] - colours[index][sorted[0]]));
      expect(score, label).toBeCloseTo(first, digits);
    }
  }
});

test("scores that are no numbers count as wrong and are told", async () => {
  const bad = all.find(right) as number;
  const { verdicts, ...result } = await evaluated({ batch: 4 }, {}, bad);
  expect(result).toMatchObject({ pictures: COUNT, first: hits - 1, five: COUNT - 1, notFinite: 1 });
  expect(result.loss).toBeNaN();
  expect(verdicts.map(({ index }) => index)).toEqual(all.filter((i) => i !== bad));
});

test("stops between batches with what it has", async () => {
  const counted: number[] = [];
  const onBatch = ({ pictures }: { pictures: number }) => counted.push(pictures);
  const result = await evaluated({}, { onBatch, stop: () => counted.length === 2 });
  expect([counted, result.pictures]).toEqual([[5, 10], 10]);
  expect(result.top1).toEqual(wilson(all.slice(0, 10).filter(right).length, 10));
  const none = await evaluated({}, { stop: () => true });
  expect(none).toMatchObject({ pictures: 0, top1: { value: Number.NaN, low: 0, high: 1 } });
});

test("what is no classifier of the data's classes is refused in one sentence", async () => {
  const cases: [ModelOptions, Partial<EvaluationOptions>, string][] = [
    [{}, { classes: 4, title: '"a.onnx"' }, '"a.onnx" tells 3 classes apart, but the data has 4'],
    [{ output: ["n", "k"] }, { classes: 2 }, "the model tells 3 classes apart, but the data has 2"],
    [{ gain: true }, {}, 'expected one input, the pictures, received "pictures", "gain"'],
    [
      { input: ["n", 2, SIZE, SIZE], output: ["n", 2] },
      {},
      'input "pictures": expected float32 or float16 pictures [N, 3, H, W] or [N, 1, H, W], received float32 n x 2 x 4 x 4',
    ],
    [{ input: ["n", 3, 4], flat: false, output: ["n", 3, 1] }, {}, "received float32 n x 3 x 4"],
    [{ input: ["n", 3, 9, 9] }, {}, 'run: input "pictures": expected shape n x 3 x 9 x 9'],
    [{ input: [2, 3, SIZE, SIZE], output: ["n", 3] }, { feeds: { no: gain } }, '"no"'],
  ];
  for (const [model, options, message] of cases) {
    const result = evaluated(model, options);
    await expect(result, message).rejects.toThrow(message);
    await expect(result, message).rejects.toThrow(Failure);
  }
});

test("a row is ranked as a full sort ranks it", () => {
  const row = fc.array(fc.constantFrom(-Infinity, -800, -1.5, 0, 0.25, 2, 700), { minLength: 1 });
  fc.assert(
    fc.property(row, fc.nat(), fc.integer({ min: 1, max: 6 }), (values, pick, wanted) => {
      const target = pick % values.length;
      const most = Math.min(wanted, values.length);
      const result = rank(Float64Array.from(values), target, "logits", most);
      const max = Math.max(...values);
      if (max === -Infinity) {
        expect(result).toBeUndefined();
        return;
      }
      const sorted = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
      const log = max + Math.log(values.reduce((sum, v) => sum + Math.exp(v - max), 0));
      expect(result?.predicted).toEqual(sorted.slice(0, most));
      expect(result?.rank).toBe(sorted.indexOf(target));
      expect(result?.score).toBeCloseTo(Math.exp(max - log), 12);
      if (values[target] === -Infinity) expect(result?.loss).toBe(Infinity);
      else expect(result?.loss).toBeCloseTo(log - values[target], 9);
    }),
  );
  for (const bad of [Number.NaN, Infinity]) {
    expect(rank(Float64Array.of(1, bad), 0, "logits", 2)).toBeUndefined();
  }
  expect(rank(Float64Array.of(1.1, -0.1), 0, "probabilities", 2)).toBeUndefined();
  const zero = rank(Float64Array.of(1, 0), 1, "probabilities", 2);
  expect(zero).toEqual({ predicted: [0, 1], rank: 1, loss: 149 * Math.LN2, score: 1 });
});

test("a part of a set: the same pictures every time, of all classes", () => {
  const set = textures({ count: 1000 }, "test");
  const part = subset(set, 100);
  const names = Array.from({ length: part.length }, (_, i) => part.name(i));
  expect(new Set(names).size).toBe(100);
  const numbers = names.map((name) => Number(name.split("/")[1]));
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  numbers.forEach((number, i) => {
    expect(part.label(i)).toBe(set.label(number));
    expect(part.source(i)).toEqual(set.source(number));
  });
  const seen = new Set(numbers.map((number) => number % 10));
  expect(seen.size).toBe(10);
  const again = subset(textures({ count: 1000 }, "test"), 100);
  expect(Array.from({ length: 100 }, (_, i) => again.name(i))).toEqual(names);
  expect(subset(set, 1000)).toBe(set);
});
