/** Golden vectors: one 2x2 window, float64, computed independently of this package. */
import { expect, test } from "vitest";
import { browsers, engines } from "../test/engines.ts";

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

const tensor = (values: number[], dtype: string) => ({
  data: dtype === "float64" ? Float64Array.from(values) : Float32Array.from(values),
  shape: values.length === 4 ? [1, 1, 2, 2] : [1, 1, 1, 1],
});

test.each([...engines, ...browsers])(
  "golden vectors on engine $name",
  async ({ call, dtypes, tolerances }) => {
    const dtype = dtypes.includes("float64") ? "float64" : "float32";
    // The vectors have seven digits.
    const within = (value: number) => Math.max(6e-8, tolerances[dtype](value));
    for (const [name, options, a, b] of forward) {
      for (const [window, wanted] of [
        [windows.a, a],
        [windows.b, b],
      ] as [number[], number][]) {
        if (Number.isNaN(wanted)) continue;
        const { data } = await call(name, tensor(window, dtype), { kernelSize: 2, ...options });
        const label = `${name} ${JSON.stringify(options)}`;
        expect(Math.abs(data[0] - wanted), label).toBeLessThan(within(wanted));
      }
    }
    for (const [options, a, b] of slopes) {
      for (const [window, wanted] of [
        [windows.a, a],
        [windows.b, b],
      ]) {
        const all = { kernelSize: 2, ...options };
        const one = tensor([1], dtype);
        const { data } = await call("softPool2dBackward", one, tensor(window, dtype), all);
        wanted.forEach((value, i) => {
          expect(Math.abs(data[i] - value)).toBeLessThan(within(value));
        });
      }
    }
  },
);

test.each([...engines, ...browsers])(
  "the window that tells the two gradients apart, on $name",
  async ({ call, dtypes }) => {
    const Class = dtypes.includes("float64") ? Float64Array : Float32Array;
    const x = { data: Class.of(0, 3), shape: [1, 1, 2] };
    const one = { data: Class.of(1), shape: [1, 1, 1] };
    expect((await call("softPool1d", x, { kernelSize: 2 })).data[0]).toBeCloseTo(2.8577224, 5);
    for (const [gradient, a, b] of [
      ["exact", -0.0881041, 1.0881041],
      ["weights", 0.0474259, 0.9525741],
    ] as const) {
      const { data } = await call("softPool1dBackward", one, x, { kernelSize: 2, gradient });
      expect(data[0]).toBeCloseTo(a, 6);
      expect(data[1]).toBeCloseTo(b, 6);
    }
  },
);
