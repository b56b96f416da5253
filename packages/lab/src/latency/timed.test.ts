import { elements } from "@softpool/onnx";
import { catalogue } from "@softpool/poolings";
import { expect, test } from "vitest";
import { timedModel } from "./graph.ts";
import { fillUniform, isSound } from "./numbers.ts";
import { openOperator } from "./operator.ts";
import { directions, outputShape, type Subject, whyAbsent } from "./place.ts";
import { openRuntime } from "./runtime.ts";

const shapes = [
  [2, 3, 23],
  [2, 3, 11, 10],
  [1, 2, 6, 5, 7],
];

test("the engines that are timed compute the same, in both directions, for 1 to 3 axes", async () => {
  for (const shape of shapes) {
    for (const direction of directions) {
      for (const kernel of [2, 3]) {
        const place = { shape, kernel, direction };
        const runtime = await openRuntime("cpu", 1);
        const openers = (["wasm", "reference"] as const).map((engine) =>
          openOperator(engine, 2, { ...place, method: "average" }),
        );
        for (const method of ["soft", "average", "maximum", "sum", "power-average"]) {
          const subject: Subject = { ...place, method };
          const results: Float32Array[] = [];
          for (const open of [runtime, ...openers]) {
            const timed = await open(subject);
            await timed.call();
            results.push((await timed.result()).slice());
          }
          const [graph, ...own] = results;
          expect(graph.length).toBe(elements(direction === "forward" ? outputShape(place) : shape));
          for (const other of own) {
            const difference = graph.reduce(
              (most, v, i) => Math.max(most, Math.abs(v - other[i])),
              0,
            );
            expect(difference, `${method} ${direction} ${shape}`).toBeLessThan(1e-5);
          }
        }
      }
    }
  }
});

test("every method can be timed on ONNX Runtime in both directions, or says why not", async () => {
  const shape = [2, 4, 12, 12];
  for (const direction of directions) {
    for (const { name: method } of catalogue) {
      const subject: Subject = { shape, kernel: 2, method, direction };
      if (whyAbsent("cpu", subject) !== undefined) continue;
      const timed = await (await openRuntime("cpu", 1))(subject);
      await timed.call();
      expect(isSound(await timed.result()), `${method} ${direction}`).toBe(true);
      const { inputs, outputs } = timedModel(subject);
      expect(inputs[0]).toMatchObject({ name: "x", shape });
      expect(outputs[0].shape).toEqual(direction === "forward" ? [2, 4, 6, 6] : shape);
    }
  }
});

test("the engine wasm tells what it holds during a call: more for more threads, nothing afterwards", async () => {
  const place = { shape: [1, 8, 128, 128], kernel: 2, method: "soft" } as const;
  for (const direction of directions) {
    const held = await Promise.all(
      [1, 2, 4].map(async (threads) => {
        const open = openOperator("wasm", threads, { ...place, direction });
        return (await open({ ...place, direction })).held?.();
      }),
    );
    const [one, two, four] = held as number[];
    expect(one).toBeGreaterThan(0);
    expect(two).toBeGreaterThanOrEqual(one);
    // Scratch memory of each thread is alike; blocks are rounded to 64 bytes.
    expect(Math.abs(four - two - 2 * (two - one))).toBeLessThanOrEqual(256);
  }
});

test("numbers are drawn and repeated, within [0, 1)", () => {
  const long = new Float32Array(600_000);
  fillUniform(long, 1);
  expect(long.slice(0, 1000)).toEqual(long.slice(2 ** 18, 2 ** 18 + 1000));
  expect(long.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(long.reduce((sum, value) => sum + value, 0) / long.length).toBeCloseTo(0.5, 2);
  for (const wrong of [
    new Float32Array(4),
    Float32Array.of(1, Number.NaN),
    Float32Array.of(Infinity),
  ]) {
    expect(isSound(wrong)).toBe(false);
  }
  expect(isSound(long)).toBe(true);
});
