/**
 * Runs methods on tensors: on the reference evaluator, on ONNX Runtime's CPU provider; and draws the
 * windows and inputs that they are tried with.
 */
import {
  type DType,
  elements,
  emptyAxis,
  evaluate,
  Graph,
  type ModelProto,
  type PoolWindow,
  pooledShape,
  poolWindow,
  type Tensor,
  tensor,
} from "@softpool/onnx";
import fc from "fast-check";
import { expect } from "vitest";
import { maxDifference, runOrt } from "../../onnx/test/ort.ts";
import { applyMethod, settingsOf } from "../src/apply.ts";
import type { Context, Method } from "../src/method.ts";
import { uniformStream, uniforms } from "../src/random.ts";

/** The operator sets that methods are tried with, up to the newest. */
export const OPSETS: readonly number[] = [9, 11, 13, 17, 21, 26];

/** A method on an input. */
export interface Call {
  /** The method. */
  readonly method: Method;
  /** The input. */
  readonly x: Tensor;
  /** The window. */
  readonly window: PoolWindow;
  /** Settings that differ from their defaults. */
  readonly settings?: Context["settings"];
  /** The parameters; default their initial values. */
  readonly parameters?: Readonly<Record<string, Tensor>>;
  /** The noise: training. Default none: inference. */
  readonly noise?: Readonly<Record<string, Tensor>>;
  /** Training without noise; default whether there is noise. */
  readonly training?: boolean;
}

/** How the model of a call is built. */
export interface BuildOptions {
  /** Operator set; default 17. */
  readonly opset?: number;
  /** Whether sizes are known; default true. */
  readonly known?: boolean;
  /** Element type; default float32. */
  readonly dtype?: DType;
}

/** The parameters of a method with the initial values of a seed. */
export function initialParameters(
  { method, x, window, settings }: Omit<Call, "parameters">,
  seed = 1,
): Record<string, Tensor> {
  const site = { window, channels: x.shape[1] };
  const uniform = uniformStream({ seed });
  const all = method.parameters?.(site, settingsOf(method, settings)) ?? [];
  return Object.fromEntries(
    all.map((parameter) => [
      parameter.name,
      tensor("float32", parameter.shape, parameter.initial(uniform)),
    ]),
  );
}

/** The noise of a method for an input. */
export function noiseOf(
  { method, x, window, settings }: Omit<Call, "noise">,
  seed = 1,
  step = 0,
): Record<string, Tensor> {
  const site = { window, channels: x.shape[1] };
  const output = pooledShape(window, x.shape) as number[];
  const all = method.noise?.(site, settingsOf(method, settings)) ?? [];
  return Object.fromEntries(
    all.map(({ name, shape }, layer) => {
      const sizes = shape(x.shape, output);
      return [name, tensor("float32", sizes, uniforms(elements(sizes), { seed, step, layer }))];
    }),
  );
}

/** The model of a call, with the input `x`, parameters and noise as inputs and the output `y`. */
export function modelOf(
  call: Call,
  options: BuildOptions = {},
): { model: ModelProto; feeds: Record<string, Tensor> } {
  const { opset = 17, known = true, dtype = "float32" } = options;
  const g = new Graph(opset);
  const feeds: Record<string, Tensor> = {};
  const input = (name: string, value: Tensor) => {
    feeds[name] = { ...value, dtype };
    return g.input(name, dtype, value.shape);
  };
  feeds.x = { ...call.x, dtype };
  const unknown = call.x.shape.map((_, i) => (i === 1 ? null : `n${i}`));
  const x = g.input("x", dtype, known ? call.x.shape : unknown);
  const all = (values: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, input(name, value)]));
  const y = applyMethod(g, call.method, x, call.window, {
    settings: call.settings,
    parameters: all(call.parameters ?? initialParameters(call)),
    noise: all(call.noise ?? {}),
    training: call.training ?? call.noise !== undefined,
  });
  const named = { ...g.op("Identity", [y], {}, { outputNames: ["y"] }), shape: undefined };
  g.output(named);
  const shape = pooledShape(call.window, call.x.shape) as number[];
  if (known && y.shape !== undefined) expect(y.shape, call.method.name).toEqual(shape);
  return { model: g.toModel(), feeds };
}

/** What the reference evaluator gives for a call. */
export function evaluated(call: Call, options?: BuildOptions): Tensor {
  const { model, feeds } = modelOf(call, options);
  return evaluate(model, feeds).y;
}

/** What ONNX Runtime's CPU provider gives for a call in float32. */
export async function onCpu(call: Call, options?: BuildOptions): Promise<Tensor> {
  const { model, feeds } = modelOf(call, options);
  return (await runOrt(model, feeds)).y;
}

/** Reproducible float32 numbers in [low, high). */
export function numbers(shape: readonly number[], seed: number, low = -3, high = 3): Tensor {
  const data = Float64Array.from(uniforms(elements(shape), { seed, layer: 77 }), (u) =>
    Math.fround(low + (high - low) * u),
  );
  return tensor("float32", shape, data);
}

/** One window of 2x2 values: what golden vectors are given for. */
export function square(values: readonly number[]): { x: Tensor; window: PoolWindow } {
  const window = poolWindow([2, 2], { strides: [2, 2] });
  return { x: tensor("float32", [1, 1, 2, 2], values), window };
}

/** What windows are drawn. */
export interface TrialOptions {
  /** Numbers of spatial axes; default 1, 2 and 3. */
  readonly axes?: readonly number[];
  /** Whether windows have padding, dilation and ceil mode; default true. */
  readonly rich?: boolean;
  /** Whether windows tile the input: the stride is the kernel; default false. */
  readonly tiled?: boolean;
  /** Range of values; default [-3, 3). */
  readonly low?: number;
  /** Range of values; default [-3, 3). */
  readonly high?: number;
}

/** Draws inputs and windows that have a tap everywhere. */
export function trials(
  options: TrialOptions = {},
): fc.Arbitrary<{ x: Tensor; window: PoolWindow }> {
  const { axes = [1, 2, 3], rich = true, tiled = false } = options;
  return fc
    .constantFrom(...axes)
    .chain((rank) => {
      const list = (least: number, most: number) =>
        fc.array(fc.integer({ min: least, max: most }), { minLength: rank, maxLength: rank });
      return fc.record({
        samples: fc.integer({ min: 1, max: 2 }),
        channels: fc.integer({ min: 1, max: 3 }),
        sizes: list(4, rank === 3 ? 6 : 10),
        kernel: list(1, rank === 3 ? 3 : 5),
        strides: list(1, 3),
        before: list(0, rich ? 2 : 0),
        after: list(0, rich ? 2 : 0),
        dilations: list(1, rich ? 2 : 1),
        ceilMode: rich ? fc.boolean() : fc.constant(false),
        seed: fc.nat(1e6),
      });
    })
    .map((draw) => {
      const { kernel, before, after } = draw;
      const window = poolWindow(kernel, {
        strides: tiled ? kernel : draw.strides,
        // Runtimes take less padding than the kernel has taps.
        pads: [...before, ...after].map((p, i) => Math.min(p, kernel[i % kernel.length] - 1)),
        dilations: draw.dilations,
        ceilMode: draw.ceilMode,
      });
      const shape = [draw.samples, draw.channels, ...draw.sizes];
      return { x: numbers(shape, draw.seed, options.low, options.high), window };
    })
    .filter(({ x, window }) => {
      const fits = window.kernel.every((k, i) => {
        const room = x.shape[i + 2] + window.pads[i] + window.pads[i + window.kernel.length];
        return window.dilations[i] * (k - 1) + 1 <= room;
      });
      return fits && emptyAxis(window, x.shape) < 0;
    });
}

/** Whether a window can stand in an operator set: ceil mode and dilations came with 10. */
export function stands(window: PoolWindow, opset: number): boolean {
  return opset >= 10 || (!window.ceilMode && window.dilations.every((d) => d === 1));
}

/** Expects two tensors to be equal within a tolerance relative to max(1, |expected|). */
export function expectClose(actual: Tensor, expected: Tensor, tolerance: number, what = ""): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const difference = maxDifference(actual.data, expected.data);
  expect(difference, `${what} maxdiff ${difference}`).toBeLessThanOrEqual(tolerance);
}

/** Options of a seeded fast-check run. */
export const seeded = (numRuns = 60): { seed: number; numRuns: number } => ({ seed: 3, numRuns });
