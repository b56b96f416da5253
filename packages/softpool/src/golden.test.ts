/** Golden vectors: one 2x2 window, float64, computed independently of this package. */
import { expect, test } from "vitest";
import * as api from "./index.ts";

const windows = { a: [1, 2, 4, 5], b: [-1, 2, 0, -3] };

/** Name of the function, extra options, results for both windows. */
const forward: [string, object, number, number][] = [
  ["avgPool2d", {}, 3, -0.5],
  ["maxPool2d", {}, 5, 2],
  ["sumPool2d", {}, 12, -2],
  ["powerAvgPool2d", {}, 6.78233, 3.7416574],
  ["powerAvgPool2d", { normalized: true }, 3.391165, 1.8708287],
  ["powerAvgPool2d", { p: 3 }, 5.8284767, 3.3019272],
  ["powerAvgPool2d", { p: 3, normalized: true }, 3.6717102, 2.0800838],
  ["softPool2d", {}, 4.588781, 1.6193165],
  ["softPool2d", { beta: 0.5 }, 4.0751828, 0.9148406],
  ["softPool2d", { beta: 2 }, 4.8733792, 1.9566097],
  ["softPool2d", { beta: 10 }, 4.9999546, Number.NaN],
];

const slopes: [object, number[], number[]][] = [
  [
    { gradient: "exact" },
    [-0.0330193, -0.0550848, 0.1053488, 0.9827553],
    [-0.067643, 1.1584273, -0.0703232, -0.0204611],
  ],
  [
    { gradient: "weights" },
    [0.0127548, 0.0346711, 0.2561866, 0.6963875],
    [0.0417726, 0.8390245, 0.1135496, 0.0056533],
  ],
];

type Call = (...args: unknown[]) => { data: Float64Array };
const functions = api as unknown as Record<string, Call>;
const tensor = (data: number[]) => ({ data: Float64Array.from(data), shape: [1, 1, 2, 2] });

test.each(["wasm", "reference"])("golden vectors on engine %s", (engine) => {
  for (const [name, options, a, b] of forward) {
    for (const [window, wanted] of [
      [windows.a, a],
      [windows.b, b],
    ] as [number[], number][]) {
      if (Number.isNaN(wanted)) continue;
      const { data } = functions[name](tensor(window), { kernelSize: 2, engine, ...options });
      expect(Math.abs(data[0] - wanted), `${name} ${JSON.stringify(options)}`).toBeLessThan(6e-8);
    }
  }
  const one = { data: Float64Array.of(1), shape: [1, 1, 1, 1] };
  for (const [options, a, b] of slopes) {
    for (const [window, wanted] of [
      [windows.a, a],
      [windows.b, b],
    ]) {
      const all = { kernelSize: 2, engine, ...options };
      const { data } = functions.softPool2dBackward(one, tensor(window), all);
      wanted.forEach((value, i) => {
        expect(Math.abs(data[i] - value)).toBeLessThan(6e-8);
      });
    }
  }
});

test.each(["wasm", "reference"])(
  "the window that tells the two gradients apart, on %s",
  (engine) => {
    const x = { data: Float64Array.of(0, 3), shape: [1, 1, 2] };
    const one = { data: Float64Array.of(1), shape: [1, 1, 1] };
    expect(functions.softPool1d(x, { kernelSize: 2, engine }).data[0]).toBeCloseTo(2.8577224, 6);
    const exact = functions.softPool1dBackward(one, x, { kernelSize: 2, engine }).data;
    expect(exact[0]).toBeCloseTo(-0.0881041, 6);
    expect(exact[1]).toBeCloseTo(1.0881041, 6);
    const options = { kernelSize: 2, engine, gradient: "weights" };
    const weights = functions.softPool1dBackward(one, x, options).data;
    expect(weights[0]).toBeCloseTo(0.0474259, 6);
    expect(weights[1]).toBeCloseTo(0.9525741, 6);
  },
);
