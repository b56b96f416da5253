import { evaluate, Graph, poolWindow, tensor } from "@softpool/onnx";
import { applyMethod, methodOf, uniforms } from "@softpool/poolings";
import fc from "fast-check";
import { avgPool2d, empty, maxPool2d, powerAvgPool2d, softPool2d, sumPool2d } from "softpool";
import { expect, test } from "vitest";
import { type MethodName, methods, type Planes, pool, refusal, titleOf } from "./methods.ts";
import { outputs, type Window } from "./window.ts";

const references = {
  soft: softPool2d,
  average: avgPool2d,
  maximum: maxPool2d,
  sum: sumPool2d,
  "power-average": powerAvgPool2d,
} as const;

function planes(shape: readonly number[], data: ArrayLike<number>): Planes {
  const x = empty(shape) as Planes;
  x.data.set(data);
  return x;
}

/** The graph of the method in float64. */
function byGraph(name: MethodName, x: Planes, { kernel, stride }: Window, beta: number) {
  const g = new Graph(17);
  const input = g.input("x", "float64", x.shape);
  const window = poolWindow([kernel, kernel], { strides: [stride, stride], ceilMode: true });
  const settings: Record<string, number> = name === "soft" ? { beta } : {};
  const y = applyMethod(g, methodOf(name), input, window, { settings });
  g.output(g.op("Identity", [y], {}, { outputNames: ["y"] }));
  return evaluate(g.toModel("one layer"), { x: tensor("float64", x.shape, x.data) }).y;
}

/** The reference engine of the operator. */
function byReference(name: keyof typeof references, x: Planes, window: Window, beta: number) {
  const options = { kernelSize: window.kernel, stride: window.stride, ceilMode: true };
  const input = { data: Float64Array.from(x.data), shape: x.shape };
  const more = name === "soft" ? { beta } : {};
  return references[name](input, { ...options, ...more, engine: "reference" });
}

function expectClose(got: Planes, want: { data: ArrayLike<number> }, what: string): void {
  expect(got.data.length, what).toBe(want.data.length);
  let worst = 0;
  for (let i = 0; i < got.data.length; i++) {
    const distance = Math.abs(got.data[i] - want.data[i]) / Math.max(1, Math.abs(want.data[i]));
    worst = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(worst, distance);
  }
  expect(worst, `${what}: maxdiff ${worst}`).toBeLessThan(3e-6);
}

const cases = fc
  .record({
    kernel: fc.integer({ min: 1, max: 16 }),
    stride: fc.option(fc.integer({ min: 1, max: 16 }), { nil: undefined }),
    more: fc.tuple(fc.nat(20), fc.nat(20)),
    channels: fc.constantFrom(3, 4),
    beta: fc.constantFrom(0, 1, -1, 7.5, 300, Number.POSITIVE_INFINITY),
    seed: fc.nat(1000),
    zeros: fc.constantFrom(0, 0.3, 0.95, 1),
  })
  .map(({ kernel, stride, more, channels, seed, zeros, beta }) => {
    const shape = [1, channels, kernel + more[0], kernel + more[1]];
    const count = shape.reduce((a, b) => a * b);
    const [values, holes] = [0, 1].map((layer) => uniforms(count, { seed, layer }));
    const data = Array.from(values, (v, i) => (holes[i] < zeros ? 0 : Math.fround(v)));
    return { window: { kernel, stride: stride ?? kernel }, shape, data, beta };
  });

test("every method is the composition of the graph, and that of the reference engine", () => {
  fc.assert(
    fc.property(cases, ({ window, shape, data, beta }) => {
      const x = planes(shape, data);
      for (const { name } of methods) {
        if (refusal(name, window) !== undefined) continue;
        const y = pool(name, x, window, beta);
        const what = `${name} ${JSON.stringify(window)} of ${shape}, beta ${beta}`;
        expect(y.shape, what).toEqual([
          ...shape.slice(0, 2),
          outputs(shape[2], window),
          outputs(shape[3], window),
        ]);
        // The graph has no infinite temperature; that of the reference is the maximum.
        if (name !== "soft" || Number.isFinite(beta)) {
          expectClose(y, byGraph(name, x, window, beta), `${what}, graph`);
        }
        if (name in references) {
          const own = name as keyof typeof references;
          expectClose(y, byReference(own, x, window, beta), `${what}, reference`);
        }
        y.dispose();
      }
      expect([...x.data], "the input is not changed").toEqual(data);
      x.dispose();
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("what a method refuses, and how it is called", () => {
  for (const { name, title } of methods) {
    expect(titleOf(name)).toBe(title);
    expect(refusal(name, { kernel: 4, stride: 4 })).toBeUndefined();
    const overlapping = refusal(name, { kernel: 4, stride: 2 });
    expect(overlapping === undefined, name).toBe(name !== "s3");
  }
});
