/**
 * What every method is tried with: drawn windows against a plain implementation on the reference
 * evaluator, and on ONNX Runtime at every operator set.
 */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { tensor } from "@softpool/onnx";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Context, Method } from "../src/method.ts";
import {
  evaluated,
  expectClose,
  initialParameters,
  noiseOf,
  numbers,
  OPSETS,
  onCpu,
  seeded,
  square,
  stands,
  type TrialOptions,
  trials,
} from "./run.ts";

/** A plain implementation of a method. */
export type Plain = (
  x: Tensor,
  window: PoolWindow,
  settings: Context["settings"],
  parameters: Readonly<Record<string, Tensor>>,
  noise: Readonly<Record<string, Tensor>>,
) => Tensor;

/** How a method is tried. */
export interface SuiteOptions {
  /** The method. */
  readonly method: Method;
  /** Its plain implementation; it sees the settings that are given, not the defaults. */
  readonly plain: Plain;
  /** Settings that are tried; default the defaults. */
  readonly settings?: readonly Context["settings"][];
  /** Range of random parameters; default [-1, 1). */
  readonly parameters?: readonly [low: number, high: number];
  /** The inputs and windows that are tried; default all. */
  readonly trials?: TrialOptions | ReturnType<typeof trials>;
  /** Whether training with noise is tried besides; default false. */
  readonly training?: boolean;
  /** Relative tolerance of the evaluator where constants are rounded to float32; default 1e-9. */
  readonly rounded?: number;
  /** Relative tolerance in float32; default 2e-5. */
  readonly tolerance?: number;
  /** How many windows the evaluator is tried with, and ONNX Runtime; default 60 and 48. */
  readonly runs?: readonly [number, number];
}

/** Random values for the parameters of a call, of the shapes that the method asks for. */
export function randomParameters(
  call: Parameters<typeof initialParameters>[0],
  seed: number,
  [low, high]: readonly [low: number, high: number] = [-1, 1],
): Record<string, Tensor> {
  const initial = Object.entries(initialParameters(call));
  return Object.fromEntries(
    initial.map(([name, { shape }], i) => [name, numbers(shape, seed + i, low, high)]),
  );
}

/** Registers the two tests. */
export function suite(options: SuiteOptions): void {
  const { method, plain, tolerance = 2e-5, runs = [60, 48] } = options;
  const settings = options.settings ?? [{}];
  const drawn = fc.record({
    trial: options.trials instanceof fc.Arbitrary ? options.trials : trials(options.trials),
    setting: fc.constantFrom(...settings),
    seed: fc.nat(1e6),
    training: fc.constantFrom(...(options.training ? [true, false] : [false])),
  });
  type Draw = typeof drawn extends fc.Arbitrary<infer T> ? T : never;
  const prepared = ({ trial, setting, seed, training }: Draw) => {
    const bare = { method, ...trial, settings: setting };
    const parameters = randomParameters(bare, seed, options.parameters);
    const noise = training ? noiseOf(bare, seed) : undefined;
    const call = { ...bare, parameters, noise };
    const expected = plain(trial.x, trial.window, setting, parameters, noise ?? {});
    const { kernel, strides, pads, dilations, ceilMode } = trial.window;
    const shown = [trial.x.shape, kernel, strides, pads, dilations].map((v) => `[${v}]`).join(" ");
    return { call, expected, what: `${shown} ${ceilMode} ${JSON.stringify(setting)}` };
  };

  test(`${method.name}: the plain form, known and unknown sizes, float32 and float64`, () => {
    fc.assert(
      fc.property(drawn, (draw) => {
        const { call, expected, what } = prepared(draw);
        for (const form of [{}, { known: false }]) {
          expectClose(evaluated(call, form), expected, options.rounded ?? 1e-9, what);
        }
        expectClose(evaluated(call, { dtype: "float64", opset: 21 }), expected, 1e-9, what);
      }),
      seeded(runs[0]),
    );
  });

  test(`${method.name}: ONNX Runtime, every operator set, known and unknown sizes`, async () => {
    const tried = new Set<number>();
    for (const [i, draw] of fc.sample(drawn, seeded(runs[1])).entries()) {
      const opset = OPSETS[i % OPSETS.length];
      const { x, window } = draw.trial;
      // The oldest operator set has neither ceil mode nor dilations.
      const older = { ...window, ceilMode: false, dilations: window.kernel.map(() => 1) };
      const trial = { x, window: stands(window, opset) ? window : older };
      tried.add(opset);
      const { call, expected, what } = prepared({ ...draw, trial });
      for (const known of [true, false]) {
        const y = await onCpu(call, { opset, known });
        expectClose(y, expected, tolerance, `opset ${opset} ${known} ${what}`);
      }
    }
    expect([...tried].sort((a, b) => a - b)).toEqual(OPSETS);
  });
}

/** What a method gives for one 2x2 window on the evaluator. */
export function onSquare(
  method: Method,
  values: readonly number[],
  settings: Context["settings"] = {},
  parameters?: Readonly<Record<string, number | readonly number[]>>,
): number {
  const bare = { method, ...square(values), settings };
  const given = initialParameters(bare);
  for (const [name, value] of Object.entries(parameters ?? {})) {
    given[name] = tensor("float32", given[name].shape, value as number);
  }
  return evaluated({ ...bare, parameters: given }).data[0];
}

/** Windows of values at the ends of float32 that are finite. */
export const EXTREMES: readonly (readonly number[])[] = [
  [1e30, -1e30, 1e30, 0],
  [1e30, 1e30, 1e30, 1e30],
  [-1e30, -1e30, -1e30, -1e30],
  [1e30, 1e-30, -1e-30, 1],
  [1e-40, -2e-40, 3e-45, 0],
  [-1e-45, 0, 0, 0],
  [0, 0, 0, 0],
  [-5e37, -6e37, 1, 2],
];

/** Expects finite numbers, near a plain implementation's, for {@link EXTREMES} on ONNX Runtime. */
export async function expectFinite(options: {
  readonly method: Method;
  readonly plain: Plain;
  readonly settings?: Context["settings"];
  readonly parameters?: Readonly<Record<string, Tensor>>;
}): Promise<void> {
  for (const values of EXTREMES) {
    const bare = { ...options, ...square(values) };
    const parameters = options.parameters ?? initialParameters(bare);
    const y = (await onCpu({ ...bare, parameters })).data[0];
    const expected = options.plain(bare.x, bare.window, options.settings ?? {}, parameters, {});
    const scale = Math.max(1e-37, ...values.map(Math.abs));
    expect(Number.isFinite(y), `${values}: ${y}`).toBe(true);
    expect(Math.abs(y - expected.data[0]) / scale, `${values}: ${y}`).toBeLessThan(1e-5);
  }
}

/** Expects NaN for windows with a NaN and for no others, on the evaluator and on ONNX Runtime. */
export async function expectNaN(
  method: Method,
  settings: Context["settings"] = {},
  cpu = true,
): Promise<void> {
  const x = numbers([1, 2, 6, 7], 5);
  x.data[8] = NaN;
  const window: PoolWindow = {
    ...square([0, 0, 0, 0]).window,
    kernel: [2, 3],
    strides: [2, 1],
    pads: [0, 1, 0, 1],
  };
  const call = { method, x, window, settings };
  const expected = [...new Array(42).keys()].map((i) => i < 3);
  const found = [evaluated(call), ...(cpu ? [await onCpu(call)] : [])];
  for (const { data } of found) expect([...data].map(Number.isNaN)).toEqual(expected);
}
